"""A network of `CubaLIF` on a Loihi core, and how its spikes change."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.chip.loihi.compartment import UNIT, Compartment
from rheobase.chip.loihi.scaling import registers
from rheobase.chip.loihi.synapses import synapses
from rheobase.core.execution.check import check_tensor
from rheobase.core.integrators import ExpEuler
from rheobase.errors import InputError, NotRepresentable, ParameterError, nearest
from rheobase.neurons import CubaLIF
from rheobase.nn import Conv1d, Conv2d, Dropout, Flatten, Sequential

LOSSES = {
    "reset": "a chip resets to 0, CubaLIF down by its threshold",
    "bias": "a chip's bias enters the potential, that of a linear layer the synaptic current",
}


@dataclass(frozen=True)
class LayerReport:
    """How a layer on the chip differs from the float one.

    layer             its place in the float network
    weight_exp        exponent of its weights
    weight_error      the largest change of a weight, in units of the largest weight
    threshold_error   the largest relative change of a threshold
    decay_error       the largest relative change of a decay, which for long time constants is that of theirs
    spikes_float      spikes of the float layer
    spikes_chip       spikes of the layer on the chip
    coincident        of these, at the same neuron and step (a layer on the chip spikes one step earlier)
    """

    layer: int
    weight_exp: int
    weight_error: float
    threshold_error: float
    decay_error: float
    spikes_float: int
    spikes_chip: int
    coincident: int

    def __str__(self) -> str:
        return (
            f"layer {self.layer}: {self.spikes_float} spikes, {self.spikes_chip} on the chip, {self.coincident} of "
            f"them at the same step; weights to {self.weight_error:.2%} of the largest (weight_exp = "
            f"{self.weight_exp}), thresholds to {self.threshold_error:.2%}, decays to {self.decay_error:.2%}"
        )


@dataclass(frozen=True)
class Report:
    """What changed, layer by layer."""

    layers: tuple[LayerReport, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.layers))


def quantise(
    net: Sequential, x: Tensor, *, weight_bits: int = 8, allow: Sequence[str] = ()
) -> tuple[Sequential, Report]:
    """A network of linear and convolutional layers and `CubaLIF`, in the whole numbers of a chip: (net, report).

    The report compares the spikes of both, layer by layer, under the spikes `x`, as they run in evaluation. Its
    weights can be trained on, through their rounding.

    `allow` names what may be lost: "reset", since a compartment is reset to 0 where `CubaLIF` goes down by its
    threshold; "bias", since a bias enters the potential, at once, where that of a layer passes the synapse.

    Shapes: x (time, batch, ...), 0 or 1, the input of the network.

    Raises: `NotRepresentable` for a loss that is not allowed, another neuron or layer, another integrator, time
    constants above 8192 steps, a threshold that is not above v_leak, and weights for which there is no scale;
    `InputError` for an x that is no spikes.

    Reference: Davies et al., IEEE Micro 38(1), 82 (2018), doi 10.1109/MM.2018.112130359, for the chip; the scales are
    derived in `rheobase.chip.loihi.scaling`.

    >>> from rheobase import neurons
    >>> net = Sequential(nn.Linear(3, 2, bias=False), CubaLIF(2, dt=1.0))
    >>> nn.init.constant_(net[0].weight, 0.5).shape
    torch.Size([2, 3])
    >>> chip, report = quantise(net, torch.ones(100, 1, 3), allow=("reset",))
    >>> report.layers[0].spikes_float, report.layers[0].spikes_chip
    (8, 8)
    """
    if isinstance(allow, str):
        raise ParameterError("quantise", f"allow={allow!r}", "a tuple of names", f"allow=({allow!r},)")
    for name in allow:
        if name not in LOSSES:
            raise ParameterError("quantise", f"allow {name!r}", "the name of a loss", nearest(str(name), LOSSES))
    if not isinstance(net, Sequential):
        raise ParameterError("quantise", type(net).__name__, "an nn.Sequential", "put the layers into one")
    check_tensor("quantise", "x", x)
    if bool(((x != 0) & (x != 1)).any()):
        raise InputError("quantise", "an x that is not only 0 and 1", "spikes", "encode it: see rheobase.data")
    float_net = copy.deepcopy(net).eval()
    made: list[nn.Module] = []
    places: list[tuple[int, int, dict[str, Any]]] = []  # of compartments: in the float network, on the chip, errors
    weights: tuple[int, nn.Module] | None = None
    for k, layer in enumerate(float_net.layers):
        if isinstance(layer, nn.Linear | Conv1d | Conv2d) and weights is None:
            weights = k, layer
        elif isinstance(layer, CubaLIF) and weights is not None:
            synaptic, compartments, errors = _layer(weights, k, layer, weight_bits, allow)
            made += [synaptic, compartments]
            places.append((k, len(made) - 1, errors))
            weights = None
        elif isinstance(layer, Flatten) and weights is None:
            made.append(Flatten())
        elif not isinstance(layer, Dropout | nn.Dropout):
            given, remedy = f"layer {k}, {type(layer).__name__}", "train with CubaLIF, or leave it in software"
            expected = "linear or convolutional layers, each before a CubaLIF"
            raise NotRepresentable("a Loihi core", given, expected, remedy)
    if weights is not None or not places:
        given = "no CubaLIF behind the last layer" if places or weights else "no CubaLIF"
        raise NotRepresentable("a Loihi core", given, "a CubaLIF behind each layer of weights", "add neurons.CubaLIF")
    chip = Sequential(*made).to(x.device)
    with torch.no_grad():
        pairs = zip(places, _spikes(float_net, x, [k for k, _, _ in places]), strict=True)
        after = _spikes(chip, x.float(), [k for _, k, _ in places])
        told = [_compared(k, errors, one, after[n], n + 1) for n, ((k, _, errors), one) in enumerate(pairs)]
    return chip, Report(tuple(told))


def _spikes(net: Sequential, x: Tensor, places: Sequence[int]) -> list[Tensor]:
    out = net.outputs(x)
    return [out[k] for k in places]


def _compared(layer: int, errors: dict[str, Any], one: Tensor, other: Tensor, ahead: int) -> LayerReport:
    """`other`, on the chip, is `ahead` steps earlier."""
    same = int((one[ahead:].bool() & other[: max(0, len(other) - ahead)].bool()).sum())
    return LayerReport(
        layer=layer, **errors, spikes_float=int(one.sum()), spikes_chip=int(other.sum()), coincident=same
    )


def _layer(
    weights: tuple[int, nn.Module], k: int, neuron: CubaLIF, weight_bits: int, allow: Sequence[str]
) -> tuple[nn.Module, Compartment, dict[str, Any]]:
    """Synapses and compartments for a layer of weights and the neurons behind it, and the errors of their numbers."""
    place, layer = weights
    owner = f"layer {place}, {layer!r}, with layer {k}"
    losses = ["reset", *(["bias"] if layer.bias is not None and bool(layer.bias.any()) else [])]  # type: ignore[union-attr,operator]
    for name in losses:
        if name not in allow:
            remedy = f"allow={tuple(losses)!r}, and look at the report"
            raise NotRepresentable(owner, f"a loss of {name}: {LOSSES[name]}", "one that is allowed", remedy)
    if not isinstance(neuron.integrator, ExpEuler):
        raise NotRepresentable(owner, repr(neuron.integrator), "ExpEuler, a chip's step", "train with ExpEuler()")
    found = registers(owner, layer.weight, layer.bias, neuron, weight_bits)  # type: ignore[arg-type]
    twin: Any = copy.deepcopy(layer)
    twin.bias = None
    # with an exponent below 0 the chip drops what is below 1
    twin.weight.data = (found.weight.round() if found.weight_exp < 0 else found.weight).float()
    twin = synapses(twin.float(), weight_bits=weight_bits, weight_exp=found.weight_exp)
    compartments = Compartment(
        neuron.shape, decay_u=found.decay_u, decay_v=found.decay_v, vth_mant=found.vth_mant,
        bias_mant=found.bias_mant, bias_exp=found.bias_exp, surrogate=neuron.surrogate,
    )  # fmt: skip
    theta = (neuron.v_threshold - neuron.v_leak).detach().double() * found.scale / UNIT
    errors = {
        "weight_exp": found.weight_exp,
        "weight_error": float((twin.weight.detach().double() - found.weight).abs().max() / found.weight.abs().max()),
        "threshold_error": float((found.vth_mant / theta - 1).abs().max()),
        "decay_error": found.decay_error,
    }
    return twin, compartments, errors
