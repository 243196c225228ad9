"""Gradients over thousands of spikes: finite for every neuron as it is by default, in float32.

A reset multiplies the gradient at every spike, and an upstroke makes it grow before; what is detached by default
(`detach_reset`, `detach_spike`) is chosen so that this comes to an end.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rheobase import OdeNeuron, neurons
from tests.contract.models import DECLARED, WRAPPED, Model, fed, seeded

SPIKES = 10_000
PROBE, MOST = 5_000, 400_000  # steps to find the rate in, and at most
SCALES = torch.tensor([0.25, 0.5, 1.0, 1.5, 2.0, 4.0, 8.0])  # of the drive, a lane each; the last lane gets noise
SPIKING = [m for m in DECLARED + WRAPPED if not m.cls.graded and "spent" not in m.cls.states]


def stimulus(model: Model, steps: int) -> Tensor:
    """(time, 1, lanes): constant currents, and noise."""
    scale = model.drive()[1]
    noise = 0.5 + torch.randn(steps, 1, 1, generator=seeded(model.name, "long"))
    return scale * torch.cat([SCALES.expand(steps, 1, len(SCALES)), noise], 2)


@pytest.mark.parametrize("model", SPIKING, ids=lambda m: m.name)
def test_finite_over_ten_thousand_spikes(model: Model) -> None:
    lanes = len(SCALES) + 1
    neuron = model.make(lanes, kinds=("scalar",), dtype=torch.float32)
    with torch.no_grad():
        probe, _ = neuron(fed(neuron, stimulus(model, PROBE)))
    rates = probe.mean((0, 1))
    steps = min(MOST, math.ceil(1.2 * SPIKES / max(float(rates.median()), 0.2 * float(rates.max()))))
    current = stimulus(model, steps).requires_grad_()
    out, end = neuron(fed(neuron, current))
    loss = out.sum() + sum(s.sum() for s in end if s.is_floating_point())
    gradients = torch.autograd.grad(loss, [current, *neuron.parameters()], allow_unused=True)
    assert float(out.detach().sum((0, 1)).max()) >= SPIKES or steps == MOST
    for name, g in zip(["current", *dict(neuron.named_parameters())], gradients, strict=True):
        if g is not None:
            bad = ~torch.isfinite(g) if name != "current" else ~torch.isfinite(g).all(0).all(0)
            assert not bool(bad.any()), (name, bad, out.detach().sum((0, 1)))


def test_the_default_is_said_where_the_neuron_is_described() -> None:
    for name in neurons.__all__:
        kind = getattr(neurons, name)
        said = [word for word in ("detach_reset", "detach_spike") if getattr(kind, word)]
        assert all(word in (kind.__doc__ or "") for word in said), name
        assert not said or issubclass(kind, OdeNeuron)
