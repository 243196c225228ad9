"""Windows of traces as what is learned from: stimulus, code, potential, and the steps that hold a spike."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.errors import DataError
from rheobase.operator.data_set import Traces


@dataclass(frozen=True)
class Samples:
    """Some windows. Shapes: current (time, batch) in nA, code (batch, features), v (time, batch) in mV, spikes (time,
    batch) in {0, 1}, trains (batch, most) in ms from the beginning of the window."""

    current: Tensor
    code: Tensor
    v: Tensor
    spikes: Tensor
    trains: Tensor

    def on(self, device: torch.device) -> Samples:
        """The same on a device; trains of times stay on the CPU."""
        current, code, v, spikes = (x.to(device) for x in (self.current, self.code, self.v, self.spikes))
        return Samples(current, code, v, spikes, self.trains)


def windows(traces: Traces, features: Tensor, start: int | None = None) -> Samples:
    """The windows of traces that begin at sample `start`, `early` ms (of their protocol) before the step unless given.

    features (models, features): the code of each model.

    Raises: `DataError` for traces whose length is not that of their protocol, or of a model without features.
    """
    protocol = traces.protocol
    if traces.v.shape[1] != protocol.recorded:
        given, expected = f"traces of {traces.v.shape[1]} samples", f"{protocol.recorded}, as of their protocol"
        raise DataError("windows", given, expected, "give the Protocol that they were made with")
    if len(traces) and int(traces.model.max()) >= len(features):
        given, expected = f"features of {len(features)} models", f"{int(traces.model.max()) + 1} at least"
        raise DataError("windows", given, expected, "one row for each model, numbered as in Models.names")
    first = protocol.usual_start if start is None else start
    n, sample = protocol.window, protocol.sample
    trains = traces.spikes.double() - first * sample
    inside = (trains >= 0) & (trains < n * sample)
    spikes = torch.zeros(n, len(traces))
    row, column = inside.nonzero(as_tuple=True)
    spikes[(trains[row, column] / sample).long().clamp(max=n - 1), row] = 1.0
    if traces.current is None:
        current = protocol.sampled(first, traces.amplitude)
    else:
        current = traces.current[:, first : first + n].T.contiguous()
    return Samples(
        current.float(),
        features[traces.model].float(),
        traces.v[:, first : first + n].T.contiguous(),
        spikes,
        torch.where(inside, trains, torch.inf).sort(1).values,
    )


__all__ = ["Samples", "windows"]
