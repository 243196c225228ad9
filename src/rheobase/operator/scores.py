"""How well potentials and spikes are predicted, in numbers that a spike which is missed cannot hide from."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from rheobase.errors import ShapeError
from rheobase.learning import gamma, trains_of, van_rossum
from rheobase.operator.samples import Samples

LEVEL = -20.0  # mV, whose upward crossing is a spike
DELTA = 4.0  # ms, of Gamma


@dataclass(frozen=True)
class Scores:
    """Means over samples; None where there is nothing to take a mean of.

    voltage         |v - v*| / |v*| in the norm of order 2, in percent, the paper's; volts around -70 mV hide spikes
    subtracted      the same after the mean of v* is subtracted from both: 100 % is what a constant scores
    gamma           coincidence factor at 4 ms, over samples in which the cell fires
    van_rossum      distance at 10 ms, over all samples: sqrt(1/2) for one spike too many
    count           |n - n*| / n* in percent, over samples in which the cell fires
    missed, invented   samples in which the cell fires and the prediction does not, and the other way round
    samples, firing    how many there are, and in how many of them the cell fires
    """

    voltage: float
    subtracted: float
    gamma: float | None
    van_rossum: float
    count: float | None
    missed: int
    invented: int
    samples: int
    firing: int

    def as_json(self) -> dict[str, float | int | None]:
        """The figures by name."""
        return asdict(self)


def scores(v: Tensor, truth: Samples, sample: float, *, trains: Tensor | None = None) -> Scores:
    """Compare potentials v (time, samples) with the truth; spikes are upward crossings of -20 mV unless given.

    trains (samples, most): spike times in ms, filled up with infinities. Raises: `ShapeError`.

    >>> v = torch.tensor([[-70.0], [10.0], [-60.0]])
    >>> truth = Samples(torch.zeros(3, 1), torch.zeros(1, 1), v, v.gt(0).float(), torch.tensor([[0.5]]))
    >>> found = scores(torch.full((3, 1), -60.0), truth, sample=0.5)
    >>> round(found.subtracted), found.missed, found.firing
    (115, 1, 1)
    """
    if v.shape != truth.v.shape:
        given = f"potentials of shape {tuple(v.shape)}"
        raise ShapeError("scores", given, f"{tuple(truth.v.shape)}", "(time, samples), as the truth")
    made = crossings(v, sample) if trains is None else trains
    wanted, duration = truth.trains, len(v) * sample
    n, n_wanted = (torch.isfinite(x).sum(-1).double() for x in (made, wanted))
    fires = n_wanted > 0
    mean = truth.v.double().mean(0)
    error, size, around = (
        torch.linalg.vector_norm(x, dim=0) for x in (v.double() - truth.v, truth.v.double(), truth.v.double() - mean)
    )
    found = gamma(wanted, made, duration=duration, delta=DELTA)
    return Scores(
        voltage=100.0 * float((error / size).mean()),
        subtracted=100.0 * float((error / around).mean()),
        gamma=_mean(found[fires]),
        van_rossum=float(van_rossum(wanted, made).mean()),
        count=_mean(100.0 * (n - n_wanted).abs()[fires] / n_wanted[fires]),
        missed=int((fires & (n == 0)).sum()),
        invented=int((~fires & (n > 0)).sum()),
        samples=v.shape[1],
        firing=int(fires.sum()),
    )


def crossings(v: Tensor, sample: float) -> Tensor:
    """Times in ms at which v (time, samples) reaches -20 mV from below, (samples, most), filled up with infinities.

    >>> crossings(torch.tensor([[-70.0], [10.0], [-60.0], [-20.0]]), sample=0.5).tolist()
    [[0.5, 1.5]]
    """
    return trains_of(upward(v), sample)


def upward(v: Tensor) -> Tensor:
    """Where v (time, ...) reaches -20 mV from below, bool as v."""
    above = v >= LEVEL
    up = torch.zeros_like(above)
    up[1:] = above[1:] & ~above[:-1]
    return up


def _mean(x: Tensor) -> float | None:
    return float(x.mean()) if len(x) and math.isfinite(float(x.mean())) else None


__all__ = ["LEVEL", "Scores", "crossings", "scores", "upward"]
