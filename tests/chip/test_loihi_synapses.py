"""Weights of a Loihi core: mantissas, exponents, sign modes, refusals; and what cores a network takes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import Refractory, neurons, nn
from rheobase.chip.loihi import Compartment, Loihi, Mantissa, cores, mantissas, synapses
from rheobase.errors import NotRepresentable, ParameterError, RheobaseError, ShapeError


def linear(weight: Any, **form: Any) -> torch.nn.Linear:
    given = torch.as_tensor(weight, dtype=torch.float32)
    layer = torch.nn.Linear(given.shape[1], given.shape[0], bias=False)
    layer.weight.data = given
    return synapses(layer, **form)


@pytest.mark.parametrize(
    ("form", "given", "stored", "whole"),
    [
        # a sign and 8 bits for 9: the lowest is lost
        (dict(), [3.2, -3.2, 254, -256, 0.9], [4, -4, 254, -256, 0], [4, -4, 254, -256, 0]),
        (dict(weight_bits=4), [40, -40, -256, 224], [32, -32, -256, 224], [32, -32, -256, 224]),
        (dict(sign_mode="excitatory"), [3.2, 0, 255], [3, 0, 255], [3, 0, 255]),
        (dict(sign_mode="excitatory", weight_bits=1), [63, 128], [0, 128], [0, 128]),
        (dict(sign_mode="inhibitory"), [-3.2, 0, -255], [-3, 0, -255], [-3, 0, -255]),
        (dict(weight_exp=3), [100, -2048, 2032], [12, -256, 254], [96, -2048, 2032]),
        # 2^-2 * 14 = 3.5 and 2^-2 * -14 = -3.5: what is below 1 falls away, towards minus infinity
        (dict(weight_exp=-2), [3.5, -3.5, 1.0], [14, -14, 4], [3, -4, 1]),
    ],
)
def test_what_a_core_stores(form: dict[str, Any], given: list[float], stored: list[int], whole: list[int]) -> None:
    layer = linear([given], **form)
    assert mantissas(layer).tolist() == [stored]
    assert layer.weight.tolist() == [whole]
    layer.weight.sum().backward()
    grad = layer.parametrizations["weight"].original.grad  # type: ignore[index]
    assert grad.tolist() == [[1.0] * len(given)]


def test_every_mantissa_is_a_level_and_the_nearest() -> None:
    given = torch.linspace(-256, 254, 4001)
    for mode in ("mixed", "excitatory", "inhibitory"):
        for bits in range(2 if mode == "mixed" else 1, 9):
            rounding = Mantissa(bits, 0, mode)
            low, high = rounding.ends
            inside = given[(given >= low) & (given <= high)]
            found = rounding.mantissas(inside)
            # 2^bits of them, a mantissa of one sign has one 0 more than another
            assert len(range(low, high + 1, rounding.step)) == 2**bits
            assert not (found % rounding.step).any()
            assert float((found - inside).abs().max()) <= rounding.step / 2


def test_weights_that_training_takes_beyond_the_ends_are_the_ends() -> None:
    layer = linear([[200.0, -200.0]])
    layer.parametrizations["weight"].original.data *= 2  # type: ignore[index,operator]
    assert layer.weight.tolist() == [[254.0, -256.0]]


def test_layers_that_have_no_synapses_of_a_chip() -> None:
    with pytest.raises(ParameterError, match="a layer without a bias"):
        synapses(torch.nn.Linear(3, 2))
    with pytest.raises(ParameterError, match="all of which round to 0"):
        synapses(torch.nn.Linear(3, 2, bias=False))
    with pytest.raises(ParameterError, match=r"a weight of 300 \(1 beyond the ends\); expected -256 to 254"):
        linear([[300.0, 5.0]])
    with pytest.raises(ParameterError, match=r"a weight of -1 .*0 to 255"):
        linear([[-1.0, 5.0]], sign_mode="excitatory")
    with pytest.raises(ParameterError, match="plain weights"):
        synapses(linear([[5.0]]))
    with pytest.raises(ParameterError, match="LIF"):
        synapses(neurons.LIF(3))
    with pytest.raises(ParameterError, match=r"loihi\.synapses\(layer\)"):
        mantissas(torch.nn.Linear(3, 2))
    layer = linear([[5.0]])
    with pytest.raises(ParameterError, match="beyond the ends"):
        layer.weight = torch.tensor([[1000.0]])
    with pytest.raises(NotRepresentable, match="add up to"):
        linear(torch.full((1, 1000), 2.0**15 - 256), weight_exp=7)


@pytest.mark.parametrize(
    "form", [dict(weight_bits=9), dict(weight_bits=1), dict(weight_exp=8), dict(weight_exp=-9), dict(sign_mode="both")]
)
def test_forms_that_there_are_not(form: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(form))):
        linear([[5.0]], **form)


def test_delays_of_synapses() -> None:
    layer: Any = nn.SynapticDelay(2, 1, taps=63, width=0.0)
    layer.weight.data = torch.tensor([[7.9, -10.0]])
    layer.positions.d.data = torch.tensor([[0.0, 62.0]])
    net = nn.Sequential(synapses(layer), Compartment(1, decay_u=4096, vth_mant=1000))
    x = torch.zeros(70, 1, 2)
    x[1] = 1.0
    current = net.outputs(x)[0].flatten()
    assert current.nonzero().flatten().tolist() == [1, 63]
    assert current[[1, 63]].tolist() == [8.0, -10.0]
    assert cores(net, (2,))[0].synapse_bits == 2 * (8 + 6)
    with pytest.raises(
        NotRepresentable, match=r"a delay of 62 steps; expected no more than 31, the delay of a synapse"
    ):
        cores(net, (2,), Loihi(delay=31))
    layer.positions.width = torch.tensor(2.0)
    with pytest.raises(NotRepresentable, match="delays of several taps"):
        cores(net, (2,))


# --- cores ------------------------------------------------------------------------------------------------


def chain(*sizes: int) -> nn.Sequential:
    """Dense layers of compartments."""
    layers: list[torch.nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [linear(torch.full((after, before), 2.0)), Compartment(after)]
    return nn.Sequential(*layers)


def test_cores_of_dense_layers() -> None:
    found = cores(chain(50, 1500, 10), (50,))
    assert [(c.layer, c.start, c.stop) for c in found] == [(1, 0, 1024), (1, 1024, 1500), (3, 0, 10)]
    assert [(c.in_axons, c.out_axons, c.synapse_bits) for c in found] == [
        (50, 1024, 1024 * 50 * 8),
        (50, 476, 476 * 50 * 8),
        (1500, 0, 10 * 1500 * 8),
    ]
    # synaptic memory: 2^20 bits are 131072 synapses of 8 bits, 131 neurons of 1000 inputs
    assert [c.compartments for c in cores(chain(1000, 300), (1000,))] == [131, 131, 38]
    # out-axons: each neuron of the first layer reaches 3 cores, so that 4096 // 3 neurons would do, and 1024 fit
    assert [c.out_axons for c in cores(chain(10, 1000, 300), (10,), Loihi(out_axons=1000))] == [
        999,
        999,
        999,
        3,
        0,
        0,
        0,
    ]


def test_cores_of_a_convolution_are_those_of_its_dense_matrix() -> None:
    g = torch.Generator().manual_seed(0)
    layer = nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False)
    layer.weight.data = torch.randint(-3, 4, layer.weight.shape, generator=g).float() * 2
    net = nn.Sequential(synapses(layer), Compartment(3, 4, 4))
    found = cores(net, (2, 8, 8), Loihi(compartments=10))
    # the matrix, from the response to each pixel
    one = torch.eye(128).view(1, 128, 2, 8, 8)
    dense = torch.nn.functional.conv2d(one[0], (layer.weight != 0).float(), stride=2, padding=1).flatten(1).T > 0
    assert [c.stop for c in found] == [10, 20, 30, 40, 48]
    for core in found:
        rows = dense[core.start : core.stop]
        assert core.in_axons == int(rows.any(0).sum())
        assert core.synapse_bits == 8 * int(rows.sum())
    with pytest.raises(ShapeError, match=r"shape \(8, 8\); expected 2 channels and 2 axes"):
        cores(net, (8, 8))
    layer.padding_mode = "circular"
    with pytest.raises(NotRepresentable, match="circular"):
        cores(net, (2, 8, 8))


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (dict(in_axons=49), "50 in_axons; expected no more than 49"),
        (dict(synapse_bits=399), "400 synapse_bits; expected no more than 399"),
        (dict(out_axons=2, compartments=10), "3 out_axons; expected no more than 2"),
        (dict(cores=3, compartments=10), "6 cores; expected no more than 3"),
    ],
)
def test_the_limit_that_is_violated_is_named(limits: dict[str, int], told: str) -> None:
    with pytest.raises(NotRepresentable, match=told):
        cores(chain(50, 30, 30), (50,), Loihi(**limits))


def test_refractory_periods() -> None:
    net = nn.Sequential(linear([[5.0]]), Refractory(Compartment(1), tau_refrac=63.0))
    assert len(cores(net, (1,))) == 1
    for wrong in (64.0, 1.5):
        net = nn.Sequential(linear([[5.0]]), Refractory(Compartment(1), tau_refrac=wrong))
        with pytest.raises(NotRepresentable, match="the refractory of a compartment"):
            cores(net, (1,))


@pytest.mark.parametrize(
    ("layers", "error", "told"),
    [
        ([linear([[5.0]]), neurons.LIF(1, dt=1.0)], NotRepresentable, "layer 1, LIF"),
        ([linear([[5.0]]), linear([[5.0]]), Compartment(1)], NotRepresentable, "layer 1, Linear"),
        ([linear([[5.0]])], NotRepresentable, "behind the last synapses"),
        ([linear([[5.0]]), Compartment(2)], ShapeError, "2 compartments; expected 1"),
        ([torch.nn.Linear(1, 1), Compartment(1)], ParameterError, "synapses of the chip"),
        ([linear([[5.0, 5.0]]), Compartment(1)], ShapeError, r"shape \(1,\); expected \(2,\)"),
    ],
)
def test_networks_that_are_not_of_the_chip(
    layers: list[torch.nn.Module], error: type[RheobaseError], told: str
) -> None:
    with pytest.raises(error, match=told):
        cores(nn.Sequential(*layers), (1,))


def test_a_chip_of_other_limits() -> None:
    assert Loihi(cores=1152 * 128).cores == 147456
    with pytest.raises(ParameterError, match="compartments=0"):
        Loihi(compartments=0)
    assert np.prod([Loihi().cores, Loihi().compartments]) == 131072
