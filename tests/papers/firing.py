"""How a neuron fires under a current: what several papers ask."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase import Neuron


def const(level: float, duration: float, dt: float) -> Tensor:
    """A constant current, (time,)."""
    return torch.full((round(duration / dt),), float(level), dtype=torch.float64)


def fires(neuron: Neuron, current: Tensor, start: Any = None) -> tuple[list[Tensor], Tensor]:
    """Spike times (ms) of each sequence, and v (time, sequence), under a current (time,) or (time, sequence)."""
    drive = current.double().reshape(current.shape[0], -1, 1)
    with torch.no_grad():
        out, _, rec = neuron.double()(drive, start, record=("v",))
    if neuron.dt is None:
        raise AssertionError("a neuron in continuous time was expected")
    return [torch.nonzero(z.flatten()).flatten() * neuron.dt for z in out.unbind(1)], rec.v[..., 0]


def rate(times: Tensor, last: int = 3) -> float:
    """In Hz, from the last intervals; 0 for a few spikes."""
    return 1000.0 / float(torch.diff(times)[-last:].mean()) if len(times) > last + 1 else 0.0
