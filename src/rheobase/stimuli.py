"""Currents to inject: steps, ramps, pulses, any polyline, noise; sampled on a grid of time.

>>> two = step(2.0, start=1.0, stop=3.0) + pulses(5.0, [4.0], width=1.0)
>>> two.sample(t_stop=6.0, dt=1.0).tolist()
[0.0, 2.0, 2.0, 0.0, 5.0, 0.0]
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError

Corner = tuple[float, float]


class Stimulus:
    """A current as a function of time in ms. Abstract; `a + b` is their sum."""

    def at(self, t: Tensor) -> Tensor:
        """The current at the times t (ms), any shape."""
        raise NotImplementedError

    def sample(self, t_stop: float, dt: float) -> Tensor:
        """One value for each step of dt, (time,), in torch's default dtype.

        Step k acts on [k dt, (k + 1) dt] and takes the value at its middle, so that a jump on the grid is exact.

        Raises: `ParameterError` for times that are not positive.
        """
        for name, value in (("t_stop", t_stop), ("dt", dt)):
            if not is_number(value, above=0):
                raise ParameterError(type(self).__name__, f"{name} = {value!r}", f"{name} > 0, in ms", "t_stop=100.0")
        middles = (torch.arange(max(1, round(t_stop / dt)), dtype=torch.float64) + 0.5) * dt
        return self.at(middles).to(torch.get_default_dtype())

    def __add__(self, other: Stimulus) -> Stimulus:
        return _Sum((self, other))


@dataclass(frozen=True)
class _Sum(Stimulus):
    parts: tuple[Stimulus, ...]

    def at(self, t: Tensor) -> Tensor:
        return torch.stack([part.at(t) for part in self.parts]).sum(0)


@dataclass(frozen=True)
class Polyline(Stimulus):
    """Straight lines between corners (time in ms, value); constant before the first and after the last.

    Two corners at one time are a jump. Raises `ParameterError` for times that go back, and for what is not finite.
    """

    corners: tuple[Corner, ...]

    def __post_init__(self) -> None:
        times = [t for t, _ in self.corners]
        if not times or any(b < a for a, b in itertools.pairwise(times)):
            raise ParameterError("Polyline", f"corners at {times}", "times in ms, in order", "sort the corners")
        if not all(math.isfinite(number) for corner in self.corners for number in corner):
            raise ParameterError(
                "Polyline", f"corners {self.corners}", "finite numbers", "the last value lasts for ever"
            )

    def at(self, t: Tensor) -> Tensor:
        times, values = torch.tensor(self.corners, dtype=torch.float64).T.contiguous()
        right = torch.searchsorted(times, t.double().contiguous(), right=True)
        a, b = (right - 1).clamp(min=0), right.clamp(max=len(times) - 1)
        width = times[b] - times[a]
        share = torch.where(width > 0, (t - times[a]) / width.clamp(min=1e-300), torch.zeros_like(t))
        # before the first corner both ends are the first
        return values[a] + share.clamp(0, 1) * (values[b] - values[a])


@dataclass(frozen=True)
class Noise(Stimulus):
    """An Ornstein-Uhlenbeck current: mean, standard deviation sigma, correlation time tau (ms).

    For tau = 0, values are independent. The same seed and times give the same current; other times give another
    realisation. Raises `ParameterError`.
    """

    mean: float
    sigma: float
    tau: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("mean", -math.inf), ("sigma", 0.0), ("tau", 0.0)):
            value = getattr(self, name)
            if not is_number(value, least=least):
                expected = "a finite number" + (" from 0 on" if least == 0.0 else "")
                raise ParameterError("Noise", f"{name} = {value!r}", expected, "noise(100.0, 20.0, tau=5.0), say")
        if not is_whole(self.seed, 0, 2**63 - 1):
            raise ParameterError("Noise", f"seed = {self.seed!r}", "a whole number from 0 on", "seed=0")

    def at(self, t: Tensor) -> Tensor:
        white = torch.randn(t.shape, generator=torch.Generator().manual_seed(self.seed), dtype=torch.float64)
        if self.tau == 0 or t.numel() < 2:
            return self.mean + self.sigma * white
        first, *later = white.tolist()
        keep = torch.exp(-torch.diff(t.double()) / self.tau)
        kicks = zip(keep.tolist(), torch.sqrt(1 - keep.square()).tolist(), later, strict=True)
        path = itertools.accumulate(kicks, lambda x, kick: kick[0] * x + kick[1] * kick[2], initial=first)
        return self.mean + self.sigma * torch.tensor(list(path), dtype=torch.float64)


def step(amplitude: float, *, start: float = 0.0, stop: float = math.inf) -> Stimulus:
    """`amplitude` from `start` to `stop` (ms), 0 elsewhere."""
    rise = [(start, 0.0), (start, amplitude)]
    return corners(rise if stop == math.inf else [*rise, (stop, amplitude), (stop, 0.0)])


def ramp(to: float, *, stop: float, start: float = 0.0, first: float = 0.0) -> Stimulus:
    """A current that goes straight from `first` at `start` to its end value `to` at `stop` (ms), 0 elsewhere.

    >>> ramp(4.0, stop=4.0).sample(t_stop=5.0, dt=1.0).tolist()
    [0.5, 1.5, 2.5, 3.5, 0.0]
    """
    return corners([(start, 0.0), (start, first), (stop, to), (stop, 0.0)])


def pulses(amplitude: float, starts: Sequence[float], *, width: float) -> Stimulus:
    """Pulses of `width` ms that begin at `starts` (ms, in order)."""
    ends = [(t, t + width) for t in starts]
    return corners([c for a, b in ends for c in ((a, 0.0), (a, amplitude), (b, amplitude), (b, 0.0))])


def corners(points: Sequence[Sequence[float]]) -> Stimulus:
    """Straight lines between points (time in ms, value)."""
    return Polyline(tuple((float(t), float(v)) for t, v in points))


def noise(mean: float, sigma: float, *, tau: float = 0.0, seed: int = 0) -> Stimulus:
    """Fluctuations around a mean; see `Noise`."""
    return Noise(mean, sigma, tau, seed)


__all__ = ["Noise", "Polyline", "Stimulus", "corners", "noise", "pulses", "ramp", "step"]
