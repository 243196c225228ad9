"""Resting states that are solved for: at them nothing moves, and of several it is the lowest."""

from __future__ import annotations

import pytest
import torch

from rheobase import OdeNeuron, neurons
from rheobase.core import Relax

SOLVED = [
    getattr(neurons, name)
    for name in neurons.__all__
    if issubclass(getattr(neurons, name), OdeNeuron)
    and "equilibrium" in getattr(neurons, name).resting.__code__.co_names
]


@pytest.mark.parametrize("cls", SOLVED, ids=lambda c: c.__name__)
def test_nothing_moves(cls: type[OdeNeuron]) -> None:
    neuron = cls(3, dt=0.01).double()
    # parameters of every kind: scalars, and one value for each neuron
    name = next(iter(neuron.params))
    setattr(neuron, name, neuron.value(name) * torch.tensor([0.9, 1.0, 1.1], dtype=torch.float64))
    rest = neuron.rest(2, dtype=torch.float64)
    slopes = neuron.dynamics(rest, torch.zeros_like(rest.v))
    for name, slope in slopes.items():
        here = getattr(rest, name)
        moved = (slope.to - here) if isinstance(slope, Relax) else slope
        assert float(moved.abs().max()) < 1e-10 * max(1.0, float(here.abs().max())), name


@pytest.mark.parametrize("cls", SOLVED, ids=lambda c: c.__name__)
def test_declared_values_are_near_it(cls: type[OdeNeuron]) -> None:
    """The number in a declaration is what a reader sees."""
    neuron = cls(1, dt=0.01)
    rest = neuron.rest(1)
    for name, spec in neuron.states.items():
        assert float(getattr(rest, name)) == pytest.approx(spec.initial, rel=0.02, abs=0.002), name


def test_the_lowest_of_three() -> None:
    """Under 30 uA/cm2 the membrane with a saddle node has three: -41.8 mV and two above."""
    neuron = neurons.MorrisLecar.named("snlc", 1, dt=0.1, e_leak=-45.0).double()  # 2 mS/cm2 times 15 mV
    assert float(neuron.rest(1).v) < -35.0
    high = neuron.State(
        v=torch.full((1, 1), 5.0).double(), w=torch.full((1, 1), 0.3).double(), above=torch.zeros(1, 1).double()
    )
    _, end = neuron(torch.zeros(20000, 1, 1).double(), high)
    assert float(end.v) == pytest.approx(float(neuron.rest(1).v), abs=1e-6)


def test_float32_is_solved_in_float64() -> None:
    wide, narrow = (neurons.HodgkinHuxley(1, dt=0.01).to(t).rest(1).v for t in (torch.float64, torch.float32))
    assert narrow.dtype == torch.float32
    assert float(narrow) == pytest.approx(float(wide), abs=2e-5)
