"""Neurons with several inputs: how they are declared, called, wrapped, and what they say when it goes wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import MapNeuron, Noisy, OdeNeuron, entry, explain, neurons, nn, param, relax, state
from rheobase.core.interpreters.unit_check import check_units
from rheobase.core.surrogates import Sigmoid
from rheobase.core.wrappers.forced import Forced
from rheobase.errors import (
    DeclarationError,
    DeviceError,
    DTypeError,
    ParameterError,
    RheobaseError,
    ShapeError,
    UnitError,
)
from rheobase.learning import Recording, fit_neuron

G = torch.rand(6, 2, 3)


def cell() -> neurons.CondLIF:
    return neurons.CondLIF(3, dt=1.0)


def test_by_name_by_mapping_and_as_a_tuple() -> None:
    """Three ways to say the same."""
    n, i = cell(), 0.5 * G
    named, _ = n(g_exc=G, g_inh=i)
    mapped, _ = n({"g_inh": i, "g_exc": G})
    assert n.Input is not None
    packed, _ = n(n.Input(G, i))
    assert torch.equal(named, mapped)
    assert torch.equal(named, packed)


def test_one_input_by_name() -> None:
    n = neurons.LIF(3, dt=1.0)
    assert torch.equal(n(current=G)[0], n(G)[0])
    assert torch.equal(n({"current": G})[0], n(G)[0])
    assert list(n.entries) == ["current"]


BAD: list[tuple[dict[str, Any], type[RheobaseError], str]] = [
    ({"g_exc": G}, ParameterError, "no g_inh"),
    ({}, ParameterError, "no g_exc"),
    ({"g_exc": G, "g_ihn": G}, ParameterError, "did you mean 'g_inh'"),
    ({"g_exc": G, "g_inh": G[:4]}, ShapeError, "g_inh of shape"),
    ({"g_exc": G, "g_inh": G[:, :1]}, ShapeError, "g_inh of shape"),
    ({"g_exc": G, "g_inh": G[..., :2]}, ShapeError, "g_inh of shape"),
    ({"g_exc": G, "g_inh": G.double()}, DTypeError, "g_inh of dtype"),
    ({"g_exc": G, "g_inh": G.int()}, DTypeError, "g_inh of dtype"),
    ({"g_exc": G, "g_inh": 0.0}, DTypeError, "g_inh of type float"),
    ({"g_exc": G, "g_inh": G.to("meta")}, DeviceError, "g_inh of device"),
    ({"g_exc": G, "g_inh": G.to_sparse()}, DTypeError, "g_inh of layout"),
]


@pytest.mark.parametrize(("inputs", "error", "says"), BAD)
def test_what_is_wrong_is_said(inputs: dict[str, Any], error: type[RheobaseError], says: str) -> None:
    with pytest.raises(error, match=says):
        cell()(**inputs)


def test_one_tensor_for_several_inputs() -> None:
    with pytest.raises(ParameterError, match="inputs by name: g_exc, g_inh"):
        cell()(G)
    with pytest.raises(ParameterError, match="g_exc twice"):
        cell()({"g_exc": G}, g_exc=G, g_inh=G)


def test_declarations_that_cannot_be() -> None:
    with pytest.raises(DeclarationError, match="an entry has its own unit"):

        class Both(MapNeuron):
            drive = entry("mV", "what drives")
            input_unit = "mV"
            v = state(0.0, "mV", "v")

            def step(self, s: Any, i: Any) -> tuple[Any, ...]:
                return self.fire(s.v), s


@pytest.mark.parametrize("name", ["state", "record", "lengths", "backend", "check_finite"])
def test_no_input_is_called_as_an_argument_of_a_call(name: str) -> None:
    """It would never arrive."""
    body = {"v": state(0.0, "mV", "v"), name: entry("mV", "x"), "step": lambda self, s, i: (s.v, s)}
    with pytest.raises(DeclarationError, match=f"the name '{name}'"):
        type("Bad", (MapNeuron,), body)


def test_the_unit_of_each_input_is_checked() -> None:
    class Wrong(OdeNeuron):
        g = entry("nS", "conductance")
        i = entry("pA", "current")
        c_mem = param(100.0, "pF", "capacitance", positive=True)
        tau = param(10.0, "ms", "time constant", positive=True)
        v = state(0.0, "mV", "potential")

        def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
            # a current where a conductance belongs
            return dict(v=relax(i.i * s.v / self.c_mem * self.tau + i.g * s.v * self.tau / self.c_mem, self.tau))

        def threshold(self, s: Any) -> Any:
            return s.v

        def reset(self, s: Any) -> Any:
            return s

    with pytest.raises(UnitError):
        check_units(Wrong(1, dt=1.0))
    check_units(cell())


def test_noise_on_one_of_them() -> None:
    with pytest.raises(ParameterError, match="the name of one"):
        Noisy(cell())
    with pytest.raises(ParameterError, match="did you mean 'g_inh'"):
        Noisy(cell(), entry="g_ihn")
    noisy = Noisy(cell(), entry="g_exc", sigma=0.1, seed=1)
    assert noisy.params["sigma"].unit == "nS"
    _, end = noisy(g_exc=G, g_inh=0.0 * G)
    assert not torch.equal(end.v, cell()(g_exc=G, g_inh=0.0 * G)[1].v)


def test_told_spikes_are_exact_in_float32() -> None:
    """A current keeps all its digits beside a spike."""
    current = torch.full((3, 1, 1), 1.2345678)
    spikes = torch.tensor([0.0, 1.0, 0.0]).view(3, 1, 1)
    n = neurons.IF(1, dt=1.0, v_threshold=100.0)
    _, _, told = Forced(n)(current=current, spikes=spikes, record=("v.pre",))
    _, _, free = n(current, record=("v.pre",))
    assert torch.equal(told.v_pre[:2], free.v_pre[:2])
    # what is no 0 or 1 is the nearer of them, and never a part of a reset
    near = torch.tensor([0.2, 0.8, -1.0]).view(3, 1, 1)
    _, _, rounded = Forced(n)(current=current, spikes=near, record=("v",))
    _, _, whole = Forced(n)(current=current, spikes=spikes, record=("v",))
    assert torch.equal(rounded.v, whole.v)


def test_gradients_to_every_input() -> None:
    inputs = {name: torch.rand(5, 2, 3, dtype=torch.float64, requires_grad=True) for name in ("g_exc", "g_inh")}
    n = neurons.CondLIF(3, dt=1.0, v_threshold=-59.5, surrogate=Sigmoid(0.5)).double().smoothed()

    def run(*given: Tensor, backend: str) -> Tensor:
        return n(dict(zip(inputs, given, strict=True)), backend=backend)[0]

    for backend in ("reference", "llvm"):
        assert torch.autograd.gradcheck(lambda *x, b=backend: run(*x, backend=b), tuple(inputs.values()))
    # one alone
    fixed = {"g_exc": inputs["g_exc"], "g_inh": inputs["g_inh"].detach()}
    (g,) = torch.autograd.grad(n(fixed)[0].sum(), [inputs["g_exc"]])
    both = torch.autograd.grad(n(inputs)[0].sum(), list(inputs.values()))
    assert torch.equal(g, both[0])


def test_where_one_input_is_wanted() -> None:
    """Layers and fits that have one current say so."""
    with pytest.raises(ParameterError, match="one input"):
        nn.Recurrent(cell())
    v = torch.full((1, 100), -70.0)
    v[0, 50] = 20.0
    recording = Recording(v, torch.full((1, 100), 50.0), dt=1.0)
    with pytest.raises(ParameterError, match="one input"):
        fit_neuron(neurons.CondLIF, recording, learn=("g_leak",))


def test_explain_names_the_backend() -> None:
    assert "one fused kernel" in str(explain(cell(), torch.zeros(1, 1, 3), measure=False))
