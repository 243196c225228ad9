"""The classes of Pospischil et al. (2008), by the features that define them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rheobase import integrators, neurons
from tests.papers.firing import const, fires, rate

DT = 0.05


def shown(name: str, **given: float) -> Tensor:
    """Spike times under the protocol of the set."""
    protocol = neurons.Pospischil.sets()[name].shown
    assert protocol is not None
    cell = neurons.Pospischil.named(name, 1, dt=DT, integrator=integrators.RK4(), **given).double()
    (times,), _ = fires(cell, protocol.stimulus.sample(protocol.stop, DT))
    return times


def test_default_is_the_regular_spiking_cell() -> None:
    assert repr(neurons.Pospischil(1, dt=DT)) == repr(neurons.Pospischil.named("RS", 1, dt=DT))


def test_rs_adapts_by_its_slow_potassium_current() -> None:
    intervals = torch.diff(shown("RS"))
    assert len(intervals) >= 4
    assert bool((intervals[1:] > intervals[:-1]).all())
    assert float(intervals[-1] / intervals[0]) > 3.0
    without = torch.diff(shown("RS", g_M=0.0))
    assert float(without[-1] / without[0]) == pytest.approx(1.0, abs=0.02)


def width(name: str) -> float:
    """Of the first spike under 5 uA/cm2, at -10 mV."""
    cell = neurons.Pospischil.named(name, 1, dt=0.01, integrator=integrators.RK4()).double()
    (times,), v = fires(cell, const(5.0, 60.0, 0.01))
    assert len(times) > 0
    first = int(times[0] / 0.01)
    return float((v[first - 100 : first + 400, 0] > -10.0).sum()) * 0.01


def test_fs_is_fast_and_does_not_adapt() -> None:
    times = shown("FS")
    intervals = torch.diff(times)
    assert len(intervals) > 15
    assert float(intervals.max() / intervals.min()) < 1.02
    assert len(times) > 3 * len(shown("RS"))
    assert width("FS") < 0.85 * width("RS") < 1.0
    cell = neurons.Pospischil.named("FS", 1, dt=DT, integrator=integrators.RK4()).double()
    (times,), _ = fires(cell, const(20.0, 300.0, DT))
    assert rate(times) > 250.0


def bursts(times: Tensor) -> list[int]:
    """The number of spikes in each group with intervals under 50 ms."""
    groups = torch.cat([torch.tensor([0]), torch.cumsum(torch.diff(times) > 50.0, 0)])
    return torch.bincount(groups).tolist()


def test_ib_begins_with_a_burst() -> None:
    """With the high-threshold calcium current of the set one burst, then single spikes; with less of it, none."""
    sizes = bursts(shown("IB"))
    assert sizes[0] >= 4
    assert len(sizes) >= 4
    assert set(sizes[1:]) == {1}
    assert set(bursts(shown("IB", g_L=0.1))) == {1}


def test_more_of_it_makes_bursts_all_along() -> None:
    sizes = bursts(shown("IB_repetitive"))
    assert len(sizes) >= 4
    assert min(sizes) >= 2


def test_lts_fires_on_rebound() -> None:
    """After a hyperpolarisation, by its low-threshold calcium current; the deeper, the more spikes."""
    times = shown("LTS")
    assert len(times) >= 1
    assert bool((times > 800.0).all())
    assert len(shown("LTS", g_T=0.0)) == 0
    cell = neurons.Pospischil.named("LTS", 1, dt=DT, integrator=integrators.RK4()).double()
    (deeper,), _ = fires(cell, torch.cat([const(-0.5, 400.0, DT), const(0.0, 300.0, DT)]))
    assert len(deeper) == 2
    assert float(torch.diff(deeper)[0]) < 15.0


def test_lts_from_a_low_rest_begins_with_a_burst() -> None:
    times = shown("LTS_burst")
    assert float(torch.diff(times)[0]) < 15.0
    assert float(torch.diff(times)[-1]) > 100.0
    without = shown("LTS_burst", g_T=0.0)
    assert len(without) == 0 or float(torch.diff(without)[0]) > 15.0


def test_kinetics() -> None:
    """As the paper and the authors' code state them."""
    v = torch.tensor([-100.0, -80.0, -60.0, -35.1, -26.9, 0.0, 30.0], dtype=torch.float64).view(-1, 1)
    names = ("m", "h", "n", "p", "q", "r", "u")
    cell = neurons.Pospischil(1, dt=DT).double()
    zero = torch.zeros_like(v)
    slopes = cell.dynamics(cell.State(v=v, above=zero, **dict.fromkeys(names, zero)), zero)
    exp, x = torch.exp, 2.0
    y = v + 55.0
    alphas = {
        "m": (0.32 * (13 - y) / (exp((13 - y) / 4) - 1), 0.28 * (y - 40) / (exp((y - 40) / 5) - 1)),
        "h": (0.128 * exp((17 - y) / 18), 4 / (1 + exp((40 - y) / 5))),
        "n": (0.032 * (15 - y) / (exp((15 - y) / 5) - 1), 0.5 * exp((10 - y) / 40)),
        "q": (0.055 * (-27 - v) / (exp((-27 - v) / 3.8) - 1), 0.94 * exp((-75 - v) / 17)),
        "r": (0.000457 * exp((-13 - v) / 50), 0.0065 / (exp((-15 - v) / 28) + 1)),
    }
    expected = {k: (a / (a + b), 1 / (a + b)) for k, (a, b) in alphas.items()}
    tau_p = 1000 / (3.3 * exp((v + 35) / 20) + exp(-(v + 35) / 20))
    expected["p"] = (1 / (1 + exp(-(v + 35) / 10)), tau_p)
    tau_u = 30.8 + (211.4 + exp((v + x + 113.2) / 5)) / (1 + exp((v + x + 84) / 3.2))
    expected["u"] = (1 / (1 + exp((v + x + 81) / 4)), tau_u / 3.0**1.2)
    for name, (to, tau) in expected.items():
        assert torch.allclose(slopes[name].to, to, rtol=1e-6), name
        assert torch.allclose(1 / slopes[name].times(1.0), tau, rtol=1e-4), name


@pytest.mark.parametrize("name", list(neurons.Pospischil.sets()))
def test_default_integrator_shows_the_same(name: str) -> None:
    """At the step of the set: the same spikes to some per cent."""
    protocol = neurons.Pospischil.sets()[name].shown
    assert protocol is not None
    cell = neurons.Pospischil.named(name, 1, dt=protocol.dt)
    (times,), _ = fires(cell, protocol.current().flatten(), cell.double().start(protocol))
    exact = shown(name)
    assert abs(len(times) - len(exact)) <= 0.2 * len(exact)
    assert float(times[0]) == pytest.approx(float(exact[0]), rel=1e-3)
