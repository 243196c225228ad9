"""What a step of current tells of a model: features of its response, and whether they are like those of others."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.errors import DataError, ParameterError
from rheobase.operator.data_set import Traces

RESPONSES = ("rest", "delay", "first interval", "mean interval", "peak")
SCREENED = ("rest", "delay", "mean interval", "peak")
LATE = 0.5  # of the step: over this last part of it the cell has to fire, too


def responses(traces: Traces) -> Tensor:
    """Features of the responses to steps, (samples, 5) in float64, in the order of `RESPONSES`.

    The mean potential before the step (mV), the delay of the first spike, the first and the mean interval between
    spikes (ms), and the largest potential (mV). The intervals are infinite where there are no two spikes, or none in
    the second half of the step.
    """
    p = traces.protocol
    inside = (traces.spikes >= p.before) & (traces.spikes < p.before + p.duration)
    times = torch.where(inside, traces.spikes.double(), torch.inf).sort(1).values
    times = torch.nn.functional.pad(times, (0, 2), value=torch.inf)
    count, first = inside.sum(1), times[:, 0]
    last = torch.where(torch.isfinite(times), times, -torch.inf).amax(1)
    fires = (count > 1) & (last >= p.before + LATE * p.duration)
    one, mean = (
        torch.where(fires, x, torch.inf) for x in (times[:, 1] - first, (last - first) / (count - 1).clamp(min=1))
    )
    rest = traces.v[:, : int(p.before / p.sample)].double().mean(1)
    return torch.stack([rest, first - p.before, one, mean, traces.v.double().amax(1)], 1)


def alike(traces: Traces, reference: Traces, *, slack: float = 0.5) -> Tensor:
    """Which traces, (samples,) bool, have features within those of the reference, widened by `slack` of their range.

    The features are the mean potential before the step, the delay of the first spike, the mean interval between
    spikes, and the largest potential. A trace without two spikes, or without one in the second half of its step, is
    like none. Both are to be of one protocol and one amplitude.

    Raises: `DataError` for other protocols or amplitudes, or where no reference fires; `ParameterError`.
    """
    if not is_number(slack, least=0):
        raise ParameterError("alike", f"slack = {slack!r}", "a finite number >= 0", "slack=0.5 is the default")
    amplitudes = torch.cat([traces.amplitude, reference.amplitude])
    if traces.protocol != reference.protocol or not bool((amplitudes == amplitudes[0]).all()):
        given, remedy = "traces of other stimuli than the reference", "give both one step of current"
        raise DataError("alike", given, "one protocol and one amplitude", remedy)
    used = [RESPONSES.index(name) for name in SCREENED]
    own, wanted = responses(traces)[:, used], responses(reference)[:, used]
    wanted = wanted[torch.isfinite(wanted).all(1)]
    if not len(wanted):
        raise DataError("alike", "a reference that does not fire", "one that does", "give a larger amplitude")
    return within(own, wanted, slack)


def within(features: Tensor, reference: Tensor, slack: float) -> Tensor:
    """Which rows, (samples,) bool, are finite and in the range of the reference, widened by `slack` of its width.

    >>> within(torch.tensor([[0.4], [1.4], [1.6]]), torch.tensor([[0.0], [1.0]]), slack=0.5).tolist()
    [True, True, False]
    """
    low, high = reference.aminmax(dim=0)
    room = slack * (high - low)
    return torch.isfinite(features).all(1) & ((features >= low - room) & (features <= high + room)).all(1)


__all__ = ["RESPONSES", "alike", "responses", "within"]
