"""What is set on a neuron or a layer has an effect, or ends in one error that says where it is set."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from rheobase import Noisy, Refractory, integrators, neurons, nn, surrogates
from rheobase.errors import ParameterError
from tests.contract.models import Model, every_model

X = 3.0 * torch.rand(20, 2, 4, generator=torch.Generator().manual_seed(0))


def lif() -> neurons.LIF:
    return neurons.LIF(4, dt=1.0)


INSIDE = {
    "tau_mem": 3.0,
    "dt": 0.5,
    "surrogate": surrogates.Boxcar(),
    "detach_reset": True,
    "integrator": integrators.Euler(),
    "learn": ("tau_mem",),
}


@pytest.mark.parametrize("name", INSIDE)
@pytest.mark.parametrize("made", [lambda: Noisy(lif()), lambda: Refractory(lif()), lambda: nn.Recurrent(lif())])
def test_what_belongs_to_the_neuron_inside_is_set_there(name: str, made: Any) -> None:
    layer = made()
    before = getattr(layer.neuron, name)
    with pytest.raises(ParameterError, match=rf"{name} set on it.*the LIF inside.*layer\.neuron\.{name} = "):
        setattr(layer, name, INSIDE[name])
    assert getattr(layer.neuron, name) is before or torch.equal(getattr(layer.neuron, name), before)
    assert copy.deepcopy(layer)(X)[0].shape == X.shape


def test_the_path_leads_to_the_neuron_that_has_it() -> None:
    layer: Any = nn.Recurrent(Refractory(Noisy(lif(), seed=1), tau_refrac=2.0))
    for name, path in (("tau_mem", "neuron.neuron.neuron"), ("sigma", "neuron.neuron"), ("tau_refrac", "neuron")):
        with pytest.raises(ParameterError, match=rf"layer\.{path}\.{name} = "):
            setattr(layer, name, 1.0)
    layer.neuron.tau_refrac = 9.0
    assert float(layer.neuron.tau_refrac) == 9.0
    noisy: Any = Noisy(lif(), seed=1)
    noisy.seed, noisy.sigma = 2, 0.5  # its own
    assert (noisy.rest(1).rng[0], float(noisy.sigma)) == (2, 0.5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("threshold", "a method of the class.*called v_threshold here"),
        ("reset", "a method of the class"),
        ("fire", "a method of the class"),
        ("beta", "do not read.*from_decay"),
        ("tau", "it is called tau_mem here"),
        ("v_th", "it is called v_threshold here"),
        ("tau_men", "did you mean 'tau_mem'"),
        ("learn", "what it was made with"),
    ],
)
def test_what_no_equation_reads(name: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        setattr(lif(), name, ("v_threshold",) if name == "learn" else 0.5)


@every_model
def test_what_is_read_can_be_set(model: Model) -> None:
    neuron: Any = model.make(4, learn=False)
    neuron.label = "first"
    while not hasattr(neuron, "detach_reset"):
        neuron = neuron.neuron
    neuron.surrogate, neuron.detach_reset = surrogates.Boxcar(), True
    for name in neuron.params:
        setattr(neuron, name, neuron.value(name).detach().clone())


@pytest.mark.parametrize("name", ["surrogate", "detach_reset"])
def test_a_gated_layer_takes_another_surrogate(name: str) -> None:
    torch.manual_seed(0)
    layer = nn.SpikGRU(4, 6)
    found: list[torch.Tensor] = []
    for value in (None, {"surrogate": surrogates.Boxcar(), "detach_reset": True}[name]):
        if value is not None:
            setattr(layer, name, value)
        x = X.clone().requires_grad_()
        found += [torch.autograd.grad(layer(x, backend=b)[0].sum(), x)[0] for b in ("llvm", "reference")]
    assert torch.allclose(found[2], found[3], rtol=1e-4, atol=1e-6)
    assert not torch.allclose(found[0], found[2], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["Sequential", "Graph"])
def test_a_network_of_two_time_steps_does_not_run(kind: str) -> None:
    first, last = lif(), lif()
    edges = [("input", "first"), ("first", "last"), ("last", "output")]
    net: Any = nn.Sequential(first, last)
    if kind == "Graph":
        net = nn.Graph({"first": first, "last": last}, edges)
    assert net.dt == 1.0
    first.dt = 0.5
    with pytest.raises(ParameterError, match=f"{kind}.*dt=0.5 as in"):
        net(X)
    last.dt = 0.5
    assert net.dt == 0.5
    net(X)
    with pytest.raises(AttributeError, match="dt"):
        net.dt = 1.0
    layer = nn.Recurrent(first)
    assert layer.dt == 0.5
