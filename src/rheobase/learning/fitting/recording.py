"""A current-clamp recording: the potential of a cell, the current that made it, and when it spiked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rheobase.errors import DTypeError, InputError, ParameterError, ShapeError

SAME = 0.01  # sweeps whose currents differ by less than this part of their deviation are repeats


@dataclass(frozen=True, eq=False)
class Recording:
    """Sweeps of one cell, sampled alike.

    v          membrane potential in mV, (sweep, time)
    current    injected current in pA, (sweep, time)
    dt         time between samples in ms
    level      mV; an upward crossing of it is a spike
    start      ms; the time of the first sample

    Raises: `ShapeError`, `DTypeError`, `InputError` for values that are not finite, `ParameterError`.

    >>> recording = Recording(torch.tensor([[-70.0, -40.0, 20.0, -50.0]]), torch.zeros(1, 4), dt=0.5)
    >>> recording, recording.spike_times()
    (Recording(1 sweep of 2 ms, dt=0.5, 1 spike), [tensor([1.], dtype=torch.float64)])
    """

    v: Tensor
    current: Tensor
    dt: float
    level: float = -10.0
    start: float = 0.0

    def __post_init__(self) -> None:
        for name in ("v", "current"):
            object.__setattr__(self, name, _checked(name, getattr(self, name)))
        if self.v.shape != self.current.shape:
            given = f"v of shape {tuple(self.v.shape)}, current of shape {tuple(self.current.shape)}"
            raise ShapeError("Recording", given, "one shape, (sweep, time)", "give the current at every sample")
        for name in ("dt", "level", "start"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ParameterError("Recording", f"{name} = {value!r}", "a finite number", "times are in ms")
        if self.dt <= 0:
            raise ParameterError("Recording", f"dt = {self.dt!r}", "dt > 0, in ms", "dt=0.1 is 10 kHz")

    def __repr__(self) -> str:
        sweeps, spikes = len(self.v), sum(map(len, self.spike_times()))
        some = f"{sweeps} {'sweep' if sweeps == 1 else 'sweeps'} of {self.duration:g} ms"
        return f"Recording({some}, dt={self.dt:g}, {spikes} {'spike' if spikes == 1 else 'spikes'})"

    @property
    def steps(self) -> int:
        """Samples of each sweep."""
        return self.v.shape[1]

    @property
    def duration(self) -> float:
        """ms of each sweep."""
        return self.steps * self.dt

    def between(self, start: float, stop: float) -> Recording:
        """The part from `start` to `stop` (ms, as the recording counts them).

        Raises: `ParameterError` for a part that is empty or outside.

        >>> Recording(torch.zeros(2, 100), torch.zeros(2, 100), dt=0.5).between(10.0, 30.0)
        Recording(2 sweeps of 20 ms, dt=0.5, 0 spikes)
        """
        first, last = round((start - self.start) / self.dt), round((stop - self.start) / self.dt)
        if not 0 <= first < last <= self.steps:
            end = self.start + self.duration
            raise ParameterError(
                repr(self), f"the part from {start} to {stop} ms", f"a part of {self.start} to {end} ms", "times in ms"
            )
        at = self.start + first * self.dt
        return replace(self, v=self.v[:, first:last], current=self.current[:, first:last], start=at)

    def sweeps(self, which: Iterable[int]) -> Recording:
        """Some of the sweeps, by number."""
        numbers = list(which)
        if not numbers or any(not 0 <= k < len(self.v) for k in numbers):
            expected = f"numbers from 0 to {len(self.v) - 1}"
            raise ParameterError(repr(self), f"sweeps {numbers}", expected, "count from 0")
        return replace(self, v=self.v[numbers], current=self.current[numbers])

    def resampled(self, dt: float) -> Recording:
        """At another time step: the mean over each new step where it is a whole number of old ones, else linear.

        A mean lowers a spike by little at 0.2 ms; spikes are counted as upward crossings of `level` all the same.
        """
        if isinstance(dt, bool) or not isinstance(dt, int | float) or not 0 < dt <= self.duration:
            raise ParameterError(repr(self), f"dt = {dt!r}", f"0 < dt <= {self.duration} ms", "dt is in ms")
        whole = round(dt / self.dt)
        if whole >= 1 and math.isclose(whole * self.dt, dt, rel_tol=1e-6):
            steps = self.steps // whole
            v, current = (x[:, : steps * whole].unflatten(1, (steps, whole)).mean(2) for x in (self.v, self.current))
        else:
            where = (torch.arange(int(self.duration / dt + 1e-9), dtype=torch.float64) * dt) / self.dt
            left = where.long().clamp(max=self.steps - 2)
            share = (where - left).clamp(max=1.0)
            v, current = (torch.lerp(x[:, left], x[:, left + 1], share.to(x)) for x in (self.v, self.current))
        return replace(self, v=v, current=current, dt=float(dt))

    def spikes(self) -> Tensor:
        """1 at the first sample at or above `level` after one below it, (sweep, time)."""
        above = self.v >= self.level
        up = above[:, 1:] & ~above[:, :-1]
        return torch.nn.functional.pad(up, (1, 0)).to(self.v.dtype)

    def spike_times(self) -> list[Tensor]:
        """The times of the spikes of each sweep, in ms from the first sample."""
        return [row.nonzero()[:, 0].double() * self.dt for row in self.spikes()]

    def repeats(self) -> tuple[Tensor, Tensor]:
        """Sweeps of the same current as groups: their mean currents (group, time), and the group of each sweep."""
        groups: list[list[int]] = []
        for k, row in enumerate(self.current):
            for group in groups:
                first = self.current[group[0]]
                if float((row - first).std()) <= SAME * float(first.std()) + 1e-6:
                    group.append(k)
                    break
            else:
                groups.append([k])
        number = torch.empty(len(self.current), dtype=torch.int64)
        for n, group in enumerate(groups):
            number[group] = n
        return torch.stack([self.current[group].mean(0) for group in groups]), number


def _checked(name: str, values: Any) -> Tensor:
    if not isinstance(values, Tensor):
        kind = type(values).__name__
        raise DTypeError("Recording", f"{name} of type {kind}", "a tensor of (sweep, time)", "torch.as_tensor it")
    if values.dim() != 2 or values.shape[0] < 1 or values.shape[1] < 2:
        given = f"{name} of shape {tuple(values.shape)}"
        raise ShapeError("Recording", given, "(sweep, time), two samples at least", "v[None] makes one sweep of a row")
    if not values.is_floating_point():
        raise DTypeError("Recording", f"{name} of {values.dtype}", "floating point", "call .float() on it")
    if not bool(torch.isfinite(values).all()):
        raise InputError("Recording", f"{name} with NaN or infinity", "finite numbers", "cut that part off")
    return values.detach().to(torch.get_default_dtype())
