"""How firing begins in the three regimes of Rinzel & Ermentrout (1989)."""

from __future__ import annotations

import pytest
import torch

from rheobase import integrators, neurons
from tests.papers.firing import const, fires, rate

DT = 0.1


def fibre(name: str, **given: float) -> neurons.MorrisLecar:
    return neurons.MorrisLecar.named(name, 1, dt=DT, integrator=integrators.RK4(), **given).double()


def test_there_are_three_sets_and_the_default_is_one() -> None:
    assert list(neurons.MorrisLecar.sets()) == ["hopf", "snlc", "homoclinic"]
    assert repr(neurons.MorrisLecar.named("hopf", 1, dt=DT)) == repr(neurons.MorrisLecar(1, dt=DT))


def onset(name: str, levels: tuple[float, ...], duration: float) -> tuple[float, float]:
    """The least of the currents at which it still fires at the end, and how often."""
    times, _ = fires(fibre(name), torch.stack([const(i, duration, DT) for i in levels], 1))
    firing = [(i, rate(t)) for i, t in zip(levels, times, strict=True) if int((t > 0.7 * duration).sum()) > 0]
    return firing[0]


def test_hopf_begins_at_a_frequency_and_snlc_does_not() -> None:
    """Type II: from a step at 88.5 uA/cm2, with 9 Hz, over half of what it ever reaches. Type I: at 40, with 2 Hz."""
    level, hertz = onset("hopf", (86.0, 87.0, 88.0, 89.0, 90.0), 2000.0)
    assert 88.0 <= level <= 89.0
    assert 8.0 < hertz < 10.0
    level, hertz = onset("snlc", (39.0, 39.9, 40.05, 41.0), 4000.0)
    assert level == 40.05
    assert hertz < 3.0
    times, _ = fires(fibre("snlc"), torch.stack([const(i, 1500.0, DT) for i in (41.0, 60.0, 100.0)], 1))
    assert rate(times[0]) < 6.0 < 16.0 < rate(times[1]) < rate(times[2])


def test_saddle_node_at_39_96() -> None:
    """Below it two fixed points, above it none, at potentials where the potassium current begins."""

    def zeros(level: float) -> int:
        v = torch.linspace(-60.0, -10.0, 20001, dtype=torch.float64).view(-1, 1)
        neuron = fibre("snlc")
        blank = neuron.State(v=v, w=torch.zeros_like(v), above=torch.zeros_like(v))
        w = neuron.dynamics(blank, torch.zeros_like(v))["w"].to
        slope = neuron.dynamics(blank._replace(w=w), torch.full_like(v, level))["v"]
        rising = slope.to > v
        return int((rising[1:] != rising[:-1]).sum())

    assert zeros(39.9) == 2
    assert zeros(40.0) == 0


def test_hopf_point_at_93_86() -> None:
    """A slow ramp meets no firing before the rest has lost its stability."""
    for top, fired in ((93.0, False), (97.0, True)):
        ramp = torch.linspace(60.0, top, round(4000.0 / DT), dtype=torch.float64)
        (times,), _ = fires(fibre("hopf"), torch.cat([const(60.0, 200.0, DT), ramp, const(top, 1500.0, DT)]))
        assert (int((times > 1000.0).sum()) > 0) == fired


@pytest.mark.parametrize(("level", "goes_on"), [(34.5, False), (36.0, True), (39.0, True)])
def test_homoclinic_coexistence(level: float, goes_on: bool) -> None:
    """Once firing, it goes on down to a saddle loop near 35 uA/cm2; from rest it does not begin below 39.96."""
    (times,), _ = fires(fibre("homoclinic"), const(level, 1500.0, DT))
    assert len(times) == 0
    (times,), _ = fires(fibre("homoclinic"), torch.cat([const(40.3, 1000.0, DT), const(level, 1500.0, DT)]))
    assert int((times < 1000.0).sum()) > 3
    assert (int((times > 2000.0).sum()) > 3) == goes_on
