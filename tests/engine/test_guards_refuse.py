"""What equations do that a kernel cannot keep is refused with its reason, and computed as torch computes it."""

from __future__ import annotations

import itertools
import random
import time
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import MapNeuron, errors, explain, param, state
from tests.engine.test_guards import CONFIG, X, of

SCALE = 2.0
COUNT = 0


def counted(n: Any, i: Any) -> Any:
    global COUNT  # noqa: PLW0603
    COUNT += 1
    return i * COUNT


def imported(n: Any, i: Any) -> Any:
    from tests.engine.test_guards import GAIN

    return i * GAIN.value


TICKS = itertools.count(1)
# what a step may do that a kernel cannot, and a word of the reason
REFUSED: dict[str, tuple[Any, str]] = {
    "a random number": (lambda n, i: i * torch.rand(()), "rand"),
    "a random number of python": (lambda n, i: i * random.random(), "random.random, a random number"),
    "a random number of numpy": (lambda n, i: i * float(np.random.default_rng().random()), "a random number"),
    "a clock": (lambda n, i: i * time.perf_counter_ns(), "not the same"),
    "a generator": (lambda n, i: i * next(TICKS), "TICKS"),
    "a global counter": (counted, "writes COUNT"),
    "a list that grows": (lambda n, i: (n.log.append(0.0), i * len(n.log))[1], "self.log changes"),
    "a module inside": (lambda n, i: n.layer(i), "self.layer"),
    "a tensor of the module": (lambda n, i: i * WEIGHT, "WEIGHT"),
    "a module passed around": (lambda n, i: i * getattr(CONFIG, "scale"), "CONFIG"),  # noqa: B009
    "globals": (lambda n, i: i * globals()["SCALE"], "globals"),
    "a file": (lambda n, i: i * len(open(__file__).name), "open"),  # noqa: SIM115
    "the type of the input": (lambda n, i: i * (1.0 if i.shape[0] == 1 else 2.0), "shape"),
    "no_grad": (lambda n, i: i * grad_free(i), "no_grad"),
    "an autograd function": (lambda n, i: Rounded.apply(i), "autograd.Function"),
    "in place": (lambda n, i: (2.0 * i).add_(1.0), "in-place"),
    "a number taken out": (lambda n, i: i * float(i.sum()), "sum"),
    "an import": (imported, "an import of tests.engine.test_guards"),
    "an error": (lambda n, i: i * {}["missing"], "KeyError"),
    "data": (lambda n, i: i.data * 2.0, "Tensor.data"),
}
WEIGHT = torch.tensor([1.0, 2.0, 3.0])


def grad_free(x: Any) -> Any:
    with torch.no_grad():
        return x * 2.0


class Rounded(torch.autograd.Function):
    """A straight-through estimator: rounds, and passes the gradient on."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_with_its_reason(name: str) -> None:
    body, word = REFUSED[name]
    neuron = of(body)
    neuron.log, neuron.layer = [], torch.nn.Linear(3, 3)
    (part,) = explain(neuron, X, measure=False).parts
    assert part.backend == "reference"
    assert word in part.reason


@pytest.mark.parametrize("name", ["no_grad", "an autograd function"])
def test_gradients_are_those_of_torch(name: str) -> None:
    neuron = of(REFUSED[name][0])
    for first in (torch.no_grad, torch.enable_grad):
        with first():
            neuron(X)  # traced under it
        x = X.clone().requires_grad_()
        found, expected = (torch.autograd.grad(neuron(x, backend=b)[0].sum(), x)[0] for b in ("auto", "reference"))
        assert torch.equal(found, expected)
    x = X.clone().requires_grad_()
    plain = Rounded.apply(x) if name == "an autograd function" else x * (x * 2.0).detach()
    assert torch.equal(expected, torch.autograd.grad(plain.sum(), x)[0])


def test_equations_do_not_write() -> None:
    def body(n: Any, i: Any) -> Any:
        n.count = n.count + 1
        return i * n.count

    neuron = of(body)
    neuron.count = 0
    for backend in ("auto", "reference"):
        with pytest.raises(errors.DeclarationError, match=r"write self.count.*state") as caught:
            neuron(X, backend=backend)
        assert caught.value.remedy
    assert neuron.count == 0


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("what", ["state", "input", "parameter"])
def test_equations_do_not_change_what_they_are_given(what: str, mode: Any) -> None:
    class InPlace(MapNeuron):
        y = param(0.5, "1", "a declared value")
        v = state(0.0, "1", "a value")
        graded = True

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            target = {"state": s.v, "input": i, "parameter": self.y}[what]
            target += 1.0
            return i + s.v, s

    neuron = InPlace(3)
    with mode():
        x, v = X.clone(), torch.zeros(1, 3)
        for backend in ("auto", "reference"):
            with pytest.raises(errors.DeclarationError, match="in place"):
                neuron(x, neuron.State(v), backend=backend)
