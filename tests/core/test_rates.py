"""The parts of conductance-based neurons against arithmetic of a hundred digits, and against closed forms."""

from __future__ import annotations

import mpmath as mp
import pytest
import torch

from rheobase.core.equations.rates import LIMIT, NEAR, exponential, gate, linoid, membrane

ULP = {torch.float64: 2.0**-52, torch.float32: 2.0**-23}
# around zero, around where the branches meet, and up to where it stands still
POINTS = [
    0.0,
    *(s * x for s in (1.0, -1.0) for x in (1e-20, 1e-12, 1e-6, 1e-3, 0.05, 0.0999, 0.1, 0.1001, 1.0, 7.3, 41.0, 79.9)),
]


def truth(x: float) -> mp.mpf:
    return mp.mpf(1) if x == 0 else mp.mpf(x) / mp.expm1(x)


def slope(x: float) -> mp.mpf:
    """d/dx of x/(exp(x) - 1)."""
    if x == 0:
        return mp.mpf(-1) / 2
    x = mp.mpf(x)
    return (mp.expm1(x) - x * mp.exp(x)) / mp.expm1(x) ** 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_linoid(dtype: torch.dtype) -> None:
    x = torch.tensor(POINTS, dtype=dtype, requires_grad=True)
    y = linoid(x)
    (dy,) = torch.autograd.grad(y.sum(), x)
    with mp.workdps(100):
        for point, value, derivative in zip(x.tolist(), y.tolist(), dy.tolist(), strict=True):
            # the quotient turns an error of the argument by x ulp into one of the value by x ulp
            assert abs(value / truth(point) - 1) < (4 + abs(point)) * ULP[dtype], point
            # in the derivative two terms of size 1/x cancel down to 1/2; below 1e-17 float32 loses it
            if dtype == torch.float32 and point > 42.0:
                assert abs(derivative) < 1e-17
                continue
            assert abs(derivative / slope(point) - 1) < (4 / NEAR + abs(point)) * ULP[dtype], point


def test_linoid_far_out() -> None:
    """Neither value nor gradient is lost at any voltage that float32 can hold."""
    x = torch.tensor([-1e30, -1e4, -90.0, LIMIT, 90.0, 1e4, 1e30], requires_grad=True)
    y = linoid(x)
    (dy,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(y[:3], -x[:3].detach())
    assert torch.equal(dy[:3], -torch.ones(3))
    assert bool(((y[3:] > 0) & (y[3:] < 2e-33)).all())
    assert bool((dy[4:] == 0).all())
    assert bool(torch.isfinite(dy).all())


def test_linoid_is_smooth_to_second_order() -> None:
    """The branches meet where no finite difference can see it."""
    x = torch.linspace(-0.2, 0.2, 401, dtype=torch.float64)
    second, at = torch.diff(linoid(x), n=2) / 1e-6, x[1:-1]
    assert float((second - (1.0 / 6.0 - at**2 / 60.0 + at**4 / 1008.0)).abs().max()) < 1e-6


def test_exponential_has_limits() -> None:
    x = torch.tensor([-1e9, -100.0, -1.0, 0.0, 1.0, 100.0, 1e9], requires_grad=True)
    y = exponential(x)
    (dy,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(y[2:5], torch.exp(x[2:5]))
    assert torch.equal(y[:2], torch.exp(torch.tensor([-LIMIT, -LIMIT])))
    assert torch.equal(y[5:], torch.exp(torch.tensor([LIMIT, LIMIT])))
    assert torch.equal(dy, torch.cat([torch.zeros(2), y[2:5].detach(), torch.zeros(2)]))


def test_gate() -> None:
    """dx/dt = phi (alpha (1 - x) - beta x), said as a relaxation."""
    x, alpha, beta, phi = torch.rand(4, 100, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.1
    expected = phi * (alpha * (1.0 - x) - beta * x)
    assert torch.allclose(gate(alpha, beta, phi).derivative(x), expected, rtol=1e-12, atol=1e-15)
    assert torch.allclose(gate(alpha, beta).derivative(x), expected / phi, rtol=1e-12, atol=1e-15)


def test_membrane() -> None:
    """c dv/dt = i - sum g (v - e), said as a relaxation; its target lies between the reversal potentials."""
    v, i, c, g, h = torch.rand(5, 100, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.1
    said = membrane(c, i, (g, -80.0), (h, 50.0))
    assert torch.allclose(said.derivative(v), (i - g * (v + 80.0) - h * (v - 50.0)) / c, rtol=1e-12)
    still = membrane(c, 0.0 * i, (g, -80.0), (h, 50.0))
    assert bool(((still.to > -80.0) & (still.to < 50.0)).all())
