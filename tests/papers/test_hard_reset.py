"""Facts of the hard reset: the interval in closed form, and what it loses beside the subtractive reset."""

from __future__ import annotations

import math

import pytest
import torch

from rheobase import equivalence, event_driven, neurons, nn
from rheobase.errors import NotRepresentable


@pytest.mark.parametrize("current", [0.9, 1.5, 4.0])
@pytest.mark.parametrize("v_reset", [-0.5, 0.0, 0.6])
def test_interval_in_closed_form(current: float, v_reset: float) -> None:
    """From v_reset to the threshold: tau_mem ln((v_inf - v_reset) / (v_inf - v_threshold)), rounded up to a step."""
    tau, leak, dt = 7.0, 0.2, 0.25
    cell = neurons.HardResetLIF(1, dt=dt, tau_mem=tau, v_leak=leak, v_reset=v_reset).double()
    out, _ = cell(torch.full((1000, 1, 1), current, dtype=torch.float64))
    v_inf = leak + current
    interval = tau * math.log((v_inf - v_reset) / (v_inf - 1.0))
    assert torch.diff(out.flatten().nonzero().flatten()).unique().tolist() == [math.ceil(interval / dt)]


@pytest.mark.parametrize("i", [0.3, 0.7, 1.6])
def test_without_leak_whole_steps_to_the_threshold(i: float) -> None:
    cell = neurons.HardResetIF(1, dt=1.0, v_reset=-0.25).double()
    out, _ = cell(torch.full((60, 1, 1), i, dtype=torch.float64))
    assert torch.diff(out.flatten().nonzero().flatten()).unique().tolist() == [math.ceil(1.25 / i)]


@pytest.mark.parametrize(
    ("hard", "soft"), [(neurons.HardResetLIF, neurons.LIF), (neurons.HardResetIF, neurons.IF)], ids=["LIF", "IF"]
)
def test_what_is_above_the_threshold_is_lost(hard: type, soft: type) -> None:
    """After one spike the two differ by how far it went above: equal before, v - v_threshold beside v_reset."""
    x = torch.tensor([0.9, 90.0, 0.0], dtype=torch.float64).view(3, 1, 1)
    (_, _, lost), (_, _, kept) = (kind(1, dt=1.0).double()(x, record=("v", "v.pre")) for kind in (hard, soft))
    assert float(lost.v[0]) == float(kept.v[0]) > 0.0
    assert float(lost.v_pre[1]) == float(kept.v_pre[1]) > 2.0
    assert float(lost.v[1]) == 0.0
    assert float(kept.v[1]) == float(kept.v_pre[1]) - 1.0


@pytest.mark.parametrize("kind", [neurons.HardResetLIF, neurons.HardResetIF])
def test_what_needs_a_reset_that_adds_refuses_it(kind: type) -> None:
    """A reset to a value depends on the state: no synapse can do it, and event-driven networks have none."""
    net = nn.Sequential(nn.Linear(2, 3), kind(3, dt=1.0))
    with pytest.raises(NotRepresentable, match="a jump of v at a spike that depends on the state"):
        equivalence.to_single_spike(net, max_spikes=3)
    with pytest.raises(NotRepresentable, match="IF, LIF or CubaLIF"):
        event_driven.from_neuron(kind(3, dt=1.0))  # type: ignore[arg-type]
