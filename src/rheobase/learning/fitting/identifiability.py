"""What a recording without a spike cannot identify: searched quantities on which the potential does not depend.

Nor does it identify one whose place others can take, within their ranges.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.cell_candidates import CellCandidates
from rheobase.learning.fitting.stages import Target

MOVED = 0.05  # of the range of a quantity
LEAST = 0.01  # mV, at the sample where it shows most: less is lost in the noise of any recording
ROUNDS = 500  # of a descent along one coordinate after the other


def ineffective(space: Candidates | CellCandidates, point: Tensor, target: Target) -> tuple[str, ...]:
    """The axes, by name, that change the potential nowhere by `LEAST` as they move by `MOVED` from a point (1, P)."""
    apart = _apart(space, point, target)
    return tuple(space.names[k] for k, row in enumerate(apart) if float(row.abs().max()) < LEAST)


def unidentifiable(space: Candidates | CellCandidates, point: Tensor, target: Target) -> tuple[str, ...]:
    """The names of the axes that may move by `MOVED` from a point (1, P), and change the potential nowhere by `LEAST`
    as the others move along within their ranges; to first order."""
    apart = _apart(space, point, target)
    share = point[0].double()
    # how far each may go, in steps of MOVED away from the nearer edge
    up, down = (
        torch.where(share > 0.5, share, 1.0 - share) / MOVED,
        torch.where(share > 0.5, 1.0 - share, share) / MOVED,
    )
    return tuple(space.names[k] for k in range(len(apart)) if _with_others(apart, k, -down, up) < LEAST)


def _apart(space: Candidates | CellCandidates, point: Tensor, target: Target) -> Tensor:
    """The change of the potential as each axis moves by `MOVED`: (P, samples); empty of a model without a potential.

    A neuron is told to be silent, as the recording is: its threshold and reset then change nothing.
    """
    step = torch.where(point[0] > 0.5, -MOVED, MOVED)
    points = torch.cat([point, point + torch.diag(step)])
    with torch.no_grad():
        v = _silent(space, points, target.currents)
    return torch.empty(0, 0) if v is None else (v[..., 1:] - v[..., :1]).flatten(0, 1).T.double()


def _with_others(apart: Tensor, k: int, low: Tensor, high: Tensor) -> float:
    """mV that are left where it shows most, of row k and the multiples of the others, in their bounds, that meet it."""
    gram = (apart @ apart.T).tolist()
    others = [j for j in range(len(apart)) if j != k and gram[j][j] > 0.0]
    ends = list(zip(low.tolist(), high.tolist(), strict=True))
    taken = [0.0] * len(apart)
    taken[k] = 1.0
    for _ in range(ROUNDS):
        for j in others:
            slope = sum(x * y for x, y in zip(gram[j], taken, strict=True))
            taken[j] = min(max(taken[j] - slope / gram[j][j], ends[j][0]), ends[j][1])
    return float((torch.tensor(taken, dtype=torch.float64) @ apart).abs().max())


def _silent(space: Candidates | CellCandidates, points: Tensor, current: Tensor) -> Tensor | None:
    if isinstance(space, Candidates) and space.tells:
        return space.forced(points, current, torch.zeros_like(current), 1e6).v
    return space.free(points, current)[0].v


__all__ = ["ineffective", "unidentifiable"]
