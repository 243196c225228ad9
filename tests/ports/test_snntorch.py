"""v <- beta v + i, less v_threshold at once at a spike (Leaky, reset_delay=False), beside LIF."""

from __future__ import annotations

import torch

from rheobase import from_decay, input_scale, neurons


def test_the_subtractive_reset_with_its_scale_fires_the_same() -> None:
    beta, threshold = 0.9, 1.0
    x = torch.rand(200, 4, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 0.4
    v, spikes = torch.zeros_like(x[0]), []
    for i in x:
        v = beta * v + i
        z = (v >= threshold).double()
        v = v - z * threshold
        spikes.append(z)
    neuron = neurons.LIF(8, dt=1.0, tau_mem=from_decay(beta, dt=1.0)).double()
    out, _ = neuron(input_scale(beta) * x)
    expected = torch.stack(spikes)
    assert expected.sum() > 500
    assert torch.equal(out, expected)
