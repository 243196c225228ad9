"""Facts of Wang & Buzsaki (1996)."""

from __future__ import annotations

import pytest
import torch

from rheobase import integrators, neurons
from tests.papers.firing import const, fires, rate

DT = 0.02


def cell(**given: float) -> neurons.WangBuzsaki:
    return neurons.WangBuzsaki(1, dt=DT, integrator=integrators.RK4(), **given).double()


def test_rest_is_at_minus_64_mV() -> None:
    assert float(cell().rest(1).v) == pytest.approx(-64.0, abs=0.05)


def test_firing_begins_at_any_low_frequency() -> None:
    """Type I: silent at 0.16 uA/cm2, a few Hz just above; the square of the rate grows with the current."""
    levels = (0.16, 0.165, 0.18, 0.22)
    times, _ = fires(cell(), torch.stack([const(i, 2000.0, DT) for i in levels], 1))
    assert len(times[0]) == 0
    rates = [rate(t) for t in times]
    assert 0.0 < rates[1] < 4.0
    onset = levels[2] - (levels[3] - levels[2]) / ((rates[3] / rates[2]) ** 2 - 1.0)
    assert onset == pytest.approx(0.161, abs=0.004)


def test_fast_spiking() -> None:
    """Up to some 400 Hz at 20 uA/cm2, without adaptation."""
    levels = (1.0, 5.0, 20.0)
    times, _ = fires(cell(), torch.stack([const(i, 500.0, DT) for i in levels], 1))
    assert rate(times[0]) == pytest.approx(60.0, abs=2.0)
    assert rate(times[2]) == pytest.approx(400.0, abs=15.0)
    for t in times:
        intervals = torch.diff(t)[len(t) // 2 :]
        assert float(intervals.max() - intervals.min()) <= 2.1 * DT


def test_brief_afterhyperpolarisation() -> None:
    """Its trough is not below -70 mV: some 15 mV under a threshold of about -55 mV."""
    (times,), v = fires(cell(), const(0.5, 300.0, DT))
    assert len(times) > 5
    assert -70.0 < float(v.min()) < -65.0
    # where the upstroke passes 5 mV/ms
    upstroke = torch.nonzero(torch.diff(v[:, 0]) / DT > 5.0).flatten()[0]
    assert -58.0 < float(v[upstroke]) < -48.0


def test_phi_is_the_speed_of_the_gates() -> None:
    """A slower potassium current hyperpolarises longer and deeper: the reason for phi = 5."""
    troughs = [float(fires(cell(phi=phi), const(1.0, 200.0, DT))[1].min()) for phi in (5.0, 3.33)]
    assert troughs[1] < troughs[0] - 1.0
