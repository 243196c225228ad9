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
    within: Tensor  # longest interval below the widest break between intervals, in logarithms
    pause: Tensor  # shortest interval above it
    pauses: Tensor  # intervals above it
    grouped: Tensor  # spikes that lie in groups of three or more, no two of them parted by a pause
    width: Tensor  # steps above 0.5 for each spike, over the whole run
    widest: Tensor  # most steps in a row above 0.5 in the window


def features(h: Tensor, window: int) -> Features:
    """Features of lanes.

    Shapes: h (time, lanes), of which the last `window` steps are the window.

    >>> h = torch.tensor([-1.0, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1])[:, None]
    >>> [int(x) for x in features(h, 10)]
    [-1, 1, 2, 1, 2, 4, 4, 4, 0, 0, 0, 2, 2]
    """
    above = h > SPIKE
    onsets = _onsets(above)
    late = onsets[-window:]
    tail = h[-max(window // 4, 1) :]
    total = onsets.sum(0)
    cycles = _onsets(h > CYCLE)[-window:].sum(0)
    return Features(
        tail.amin(0), tail.amax(0), late.sum(0), total - late.sum(0), cycles, *_intervals(late),
        above.sum(0) / total.clamp(min=1), _longest_run(above[-window:]),
    )  # fmt: skip


def _onsets(above: Tensor) -> Tensor:
    """Where a condition begins to hold; at the first step, where it holds there."""
    began = above.clone()
    began[1:] &= ~above[:-1]
    return began


def _intervals(onsets: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The features `shortest` to `grouped` of each lane; 0 where it has too few onsets for them."""
    lanes = onsets.shape[1]
    lane, step = onsets.T.nonzero(as_tuple=True)
    same = lane[1:] == lane[:-1]
    gap, lane = (step[1:] - step[:-1])[same], lane[1:][same]
    none = torch.zeros(lanes, dtype=torch.int64)
    longest = none.scatter_reduce(0, lane, gap, "amax")
    shortest = longest.scatter_reduce(0, lane, gap, "amin")
    within, pause = _break(lane, gap, longest)
    short = gap <= within[lane]
    return shortest, longest, within, pause, none.scatter_add(0, lane, (~short).long()), _grouped(lane, short, lanes)


def _break(lane: Tensor, gap: Tensor, longest: Tensor) -> tuple[Tensor, Tensor]:
    """The intervals on both sides of the widest break of each lane; where all are equal, (longest, 0)."""
    ordered = torch.argsort(lane * (int(longest.amax()) + 1) + gap) if len(gap) else lane
    lane, gap = lane[ordered], gap[ordered]
    ratio = torch.where(lane[1:] == lane[:-1], gap[1:] / gap[:-1].clamp(min=1), 0.0).float()
    widest = torch.ones(len(longest)).scatter_reduce(0, lane[1:], ratio, "amax")
    at = (ratio == widest[lane[1:]]) & (ratio > 1.0)
    found = lane[1:][at]
    # of equally wide breaks the lowest
    within = longest.scatter_reduce(0, found, gap[:-1][at], "amin")
    above = torch.full_like(longest, torch.iinfo(torch.int64).max).scatter_reduce(0, found, gap[1:][at], "amin")
    return within, torch.where(widest > 1.0, above, 0)


def _grouped(lane: Tensor, short: Tensor, lanes: int) -> Tensor:
    """For each lane, the spikes in runs of two or more short intervals."""
    if not len(lane):
        return torch.zeros(lanes, dtype=torch.int64)
    changes = (lane[1:] != lane[:-1]) | (short[1:] != short[:-1])
    run = torch.cat([torch.zeros(1, dtype=torch.int64), changes.long().cumsum(0)])
    length = torch.bincount(run)
    first = torch.cat([torch.ones(1, dtype=torch.bool), changes])
    spikes = torch.where(short[first] & (length >= 2), length + 1, 0)
    return torch.zeros(lanes, dtype=torch.int64).scatter_add(0, lane[first], spikes)


def _longest_run(above: Tensor) -> Tensor:
    """The most steps in a row in which a condition holds."""
    lane, first = _onsets(above).T.nonzero(as_tuple=True)
    last = _onsets(above.flip(0)).flip(0).T.nonzero(as_tuple=True)[1]
    return torch.zeros(above.shape[1], dtype=torch.int64).scatter_reduce(0, lane, last - first + 1, "amax")
