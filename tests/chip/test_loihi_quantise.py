"""Float networks of CubaLIF in the numbers of a chip: potentials by closed bounds, reports by counting, refusals."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import integrators, neurons, nn
from rheobase.chip.loihi import Compartment, cores, mantissas, quantise
from rheobase.errors import DTypeError, InputError, NotRepresentable, ParameterError, RheobaseError

RESET = ("reset",)


def tau(decay: int) -> float:
    """The time constant, at dt = 1 ms, of which a step takes decay/4096."""
    return -1.0 / math.log(1 - decay / 4096)


def spikes(steps: int, *shape: int, rate: float = 0.1, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return (torch.rand(steps, 2, *shape, generator=g) < rate).float()


def network(**values: Any) -> Any:
    """Weights and a threshold that are whole on the chip at every weight_exp: even multiples of the largest / 254."""
    g = torch.Generator().manual_seed(1)
    layer = torch.nn.Linear(12, 8, bias=False)
    layer.weight.data = torch.randint(-127, 128, (8, 12), generator=g).float() / 127
    layer.weight.data[0, 0] = 1.0
    own: dict[str, Any] = dict(dt=1.0, tau_syn=tau(700), tau_mem=tau(150), r=2.0, w_in=0.7, v_leak=0.3) | values
    gain = 700 / 4096 * 150 / 4096 * own["r"] * own["w_in"]
    return nn.Sequential(layer, neurons.CubaLIF(8, **own, v_threshold=own["v_leak"] + gain * 5000 / 254))


def test_the_potential_is_that_of_the_float_network() -> None:
    """Up to what truncation takes: less than 1 a step of u, and of v, which the decays forget again."""
    net = network().double()
    x = spikes(200, 12, rate=0.03)
    chip, _ = quantise(net.double(), x.double(), allow=RESET)
    parts: Any = chip.layers
    weights, compartments = parts
    assert torch.equal(mantissas(weights), (net[0].weight * 254).round().to(torch.int32))
    assert (float(compartments.decay_u), float(compartments.decay_v)) == (700.0, 150.0)
    exponent = weights.parametrizations["weight"][0].weight_exp
    assert float(compartments.vth_mant) == 5000 * 2**exponent
    # without spikes, since the resets differ
    assert isinstance(compartments, Compartment)
    net[1].v_threshold = 1e6
    compartments.vth_mant = 131071
    _, _, float_run = net[1](net[0](x.double()), record=("v",))
    _, _, chip_run = compartments(weights(x), record=("v",))
    scale = 64 * 5000 * 2**exponent / (700 / 4096 * 150 / 4096 * 1.4 * 5000 / 254)
    bound = (1 + 4096 / 700) * 4096 / 150
    off = (chip_run.v[:-1].double() - scale * (float_run.v[1:] - 0.3)).abs().detach()
    assert float(off.max()) < bound
    # and the bound is small beside what is computed
    assert bound < 0.01 * float(chip_run.v.detach().abs().max())


def test_a_bias_comes_to_the_same_potential() -> None:
    net = network()
    net[0].bias = torch.nn.Parameter(torch.linspace(-0.2, 0.2, 8))
    net[1].v_threshold = 30.0
    with pytest.raises(NotRepresentable, match="a loss of bias"):
        quantise(net, spikes(300, 12), allow=RESET)
    chip: Any
    chip, _ = quantise(net, spikes(300, 12), allow=("bias", "reset"))
    x = torch.zeros(300, 1, 12)
    end = net(x)[1][0].v - 0.3
    # 1.4 of the bias, whose mantissa has no more than half a unit of error, and truncation less than 1
    torch.testing.assert_close(end[0], 1.4 * net[0].bias.detach(), rtol=1e-3, atol=1e-5)
    found = chip(x)[1][0].v[0] / (64 * chip[1].vth_mant) * 29.7
    unit = 29.7 / (64 * float(chip[1].vth_mant))
    assert float((found - end[0]).detach().abs().max()) < (0.5 * 2 ** chip[1].bias_exp + 1) * 4096 / 150 * unit + 1e-4


def test_the_report_counts_what_both_do() -> None:
    torch.manual_seed(0)
    net: Any = nn.Sequential(
        nn.Conv2d(2, 4, 3, bias=False),
        neurons.CubaLIF((4, 6, 6), dt=1.0, v_threshold=0.5),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(144, 10, bias=False),
        neurons.CubaLIF(10, dt=1.0, tau_mem=torch.linspace(5.0, 40.0, 10)),
    )
    torch.nn.init.uniform_(net[0].weight, 0.0, 1.5)
    torch.nn.init.uniform_(net[4].weight, 0.0, 0.8)
    x, before = spikes(80, 2, 8, 8), copy.deepcopy(net.state_dict())
    chip, report = quantise(net, x, allow=RESET)
    one, other = net.eval().outputs(x), chip.outputs(x)
    assert [type(layer).__name__ for layer in chip.layers] == [
        "ParametrizedConv2d",
        "Compartment",
        "Flatten",
        "ParametrizedLinear",
        "Compartment",
    ]
    for told, (k, place, ahead) in zip(report.layers, ((1, 1, 1), (5, 4, 2)), strict=True):
        pair = one[k][ahead:].bool() & other[place][:-ahead].bool()
        assert (told.layer, told.spikes_float, told.spikes_chip) == (k, int(one[k].sum()), int(other[place].sum()))
        assert told.coincident == int(pair.sum())
        # a mantissa is even, so the nearest is 1 away at most; of 254
        assert 0.0 < told.weight_error <= 1 / 253
        assert told.threshold_error < 1e-6
        assert told.decay_error < 0.01
        # with another reset and few bits, not the same spikes, but about as many
        assert 0.7 < told.spikes_chip / told.spikes_float < 1.1
        # one step earlier: more of them at the same step so than otherwise
        assert told.coincident > int((one[k].bool() & other[place].bool()).sum())
        assert f"layer {k}: {told.spikes_float} spikes, {told.spikes_chip} on the chip" in str(report)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), before.values(), strict=True))
    assert [core.layer for core in cores(chip, (2, 8, 8))] == [1, 4]


def test_the_chip_can_be_trained_on() -> None:
    chip, _ = quantise(network(), spikes(40, 12), allow=RESET)
    x = spikes(40, 12)
    optimiser = torch.optim.Adam(chip.parameters(), lr=0.2)  # of weights up to 1, as in the float network
    losses = []
    for _ in range(20):
        out, _ = chip(x)
        loss = (out.mean(0) - 0.2).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert int(mantissas(chip[0]).abs().max()) <= 256


def two(neuron: Any, *, bias: bool = False, outputs: int = 3) -> nn.Sequential:
    layer = torch.nn.Linear(4, outputs, bias=bias)
    torch.nn.init.constant_(layer.weight, 0.5)
    return nn.Sequential(layer, neuron)


@pytest.mark.parametrize(
    ("net", "call", "error", "told"),
    [
        (two(neurons.CubaLIF(3, dt=1.0)), {}, NotRepresentable, "a loss of reset"),
        (two(neurons.CubaLIF(3, dt=1.0)), dict(allow=("rest",)), ParameterError, "allow 'rest'"),
        (two(neurons.CubaLIF(3, dt=1.0)), dict(allow="reset"), ParameterError, r"allow=\('reset',\)"),
        (two(neurons.CubaLIF(3, dt=1.0)), dict(allow=RESET, weight_bits=9), ParameterError, "weight_bits"),
        (two(neurons.AdLIF(3)), dict(allow=RESET), NotRepresentable, "layer 1, AdLIF"),
        (two(neurons.SRC(3)), dict(allow=RESET), NotRepresentable, "layer 1, SRC"),
        (nn.Sequential(torch.nn.Linear(4, 3)), dict(allow=RESET), NotRepresentable, "no neurons behind"),
        (nn.Sequential(neurons.CubaLIF(4, dt=1.0)), dict(allow=RESET), NotRepresentable, "layer 0, CubaLIF"),
        (torch.nn.Linear(4, 3), dict(allow=RESET), ParameterError, "Sequential"),
        (two(neurons.CubaLIF(3, dt=1.0, integrator=integrators.Euler())), dict(allow=RESET), NotRepresentable, "Euler"),
        (two(neurons.CubaLIF(3, dt=1.0, tau_mem=1e4)), dict(allow=RESET), NotRepresentable, "tau_mem up to 10000 ms"),
        (two(neurons.CubaLIF(3, dt=1.0, v_leak=2.0)), dict(allow=RESET), NotRepresentable, "above the leak"),
        (two(neurons.CubaLIF(3, dt=1.0, w_in=0.0)), dict(allow=RESET), NotRepresentable, "all 0"),
        (two(neurons.CubaLIF(3, dt=1.0, v_threshold=1e9)), dict(allow=RESET), NotRepresentable, "above 131071"),
        (two(neurons.CubaLIF(3, dt=1.0, v_threshold=1e-9)), dict(allow=RESET), NotRepresentable, "below 1"),
    ],
)
def test_what_a_chip_cannot_be(net: Any, call: dict[str, Any], error: type[RheobaseError], told: str) -> None:
    with pytest.raises(error, match=told):
        quantise(net, spikes(5, 4), **call)


def test_parameters_that_differ_within_a_channel() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=False),
        neurons.CubaLIF((2, 2, 2), dt=1.0, tau_mem=torch.linspace(5, 9, 8).view(2, 2, 2)),
    )
    with pytest.raises(NotRepresentable, match="differ within a channel"):
        quantise(net, spikes(5, 1, 4, 4), allow=RESET)


def test_an_exponent_below_zero_tells_what_it_costs() -> None:
    """2,000 inputs, and a threshold far above them: weights are whole numbers far below 254."""
    layer = torch.nn.Linear(2000, 3, bias=False)
    layer.weight.data = torch.rand(3, 2000, generator=torch.Generator().manual_seed(0))
    net: Any = nn.Sequential(layer, neurons.CubaLIF(3, dt=1.0, v_threshold=20.0))
    chip, report = quantise(net, spikes(30, 2000), allow=RESET)
    (told,) = report.layers
    assert told.weight_exp < 0
    most = float(chip[0].weight.detach().abs().max())
    assert 0.4 / most < told.weight_error <= 0.51 / most


def test_an_input_that_is_no_spikes() -> None:
    with pytest.raises(InputError, match="not only 0 and 1"):
        quantise(two(neurons.CubaLIF(3, dt=1.0)), torch.full((5, 1, 4), 0.5), allow=RESET)
    with pytest.raises(DTypeError, match="list"):
        quantise(two(neurons.CubaLIF(3, dt=1.0)), [[[1.0]]], allow=RESET)  # type: ignore[arg-type]


def test_potentials_that_stop_are_counted() -> None:
    """An IF that is inhibited in each step goes down for ever; its compartment stands at -(2^23 - 1) from a step on."""
    layer = torch.nn.Linear(1, 2, bias=False)
    layer.weight.data = torch.tensor([[-1.0], [1.0]])
    net = nn.Sequential(layer, neurons.IF(2, dt=1.0, v_threshold=1.0))
    steps = 1000
    chip, report = quantise(net, torch.ones(steps, 3, 1), allow=RESET)
    weights: Any = chip[0]
    down = -64 * int(weights(torch.ones(1, 1, 1))[0, 0, 0])
    before = ((1 << 23) - 2) // down  # steps at which it is above the end
    assert report.layers[0].stopped == 3 * max(0, steps - before) > 0
    assert f"{report.layers[0].stopped:,} potentials stopped" in str(report)
    _, report = quantise(net, torch.ones(min(before, steps), 3, 1), allow=RESET)
    assert report.layers[0].stopped == 0
    assert "stopped" not in str(report)
