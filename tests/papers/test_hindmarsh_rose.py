"""Facts of Hindmarsh & Rose (1984): tonic firing, bursts, and bursts that never repeat."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rheobase import integrators, neurons
from tests.papers.firing import const, fires

DT = 0.05


def cell(name: str) -> neurons.HindmarshRose:
    return neurons.HindmarshRose.named(name, 1, dt=DT, integrator=integrators.RK4()).double()


def settled(name: str, duration: float = 5000.0) -> Tensor:
    """Intervals between spikes after the transient, under the current of the set."""
    shown = neurons.HindmarshRose.sets()[name].shown
    assert shown is not None
    (times,), _ = fires(cell(name), const(float(shown.current()[0]), duration, DT))
    return torch.diff(times[times > 2000.0])


def test_rest_is_on_the_cubic() -> None:
    """x^3 + 2 x^2 + 4 (x + 1.6) - 1 = 0."""
    x = float(cell("tonic").rest(1).v)
    assert x**3 + 2.0 * x**2 + 4.0 * (x + 1.6) - 1.0 == pytest.approx(0.0, abs=1e-6)


def test_tonic() -> None:
    intervals = settled("tonic")
    assert len(intervals) > 100
    assert float(intervals.max() / intervals.min()) < 1.05


def test_bursting_repeats() -> None:
    """Bursts of the same number of spikes, with pauses ten times longer than the intervals in them."""
    intervals = settled("bursting", 7000.0)
    pauses = torch.nonzero(intervals > 100.0).flatten()
    assert len(pauses) > 5
    sizes = torch.diff(pauses)
    assert len(set(sizes.tolist())) == 1
    assert int(sizes[0]) > 5
    inside = intervals[intervals <= 100.0]
    assert float(intervals[pauses].min() / inside.median()) > 10.0


def test_chaotic_never_repeats() -> None:
    intervals = settled("chaotic")
    assert len(intervals) > 50
    sizes = torch.diff(torch.nonzero(intervals > 50.0).flatten())
    assert len(set(sizes.tolist())) > 1
    assert len({round(x) for x in intervals.tolist()}) > 20


@pytest.mark.parametrize(("name", "grows"), [("tonic", False), ("bursting", False), ("chaotic", True)])
def test_only_chaos_forgets_where_it_started(name: str, grows: bool) -> None:
    shown = neurons.HindmarshRose.sets()[name].shown
    assert shown is not None
    neuron = cell(name)
    rest = neuron.rest(2)
    start = rest._replace(v=rest.v + torch.tensor([[0.0], [1e-7]]))
    _, v = fires(neuron, const(float(shown.current()[0]), 8000.0, DT).view(-1, 1).expand(-1, 2), start)
    apart = float((v[-20000:, 0] - v[-20000:, 1]).abs().max())
    assert (apart > 0.5) if grows else (apart < 1e-3)


@pytest.mark.parametrize("name", ["tonic", "bursting", "chaotic"])
def test_what_is_shown_is_what_its_name_says(name: str) -> None:
    """With the default integrator, at the step of the set."""
    shown = neurons.HindmarshRose.sets()[name].shown
    assert shown is not None
    neuron = neurons.HindmarshRose.named(name, 1, dt=shown.dt)
    (times,), _ = fires(neuron, shown.current().flatten(), neuron.double().start(shown))
    intervals = torch.diff(times[times > 0.7 * shown.stop])
    spread = float(intervals.max() / intervals.min())
    kinds = len({round(x) for x in intervals.tolist()})
    assert {"tonic": spread < 1.05, "bursting": spread > 10.0, "chaotic": kinds > 15 and spread > 3.0}[name]
