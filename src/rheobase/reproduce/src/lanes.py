"""Grids and samples of cells, labelled: the lanes of one long run, in blocks that fit the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.reproduce.src.cell import cells, kicked, resting, traces
from rheobase.reproduce.src.features import Features, features
from rheobase.reproduce.src.labels import fate, label

BLOCK = 4000  # lanes: their traces take some 100 MB
NUDGE = 0.01


class Labelled(NamedTuple):
    """What each lane does: its label, and the steps above 0.5 of a spike after the step (0 where it has none)."""

    codes: Tensor  # (lanes,) indices of LABELS
    width: Tensor  # (lanes,)


def labelled(
    parameters: dict[str, Tensor], x: Tensor, steps: int, window: int, track: Callable[[Sequence[int]], Iterator[int]]
) -> Labelled:
    """Label every lane. Shapes: parameters and x (lanes,). `track` shows the blocks as they are done."""
    codes: list[Tensor] = []
    width: list[Tensor] = []
    for first in track(range(0, len(x), BLOCK)):
        block = slice(first, first + BLOCK)
        runs = _runs({name: value[block] for name, value in parameters.items()}, x[block], steps, window)
        codes.append(label(*(fate(run) for run in runs)))
        width.append(runs[0].width)
    return Labelled(torch.cat(codes), torch.cat(width))


def _runs(parameters: dict[str, Tensor], x: Tensor, steps: int, window: int) -> list[Features]:
    cell = cells(len(x), parameters)
    starts = [_beside(resting(cell)), _beside(resting(cell, x)), kicked(cell)]
    return [features(traces(cell, x, steps, start).h, window) for start in starts]


def _beside(state: Any) -> Any:
    """Not quite at a fixed point: on an unstable one, a lane would stand still for ever, as no real cell could."""
    return state._replace(h=state.h + NUDGE)
