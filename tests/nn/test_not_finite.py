"""NaN ends in an error in every layer, on every backend: in states, and in learned values that no state shows."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import MapNeuron, Noisy, neurons, nn, state
from rheobase.errors import Diverged, InputError

X = 1.0 + torch.rand(60, 2, 4, generator=torch.Generator().manual_seed(0))
BACKENDS = pytest.mark.parametrize("backend", ["auto", "reference"])
NAN = float("nan")


class Grows(MapNeuron):
    """A neuron whose state leaves the numbers."""

    v = state(0.0, "1", "a value")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        v = 10.0 * s.v * s.v + i
        return self.fire(v - 1e30), s._replace(v=v)


def layers() -> dict[str, Any]:
    return {
        "a neuron": Grows(4),
        "Recurrent": nn.Recurrent(Grows(4)),
        "RecurrentDelay": nn.RecurrentDelay(Grows(4), taps=3),
        "in a chain": nn.Sequential(nn.Recurrent(Noisy(Grows(4), sigma=0.1))),
        "in chunks": nn.Chunked(nn.Recurrent(Grows(4)), steps=7),
    }


@BACKENDS
@pytest.mark.parametrize("name", layers())
def test_states(name: str, backend: str) -> None:
    with pytest.raises(Diverged, match=r"NaN or infinite|v\["):
        layers()[name](X, backend=backend)


@BACKENDS
@pytest.mark.parametrize(
    "layer", [nn.Recurrent(neurons.LIF(4, dt=1.0)), nn.SpikGRU(4, 4)], ids=["Recurrent", "SpikGRU"]
)
def test_weights_of_what_comes_back(layer: Any, backend: str) -> None:
    """With a product that is NaN no neuron spikes, which looks like a silent network."""
    with torch.no_grad():
        next(p for name, p in layer.named_parameters() if name.startswith("weight_rec")).fill_(NAN)
    with pytest.raises((Diverged, InputError)):
        layer(X, backend=backend)


@BACKENDS
def test_the_weights_of_a_convolution_that_comes_back(backend: str) -> None:
    layer = nn.ConvGRU(2, 3, kernel_size=3)
    with torch.no_grad():
        layer.get_parameter("weight_rec_z").fill_(NAN)
    with pytest.raises((Diverged, InputError)):
        layer(torch.rand(4, 2, 2, 5, 5), backend=backend)


def thresholds() -> dict[str, Any]:
    lif: Any = neurons.LIF(4, dt=1.0, learn=("v_threshold",))
    return {
        "LIF": lif,
        "Noisy": Noisy(lif),
        "Recurrent": nn.Recurrent(lif),
        "Sequential": nn.Sequential(torch.nn.Linear(4, 4), lif),
        "SlidingPSN": nn.SlidingPSN(4, order=3),
    }


@BACKENDS
@pytest.mark.parametrize("name", thresholds())
def test_a_threshold_that_is_none(name: str, backend: str) -> None:
    """The states stay finite, and nothing spikes."""
    layer = thresholds()[name]
    layer(X, backend=backend)
    with torch.no_grad():
        next(p for k, p in layer.named_parameters() if k.rpartition(".")[2].startswith("v_threshold")).fill_(NAN)
    with pytest.raises(Diverged, match=r"a parameter .*v_threshold.* that is NaN or infinite.*optimiser's step"):
        layer(X, backend=backend)
    if name == "LIF":
        assert not bool(layer(X, backend=backend, check_finite=False)[0].any())
