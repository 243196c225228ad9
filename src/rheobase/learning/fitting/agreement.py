"""How well a model's response meets sweeps of a recording, in a few figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from torch import Tensor

from rheobase.learning.fitting import loss
from rheobase.learning.fitting.gamma import gamma, trains_of, window
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.spike_shape import spike_shape
from rheobase.learning.fitting.sweep_features import of_sweeps


@dataclass(frozen=True)
class Agreement:
    """The errors of a model over some sweeps; NaN where none of them has such a value.

    sweeps      their numbers
    gamma       mean of those that have spikes, at `delta` ms
    spikes      spikes that are too many or too few in a sweep, on average
    first       ms by which the first spike is early or late, on average
    interval    mean interval between spikes, off by this share of it, on average
    v_error     mean square error of the potential between spikes over its variance
    v_rms       root of the mean square error of the potential between spikes, mV
    trough      lowest potential behind spikes, off by so many mV, on average; as the next two, of a cell alone
    height      highest potential of spikes, off by so many mV, on average
    width       time of a spike above the level, off by so many ms, on average
    """

    sweeps: tuple[int, ...]
    gamma: float
    delta: float
    spikes: float
    first: float
    interval: float
    v_error: float
    v_rms: float
    trough: float = math.nan
    height: float = math.nan
    width: float = math.nan


def agreement(
    recording: Recording,
    numbers: Sequence[int],
    spikes: Tensor,
    v: Tensor | None,
    *,
    settle: float,
    delta: float,
    shaped: bool = False,
) -> Agreement:
    """The agreement of spikes and v (sweep, time), of all sweeps, with the sweeps `numbers`.

    Gamma and potential are scored from `settle` ms on; Gamma at `delta` ms, or less where these sweeps are so fast.
    `shaped`: whether spikes have a shape in v.
    """
    which, part = list(numbers), recording.sweeps(numbers)
    own, v = spikes[which], None if v is None else v[which]
    scored = [times[times >= settle] for times in part.spike_times()]
    delta = window(scored, duration=part.duration - settle, delta=delta)
    data, model = of_sweeps(part, part.spikes(), part.v), of_sweeps(part, own, v)
    pairs = list(zip(data, model, strict=True))
    return Agreement(
        tuple(which),
        mean_gamma(part, own, start=part.start + settle, delta=delta),
        delta,
        mean(abs(a.spikes - b.spikes) for a, b in pairs),
        mean(abs(b.first - a.first) for a, b in pairs),
        mean(abs(b.interval / a.interval - 1.0) for a, b in pairs),
        *((math.nan, math.nan) if v is None else _v_errors(part, v, settle)),
        *(_shape_errors(part, own, v) if shaped and v is not None else ()),
    )


def mean_gamma(recording: Recording, spikes: Tensor, *, start: float, delta: float) -> float:
    """The mean Gamma of spikes (sweep, time) over the sweeps with recorded ones, scored from `start`; NaN without."""
    part = recording.between(start, recording.start + recording.duration)
    trains = trains_of(spikes[:, -part.steps :].T, recording.dt)
    pairs = zip(part.spike_times(), trains, strict=True)
    return mean(float(gamma(a, b, duration=part.duration, delta=delta)) for a, b in pairs if len(a))


def mean(values: Iterable[float]) -> float:
    """The mean of those that are numbers; NaN without any.

    >>> mean([1.0, math.nan, 2.0]), mean([])
    (1.5, nan)
    """
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _v_errors(recording: Recording, v: Tensor, settle: float) -> tuple[float, float]:
    """The mean square error over the variance, and its root in mV."""
    mask = loss.subthreshold(recording.spikes().T, recording.dt)
    mask[: round(settle / recording.dt)] = 0.0
    square = ((v - recording.v).T.square() * mask).sum() / mask.sum().clamp(min=1.0)
    return float(loss.voltage(v.T[..., None], recording.v.T, mask)[0]), float(square.sqrt())


def _shape_errors(recording: Recording, spikes: Tensor, v: Tensor) -> list[float]:
    """How far trough, height and width of spikes (sweep, time) are off, over the sweeps in which both have some."""
    data, model = (
        spike_shape(potential, events, level=recording.level, dt=recording.dt)
        for potential, events in ((recording.v, recording.spikes()), (v, spikes))
    )
    return [mean(row.tolist()) for row in (model - data).abs()]
