"""For each label that occurs, a lane from the middle of its largest region, and its traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from rheobase.reproduce.src.cell import cells, kicked, resting, traces
from rheobase.reproduce.src.labels import LABELS, PLATEAU_OR_NOT, REST_OR_FIRING
from rheobase.reproduce.src.lanes import NUDGE
from rheobase.reproduce.src.planes import Plane

SHOWN = 240  # steps


@dataclass(frozen=True)
class Example:
    """A lane: where it lies, and h after the step and, for a bistable one, after a kick (time,)."""

    label: str
    plane: Plane
    x: float
    y: float
    step: Tensor
    kick: Tensor | None


def choose(codes: Mapping[str, np.ndarray], planes: Sequence[Plane], steps: int = SHOWN) -> list[Example]:
    """One example for each label, in the order of the labels. Arrays are (rows, columns) by the name of the plane."""
    found: list[Example] = []
    for number, name in enumerate(LABELS):
        counts = [int((codes[plane.name] == number).sum()) for plane in planes]
        best = int(np.argmax(counts))
        if counts[best]:
            plane = planes[best]
            found.append(_example(number, name, plane, torch.from_numpy(codes[plane.name] == number), steps))
    return found


def _example(number: int, name: str, plane: Plane, mask: Tensor, steps: int) -> Example:
    side = len(mask)
    index = _innermost(mask)
    values = {k: v[index : index + 1] for k, v in plane.lanes(side).items()}
    cell = cells(1, values)
    x = torch.tensor([plane.drive])
    rest = resting(cell)
    step = traces(cell, x, steps, rest._replace(h=rest.h + NUDGE)).h[:, 0]
    kick = traces(cell, x, steps, kicked(cell)).h[:, 0] if number in (REST_OR_FIRING, PLATEAU_OR_NOT) else None
    return Example(name, plane, float(values[plane.x[0]]), float(values[plane.y[0]]), step, kick)


def _innermost(mask: Tensor) -> int:
    """The point of a region with the most of the region around it."""
    size = max(3, len(mask) // 10 | 1)
    around = avg_pool2d(mask.double()[None], size, stride=1, padding=size // 2, count_include_pad=True)[0]
    return int(torch.where(mask, around, -1.0).argmax())
