"""What equations reach through another thing is seen as well: through a class, a table of functions, a partial.

Such a thing stays the same object while what it holds changes, so its identity says nothing.
"""

from __future__ import annotations

import functools
import random
import types
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import MapNeuron, explain, neurons, param, state
from tests.engine.test_guards import X, of

GAIN: Any = 2.0


class Constants:
    """Numbers of a model, as many write them down."""

    gain: Any = 2.0
    table = (2.0,)


class Gain:
    """A function as an object, which reads a number of its class through a property, and a global."""

    scale: Any = 1.0

    @property
    def twice(self) -> Any:
        return self.scale + self.scale

    @classmethod
    def half(cls, x: Any) -> Any:
        return 0.5 * cls.scale * x

    def __call__(self, x: Any) -> Any:
        return GAIN * x


@dataclass(frozen=True)
class Holder:
    """A record of a function."""

    function: Any


def scaled(x: Any) -> Any:
    return GAIN * x


def of_table(table: Any, x: Any) -> Any:
    return table["gain"] * x


def local(n: Any, i: Any) -> Any:
    c = Constants
    return c.gain * i


def record(n: Any, i: Any) -> Any:
    h = HOLDER
    return h.function(i)


def attribute_of_a_function(n: Any, i: Any) -> Any:
    f: Any = tagged
    return f.gain * i


def tagged() -> None:
    """A function with an attribute."""


tagged.gain = 2.0  # type: ignore[attr-defined]
TABLE: Any = {"gain": 2.0}
FUNCTIONS, BY_NAME, OBJECTS = [scaled], {"scaled": scaled}, (Gain(),)
HOLDER, PART, GAINS = Holder(scaled), functools.partial(of_table, TABLE), Gain()


def set_gain(value: float) -> None:
    globals()["GAIN"] = value


def set_constant(value: float) -> None:
    Constants.gain = value


def set_scale(value: float) -> None:
    Gain.scale = value


def set_table(value: float) -> None:
    TABLE["gain"] = value


def set_attribute(value: float) -> None:
    tagged.gain = value  # type: ignore[attr-defined]


INSIDE: dict[str, tuple[Any, Any]] = {
    "a class under another name": (local, set_constant),
    "a class by getattr": (lambda n, i: getattr(Constants, "gain") * i, set_constant),  # noqa: B009
    "a class that is an attribute": (lambda n, i: n.constants.gain * i, set_constant),
    "the class of an object": (lambda n, i: n.held.gain * i, set_constant),
    "a property of an object": (lambda n, i: n.gains.twice * i, set_scale),
    "a classmethod of a class": (lambda n, i: Gain.half(i), set_scale),
    "a function in a list": (lambda n, i: FUNCTIONS[0](i), set_gain),
    "functions in a loop": (lambda n, i: functools.reduce(lambda x, f: f(x), FUNCTIONS, i), set_gain),
    "a function in a table": (lambda n, i: BY_NAME["scaled"](i), set_gain),
    "an object in a tuple": (lambda n, i: OBJECTS[0](i), set_gain),
    "a function in a record": (record, set_gain),
    "the table of a partial": (lambda n, i: PART(i), set_table),
    "an attribute of a function": (attribute_of_a_function, set_attribute),
}


@pytest.mark.parametrize("name", INSIDE)
def test_what_is_inside_is_keyed(name: str) -> None:
    body, change = INSIDE[name]
    neuron = of(body)
    neuron.constants, neuron.held, neuron.gains = Constants, Constants(), GAINS  # type: ignore[assignment]
    try:
        for value in (2.0, 3.0):
            change(value)
            found, expected = (neuron(X, backend=backend)[0] for backend in ("llvm", "reference"))
            assert torch.equal(found, expected)
            assert float(found[0, 0, 0]) in (0.5 * value * X[0, 0, 0], value * X[0, 0, 0], 2.0 * value * X[0, 0, 0])
    finally:
        change(2.0)
    assert explain(neuron, X, measure=False).parts[0].backend == "llvm"


def test_a_classmethod_of_the_neuron_reads_its_class() -> None:
    class Classy(MapNeuron):
        y = param(0.5, "1", "a declared value")
        v = state(0.0, "1", "a value")
        graded = True
        gain: Any = 2.0

        @classmethod
        def amplified(cls, x: Any) -> Any:
            return cls.gain * x

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            return self.amplified(i), s

    neuron = Classy(3)
    for value in (2.0, 3.0):
        Classy.gain = value
        assert torch.equal(neuron(X, backend="llvm")[0], value * X)


@pytest.mark.parametrize("what", ["surrogate", "integrator"])
def test_a_plain_surrogate_or_integrator_keeps_numbers_on_its_class(what: str) -> None:
    class Flat:
        height: Any = 1.0

        def derivative(self, x: Any) -> Any:
            return self.height * torch.ones_like(x)

        def primitive(self, x: Any) -> Any:
            return self.height * x

    class Short:
        order = 1
        height: Any = 1.0

        def step(self, f: Any, s: Any, dt: Any) -> Any:
            return s._replace(v=s.v + self.height * dt * f(s)["v"].derivative(s.v))

    kind: Any = {"surrogate": Flat, "integrator": Short}[what]
    neuron = neurons.LIF(3, dt=1.0, **{what: kind()})
    for value in (1.0, 3.0):
        kind.height = value
        found: list[torch.Tensor] = []
        for backend in ("llvm", "reference"):
            x = X.clone().requires_grad_()
            out, end = neuron(x, backend=backend)
            found += [torch.autograd.grad(out.sum() + end.v.sum(), x)[0], end.v.detach()]
        assert torch.allclose(torch.stack(found[::2])[0], found[2])
        assert torch.allclose(found[1], found[3])


RARE: dict[str, Any] = {
    "random": lambda n, i: i * (0.0 if random.random() < 1e-9 else 1.0),
    "random.Random": lambda n, i: i * (0.0 if n.dice.random() < 1e-9 else 1.0),
    "numpy.random": lambda n, i: i * (0.0 if np.random.rand() < 1e-9 else 1.0),
}


@pytest.mark.parametrize("name", RARE)
def test_a_rare_event_is_no_constant(name: str) -> None:
    """Two traces that draw alike are no proof."""
    neuron = of(RARE[name])
    neuron.dice = random.Random(0)  # type: ignore[assignment]
    (part,) = explain(neuron, X, measure=False).parts
    assert part.backend == "reference"
    assert "a random number" in part.reason


def module(name: str, gain: float) -> Any:
    """A module with a global GAIN and a function that reads it."""
    made: Any = types.ModuleType(name)
    made.GAIN = gain
    exec("def scaled(x):\n    return GAIN * x\n", vars(made))
    return made


def closure(factor: list[float]) -> Any:
    return lambda x: factor[0] * x


def test_one_name_in_two_modules() -> None:
    one, two = module("one", 2.0), module("two", 3.0)
    neuron = of(lambda n, i: one.scaled(i) + two.scaled(i))
    neuron(X)
    two.GAIN = 7.0
    assert torch.equal(neuron(X)[0], neuron(X, backend="reference")[0])
    assert torch.allclose(neuron(X)[0], 9.0 * X)


def test_two_closures_of_one_code() -> None:
    first, second = [2.0], [3.0]
    one, two = closure(first), closure(second)
    neuron = of(lambda n, i: one(i) + two(i))
    neuron(X)
    second[0] = 7.0
    assert torch.allclose(neuron(X)[0], 9.0 * X)
