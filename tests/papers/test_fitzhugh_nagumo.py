"""Facts of FitzHugh (1961), most of them closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from rheobase import integrators, neurons
from tests.papers.firing import const, fires

DT = 0.05
A, B, PHI = 0.7, 0.8, 0.08


def cell(**given: float) -> neurons.FitzHughNagumo:
    return neurons.FitzHughNagumo(1, dt=DT, integrator=integrators.RK4(), **given).double()


def current_at(v: float) -> float:
    """Under which v stands still: the current that cancels v - v^3/3 - (v + a)/b."""
    return v**3 / 3.0 - v + (v + A) / B


def test_rest_of_the_paper() -> None:
    rest = cell().rest(1)
    assert float(rest.v) == pytest.approx(-1.1994, abs=5e-5)
    assert float(rest.w) == pytest.approx(-0.6243, abs=5e-5)
    assert current_at(float(rest.v)) == pytest.approx(0.0, abs=1e-7)


def test_oscillates_where_the_rest_is_unstable() -> None:
    """The trace 1 - v^2 - phi b of the linearisation changes its sign at v = -+sqrt(1 - phi b)."""
    edge = math.sqrt(1.0 - PHI * B)
    low, high = current_at(-edge), current_at(edge)
    assert (low, high) == pytest.approx((0.3313, 1.4187), abs=1e-4)
    levels = (low - 0.02, low + 0.01, 0.5 * (low + high), high - 0.01, high + 0.02)
    times, _ = fires(cell(), torch.stack([const(i, 1200.0, DT) for i in levels], 1))
    assert [int((t > 600.0).sum()) > 5 for t in times] == [False, True, True, True, False]


def test_anodal_break() -> None:
    """A spike at the end of a hyperpolarisation."""
    (times,), _ = fires(cell(), torch.cat([const(-0.5, 100.0, DT), const(0.0, 100.0, DT)]))
    assert len(times) == 1
    assert 100.0 < float(times[0]) < 110.0


def test_symmetry() -> None:
    """The equations keep their form under (v, w, a, i) -> -(v, w, a, i)."""
    current = torch.sin(torch.arange(4000) * 0.01).double()
    _, v = fires(cell(), current)
    _, w = fires(cell(a=-A), -current)
    assert float((v + w).abs().max()) < 1e-9


def test_recovery_is_slower_by_phi() -> None:
    """dw/dt = phi (v + a - b w): it forgets with the time constant 1/(phi b)."""
    neuron = cell()
    slope = neuron.dynamics(neuron.rest(1), torch.zeros(1, 1))["w"]
    assert float(slope.tau) == pytest.approx(1.0 / (PHI * B))


def test_rate_is_the_unit_of_time() -> None:
    (slow,), _ = fires(cell(), const(0.5, 400.0, DT))
    fast = neurons.FitzHughNagumo(1, dt=DT / 2.0, rate=2.0, integrator=integrators.RK4())
    (times,), _ = fires(fast, const(0.5, 200.0, DT / 2.0))
    assert len(slow) > 5
    assert torch.allclose(times, slow / 2.0)
