"""Currents to inject: steps, ramps, sines, pulses, noise, any polyline, recorded samples; sampled on a grid of time.

>>> two = step(2.0, start=1.0, stop=3.0) + pulses(5.0, [4.0], width=1.0)
>>> two.sample(t_stop=6.0, dt=1.0).tolist()
[0.0, 2.0, 2.0, 0.0, 5.0, 0.0]
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError

Corner = tuple[float, float]
LOST = 0.5  # of the span of a polyline: a corner so far beyond the steps beside it is a pulse that none of them has


def _too_coarse(what: str, dt: float) -> ParameterError:
    given, expected = f"{what}, in steps of {dt:g} ms", "steps in which it is seen"
    return ParameterError("stimuli", given, expected, "a smaller dt, or a longer pulse of the same charge")


class Stimulus:
    """A current as a function of time in ms. Abstract; `a + b` is their sum.

    >>> (step(1.0, start=2.0) + step(2.0, start=3.0)).sample(t_stop=4.0, dt=1.0).tolist()
    [0.0, 0.0, 1.0, 3.0]
    """

    def at(self, t: Tensor) -> Tensor:
        """The current at the times t (ms), any shape."""
        raise NotImplementedError

    def sample(self, t_stop: float, dt: float) -> Tensor:
        """One value for each of round(t_stop / dt) steps, at least one, (time,), in torch's default dtype.

        Step k acts on [k dt, (k + 1) dt] and takes the value at its middle, so that a jump on the grid is exact.

        Raises: `ParameterError` for times that are not positive, and for steps in which a part of it would be lost: a
        pulse, or a gap of a train, between the middles of two steps, or a sine with a period of no more than two.
        """
        for name, value in (("t_stop", t_stop), ("dt", dt)):
            if not is_number(value, above=0):
                raise ParameterError(type(self).__name__, f"{name} = {value!r}", f"{name} > 0, in ms", "t_stop=100.0")
        return self.in_steps(max(1, round(t_stop / dt)), dt).to(torch.get_default_dtype())

    def in_steps(self, steps: int, dt: float) -> Tensor:
        """The values of so many steps, (steps,) float64; `sample` checks its arguments first."""
        return self.at((torch.arange(steps, dtype=torch.float64) + 0.5) * dt)

    def __add__(self, other: Stimulus) -> Stimulus:
        if not isinstance(other, Stimulus):
            raise ParameterError("stimuli", f"a sum with {other!r:.60}", "stimuli", "step(2.0) is a constant current")
        both = [_seeds(self), _seeds(other)]
        if same := sorted(both[0] & both[1]):
            given = f"a sum of two noises of seed {same[0]}, whose numbers are the same"
            raise ParameterError("stimuli", given, "a seed for each noise", "noise(100.0, 20.0, seed=1), say")
        return _Sum((self, other))


@dataclass(frozen=True)
class _Sum(Stimulus):
    parts: tuple[Stimulus, ...]

    def at(self, t: Tensor) -> Tensor:
        return torch.stack([part.at(t) for part in self.parts]).sum(0)

    def in_steps(self, steps: int, dt: float) -> Tensor:
        return torch.stack([part.in_steps(steps, dt) for part in self.parts]).sum(0)


def _seeds(stimulus: Stimulus) -> set[int]:
    """The seeds of all noise in a stimulus."""
    if isinstance(stimulus, _Sum):
        return set().union(*map(_seeds, stimulus.parts))
    return {stimulus.seed} if isinstance(stimulus, Noise) else set()


@dataclass(frozen=True)
class Polyline(Stimulus):
    """Straight lines between corners (time in ms, value); constant before the first and after the last.

    Two corners at one time are a jump. Raises `ParameterError` for times that go back, and for what is not finite.

    >>> Polyline(((0.0, 0.0), (4.0, 8.0))).sample(t_stop=4.0, dt=1.0).tolist()
    [1.0, 3.0, 5.0, 7.0]
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

    def in_steps(self, steps: int, dt: float) -> Tensor:
        # with a step more on both sides
        found = self.at((torch.arange(-1, steps + 1, dtype=torch.float64) + 0.5) * dt)
        times, values = torch.tensor(self.corners, dtype=torch.float64).T
        inside = (times >= 0.0) & (times <= steps * dt)
        # the steps whose middles lie beside each corner
        before = torch.floor(times[inside] / dt + 0.5).long()
        beside = torch.stack([found[before], found[before + 1]])
        beyond = torch.maximum(values[inside] - beside.amax(0), beside.amin(0) - values[inside])
        lost = beyond > LOST * (values.max() - values.min())
        if bool(lost.any()):
            raise _too_coarse(
                f"the value {float(values[inside][lost][0]):g} at {float(times[inside][lost][0]):g} ms", dt
            )
        return found[1:-1]


@dataclass(frozen=True)
class Noise(Stimulus):
    """An Ornstein-Uhlenbeck current: mean, standard deviation sigma, correlation time tau (ms).

    For tau = 0, values are independent. The same seed and times give the same current; other times give another
    realisation. Two noises of one seed have the same numbers, so each needs its own. Raises `ParameterError`.

    >>> Noise(100.0, 20.0, tau=5.0, seed=0).sample(t_stop=4.0, dt=1.0).shape
    torch.Size([4])
    """

    mean: float
    sigma: float
    tau: float = 0.0
    seed: int = field(kw_only=True)

    def __post_init__(self) -> None:
        for name, least in (("mean", -math.inf), ("sigma", 0.0), ("tau", 0.0)):
            value = getattr(self, name)
            if not is_number(value, least=least):
                expected = "a finite number" + (" from 0 on" if least == 0.0 else "")
                raise ParameterError(
                    "Noise", f"{name} = {value!r}", expected, "noise(100.0, 20.0, tau=5.0, seed=0), say"
                )
        if not is_whole(self.seed, 0, 2**63 - 1):
            raise ParameterError("Noise", f"seed = {self.seed!r}", "a whole number from 0 on", "seed=0")

    def at(self, t: Tensor) -> Tensor:
        white = torch.randn(t.shape, generator=torch.Generator().manual_seed(self.seed), dtype=torch.float64)
        if self.tau == 0 or t.numel() < 2:
            return self.mean + self.sigma * white
        # a path goes on in time, in whatever order its times are asked for
        times, order = t.double().flatten().sort(stable=True)
        first, *later = white.flatten().tolist()
        keep = torch.exp(-torch.diff(times) / self.tau)
        kicks = zip(keep.tolist(), torch.sqrt(1 - keep.square()).tolist(), later, strict=True)
        path = itertools.accumulate(kicks, lambda x, kick: kick[0] * x + kick[1] * kick[2], initial=first)
        found = torch.empty_like(times).index_copy_(0, order, torch.tensor(list(path), dtype=torch.float64))
        return self.mean + self.sigma * found.reshape(t.shape)


@dataclass(frozen=True)
class Sine(Stimulus):
    """offset + amplitude sin(2 pi frequency t), the frequency in Hz. Raises `ParameterError`.

    >>> Sine(1.0, 250.0, 0.5).sample(t_stop=4.0, dt=1.0)
    tensor([ 1.2071,  1.2071, -0.2071, -0.2071])
    """

    amplitude: float
    frequency: float
    offset: float = 0.0

    def __post_init__(self) -> None:
        for name, above in (("amplitude", None), ("frequency", 0.0), ("offset", None)):
            value = getattr(self, name)
            if not is_number(value, above=above):
                expected = "a finite number" + (" above 0, in Hz" if above == 0.0 else "")
                raise ParameterError("Sine", f"{name} = {value!r}", expected, "sine(100.0, 10.0), say")

    def in_steps(self, steps: int, dt: float) -> Tensor:
        if 2.0 * self.frequency * dt >= 1000.0:
            raise _too_coarse(f"a sine of {self.frequency:g} Hz, with a period of {1000.0 / self.frequency:g} ms", dt)
        return super().in_steps(steps, dt)

    def at(self, t: Tensor) -> Tensor:
        return self.offset + self.amplitude * torch.sin(2e-3 * math.pi * self.frequency * t.double())


@dataclass(frozen=True)
class Train(Stimulus):
    """Pulses of `width` ms at `rate` (Hz), the first at `start`, the last one begun before `stop` (ms).

    Raises: `ParameterError` for numbers that have no meaning, and for pulses that would run into each other.

    >>> Train(1.0, width=1.0, rate=500.0).sample(t_stop=4.0, dt=1.0).tolist()
    [1.0, 0.0, 1.0, 0.0]
    """

    amplitude: float
    width: float
    rate: float
    start: float = 0.0
    stop: float = math.inf

    def __post_init__(self) -> None:
        for name, above in (("amplitude", None), ("width", 0.0), ("rate", 0.0), ("start", None)):
            value = getattr(self, name)
            if not is_number(value, above=above):
                expected = "a finite number" + ("" if above is None else " above 0")
                raise ParameterError("pulses", f"{name} = {value!r}", expected, "pulses(5.0, width=1.0, rate=20.0)")
        if self.width >= 1000.0 / self.rate:
            given = f"width = {self.width:g} ms at rate = {self.rate:g} Hz"
            expected = f"pulses shorter than their distance of {1000.0 / self.rate:g} ms"
            raise ParameterError("pulses", given, expected, "a step lasts; else take a lower rate")
        if not self.stop > self.start:
            given = f"stop = {self.stop!r}, start = {self.start:g}"
            raise ParameterError("pulses", given, "a stop after the start, in ms", "leave stop out")

    def in_steps(self, steps: int, dt: float) -> Tensor:
        if self.width < (1.0 - 1e-9) * dt:
            raise _too_coarse(f"pulses of {self.width:g} ms", dt)
        gap = 1000.0 / self.rate - self.width
        if gap < (1.0 - 1e-9) * dt and self.start + self.width + gap < min(self.stop, steps * dt):
            raise _too_coarse(f"gaps of {gap:g} ms between pulses", dt)
        return super().in_steps(steps, dt)

    def at(self, t: Tensor) -> Tensor:
        since = t.double() - self.start
        period = 1000.0 / self.rate
        begun = torch.floor(since / period) * period
        on = (since >= 0) & (since - begun < self.width) & (self.start + begun < self.stop)
        return torch.where(on, self.amplitude, 0.0).double()


class Samples(Stimulus):
    """A current given by samples: sample k holds over [k dt, (k + 1) dt], and 0 is what comes after the last.

    In steps of another length it is averaged over each step, so that the charge stays what it was.

    Raises: `ParameterError` for no samples, more than one axis, what is not finite, and a dt that is not positive.

    >>> Samples([1.0, 3.0, 5.0], dt=0.5).sample(t_stop=2.0, dt=1.0).tolist()
    [2.0, 2.5]
    """

    def __init__(self, values: Sequence[float] | Tensor, *, dt: float) -> None:
        # a copy: what a caller writes into its own array later is not the current's
        self.values = torch.as_tensor(values, dtype=torch.float64).detach().clone()
        self.dt = dt
        if self.values.dim() != 1 or not len(self.values) or not bool(torch.isfinite(self.values).all()):
            given = f"values of shape {tuple(self.values.shape)}" + (
                ", some NaN or infinite" * (self.values.dim() == 1)
            )
            raise ParameterError("Samples", given, "finite numbers, (time,)", "give one row of a recording")
        if not is_number(dt, above=0):
            raise ParameterError("Samples", f"dt = {dt!r}", "the time between samples, > 0 ms", "dt=0.1")

    @property
    def duration(self) -> float:
        """ms."""
        return len(self.values) * self.dt

    def at(self, t: Tensor) -> Tensor:
        index = _whole_near(t.double() / self.dt).floor().long()
        inside = (index >= 0) & (index < len(self.values))
        return torch.where(inside, self.values[index.clamp(0, len(self.values) - 1)], 0.0)

    def in_steps(self, steps: int, dt: float) -> Tensor:
        if math.isclose(dt, self.dt, rel_tol=1e-9):
            held = self.values[:steps]
            return torch.cat([held, held.new_zeros(steps - len(held))])
        # the charge up to each edge of a step; between samples it grows along straight lines
        charge = torch.cat([self.values.new_zeros(1), self.values.cumsum(0)])
        edges = (torch.arange(steps + 1, dtype=torch.float64) * (dt / self.dt)).clamp(max=len(self.values))
        edges = _whole_near(edges)
        left = edges.floor().long().clamp(max=len(self.values) - 1)
        return torch.lerp(charge[left], charge[left + 1], edges - left).diff() * (self.dt / dt)


def _whole_near(places: Tensor) -> Tensor:
    """Places among samples, in samples: one at the edge of a sample stays there in spite of rounding."""
    return torch.where((places - places.round()).abs() < 1e-6, places.round(), places)


def step(amplitude: float, *, start: float = 0.0, stop: float = math.inf) -> Stimulus:
    """`amplitude` from `start` to `stop` (ms), 0 elsewhere.

    >>> step(2.0, start=1.0, stop=3.0).sample(t_stop=4.0, dt=1.0).tolist()
    [0.0, 2.0, 2.0, 0.0]
    """
    rise = [(start, 0.0), (start, amplitude)]
    return corners(rise if stop == math.inf else [*rise, (stop, amplitude), (stop, 0.0)])


def ramp(to: float, *, stop: float, start: float = 0.0, first: float = 0.0) -> Stimulus:
    """A current that goes straight from `first` at `start` to its end value `to` at `stop` (ms), 0 elsewhere.

    >>> ramp(4.0, stop=4.0).sample(t_stop=5.0, dt=1.0).tolist()
    [0.5, 1.5, 2.5, 3.5, 0.0]
    """
    return corners([(start, 0.0), (start, first), (stop, to), (stop, 0.0)])


def sine(amplitude: float, frequency: float, *, offset: float = 0.0) -> Stimulus:
    """A sine of `frequency` (Hz) around `offset`; see `Sine`.

    >>> sine(1.0, 250.0).sample(t_stop=4.0, dt=1.0)
    tensor([ 0.7071,  0.7071, -0.7071, -0.7071])
    """
    return Sine(amplitude, frequency, offset)


def pulses(
    amplitude: float,
    starts: Sequence[float] | None = None,
    *,
    width: float,
    rate: float | None = None,
    start: float = 0.0,
    stop: float = math.inf,
) -> Stimulus:
    """Pulses of `width` ms: those that begin at `starts` (ms, in order), or a train at `rate` (Hz); see `Train`.

    Raises: `ParameterError`.

    >>> pulses(1.0, width=1.0, rate=250.0, start=1.0).sample(t_stop=8.0, dt=1.0).tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    """
    if (starts is None) == (rate is None):
        given = "neither starts nor rate" if rate is None else "starts and rate"
        raise ParameterError("pulses", given, "one of them", "pulses(5.0, [10.0, 30.0], width=1.0)")
    if starts is None and rate is not None:
        return Train(amplitude, width, rate, start, stop)
    if (start, stop) != (0.0, math.inf):
        given = f"starts, with start = {start!r} and stop = {stop!r}"
        raise ParameterError("pulses", given, "starts alone: start and stop are those of a rate", "choose the starts")
    ends = [(t, t + width) for t in starts or ()]
    return corners([c for a, b in ends for c in ((a, 0.0), (a, amplitude), (b, amplitude), (b, 0.0))])


def corners(points: Sequence[Sequence[float]]) -> Stimulus:
    """Straight lines between points (time in ms, value).

    >>> corners([(0.0, 0.0), (2.0, 4.0), (4.0, 0.0)]).sample(t_stop=4.0, dt=1.0).tolist()
    [1.0, 3.0, 3.0, 1.0]
    """
    try:
        found = tuple((float(t), float(v)) for t, v in points)
    except (TypeError, ValueError) as error:
        expected, remedy = "pairs of numbers: a time in ms, and a value", "[(0.0, 0.0), (2.0, 4.0)], without units"
        raise ParameterError("stimuli", f"corners that are none ({error})", expected, remedy) from error
    return Polyline(found)


def samples(values: Sequence[float] | Tensor, *, dt: float) -> Stimulus:
    """A recorded current, one value for each `dt` ms; see `Samples`.

    >>> samples([1.0, 3.0], dt=2.0).sample(t_stop=4.0, dt=1.0).tolist()
    [1.0, 1.0, 3.0, 3.0]
    """
    return Samples(values, dt=dt)


def noise(mean: float, sigma: float, *, tau: float = 0.0, seed: int) -> Stimulus:
    """Fluctuations around a mean, of a `seed` that is always given; see `Noise`.

    >>> float(noise(100.0, 20.0, seed=0).sample(t_stop=1000.0, dt=1.0).mean().round(decimals=-1))
    100.0
    """
    return Noise(mean, sigma, tau, seed=seed)


__all__ = [
    "Noise",
    "Polyline",
    "Samples",
    "Sine",
    "Stimulus",
    "Train",
    "corners",
    "noise",
    "pulses",
    "ramp",
    "samples",
    "sine",
    "step",
]
