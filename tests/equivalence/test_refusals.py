"""A network outside the assumptions is refused, and the assumption is named."""

from __future__ import annotations

import pytest
import torch

from rheobase import Escape, Noisy, Refractory, equivalence, neurons, nn
from rheobase.equivalence import Cancelling, CascadeIF, OneShot, to_multi_spike, to_single_spike
from rheobase.errors import NotRepresentable, ParameterError, RheobaseError, ShapeError

LIF = neurons.LIF(3, dt=1.0)

OUTSIDE = [
    (neurons.PLIF(3), "a spike adds constants to the states"),
    (neurons.AdEx(3, dt=0.1), "a spike adds constants to the states"),
    (neurons.QIF(3, dt=0.1), "a spike adds constants to the states"),
    (neurons.TTFS(3, dt=1.0), "a spike adds constants to the states"),
    (Refractory(LIF), "a spike adds constants to the states"),
    (Noisy(LIF), "follow from the input alone"),
    (Escape(LIF), "follow from the input alone"),
    (neurons.SRC(3), "spikes of size 0 or 1"),
    (neurons.HodgkinHuxley(3, dt=0.01), "spikes of size 0 or 1"),
    (neurons.LI(3, dt=1.0), "spikes of size 0 or 1"),
    (nn.Sequential(LIF, nn.Linear(3, 3), neurons.SRC(3)), "spikes of size 0 or 1"),
    (nn.Sequential(nn.Conv2d(1, 3, 3), neurons.LIF((3, 4, 4), dt=1.0), nn.MaxPool2d(2)), "linear in the spikes"),
    (nn.Sequential(nn.Linear(3, 3), LIF, nn.SpikGRU(3, 3)), "linear in the spikes"),
    (nn.Sequential(nn.Linear(3, 3), LIF, torch.nn.ReLU()), "linear in the spikes"),
    (nn.Sequential(nn.Linear(3, 3), nn.PSN(3, steps=5)), "linear in the spikes"),
    (nn.Sequential(LIF, nn.TdBatchNorm(3), nn.Linear(3, 3), LIF).eval(), "linear in the spikes"),
    (nn.Sequential(nn.Linear(3, 3), nn.TdBatchNorm(3), LIF), "evaluation mode"),
    (nn.Sequential(nn.Linear(3, 3), LIF, nn.Dropout(0.5)), "evaluation mode"),
    (nn.Sequential(nn.SpikeLinear(3, 3), LIF), "evaluation mode"),
    (nn.Sequential(nn.Linear(3, 3)), "spikes of size 0 or 1"),
]


@pytest.mark.parametrize(
    ("network", "assumption"), OUTSIDE, ids=lambda x: type(x).__name__ if not isinstance(x, str) else ""
)
def test_the_assumption_is_named(network: torch.nn.Module, assumption: str) -> None:
    with pytest.raises(NotRepresentable, match=assumption):
        to_single_spike(network, max_spikes=3)


def test_the_reverse_wants_neurons_that_spike_once() -> None:
    with pytest.raises(NotRepresentable, match="OneShot"):
        to_multi_spike(LIF, horizon=10, largest=4.0)
    with pytest.raises(NotRepresentable, match=r"persistent.*autapse"):
        to_multi_spike(OneShot(LIF), how="moebius", horizon=10, largest=4.0)
    with pytest.raises(NotRepresentable, match="known share"):
        to_multi_spike(OneShot(neurons.AdLIF(3)), horizon=10, largest=4.0)
    with pytest.raises(NotRepresentable, match="outlasts the horizon"):
        to_multi_spike(OneShot(neurons.LIF(3, dt=1.0, tau_mem=1.0)), horizon=500, largest=4.0)
    with pytest.raises(ParameterError, match="largest"):
        to_multi_spike(OneShot(LIF), horizon=10)
    for horizon in (2.5, -1, 0, True, "ten", float("nan")):
        with pytest.raises(ParameterError, match="horizon = "):
            to_multi_spike(OneShot(LIF), horizon=horizon, largest=4.0)  # type: ignore[arg-type]
    for largest in (float("inf"), float("nan"), 1e30, "high", True, [1.0, 2.0], ["high"]):
        with pytest.raises(ParameterError, match="largest = "):
            to_multi_spike(OneShot(LIF), horizon=10, largest=largest)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="moebius"):
        to_multi_spike(OneShot(LIF), how="mobius", horizon=10, largest=4.0)


def test_a_converted_network_is_not_converted_again() -> None:
    one, _ = to_single_spike(LIF, max_spikes=2)
    with pytest.raises(RheobaseError, match="OneShot"):
        to_single_spike(one, max_spikes=2)


@pytest.mark.parametrize("wrong", [0, -1, True, 2.5, (2, 2), None, "two", [2.0], 10**30])
def test_spikes_are_counted(wrong: object) -> None:
    with pytest.raises(ParameterError, match="max_spikes"):
        to_single_spike(LIF, max_spikes=wrong)  # type: ignore[arg-type]


def test_too_few_copies_for_the_inputs() -> None:
    with pytest.raises(ParameterError, match="up to 4 times"):
        to_single_spike(LIF, max_spikes=3, inputs=torch.full((100, 1, 3), 1.5))
    with pytest.raises(ShapeError, match="batch"):
        to_single_spike(LIF, max_spikes=3, inputs=torch.zeros(5, 3))


def test_what_is_no_network() -> None:
    with pytest.raises(ParameterError, match="event_driven"):
        to_single_spike("a network", max_spikes=3)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="no attribute 'to_double_spike'"):
        equivalence.to_double_spike  # noqa: B018


def test_groups_are_whole() -> None:
    with pytest.raises(ParameterError, match="divides"):
        OneShot(LIF, copies=2)
    with pytest.raises(ParameterError, match="square-free"):
        Cancelling(CascadeIF(4), members=(1, 2, 3, 4))
    with pytest.raises(ParameterError, match="divides"):
        Cancelling(CascadeIF(4), members=(1, 2, 3))
