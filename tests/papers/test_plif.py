"""Facts of the PLIF paper: the update, its time constant, and that the time constant learns."""

from __future__ import annotations

import math

import pytest
import torch

from rheobase import neurons


@pytest.mark.parametrize("tau", [1.1, 2.0, 16.0])
def test_below_threshold_it_is_a_leaky_integrator_of_tau_steps(tau: float) -> None:
    cell = neurons.PLIF(1, a=-math.log(tau - 1.0), v_reset=0.25).double()
    _, _, rec = cell(torch.full((50, 1, 1), 0.5, dtype=torch.float64), record=("v",))
    n = torch.arange(1, 51, dtype=torch.float64)
    expected = 0.25 + 0.5 * (1.0 - (1.0 - 1.0 / tau) ** n)  # the input counts from v_reset
    assert torch.allclose(rec.v.flatten(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("x", [1.05, 1.5, 1.9])
def test_interval_in_closed_form(x: float) -> None:
    steps = math.ceil(math.log(x / (x - 1.0)) / math.log(2.0))  # tau = 2: the distance to x halves
    out, _ = neurons.PLIF(1)(torch.full((60, 1, 1), x))
    assert torch.diff(out.flatten().nonzero().flatten()).unique().tolist() == [steps]


def test_reset_is_hard() -> None:
    _, _, rec = neurons.PLIF(1, v_reset=-0.5)(torch.full((1, 1, 1), 9.0), record=("v", "v.pre"))
    assert float(rec.v_pre) > 1.0
    assert float(rec.v) == -0.5


def test_gradient_of_a_below_threshold() -> None:
    """dh/da = k (1 - k) (x - (v - v_reset)), over one step."""
    cell = neurons.PLIF(1, a=0.7, learn=("a",), detach_reset=True).double()
    start = cell.rest(1)._replace(v=torch.full((1, 1), 0.3, dtype=torch.float64))
    _, end = cell(torch.full((1, 1, 1), -0.2, dtype=torch.float64), start)
    end.v.sum().backward()
    (a,) = cell.parameters()
    k = torch.sigmoid(a.detach())
    assert float(a.grad) == pytest.approx(float(k * (1 - k) * (-0.2 - 0.3)))


def test_the_time_constant_learns() -> None:
    """Descent on a finds the time constant whose potential it is shown."""
    x = torch.full((20, 1, 1), 0.5)
    _, _, shown = neurons.PLIF(1, a=-math.log(5.0 - 1.0))(x, record=("v",))
    cell = neurons.PLIF(1, learn=("a",))
    descent = torch.optim.Adam(cell.parameters(), lr=0.1)
    for _ in range(100):
        descent.zero_grad()
        _, _, rec = cell(x, record=("v",))
        (rec.v - shown.v).square().sum().backward()
        descent.step()
    assert 1.0 + math.exp(-float(cell.a.detach())) == pytest.approx(5.0, rel=0.01)


def test_detached_reset_sends_no_gradient_through_the_spike() -> None:
    def slope(detach: bool) -> float:
        x = torch.full((2, 1, 1), 1.9).requires_grad_()
        _, end = neurons.PLIF(1, a=-1.0, detach_reset=detach, v_threshold=0.6)(x)
        end.v.sum().backward()
        assert x.grad is not None
        return float(x.grad[1])

    # the second step spikes: a detached reset leaves a constant behind
    assert slope(True) == 0.0
    assert slope(False) != 0.0
