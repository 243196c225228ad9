"""Numbers that describe what a lane does: from its trace h, in the window that follows the transient."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rheobase.firing import Intervals, intervals

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

    @property
    def between(self) -> Intervals:
        """Those of them that tell of intervals."""
        return Intervals(self.shortest, self.longest, self.within, self.pause, self.pauses, self.grouped)


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
        tail.amin(0),
        tail.amax(0),
        late.sum(0),
        total - late.sum(0),
        cycles,
        *intervals(late),
        above.sum(0) / total.clamp(min=1),
        _longest_run(above[-window:]),
    )


def _onsets(above: Tensor) -> Tensor:
    """Where a condition begins to hold; at the first step, where it holds there."""
    began = above.clone()
    began[1:] &= ~above[:-1]
    return began


def _longest_run(above: Tensor) -> Tensor:
    """The most steps in a row in which a condition holds."""
    lane, first = _onsets(above).T.nonzero(as_tuple=True)
    last = _onsets(above.flip(0)).flip(0).T.nonzero(as_tuple=True)[1]
    return torch.zeros(above.shape[1], dtype=torch.int64).scatter_reduce(0, lane, last - first + 1, "amax")
