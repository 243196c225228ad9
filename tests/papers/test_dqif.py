"""The discretized quadratic integrate-and-fire neuron: its map by hand, and what constant input does to it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase import neurons
from rheobase.errors import ParameterError
from rheobase.reproduce.dqif import theory as dqif

LAM = {"factored": 0.0, "euler": 1.0}


def held(found: neurons.DQIF, v: Tensor, x: Tensor | float, steps: int) -> Tensor:
    """v over time, (steps + 1, lanes), from v under constant x; float64."""
    found = found.double()
    start = found.rest(len(v))._replace(v=v.double()[:, None])
    current = torch.as_tensor(x, dtype=torch.float64).expand(len(v))
    _, _, rec = found(current.expand(steps, -1)[..., None].contiguous(), start, record=("v",))
    return torch.cat([start.v[None], rec.v])[..., 0]


# --- the map ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("clamp", ["euler", "always", "never"])
@pytest.mark.parametrize("form", ["factored", "euler"])
def test_the_map_by_hand(form: str, clamp: str, reset: str) -> None:
    """Spike for spike, under parameters of each neuron's own and input that reaches every branch."""
    rng = np.random.default_rng(0)
    a, u1, u2 = (rng.uniform(*ends, 32) for ends in ((0.05, 0.45), (-0.4, 0.2), (0.3, 1.4)))
    theta, v_reset = rng.uniform(0.7, 1.3, 32), rng.uniform(-0.3, 0.3, 32)
    x = rng.normal(0.1, 1.0, (200, 8, 32))
    floor = (u1 + u2) / 2 - (1 / (2 * a) if form == "euler" else 0)
    s_min = floor if clamp == "always" or clamp == form else np.full(32, -np.inf)
    v = np.zeros((8, 32))
    spikes, before, after = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for t in range(len(x)):
        w = np.maximum(v, s_min)
        u = LAM[form] * w + a * (w - u1) * (w - u2) + x[t]
        fired = u >= theta
        v = np.where(fired, v_reset if reset == "hard" else np.minimum(u - theta, theta), u)
        spikes[t], before[t], after[t] = fired, u, v
    given: dict[str, Any] = dict(a=a, u1=u1, u2=u2, v_threshold=theta, v_reset=v_reset)
    found = neurons.DQIF(32, form=form, clamp=clamp, reset=reset).double()
    for name, value in given.items():
        setattr(found, name, torch.from_numpy(value))
    start = found.rest(8)._replace(v=torch.zeros(8, 32, dtype=torch.float64))
    out, end, rec = found(torch.from_numpy(x), start, record=("v", "v.pre"))
    assert 0.05 < spikes.mean() < 0.5
    assert np.array_equal(out.numpy(), spikes)
    assert np.allclose(rec.v_pre.numpy(), before, rtol=0, atol=1e-10)
    assert np.allclose(rec.v.numpy(), after, rtol=0, atol=1e-10)
    assert torch.equal(end.v, rec.v[-1])


@pytest.mark.parametrize("a", [0.01, 0.25, 0.5])
@pytest.mark.parametrize("u1", [-0.3, 0.0, 0.1])
@pytest.mark.parametrize(("form", "clamp"), [("factored", "never"), ("factored", "always"), ("euler", "euler")])
def test_nothing_moves_at_rest(form: str, clamp: str, u1: float, a: float) -> None:
    found = neurons.DQIF(1, form=form, clamp=clamp, u1=u1, a=a).double()
    rest = float(found.rest(1).v)
    if clamp != "always":
        low, _ = dqif.fixed_points(a=found.a, u1=found.u1, u2=found.u2, lam=LAM[form])
        assert rest == pytest.approx(float(low), abs=1e-12)
    _, end = found(torch.zeros(50, 1, 1, dtype=torch.float64))
    assert float(end.v) == pytest.approx(rest, abs=1e-12)


def test_one_form_is_the_other() -> None:
    """The roots of the Euler step are those of a factored one: the same product, and 1/a less in the sum."""
    u1, u2, a = 0.1, 0.7, 0.3
    half, product = 0.5 * (u1 + u2 - 1.0 / a), u1 * u2
    root = math.sqrt(half**2 - product)
    euler = dqif.coefficients(a=a, u1=u1, u2=u2, lam=1.0)
    factored = dqif.coefficients(a=a, u1=half - root, u2=half + root, lam=0.0)
    assert torch.allclose(torch.stack(euler), torch.stack(factored), rtol=0, atol=1e-12)


@pytest.mark.parametrize("x", [0.0, -0.3, -1.0])
@pytest.mark.parametrize(("a", "u1", "u2"), [(0.25, 0.0, 0.5), (0.5, 0.1, 1.2), (0.1, -0.4, 0.3)])
@pytest.mark.parametrize("form", LAM)
def test_fixed_points_and_their_slopes(form: str, a: float, u1: float, u2: float, x: float) -> None:
    """A small distance from a fixed point is multiplied, in a step, by 1 -+ sqrt(discriminant)."""
    given = dict(a=a, u1=u1, u2=u2)
    root = float(dqif.discriminant(**given, lam=LAM[form], x=x).sqrt())
    found = neurons.DQIF(1, form=form, clamp="never", **given, v_threshold=50.0)
    for v, slope in zip(dqif.fixed_points(**given, lam=LAM[form], x=x), (1.0 - root, 1.0 + root), strict=True):
        path = held(found, v + torch.tensor([0.0, 1e-6], dtype=torch.float64), x, 1)
        assert float(path[1, 0]) == pytest.approx(float(v), abs=1e-6)
        assert float((path[1, 1] - path[1, 0]) / 1e-6) == pytest.approx(slope, abs=1e-4)


def test_values_of_the_plotted_cell() -> None:
    plotted: dict[str, Any] = dict(a=0.25, u1=0.0, u2=0.5, lam=torch.tensor([1.0, 0.0]))
    assert (1.0 - dqif.discriminant(**plotted).sqrt()).tolist() == [0.875, -0.125]
    assert dqif.vertex(**plotted).tolist() == [-1.75, 0.25]
    assert dqif.fixed_points(**plotted)[1].tolist() == [0.5, 4.5]


@pytest.mark.parametrize("form", LAM)
def test_every_cell_that_can_be_declared_is_stable(form: str) -> None:
    """Over the box of the ranges, with its faces; "euler" without oscillation."""
    ends = [neurons.DQIF.params[name].range for name in ("a", "u1", "u2")]
    a, u1, u2 = torch.meshgrid(*(torch.linspace(*e, 23, dtype=torch.float64) for e in ends), indexing="ij")
    assert bool(dqif.is_stable(a=a, u1=u1, u2=u2, lam=LAM[form]).all())
    slope = 1.0 - dqif.discriminant(a=a, u1=u1, u2=u2, lam=LAM[form]).sqrt()
    low, high = {"euler": (0.0, 0.999), "factored": (-0.7671, 0.0318)}[form]
    assert float(slope.min()) == pytest.approx(low, abs=1e-4)
    assert float(slope.max()) == pytest.approx(high, abs=1e-4)


@pytest.mark.parametrize("form", LAM)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_learning_cannot_leave_the_stable_cells(form: str, sign: float) -> None:
    found = neurons.DQIF(1, form=form, learn=("a", "u1", "u2"))
    descent = torch.optim.SGD(found.parameters(), lr=100.0)
    for _ in range(20):
        descent.zero_grad()
        (sign * (found.a + found.u2 - found.u1)).backward()
        descent.step()
    a, u1, u2 = (found.value(name).detach() for name in ("a", "u1", "u2"))
    assert 0.0 < float(a * (u2 - u1)) < 1.0 + 1e-6
    assert bool(dqif.is_stable(a=a, u1=u1, u2=u2, lam=LAM[form]))


@pytest.mark.parametrize("given", [dict(a=0.6), dict(a=-0.1), dict(u1=0.3), dict(u2=0.2), dict(v_threshold=0.0)])
def test_cells_outside_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ParameterError):
        neurons.DQIF(1, **given)


# --- what constant input does -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("form", "a", "u1", "u2", "v_threshold"),
    [
        ("euler", 0.25, 0.0, 0.5, 1.0),
        ("euler", 0.4, -0.2, 0.9, 1.0),
        ("euler", 0.25, 0.0, 1.0, 0.4),
        ("factored", 0.25, 0.0, 0.5, 1.0),
        ("factored", 0.4, -0.2, 0.9, 1.0),
        ("factored", 0.5, 0.0, 1.5, 3.0),
    ],
)
def test_rheobase(form: str, a: float, u1: float, u2: float, v_threshold: float) -> None:
    """By bisection, where the fixed points meet and where the lower one reaches the threshold."""
    given = dict(a=a, u1=u1, u2=u2, v_threshold=v_threshold)
    found = neurons.DQIF(1, form=form, **given).double()
    low, high = 0.0, 4.0
    for _ in range(24):
        x = 0.5 * (low + high)
        spikes, _ = found(torch.full((4000, 1, 1), x, dtype=torch.float64))
        low, high = (low, x) if bool(spikes.any()) else (x, high)
    expected = float(dqif.rheobase_current(**given, lam=LAM[form]))
    assert high == pytest.approx(expected, abs=5e-6)


@pytest.mark.parametrize(("form", "a", "u2"), [("factored", 0.25, 0.5), ("factored", 0.4, 1.0), ("euler", 0.5, 0.5)])
def test_the_period_doubles(form: str, a: float, u2: float) -> None:
    """Where the slope at the fixed point passes -1; not with the clamp."""
    given = dict(a=a, u1=0.0, u2=u2)
    x = (float(dqif.discriminant(**given, lam=LAM[form])) - 4.0) / (4.0 * a)
    both = torch.tensor([x + 0.03, x - 0.03])
    assert dqif.is_stable(**given, lam=LAM[form], x=both).tolist() == [True, False]
    start, _ = dqif.fixed_points(**given, lam=LAM[form], x=both)
    path = held(neurons.DQIF(1, form=form, clamp="never", **given, v_threshold=9.0), start + 0.01, both, 4001)[-3:]
    swing, closes = (path[2] - path[1]).abs(), (path[2] - path[0]).abs()
    assert float(swing[0]) < 1e-6
    assert float(swing[1]) > 0.1
    assert bool((closes < 1e-6).all())
    cut = held(neurons.DQIF(1, form=form, clamp="always", **given), start, both, 4000)
    assert torch.allclose(cut[-1], cut[-2], rtol=0, atol=1e-6)


def test_the_clamp_keeps_a_low_potential_below_threshold() -> None:
    """Without it, one below u1 - 1/a = -4 is thrown over the critical potential, and far below over the threshold."""
    start = torch.tensor([-3.9, -4.1, -6.0, -100.0])
    uncut = held(neurons.DQIF(1, form="euler", clamp="never"), start, 0.0, 1)[1]
    assert [bool(v > 0.5) or bool(v == 0.0) for v in uncut] == [False, True, True, True]
    assert float(uncut[3]) == 0.0  # it has fired
    fired = {}
    for clamp in ("euler", "never"):
        found = neurons.DQIF(1, form="euler", clamp=clamp).double()
        state = found.rest(4)._replace(v=start.double()[:, None])
        spikes, end = found(torch.zeros(100, 4, 1, dtype=torch.float64), state)
        fired[clamp] = spikes.sum((0, 2)).tolist()
        assert float(end.v.abs().max()) < 1e-2
    assert fired["euler"] == [0.0, 0.0, 0.0, 0.0]
    assert fired["never"] == [0.0, 1.0, 1.0, 1.0]


def test_the_clamp_makes_the_map_monotone() -> None:
    """The same past under more input never gives a lower potential."""
    v = torch.linspace(-30.0, 0.99, 500)
    for form, clamp, monotone in (("euler", "euler", True), ("euler", "never", False), ("factored", "euler", False)):
        path = held(neurons.DQIF(1, form=form, clamp=clamp, v_threshold=500.0), v, 0.0, 1)[1]
        assert bool((path.diff() >= 0.0).all()) == monotone


def test_a_soft_reset_does_not_run_away() -> None:
    """One that only took the threshold off would: 4 - 1 is squared to more than 4."""
    found = neurons.DQIF(1, form="euler", reset="soft")
    path = held(found, torch.tensor([0.0, 0.0]), torch.tensor([4.0, 0.4]), 40)
    assert float(path.max()) <= 1.0
    assert float(path[1:, 0].min()) == 1.0
    start = torch.tensor([0.9])
    assert float(held(found, start, 0.3, 1)[1]) == pytest.approx(0.9 + 0.25 * 0.9 * 0.4 + 0.3 - 1.0)
