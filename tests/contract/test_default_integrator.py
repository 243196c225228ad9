"""A default is a promise: conductance-based neurons keep 0.1 ms over 200 ms at the step that their docs recommend.

The reference is RK4 at a tenth of the step and 0.001 ms at most, in float64.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import OdeNeuron, integrators, neurons
from rheobase.core.declaration.describe import Description

STOP, WITHIN = 200.0, 0.1  # ms


@dataclass(frozen=True)
class Firing:
    """A neuron that fires under a constant current (in its own unit) of at least so many spikes in 200 ms."""

    name: str
    current: float
    spikes: int
    given: tuple[tuple[str, float], ...] = ()

    @property
    def cls(self) -> type[OdeNeuron]:
        return getattr(neurons, self.name)

    def times(self, dt: float, **options: Any) -> Tensor:
        """When v passes the threshold, interpolated within the step."""
        neuron: Any = self.cls(1, dt=dt, **dict(self.given), **options).double()
        current = torch.full((round(STOP / dt), 1, 1), self.current, dtype=torch.float64)
        out, _, rec = neuron(current, record=("v",))
        k, v = out.flatten().nonzero().flatten(), rec.v.flatten()
        share = (neuron.v_threshold - v[k - 1]) / (v[k] - v[k - 1])
        return (k + share) * dt


FIRING = [
    Firing("HodgkinHuxley", 10.0, 12),
    Firing("TraubMiles", 5.0, 20),
    Firing("WangBuzsaki", 2.0, 15),
    Firing("WangBuzsaki", 1.0, 10),
    Firing("ConnorStevens", 12.0, 8),
    Firing("Pospischil", 5.0, 4),
    Firing("MorrisLecar", 95.0, 2),
    Firing("FitzHughNagumo", 0.5, 4),
    Firing("HindmarshRose", 3.0, 8),
]


def recommended(cls: type[OdeNeuron]) -> float:
    """The step that the docs of a neuron recommend for its default, in its unit of time."""
    said = re.search(r"by default \w+, at a dt of ([\d.]+)", Description.of(cls).sections["Numerics"])
    assert said, f"{cls.__name__} recommends no step"
    return float(said[1].rstrip("."))


@pytest.mark.parametrize("firing", FIRING, ids=lambda f: f"{f.name}-{f.current:g}")
def test_the_default_keeps_its_promise(firing: Firing) -> None:
    dt = recommended(firing.cls)
    exact = firing.times(min(0.1 * dt, 0.001), integrator=integrators.RK4())
    found = firing.times(dt)
    assert len(exact) >= firing.spikes
    assert len(found) == len(exact)
    assert float((found - exact).abs().max()) <= WITHIN


def test_every_conductance_based_neuron_is_here() -> None:
    crossing = {name for name in neurons.__all__ if getattr(getattr(neurons, name), "crossing", False)}
    assert crossing == {firing.name for firing in FIRING}


@pytest.mark.parametrize("name", neurons.__all__)
def test_another_default_than_the_usual_is_said(name: str) -> None:
    cls = getattr(neurons, name)
    if issubclass(cls, OdeNeuron) and cls.integrator != OdeNeuron.integrator:
        assert f"by default {cls.integrator!r}".removesuffix("()") in Description.of(cls).sections["Numerics"]
