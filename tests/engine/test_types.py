"""Types of values: a kernel follows torch's rules for masks, numbers and tensors, or leaves the step to torch.

Every operation with a rule meets every pair of types, in both precisions. Where a kernel takes it, torch must take it
too and make the same of it, to the last bit where no elementary function is inside.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import MapNeuron, errors, param, state
from rheobase.engine.graph.rules import RULES
from tests.engine.integer_arithmetic import RULES_OF_WHOLE

KINDS: dict[str, Callable[[Any, Any], Any]] = {
    "real": lambda n, x: 1.5 * x - 0.25,
    "parameter": lambda n, x: n.y,
    "mask": lambda n, x: x > 0.25,
    "float": lambda n, x: 0.7,
    "whole": lambda n, x: 2,
    "bool": lambda n, x: True,
    "nan": lambda n, x: math.nan,
    "float32 tensor": lambda n, x: torch.tensor(0.7, dtype=torch.float32),
    "float64 tensor": lambda n, x: torch.tensor(0.7, dtype=torch.float64),
    "whole tensor": lambda n, x: torch.tensor(2),
    "bool tensor": lambda n, x: torch.tensor(True),
}


def torch_one(name: str) -> Callable[..., Any]:
    """A function of torch of its first argument."""
    return lambda a, *_: getattr(torch, name)(a)


def torch_two(name: str) -> Callable[..., Any]:
    """A function of torch of two arguments."""
    return lambda a, b: getattr(torch, name)(a, b)


SYMBOLS = ("real", "parameter", "mask")
ONE: dict[str, Callable[[Any], Any]] = {
    **{
        name: torch_one(name)
        for name in (
            "neg",
            "negative",
            "positive",
            "abs",
            "absolute",
            "exp",
            "expm1",
            "log",
            "tanh",
            "sigmoid",
            "sqrt",
            "rsqrt",
            "sin",
            "cos",
            "floor",
            "square",
            "reciprocal",
            "relu",
            "detach",
            "clone",
            "zeros_like",
            "ones_like",
            "logical_not",
            "bitwise_not",
            "isnan",
            "isfinite",
        )
    },
    "minus": lambda a: -a,
    "modulus": lambda a: abs(a),
    "invert": lambda a: ~a,
    "plus": lambda a: +a,
    "float": lambda a: a.float(),
    "double": lambda a: a.double(),
    "to float32": lambda a: a.to(torch.float32),
    "to float64": lambda a: a.to(dtype=torch.float64),
    "to its own": lambda a: a.to(a.dtype),
    "to cpu": lambda a: a.to("cpu"),
    "to bool": lambda a: a.to(torch.bool),
    "is floating": lambda a: a if a.is_floating_point() else 2.0 * a.float(),
    "full_like": lambda a: torch.full_like(a, 0.7),
    "full_like -0": lambda a: 1.0 / torch.full_like(a, -0.0),
    "like another": lambda a: torch.zeros_like(a, dtype=torch.float32),
    "power 2": lambda a: a**2,
    "power 3": lambda a: a**3,
    "power -1": lambda a: a**-1,
    "power -2": lambda a: a**-2,
    "power 0.5": lambda a: a**0.5,
    "power 0.3": lambda a: a**0.3,
    "power 4.8": lambda a: a**4.8,
    "power -1.5": lambda a: torch.pow(a, -1.5),
    "power 1": lambda a: a**1,
    "power 2.0": lambda a: torch.pow(a, 2.0),
    "from 1": lambda a: 1.0 - a,
    "from whole": lambda a: 1 - a,
    "clamp": lambda a: torch.clamp(a, -0.5, 0.5),
    "clamp low": lambda a: a.clamp(min=0),
    "clamp min": lambda a: torch.clamp_min(a, 0.1),
    "clamp max": lambda a: torch.clamp_max(a, 0.1),
    "clip": lambda a: torch.clip(a, max=0.3),
    "clamp nan": lambda a: torch.clamp(a, min=math.nan),
    "clamp turned": lambda a: torch.clamp(a, 0.5, -0.5),
}
TWO: dict[str, Callable[[Any, Any], Any]] = {
    **{
        name: torch_two(name)
        for name in (
            "add",
            "sub",
            "mul",
            "multiply",
            "div",
            "divide",
            "true_divide",
            "maximum",
            "minimum",
            "lt",
            "le",
            "gt",
            "ge",
            "eq",
            "ne",
            "logical_and",
            "logical_or",
            "logical_xor",
            "bitwise_and",
            "bitwise_or",
            "bitwise_xor",
            "rsub",
            "pow",
            "max",
            "min",
            "clamp_min",
            "clamp_max",
        )
    },
    "a + b": lambda a, b: a + b,
    "a - b": lambda a, b: a - b,
    "a * b": lambda a, b: a * b,
    "a / b": lambda a, b: a / b,
    "a < b": lambda a, b: a < b,
    "a == b": lambda a, b: a == b,
    "a & b": lambda a, b: a & b,
    "a | b": lambda a, b: a | b,
    "a ^ b": lambda a, b: a ^ b,
    "add alpha": lambda a, b: torch.add(a, b, alpha=2),
    "sub alpha": lambda a, b: torch.sub(a, b, alpha=0.5),
    "clamp below": lambda a, b: torch.clamp(a, min=b),
    "clamp between": lambda a, b: torch.clamp(a, -0.5, b),
    "where": lambda a, b: torch.where(a > 0.1, a, b) if isinstance(a, Tensor) else torch.where(b > 0.1, a, b),
    "where mask": lambda a, b: torch.where(a, 0.7, b),
    "where not": lambda a, b: torch.where(a, b, 2),
    "type_as": lambda a, b: a.type_as(b),
    "to like": lambda a, b: a.to(b),
}
# what must not be left to torch: a kernel is there for it
TAKEN = [
    ("a + b", "real", "mask"),
    ("a * b", "real", "mask"),
    ("a / b", "real", "mask"),
    ("a + b", "mask", "mask"),
    ("a * b", "mask", "mask"),
    ("maximum", "real", "mask"),
    ("a < b", "real", "float"),
    ("a & b", "mask", "mask"),
    ("a ^ b", "mask", "mask"),
    ("where", "real", "mask"),
    ("type_as", "mask", "real"),
    ("a * b", "whole", "real"),
    ("a * b", "real", "float64 tensor"),
    ("clamp below", "real", "parameter"),
    *(
        (op, "real", kind)
        for op in ("a + b", "a - b", "a * b", "a / b", "maximum", "where")
        for kind in ("real", "parameter")
    ),
    *((op, kind, "real") for op in ("a + b", "a - b", "a * b", "a / b") for kind in ("float", "whole")),
]
SMOOTH = frozenset(
    {
        "exp",
        "expm1",
        "log",
        "tanh",
        "sigmoid",
        "sin",
        "cos",
        "rsqrt",
        "sqrt",
        "power 0.5",
        "power -1",
        "power -2",
        "power 3",
        "power 0.3",
        "power 4.8",
        "power -1.5",
        "pow",
    }
)
X = torch.tensor([-1.3, -0.5, 0.0, 0.25, 0.5, 1.0, 2.5]).view(1, 1, -1)


def of(body: Callable[[Any, Any], Any]) -> MapNeuron:
    """A neuron that gives out body(self, i)."""

    class Typed(MapNeuron):
        y = param(0.3, "1", "a value")
        v = state(0.0, "1", "nothing")
        graded = True

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            return body(self, i), s

    return Typed(7, y=torch.linspace(-1.0, 1.0, 7))


def taken(name: str, body: Callable[[Any, Any], Any], dtype: torch.dtype) -> bool:
    """Whether a kernel takes it; if so, whatever torch makes of it is what the kernel makes."""
    neuron, x = of(body).to(dtype), X.to(dtype)
    try:
        found, _ = neuron(x, backend="llvm")
    except errors.BackendUnavailable:
        return False
    expected, _ = neuron(x, backend="reference")  # raises where torch refuses it
    made = body(neuron, x[0])
    assert not isinstance(made, Tensor) or made.dtype in (dtype, torch.bool), f"{name} is {made.dtype} in torch"
    if name in SMOOTH:
        torch.testing.assert_close(
            found, expected, rtol=1e-6 if dtype == torch.float32 else 1e-14, atol=0, equal_nan=True
        )
    else:
        same = (found == expected) & (torch.signbit(found) == torch.signbit(expected)) | (
            found.isnan() & expected.isnan()
        )
        assert bool(same.all()), (name, found, expected)
    return True


# The functions themselves, and no table that holds them: what equations reach, a kernel's guards look at each time.
def one(name: str, a: str) -> Callable[[Any, Any], Any]:
    op, given = ONE[name], KINDS[a]
    return lambda n, x: op(given(n, x))


def two(name: str, a: str, b: str) -> Callable[[Any, Any], Any]:
    op, left, right = TWO[name], KINDS[a], KINDS[b]
    return lambda n, x: op(left(n, x), right(n, x))


DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


@DTYPES
@pytest.mark.parametrize("name", ONE)
def test_one_argument(name: str, dtype: torch.dtype) -> None:
    for kind in SYMBOLS:
        done = taken(name, one(name, kind), dtype)
        other = {torch.float32: ("double", "to float64"), torch.float64: ("float", "to float32", "like another")}[dtype]
        unusual = ("logical_not", "bitwise_not", "invert", "to bool", "clamp nan", *other)
        assert done or kind == "mask" or name in unusual, f"{name} of a {kind} is left to torch"


@pytest.mark.usefixtures("plain_code")
@DTYPES
@pytest.mark.parametrize("name", TWO)
def test_two_arguments(name: str, dtype: torch.dtype) -> None:
    for a, b in itertools.product(KINDS, KINDS):
        if a in SYMBOLS or b in SYMBOLS:
            done = taken(name, two(name, a, b), dtype)
            assert done or (name, a, b) not in TAKEN, f"{name} of {a} and {b} is left to torch"


def test_the_sum_of_masks_is_a_mask() -> None:
    """The report of the issue: 6 in torch."""
    neuron = of(lambda n, i: i * ((i < 10.0) + (i < 20.0)))
    assert torch.equal(neuron(torch.full((1, 1, 7), 6.0), backend="llvm")[0], torch.full((1, 1, 7), 6.0))


# rules that the tables above reach by operators and methods of other names
CALLED = {
    "Tensor.dtype",
    "Tensor.device",
    "is_floating_point",
    "radd",
    "rmul",
    "rdiv",
    "rtruediv",
    "truediv",
    "and",
    "or",
    "xor",
    "to",
    "where",
    "clamp",
    "float",
    "invert",
}


def test_every_rule_has_a_type() -> None:
    alone = {"spike", "switch", "substitute", "normal", "uniform"}
    assert not RULES.keys() - alone - CALLED - ONE.keys() - TWO.keys() - RULES_OF_WHOLE


def test_a_switch_is_made_by_a_spike() -> None:
    """Of a mask it would take numbers for truth values."""
    for backend in ("reference", "llvm"):
        with pytest.raises((errors.DeclarationError, errors.BackendUnavailable)):
            of(lambda n, i: n.switch(i > 0.0, 0.5, i))(X, backend=backend)
