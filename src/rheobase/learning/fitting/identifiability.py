"""What a recording without a spike cannot identify: searched quantities on which the potential does not depend."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.cell_candidates import CellCandidates
from rheobase.learning.fitting.stages import Target

MOVED = 0.05  # of the range of a quantity
LEAST = 0.01  # mV, at the sample where it shows most: less is lost in the noise of any recording


def unidentifiable(space: Candidates | CellCandidates, point: Tensor, target: Target) -> tuple[str, ...]:
    """The names of the axes that change the potential nowhere by `LEAST` as they move by `MOVED` from a point (1, P).

    A neuron is told to be silent, as the recording is: its threshold and reset then change nothing.
    """
    count = len(space.axes)
    step = torch.where(point > 0.5, -MOVED, MOVED)
    points = torch.cat([point, point + torch.diag(step[0])])
    with torch.no_grad():
        v = _silent(space, points, target.currents)
    if v is None:
        return ()
    apart = (v[..., 1:] - v[..., :1]).abs().flatten(0, 1).amax(0)
    return tuple(space.axes[k].name for k in range(count) if float(apart[k]) < LEAST)


def _silent(space: Candidates | CellCandidates, points: Tensor, current: Tensor) -> Tensor | None:
    if isinstance(space, Candidates) and space.tells:
        return space.forced(points, current, torch.zeros_like(current), 1e6).v
    return space.free(points, current)[0].v


__all__ = ["unidentifiable"]
