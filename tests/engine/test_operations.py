"""Every operation that equations may use: kernel and torch agree, values and gradients, at the odd places too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import MapNeuron, Neuron, param, state, surrogates
from rheobase.core import primitives
from rheobase.engine.graph.rules import RULES
from tests.contract.tolerances import difference
from tests.engine.integer_arithmetic import RULES_OF_WHOLE
from tests.engine.test_types import CALLED, ONE, TWO, torch_one, torch_two

Expression = Callable[[Any, Any], Any]


def neuron_of(expression: Expression, n: int = 40) -> Neuron:
    """A neuron that gives out expression(i, y), y being a learnable value for each lane."""

    class Operation(MapNeuron):
        y = param(0.5, "1", "second argument")
        last = state(0.0, "1", "last output")
        graded = True

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            out = expression(i, self.y)
            return out, s._replace(last=out)

    y = torch.linspace(-1.7, 1.9, n, dtype=torch.float64)
    return Operation(n, y=y, learn=("y",)).double()


def both(expression: Expression, x: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """(value, gradient by input, gradient by parameter) on the reference and on the kernel."""
    neuron = neuron_of(expression, x.shape[-1])
    found = []
    for backend in ("reference", "llvm"):
        i = x.clone().requires_grad_()
        neuron.zero_grad()
        out, _ = neuron(i, backend=backend)
        weight = torch.linspace(0.5, 1.5, out.numel(), dtype=x.dtype).view_as(out)
        (weight * out).sum().backward() if out.requires_grad else None
        (p,) = neuron.parameters()
        found.append((out.detach(), *(torch.zeros_like(t) if t.grad is None else t.grad.clone() for t in (i, p))))
    return found


def points(seed: int = 0) -> Tensor:
    return 2.0 * torch.randn(7, 1, 40, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


EXPRESSIONS: dict[str, Expression] = {
    "neg": lambda x, y: -x * y,
    "abs": lambda x, y: torch.abs(x) + abs(y),
    "exp": lambda x, y: torch.exp(x * y),
    "expm1": lambda x, y: torch.expm1(x * y),
    "log": lambda x, y: torch.log(x * x + y * y),
    "tanh": lambda x, y: torch.tanh(x * y),
    "sigmoid": lambda x, y: torch.sigmoid(x * y),
    "sqrt": lambda x, y: torch.sqrt(x * x + y * y),
    "sin": lambda x, y: torch.sin(3.0 * x * y),
    "cos": lambda x, y: torch.cos(3.0 * x * y),
    "floor": lambda x, y: torch.floor(3.0 * x) + y,
    "detach": lambda x, y: x * y.detach() + x.detach() * y * y,
    "add": lambda x, y: torch.add(x, y, alpha=2.0) + (1.0 + x),
    "sub": lambda x, y: torch.sub(x, y, alpha=3.0) - (1.0 - y),
    "mul": lambda x, y: torch.mul(x, y) * (2.0 * x),
    "div": lambda x, y: torch.div(x, y) + 1.0 / (y * y + 1.0),
    "maximum": lambda x, y: torch.maximum(x, y),
    "minimum": lambda x, y: torch.minimum(x, y),
    "lt": lambda x, y: torch.where(x < y, x * x, y),
    "le": lambda x, y: torch.where(torch.le(x, y), x, y * y),
    "gt": lambda x, y: torch.where(x > y, x, 0.0),
    "ge": lambda x, y: torch.where(torch.ge(x, 0.0), y, x),
    "eq": lambda x, y: torch.where(torch.floor(x) == 0.0, x, y),
    "ne": lambda x, y: torch.where(torch.floor(x) != 0.0, x, y),
    "true_divide": lambda x, y: torch.true_divide(x, y * y + 1.0),
    "truediv": lambda x, y: x.__truediv__(y * y + 1.0),
    "rtruediv": lambda x, y: torch.ones((), dtype=torch.float64) / (x * x + y * y),
    "rdiv": lambda x, y: 2.0 / (x * x + y * y),
    "rsub": lambda x, y: torch.rsub(x, y),
    "radd": lambda x, y: 2.0 + x * y,
    "rmul": lambda x, y: 2.0 * x * y,
    "multiply": lambda x, y: torch.multiply(x, y),
    "negative": lambda x, y: torch.negative(x) * y,
    "absolute": lambda x, y: torch.absolute(x) * y,
    "square": lambda x, y: torch.square(x) + y.square(),
    "reciprocal": lambda x, y: torch.reciprocal(x * x + y * y),
    "rsqrt": lambda x, y: torch.rsqrt(x * x + y * y),
    "pow": lambda x, y: x**2 + y**3 - x**5 + (x * x + 1.0) ** 0.5 + (y * y + 1.0) ** -2 + torch.pow(x, 4),
    "logical_and": lambda x, y: torch.where(torch.logical_and(x > 0.0, y > 0.0) & (x < 2.0), x, y),
    "logical_or": lambda x, y: torch.where(torch.logical_or(x > 0.0, y > 0.0) | (x < -1.0), x, y),
    "logical_not": lambda x, y: torch.where(~torch.logical_not(x > y), x, y),
    "where": lambda x, y: torch.where(x > 0.0, 1.0, y) * x,
    "relu": lambda x, y: torch.relu(x) * y + (x - y).relu(),
    "clamp": lambda x, y: torch.clamp(x, -1.0, 1.0) * y + x.clamp(min=y) + x.clamp(max=0.5),
    "clip": lambda x, y: torch.clip(x, -0.5, 1.5) * y,
    "clamp_min": lambda x, y: torch.clamp_min(x, -0.5) * y,
    "clamp_max": lambda x, y: x.clamp_max(0.5) * y,
    "zeros_like": lambda x, y: torch.zeros_like(x) + x * y,
    "ones_like": lambda x, y: torch.ones_like(x) * y + x,
    "full_like": lambda x, y: torch.full_like(x, 0.25) * y + x,
    "to": lambda x, y: (x > y).to(x.dtype) * x + y,
    "type_as": lambda x, y: (x > y).type_as(x) * x + y,
    "clone": lambda x, y: x.clone() * y,
    "spike": lambda x, y: primitives.spike(x - y, surrogates.ATan()) * x,
    "switch": lambda x, y: primitives.switch(primitives.spike(x, surrogates.Sigmoid()), x * y, y * y),
    "substitute": lambda x, y: primitives.substitute(torch.floor(x * y), x * y),
    "a mask is a number": lambda x, y: (x > y) * x + (x <= 0.0) * y,
    "a mask as the result": lambda x, y: x > y,
    "a mask of parameters": lambda x, y: torch.where(y > 0.3, x, x * y),
    "a function of parameters": lambda x, y: x * torch.exp(-1.0 / (y * y + 0.1)) + torch.tanh(y),
    "parameters alone": lambda x, y: y * y,
    "a number": lambda x, y: torch.full_like(x, 0.75),
    "the same twice": lambda x, y: torch.exp(x * y) * torch.exp(x * y) + torch.exp(y * x),
    "a constant tensor": lambda x, y: x * torch.tensor(0.25, dtype=torch.float64) + y,
    "a large number": lambda x, y: torch.clamp(x, max=3e38) * y,
}


@pytest.mark.usefixtures("plain_code")
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression(name: str) -> None:
    expected, found = both(EXPRESSIONS[name], points())
    for a, b, what in zip(
        expected, found, ("value", "gradient of the input", "gradient of the parameter"), strict=True
    ):
        assert difference(a, b) < 1e-13, what


def test_every_rule_is_tested() -> None:
    missing = (
        RULES.keys() - EXPRESSIONS.keys() - ONE.keys() - TWO.keys() - {"normal", "uniform", *CALLED, *RULES_OF_WHOLE}
    )
    assert not missing, f"no expression for {sorted(missing)}"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression_in_float32(name: str, dtype: torch.dtype) -> None:
    """Within the rounding of the input's type; what jumps may jump elsewhere, so it stays clear of it."""
    neuron = neuron_of(EXPRESSIONS[name]).float()
    x = points().to(dtype)
    with torch.no_grad():
        expected, found = (neuron(x, backend=backend)[0].float() for backend in ("reference", "llvm"))
    near = (expected - found).abs() <= (1e-6 if dtype == torch.float32 else 2**-8) * (1.0 + expected.abs())
    assert float(near.float().mean()) > 0.99


# --- odd places -----------------------------------------------------------------------------------------------

NAN = math.nan
ODD = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, -1e-30, 700.0, -700.0, 720.0, -750.0, 3e38, math.inf, -math.inf, NAN]
FAR = [2.0**k for k in range(18, 124, 7)]
ALONE: dict[str, Expression] = {
    **{
        name: torch_one(name)
        for name in (
            "neg",
            "abs",
            "exp",
            "expm1",
            "log",
            "tanh",
            "sigmoid",
            "sqrt",
            "rsqrt",
            "floor",
            "square",
            "reciprocal",
            "relu",
        )
    },
    **{name: torch_two(name) for name in ("add", "sub", "mul", "div", "maximum", "minimum")},
    **{f"power {n}": (lambda x, y, n=n: x**n) for n in (2, 3, 5, -1, -2, -3, 0.5, 0.3, 4.8, -1.5)},
    "clamp": lambda x, y: torch.clamp(x, -1.0, 1.0),
    "clamp at tensors": lambda x, y: torch.clamp(x, y, torch.abs(y)),
    "clamp from below": lambda x, y: torch.clamp(x, min=y),
    "clamp from above": lambda x, y: torch.clamp(x, max=y),
    "where": lambda x, y: torch.where(x < y, x, y),
    "not equal": lambda x, y: torch.where(x != y, x, y),
    "isnan": lambda x, y: torch.where(torch.isnan(x), y, x),
    "isfinite": lambda x, y: torch.where(torch.isfinite(x), x, y),
    "spike": lambda x, y: primitives.spike(x - y, surrogates.Boxcar()),
    "switch": lambda x, y: primitives.switch(primitives.spike(x, surrogates.Boxcar()), x, y),
}


class Odd:
    """A neuron that gives out expression(x, y) of two states, which then become zero: they may start anywhere."""

    def __init__(self, expression: Expression, dtype: torch.dtype):
        class Two(MapNeuron):
            x = state(0.0, "1", "first argument")
            y = state(0.0, "1", "second argument")
            graded = True

            def step(self, s: Any, i: Any) -> tuple[Any, ...]:
                return expression(s.x, s.y), s._replace(x=0.0 * i, y=0.0 * i)

        self.kind, self.dtype = Two, dtype

    def run(self, x: Tensor, y: Tensor, backend: str) -> tuple[Tensor, ...]:
        """Value, and the gradients of both arguments."""
        x, y = (v.view(1, -1).to(self.dtype).requires_grad_() for v in (x, y))
        neuron = self.kind(x.shape[1]).to(self.dtype)
        out, _ = neuron(torch.zeros(1, *x.shape, dtype=self.dtype), neuron.State(x, y), backend=backend)
        slopes = torch.autograd.grad(out.sum(), (x, y), allow_unused=True) if out.requires_grad else (None, None)
        return out.detach(), *(torch.zeros_like(x) if g is None else g for g in slopes)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", ALONE)
def test_odd_values(name: str, dtype: torch.dtype) -> None:
    """Overflow, underflow, signed zeros, infinity, NaN: the same as in torch, in value and in both gradients."""
    x, y = (g.flatten() for g in torch.meshgrid(torch.tensor(ODD).double(), torch.tensor(ODD).double(), indexing="ij"))
    odd = Odd(ALONE[name], dtype)
    for expected, found in zip(odd.run(x, y, "reference"), odd.run(x, y, "llvm"), strict=True):
        tolerance = dict(rtol=1e-13, atol=1e-300) if dtype == torch.float64 else dict(rtol=2e-6, atol=1e-37)
        good = torch.isclose(expected, found, equal_nan=True, **tolerance)
        assert bool(good.all()), (x[~good[0]], y[~good[0]], expected[~good], found[~good])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_far_from_zero(name: str, dtype: torch.dtype) -> None:
    """An angle of any size is what torch takes it for."""
    angles = torch.tensor([s * (f + 0.3) for f in FAR for s in (1.0, -1.0)] + [math.inf, -math.inf, NAN]).to(dtype)
    odd = Odd(lambda x, y: getattr(torch, name)(x), dtype)
    for expected, found in zip(odd.run(angles, angles, "reference"), odd.run(angles, angles, "llvm"), strict=True):
        assert torch.allclose(expected, found, rtol=0, atol=1e-15 if dtype == torch.float64 else 2e-7, equal_nan=True)


# --- steps of odd form ---------------------------------------------------------------------------------------


class Swap(MapNeuron):
    """States that trade places, stand still, take the input, a parameter and a constant; no gradient gets lost."""

    gain = param(0.5, "1", "a value that a state takes")
    a = state(0.1, "1", "takes b")
    b = state(0.2, "1", "takes a")
    still = state(0.3, "1", "stays")
    taken = state(0.4, "1", "takes the input")
    fixed = state(0.5, "1", "takes the parameter")
    zero = state(0.6, "1", "takes a number")
    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        after = s._replace(a=s.b, b=s.a, taken=i, fixed=self.gain * torch.ones_like(i), zero=torch.full_like(i, 0.25))
        return s.a + 2.0 * s.still + 3.0 * s.taken + 4.0 * s.fixed + 5.0 * s.zero, after


class Deaf(MapNeuron):
    """Does not look at its input, has no parameter."""

    v = state(1.0, "1", "a value that decays")
    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        return s.v, s._replace(v=0.5 * s.v)


class Mute(MapNeuron):
    """Gives out nothing that depends on anything."""

    gain = param(0.5, "1", "not used")
    v = state(1.0, "1", "the sum of the input")
    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        return torch.zeros_like(i), s._replace(v=s.v + i)


@pytest.mark.parametrize("cls", [Swap, Deaf, Mute])
@pytest.mark.parametrize("lengths", [None, [6, 3, 0]])
def test_odd_steps(cls: type[Any], lengths: list[int] | None) -> None:
    from tests.contract.runs import assert_runs_close, run

    neuron = cls(19, learn=tuple(cls.params)).double()
    current = points()[:6, :, :19].expand(6, 3, 19)
    given = None if lengths is None else torch.tensor(lengths)
    record = tuple(f"{name}{suffix}" for name in cls.states for suffix in ("", ".pre"))
    expected, found = (run(neuron, current, backend, record=record, lengths=given) for backend in ("reference", "llvm"))
    assert_runs_close(expected, found, 1e-14)
