"""Parameters that are vectors or matrices: their values, entries, options that say their size, and wrong use."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from rheobase import MapNeuron, neurons, option, param, state
from rheobase.core.declaration.words import places
from rheobase.errors import DeclarationError, ParameterError
from rheobase.learning.fitting.guess import usual_learn
from rheobase.learning.fitting.population import axes_of
from rheobase.parameter_sweep import sweep


class Two(MapNeuron):
    """Two decaying sums that read each other through a matrix."""

    weight = param(0.1, "1", "from sum to sum", size=(2, 2))
    decay = param(0.5, "1", "of each sum", size=(2,), range=(0.0, 1.0))
    a = state(0.0, "1", "first sum")
    b = state(0.0, "1", "second sum")
    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        a, b = (
            d * x + w[0] * s.a + w[1] * s.b + i for d, x, w in zip(self.decay, (s.a, s.b), self.weight, strict=True)
        )
        return a + b, s._replace(a=a, b=b)


WEIGHT = torch.tensor([[0.1, -0.2], [0.3, 0.05]])


@pytest.mark.parametrize("backend", ["reference", "llvm"])
def test_against_matrices(backend: str) -> None:
    """The recurrence in NumPy's words: x = diag(decay) x + W x + i."""
    decay = torch.tensor([[0.5, 0.2, 0.9], [0.1, 0.3, 0.7]])  # one for each neuron
    neuron = Two(3, weight=WEIGHT, decay=decay, learn=("weight", "decay"))
    current = torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(0))
    out, end = neuron(current, backend=backend)
    x = torch.zeros(2, 2, 3)
    for t in range(6):
        x = decay[:, None] * x + torch.einsum("kj,jbn->kbn", WEIGHT, x) + current[t]
        assert torch.allclose(out[t], x.sum(0), atol=1e-6)
    assert torch.allclose(end.b, x[1], atol=1e-6)
    out.square().sum().backward()
    assert neuron.weight.shape == (2, 2)
    assert neuron.decay.shape == (2, 3)
    assert [tuple(p.grad.shape) for p in neuron.parameters() if p.grad is not None] == [(2, 2), (2, 3)]


def test_names_of_entries() -> None:
    assert places(Two.params) == ("weight.0.0", "weight.0.1", "weight.1.0", "weight.1.1", "decay.0", "decay.1")
    assert list(Two(3, weight=WEIGHT).values()) == list(places(Two.params))


def test_one_number_stands_for_all_and_repr_evaluates_back() -> None:
    neuron = Two(3, weight=0.3)
    assert torch.equal(neuron.weight, torch.full((2, 2), 0.3))
    assert repr(Two(3)) == "Two(3)"
    assert repr(neuron) == "Two(3, weight=0.3)"
    made: Any = eval(repr(Two(3, weight=WEIGHT)), {"Two": Two, "torch": torch})
    assert torch.allclose(made.weight, WEIGHT)


def test_saved_and_loaded() -> None:
    one, other = Two(3, weight=WEIGHT, learn=("decay",)), Two(3, learn=("decay",))
    other.load_state_dict(one.state_dict())
    assert torch.equal(other.weight, WEIGHT)
    assert torch.allclose(other.decay, one.decay)


def test_an_option_says_the_size() -> None:
    small, large = neurons.ELM(2), neurons.ELM(2, hidden=7)
    assert (small.weight_m.shape, large.weight_m.shape, large.weight_out.shape) == ((4, 8), (7, 8), (8, 7))
    assert "hidden=7" in repr(large)
    assert copy.deepcopy(large).weight_m.shape == (7, 8)
    x = torch.rand(30, 2, 2)
    for neuron in (small, large):
        for one, two in zip(neuron(x, backend="reference")[1], neuron(x, backend="llvm")[1], strict=True):
            assert torch.allclose(one, two, atol=1e-5)


WRONG: list[tuple[str, Any]] = [
    (r"weight of shape \(2, 3\).*\(2, 2\)", lambda: Two(3, weight=torch.ones(2, 3))),
    (r"weight of shape \(2, 2, 4\).*\(2, 2, 3\)", lambda: Two(3, weight=torch.ones(2, 2, 4))),
    (r"decay.*0.0 <= decay <= 1.0", lambda: Two(3, decay=torch.tensor([0.5, 1.5]))),
    (r"hidden = 0.*whole numbers from 1", lambda: neurons.ELM(2, hidden=0)),
    (r"hidden = True", lambda: neurons.ELM(2, hidden=True)),
    (r"bias of shape \(4,\).*\(7,\)", lambda: neurons.ELM(2, hidden=7, bias=torch.zeros(4))),
]


@pytest.mark.parametrize(("words", "make"), WRONG)
def test_wrong_values(words: str, make: Any) -> None:
    with pytest.raises(ParameterError, match=words):
        make()


def test_what_varies_single_numbers_refuses_vectors() -> None:
    """Four values for a bias of four entries would be one vector for all neurons."""
    with pytest.raises(ParameterError, match=r"bias to vary, of size \(4,\)"):
        sweep(neurons.ELM, {"bias": [0.0, 0.1, 0.2, 0.3]}, current=1.0)
    with pytest.raises(ParameterError, match=r"learn 'bias', of size \(4,\)"):
        axes_of(neurons.ELM(1), ("bias",), {})
    assert "bias" not in usual_learn(neurons.ELM)
    assert "lam" in usual_learn(neurons.ELM)


def test_wrong_declarations() -> None:
    with pytest.raises(DeclarationError, match="whole numbers > 0"):
        param(0.0, "1", "a weight", size=(0,))
    with pytest.raises(DeclarationError, match=r"w of size.*'units'"):

        class Nothing(MapNeuron):
            w = param(0.0, "1", "a weight", size=("units",))
            v = state(0.0, "1", "a state")

            def step(self, s: Any, i: Any) -> tuple[Any, ...]:
                return i, s


def test_option_as_whole_number_in_words() -> None:
    assert option(4, "units", least=1).allowed == "whole numbers from 1 on"
