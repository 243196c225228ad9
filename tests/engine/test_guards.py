"""A kernel is never stale: what the equations read is part of what it rests on, or refuses the trace.

Each case reads something beside parameters and states, changes it, and must then see the new value, whatever the
backend. What cannot be compared runs on the reference, and `explain` says why.
"""

from __future__ import annotations

import copy
import functools
import types
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase import MapNeuron, Noisy, OdeNeuron, errors, explain, neurons, param, relax, state, surrogates
from rheobase.core.states import RNG

X = torch.linspace(0.5, 2.0, 6).view(2, 1, 3)
CONFIG = types.ModuleType("config")
CONFIG.scale = 2.0  # type: ignore[attr-defined]
SCALE: Any = 2.0
TABLE: Any = {"scale": 2.0}


class Gain:
    """An object with a value of its own."""

    def __init__(self, value: float):
        self.value = value

    def __call__(self, x: Any) -> Any:
        return x * self.value


GAIN = Gain(2.0)


class Colour(Enum):
    """A choice."""

    RED = 2.0
    BLUE = 3.0


@dataclass
class Loose:
    """A record that may change."""

    scale: float


def of(body: Any) -> MapNeuron:
    """A neuron whose output is body(self, i)."""

    class Reader(MapNeuron):
        y = param(0.5, "1", "a declared value")
        v = state(0.0, "1", "a value")
        graded = True
        constant = 2.0

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            return body(self, i), s

    return Reader(3)


def scaled(i: Any) -> Any:
    return i * SCALE


def setter(name: str, value: Any) -> Any:
    return lambda n: setattr(n, name, value)


def set_global(name: str, value: Any) -> Any:
    return lambda n: globals().__setitem__(name, value)


# body, what must be done first, what changes it
KEYED: dict[str, tuple[Any, Any, Any]] = {
    "a plain attribute": (lambda n, i: i * n.scale, setter("scale", 2.0), setter("scale", 10.0)),
    "a number that becomes another type": (lambda n, i: i * n.scale, setter("scale", 2), setter("scale", 2.5)),
    "a sign of zero": (lambda n, i: 1.0 / (0.0 * i * n.scale), setter("scale", 1.0), setter("scale", -1.0)),
    "training": (lambda n, i: i * (2.0 if n.training else 3.0), lambda n: n.train(), lambda n: n.eval()),
    "a list": (lambda n, i: i * n.scales[0], setter("scales", [2.0]), lambda n: n.scales.__setitem__(0, 3.0)),
    "a dict": (lambda n, i: i * n.d["a"], setter("d", {"a": 2.0}), lambda n: n.d.update(a=3.0)),
    "an enum": (lambda n, i: i * n.c.value, setter("c", Colour.RED), setter("c", Colour.BLUE)),
    "a record": (lambda n, i: i * n.r.scale, setter("r", Loose(2.0)), lambda n: setattr(n.r, "scale", 3.0)),
    "an object": (lambda n, i: n.g(i), setter("g", Gain(2.0)), lambda n: setattr(n.g, "value", 3.0)),
    "a numpy number": (lambda n, i: i * n.k, setter("k", np.float64(2.0)), setter("k", np.float64(3.0))),
    "an attribute of the class": (
        lambda n, i: i * n.constant,
        lambda n: None,
        lambda n: setattr(type(n), "constant", 3.0),
    ),
    "a global": (lambda n, i: i * SCALE, set_global("SCALE", 2.0), set_global("SCALE", 3.0)),
    "a global of a function": (lambda n, i: scaled(i), set_global("SCALE", 2.0), set_global("SCALE", 3.0)),
    "a global in a lambda": (lambda n, i: (lambda x: x * SCALE)(i), set_global("SCALE", 2.0), set_global("SCALE", 3.0)),
    "a global table": (
        lambda n, i: i * TABLE["scale"],
        lambda n: TABLE.update(scale=2.0),
        lambda n: TABLE.update(scale=3.0),
    ),
    "a module's number": (
        lambda n, i: i * CONFIG.scale,
        lambda n: setattr(CONFIG, "scale", 2.0),
        lambda n: setattr(CONFIG, "scale", 3.0),
    ),
    "a global object": (
        lambda n, i: GAIN(i),
        lambda n: setattr(GAIN, "value", 2.0),
        lambda n: setattr(GAIN, "value", 3.0),
    ),
    "a global object's attribute": (
        lambda n, i: i * GAIN.value,
        lambda n: setattr(GAIN, "value", 2.0),
        lambda n: setattr(GAIN, "value", 3.0),
    ),
    "the surrogate": (lambda n, i: n.fire(i - 1.0) + i, lambda n: None, setter("surrogate", surrogates.Sigmoid())),
    "a function that is replaced": (
        lambda n, i: n.f(i),
        setter("f", lambda x: x * 2.0),
        setter("f", lambda x: x * 3.0),
    ),
}


@pytest.mark.parametrize("name", KEYED)
def test_what_is_read_is_keyed(name: str) -> None:
    body, first, then = KEYED[name]
    neuron = of(body)
    first(neuron)
    for _ in range(2):
        x = X.clone().requires_grad_()
        expected, _ = neuron(x, backend="reference")
        found, _ = neuron(x, backend="llvm")
        assert torch.equal(expected, found)
        slopes = [torch.autograd.grad(out.sum(), x)[0] for out in (expected, found)]
        assert torch.allclose(*slopes, equal_nan=True)
        then(neuron)
    assert explain(neuron, X, measure=False).parts[0].backend == "llvm"


def test_a_closure_is_keyed() -> None:
    scale = 2.0

    def body(n: Any, i: Any) -> Any:
        return i * scale

    neuron = of(body)
    assert torch.equal(neuron(X, backend="llvm")[0], X * 2.0)
    scale = 5.0
    assert torch.equal(neuron(X, backend="llvm")[0], X * 5.0)


def test_a_default_argument_is_keyed() -> None:
    values = [2.0]

    def body(n: Any, i: Any, k: list[float] = values) -> Any:
        return i * k[0]

    neuron = of(body)
    assert torch.equal(neuron(X, backend="llvm")[0], X * 2.0)
    values[0] = 5.0
    assert torch.equal(neuron(X, backend="llvm")[0], X * 5.0)


class Buffered(MapNeuron):
    """With a tensor that is no parameter."""

    y = param(0.5, "1", "a declared value")
    v = state(0.0, "1", "a value")
    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        return i * self.scale, s


@pytest.mark.parametrize(
    "tensor",
    [torch.nn.Parameter(torch.tensor(2.0)), torch.nn.Buffer(torch.tensor(2.0)), torch.tensor(2.0)],
    ids=["parameter", "buffer", "tensor"],
)
def test_a_tensor_that_is_not_declared(tensor: Tensor) -> None:
    neuron = Buffered(3)
    neuron.scale = tensor
    (part,) = explain(neuron, X, measure=False).parts
    assert part.backend == "reference"
    assert "self.scale" in part.reason
    assert "declare it as a param" in part.reason
    with pytest.raises(errors.BackendUnavailable, match="declare it as a param"):
        neuron(X, backend="llvm")
    out, _ = neuron(X)
    if tensor.requires_grad:
        out.sum().backward()
        assert tensor.grad is not None
        assert float(tensor.grad) == pytest.approx(float(X.sum()))
    with torch.no_grad():
        neuron.scale.fill_(10.0)
    assert torch.equal(neuron(X)[0].detach(), 10.0 * X)


def test_a_cached_property_is_a_property() -> None:
    class Cached(MapNeuron):
        y = param(0.5, "1", "a declared value")
        v = state(0.0, "1", "a value")
        graded = True

        @functools.cached_property
        def double(self) -> Any:
            return 2.0 * self.y

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            return i * self.double, s

    neuron = Cached(3, learn="y")
    for value in (0.5, 4.0):
        neuron.y = value
        for backend in ("reference", "llvm"):
            out, _ = neuron(X, backend=backend)
            assert torch.equal(out.detach(), 2.0 * value * X)
            neuron.zero_grad()
            out.sum().backward()
            assert float(neuron.get_parameter("y").grad) == pytest.approx(2.0 * float(X.sum()))  # type: ignore[arg-type]


def test_a_value_that_changes_at_every_call_is_not_compiled_for_ever() -> None:
    neuron = of(lambda n, i: i * n.scale)
    for k in range(30):
        neuron.scale = float(k)
        assert torch.equal(neuron(X)[0], float(k) * X)
    assert "self.scale changes from call to call" in explain(neuron, X, measure=False).parts[0].reason


def test_what_the_type_says_is_true() -> None:
    neuron = of(lambda n, i: i * (1.0 if i.dtype == torch.float64 else 2.0))
    assert torch.equal(neuron(X, backend="llvm")[0], 2.0 * X)
    assert torch.equal(neuron.double()(X.double(), backend="llvm")[0], X.double())
    tensor = of(lambda n, i: i * (3.0 if isinstance(i, torch.Tensor) else 2.0))
    assert torch.equal(tensor(X, backend="llvm")[0], 3.0 * X)
    placed = of(lambda n, i: i * torch.tensor(2.0, device=i.device))
    assert torch.equal(placed(X, backend="llvm")[0], 2.0 * X)
    half = of(lambda n, i: i * (1.0 if i.dtype == torch.bfloat16 else 2.0))
    assert torch.equal(half(X.bfloat16(), backend="llvm")[0], half(X.bfloat16(), backend="reference")[0])


def test_a_staticmethod_is_a_function() -> None:
    class Static(MapNeuron):
        v = state(0.0, "1", "a value")
        graded = True

        @staticmethod
        def gate(x: Any) -> Any:
            return torch.sigmoid(x)

        @classmethod
        def twice(cls, x: Any) -> Any:
            return 2.0 * x

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            return self.twice(self.gate(i)), s

    neuron = Static(3)
    assert torch.allclose(neuron(X, backend="llvm")[0], 2.0 * torch.sigmoid(X))
    assert torch.allclose(neuron(X, backend="reference")[0], 2.0 * torch.sigmoid(X))


def test_a_wrapper_rests_on_what_is_inside() -> None:
    noisy = Noisy(neurons.LIF(3, dt=1.0, tau_mem=2.0), sigma=0.1, seed=1)
    for surrogate in (surrogates.ATan(), surrogates.Boxcar()):
        noisy.neuron.surrogate = surrogate
        x = (4.0 * X).requires_grad_()
        expected, found = (torch.autograd.grad(noisy(x, backend=b)[0].sum(), x)[0] for b in ("reference", "llvm"))
        assert torch.allclose(expected, found)


def test_a_wrapper_rests_on_which_neuron_is_inside() -> None:
    noisy = Noisy(neurons.SRC(3), sigma=0.1, seed=1)
    for inner in (neurons.SRC(3), neurons.SRC(3, tanh="piecewise")):
        noisy.neuron = inner
        expected, found = (noisy(X, record=("h",), backend=b)[2].h for b in ("reference", "llvm"))
        assert torch.allclose(expected, found)


def test_copies_do_not_share_traces() -> None:
    neuron = of(lambda n, i: i * n.scale)
    neuron.scale = 2.0
    neuron(X)
    twin = copy.deepcopy(neuron)
    twin.scale = 3.0
    assert torch.equal(twin(X)[0], 3.0 * X)
    assert torch.equal(neuron(X)[0], 2.0 * X)


def test_an_exported_or_compiled_neuron_sees_the_change() -> None:
    neuron = of(lambda n, i: i * n.scale)
    neuron.scale = 2.0
    compiled = torch.compile(neuron, backend="eager", fullgraph=True)
    assert torch.equal(compiled(X)[0], 2.0 * X)
    neuron.scale = 3.0
    assert torch.equal(compiled(X)[0], 3.0 * X)


def test_a_constant_of_the_equations_is_a_constant() -> None:
    class Plain(OdeNeuron):
        tau = param(10.0, "ms", "time constant", positive=True)
        v = state(0.0, "1", "potential")

        def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
            return dict(v=relax(i * torch.tensor(2.0) + torch.exp(torch.zeros(())), self.tau))

        def output(self, s: Any) -> Any:
            return s.v

    neuron = Plain(3, dt=1.0)
    assert torch.allclose(neuron(X, backend="llvm")[0], neuron(X, backend="reference")[0])
    assert RNG not in neuron.State._fields
