"""Numbers that describe what a lane does: from its trace h, in the window that follows the transient."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

SPIKE, CYCLE = 0.5, -0.5  # upward crossings of these levels of h are spikes, and cycles of an oscillation


class Features(NamedTuple):
    """One value for each lane. Intervals are in steps, 0 where there is none."""

    low: Tensor  # least h in the last quarter of the window
    high: Tensor  # largest h in the last quarter of the window
    spikes: Tensor  # spikes in the window
    early: Tensor  # spikes before it
    cycles: Tensor  # upward crossings of -0.5 in the window
    shortest: Tensor  # shortest interval between two spikes of the window
    longest: Tensor  # longest interval between two spikes of the window
    pauses: Tensor  # intervals nearer to the longest than to the shortest
    width: Tensor  # steps above 0.5 for each spike, over the whole run
    widest: Tensor  # most steps in a row above 0.5 in the window


def features(h: Tensor, window: int) -> Features:
    """Features of lanes.

    Shapes: h (time, lanes), of which the last `window` steps are the window.

    >>> h = torch.tensor([-1.0, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1])[:, None]
    >>> [int(x) for x in features(h, 10)]
    [-1, 1, 2, 1, 2, 4, 4, 0, 2, 2]
    """
    above = h > SPIKE
    onsets = _onsets(above)
    late = onsets[-window:]
    shortest, longest, pauses = _intervals(late)
    tail = h[-max(window // 4, 1) :]
    total = onsets.sum(0)
    cycles = _onsets(h > CYCLE)[-window:].sum(0)
    return Features(
        tail.amin(0), tail.amax(0), late.sum(0), total - late.sum(0), cycles, shortest, longest,
        pauses, above.sum(0) / total.clamp(min=1), _longest_run(above[-window:]),
    )  # fmt: skip


def _onsets(above: Tensor) -> Tensor:
    """Where a condition begins to hold; at the first step, where it holds there."""
    began = above.clone()
    began[1:] &= ~above[:-1]
    return began


def _intervals(onsets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The shortest and longest time between two onsets of a lane, 0 where it has fewer than two, and the pauses."""
    lanes = onsets.shape[1]
    lane, step = onsets.T.nonzero(as_tuple=True)
    within = lane[1:] == lane[:-1]
    gap, lane = (step[1:] - step[:-1])[within], lane[1:][within]
    longest = torch.zeros(lanes, dtype=torch.int64).scatter_reduce(0, lane, gap, "amax")
    shortest = longest.scatter_reduce(0, lane, gap, "amin")
    paused = 2 * gap > (shortest + longest)[lane]
    return shortest, longest, torch.zeros(lanes, dtype=torch.int64).scatter_add(0, lane, paused.long())


def _longest_run(above: Tensor) -> Tensor:
    """The most steps in a row in which a condition holds."""
    lane, first = _onsets(above).T.nonzero(as_tuple=True)
    last = _onsets(above.flip(0)).flip(0).T.nonzero(as_tuple=True)[1]
    return torch.zeros(above.shape[1], dtype=torch.int64).scatter_reduce(0, lane, last - first + 1, "amax")
