"""Resampling of a recording to another time step that keeps every spike."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.errors import ParameterError

REFRACTORY = 0.8  # ms: two crossings that are nearer are noise on one spike


@dataclass(frozen=True)
class Sampled:
    """Potential and current (sweep, time), the potential before the first sample (sweep,), and where spikes begin."""

    owner: str
    v: Tensor
    current: Tensor
    before: Tensor
    level: float
    dt: float
    onsets: Tensor  # (spike, 2): sweep and sample, one spike of a sweep after the other


def resampled(given: Sampled, dt: float) -> Sampled:
    """The same at the time step dt (ms): means where it is a whole multiple of the old one, else linear interpolation.

    Raises: `ParameterError` where two spikes would be one, or one would be cut off.
    """
    whole = round(dt / given.dt)
    if whole >= 1 and math.isclose(whole * given.dt, dt, rel_tol=1e-6):
        v, current, places = _means(given, whole)
    else:
        v, current, places = _on_lines(given, dt)
    _check_apart(given, places, v.shape[1], dt)
    v, before = _with_spikes(given, v, places, dt)
    onsets = torch.stack([given.onsets[:, 0], places], 1)
    return Sampled(given.owner, v, current, before, given.level, dt, onsets)


def _means(given: Sampled, whole: int) -> tuple[Tensor, Tensor, Tensor]:
    steps = given.v.shape[1] // whole
    v, current = (x[:, : steps * whole].unflatten(1, (steps, whole)).mean(2) for x in (given.v, given.current))
    return v, current, given.onsets[:, 1] // whole


def _on_lines(given: Sampled, dt: float) -> tuple[Tensor, Tensor, Tensor]:
    samples = given.v.shape[1]
    where = (torch.arange(int(samples * given.dt / dt + 1e-9), dtype=torch.float64) * dt) / given.dt
    left = where.long().clamp(max=samples - 2)
    share = (where - left).clamp(max=1.0)
    v, current = (torch.lerp(x[:, left], x[:, left + 1], share.to(x)) for x in (given.v, given.current))
    # a spike begins where the line to its first sample crosses the level
    low, high = _last_below(given).double(), given.v[given.onsets[:, 0], given.onsets[:, 1]].double()
    crossing = given.onsets[:, 1] - 1 + (given.level - low) / (high - low)
    return v, current, torch.ceil(crossing * given.dt / dt - 1e-9).long().clamp(min=0)


def _last_below(given: Sampled) -> Tensor:
    """The potential just before each spike, (spike,)."""
    sweep, sample = given.onsets.T
    return torch.where(sample > 0, given.v[sweep, (sample - 1).clamp(min=0)], given.before[sweep])


def _check_apart(given: Sampled, places: Tensor, steps: int, dt: float) -> None:
    """Each spike needs a step of its own, and one below the level before it."""
    sweep, sample = given.onsets.T
    late = places >= steps
    if bool(late.any()):
        k = int(late.nonzero()[0])
        said = f"dt = {dt:g} ms, and a spike of sweep {int(sweep[k])} in what is left behind the last whole step"
        raise ParameterError(given.owner, said, "spikes inside of steps", f"cut the end off, after {steps * dt:g} ms")
    follows = sweep[1:] == sweep[:-1]
    close = follows & (places[1:] - places[:-1] < 2)
    if bool(close.any()):
        shortest = int((sample[1:] - sample[:-1])[follows].min())
        said = f"dt = {dt:g} ms, in whose steps {int(close.sum())} of {len(sample)} spikes could not be told apart"
        remedy = f"resampled({max(1, (shortest - 1) // 2) * given.dt:g})"
        if shortest * given.dt < REFRACTORY:
            remedy += f", or another level, since two crossings of {given.level:g} mV are nearer than spikes can be"
        raise ParameterError(given.owner, said, "a step below the level between two spikes", remedy)


def _with_spikes(given: Sampled, v: Tensor, places: Tensor, dt: float) -> tuple[Tensor, Tensor]:
    """The potential with an upward crossing at each place and at no other, and the one before the first step."""
    v, before, (sweep, sample) = v.clone(), given.before.clone(), given.onsets.T
    below = _last_below(given)
    # the highest sample from the first of a spike to the end of a step
    reach = torch.arange(max(1, math.ceil(dt / given.dt)))
    peak = given.v[sweep[:, None], (sample[:, None] + reach).clamp(max=given.v.shape[1] - 1)].amax(1)
    lost = (v[sweep, places] < given.level) | (dt > 1.000001 * given.dt)
    v[sweep[lost], places[lost]] = torch.maximum(peak, v[sweep, places])[lost]
    first = places == 0
    at = torch.where(first, before[sweep], v[sweep, (places - 1).clamp(min=0)])
    high = at >= given.level
    v[sweep[high & ~first], places[high & ~first] - 1] = below[high & ~first]
    before[sweep[high & first]] = below[high & first]
    return v, before
