"""A network of integrate-and-fire neurons on a Loihi core, and how its spikes change."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rheobase.chip.loihi.compartment import HALF, UNIT, Compartment
from rheobase.chip.loihi.forms import FORMS, LOSSES, Form, form_of
from rheobase.chip.loihi.scaling import registers
from rheobase.chip.loihi.synapses import synapses
from rheobase.chip.mixed_signal.layers import bare
from rheobase.core import Neuron
from rheobase.core.execution.check import check_tensor
from rheobase.errors import InputError, NotRepresentable, ParameterError, nearest
from rheobase.nn import Conv1d, Conv2d, Dropout, Flatten, Sequential
from rheobase.nn.quantise import kind_of

CELLS = "CubaLIF, LIF, HardResetLIF, PLIF, IF or HardResetIF"


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
    coincident        of these, at the same neuron and step (a layer of CubaLIF on the chip spikes one step earlier)
    stopped           steps, of all compartments and samples, in which a potential stopped at -(2^23 - 1), the end of
                      its register, below which that of the float layer goes on
    """

    layer: int
    weight_exp: int
    weight_error: float
    threshold_error: float
    decay_error: float
    spikes_float: int
    spikes_chip: int
    coincident: int
    stopped: int

    def __str__(self) -> str:
        met = f"; {self.stopped:,} potentials stopped at the end of their register" if self.stopped else ""
        return (
            f"layer {self.layer}: {self.spikes_float} spikes, {self.spikes_chip} on the chip, {self.coincident} of "
            f"them at the same step; weights to {self.weight_error:.2%} of the largest (weight_exp = "
            f"{self.weight_exp}), thresholds to {self.threshold_error:.2%}, decays to {self.decay_error:.2%}{met}"
        )


@dataclass(frozen=True)
class Report:
    """What changed, layer by layer."""

    layers: tuple[LayerReport, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.layers))


@dataclass(frozen=True)
class Place:
    """Where a layer stands in the float network, and on the chip, whose spikes are `ahead` steps earlier."""

    layer: int
    on_chip: int
    ahead: int
    errors: dict[str, Any]


def quantise(
    net: Sequential, x: Tensor, *, weight_bits: int = 8, allow: Sequence[str] = ()
) -> tuple[Sequential, Report]:
    """A network of linear and convolutional layers and neurons, in the whole numbers of a chip: (net, report).

    Neurons are `CubaLIF`, `LIF`, `HardResetLIF`, `PLIF`, `IF` and `HardResetIF`. The report compares the spikes of
    both, layer by layer, under the spikes `x`, as they run in evaluation. Its weights can be trained on, through their
    rounding, at the learning rates of the float network, in whose units they are kept.

    `allow` names what may be lost: "reset", since a compartment is reset to rest where `CubaLIF`, `LIF` and `IF` go
    down by their threshold; "bias", since a bias enters the potential, at once, where that of a layer in front of
    `CubaLIF` passes the synapse.

    Shapes: x (time, batch, ...), 0 or 1, the input of the network.

    Raises: `NotRepresentable` for a loss that is not allowed, another neuron or layer, another integrator, time
    constants above 8192 steps, a threshold that is not above v_leak, and weights for which there is no scale;
    `InputError` for an x that is no spikes.

    Reference: Davies et al., IEEE Micro 38(1), 82 (2018), doi 10.1109/MM.2018.112130359, for the chip; the scales are
    derived in `rheobase.chip.loihi.scaling`.

    >>> from rheobase.neurons import CubaLIF
    >>> net = Sequential(nn.Linear(3, 2, bias=False), CubaLIF(2, dt=1.0))
    >>> nn.init.constant_(net[0].weight, 0.5).shape
    torch.Size([2, 3])
    >>> chip, report = quantise(net, torch.ones(100, 1, 3), allow=("reset",))
    >>> report.layers[0].spikes_float, report.layers[0].spikes_chip
    (8, 8)
    """
    if not isinstance(net, Sequential):
        raise ParameterError("quantise", type(net).__name__, "an nn.Sequential", "put the layers into one")
    check_losses("quantise", allow)
    check_tensor("quantise", "x", x)
    if bool(((x != 0) & (x != 1)).any()):
        raise InputError("quantise", "an x that is not only 0 and 1", "spikes", "encode it: see rheobase.data")
    chip, places = in_whole_numbers(net, weight_bits=weight_bits, allow=allow)
    chip.to(x.device)
    return chip, compared(copy.deepcopy(net).eval(), chip, places, x)


def check_losses(owner: str, allow: Sequence[str]) -> None:
    """Raise `ParameterError` for what is no tuple of names of losses."""
    if isinstance(allow, str):
        raise ParameterError(owner, f"allow={allow!r}", "a tuple of names", f"allow=({allow!r},)")
    for name in allow:
        if name not in LOSSES:
            raise ParameterError(owner, f"allow {name!r}", "the name of a loss", nearest(str(name), LOSSES))


def in_whole_numbers(
    net: Sequential, *, weight_bits: int = 8, allow: Sequence[str] = (), first: int = 0
) -> tuple[Sequential, list[Place]]:
    """The network on the chip, and where each of its layers stands. Layers are numbered from `first` on, in errors.

    Raises: as `quantise`.
    """
    float_net = copy.deepcopy(net).eval()
    made: list[nn.Module] = []
    places: list[Place] = []
    weights: tuple[int, nn.Module] | None = None
    for k, layer in enumerate(float_net.layers):
        if isinstance(layer, nn.Linear | Conv1d | Conv2d) and weights is None:
            weights = k, layer
        elif isinstance(layer, Neuron) and type(layer) in FORMS and weights is not None:
            place, before = weights
            named = f"{kind_of(before).__name__}({before.extra_repr()})"  # in one line, however it is parametrized
            owner = f"layer {place + first}, {named}, with layer {k + first}"
            form = form_of(owner, layer)
            synaptic, compartments, errors = _layer(owner, before, layer, form, weight_bits, allow)
            made += [synaptic, compartments]
            ahead = form.ahead + (places[-1].ahead if places else 0)
            places.append(Place(k, len(made) - 1, ahead, errors))
            weights = None
        elif isinstance(layer, Flatten) and weights is None:
            made.append(Flatten())
        elif not isinstance(layer, Dropout | nn.Dropout):
            kind = kind_of(layer).__name__
            alone = " without a layer of weights right before it" if type(layer) in FORMS else ""
            given = f"layer {k + first}, {kind}{alone}"
            remedy = "train with one of these, or leave it in software, with the layers before or after it"
            remedy += "; a chip in fixed point takes SRC" if kind == "SRC" else ""
            expected = f"linear or convolutional layers, each before neurons of {CELLS}"
            raise NotRepresentable("a Loihi core", given, expected, remedy)
    if weights is not None or not places:
        given = "no neurons behind the last layer" if places or weights else "no neurons"
        raise NotRepresentable("a Loihi core", given, f"{CELLS} behind each layer of weights", "add neurons.CubaLIF")
    return Sequential(*made), places


@torch.no_grad()
def compared(float_net: Sequential, chip: Sequential, places: Sequence[Place], x: Tensor) -> Report:
    """The spikes of both networks under x, layer by layer."""
    own = next(iter(float_net.parameters()), x).dtype
    outputs, now = float_net.outputs(x.to(own)), x.float()
    at, reports = {place.on_chip: place for place in places}, list[LayerReport]()
    for k, layer in enumerate(chip.layers):
        part: Any = layer
        if k not in at:
            now = part(now)
            continue
        now, _, seen = part(now, record=("v",))
        # at the upper end they fire and are reset, so only the lower end can stop them
        stopped = int((seen.v <= 1 - HALF).sum())
        reports.append(_compared(at[k], outputs[at[k].layer], now, stopped))
    return Report(tuple(reports))


def _compared(place: Place, one: Tensor, other: Tensor, stopped: int) -> LayerReport:
    ahead = place.ahead
    same = int((one[ahead:].bool() & other[: max(0, len(other) - ahead)].bool()).sum())
    return LayerReport(
        layer=place.layer,
        **place.errors,
        spikes_float=int(one.sum()),
        spikes_chip=int(other.sum()),
        coincident=same,
        stopped=stopped,
    )


def _layer(
    owner: str, layer: Any, neuron: Neuron, form: Form, weight_bits: int, allow: Sequence[str]
) -> tuple[nn.Module, Compartment, dict[str, Any]]:
    """Synapses and compartments for a layer of weights and the neurons behind it, and the errors of their numbers."""
    biased = layer.bias is not None and bool(layer.bias.any())
    losses = [name for name in form.losses if name != "bias" or biased]
    for name in losses:
        if name not in allow:
            remedy = f"allow={tuple(losses)!r}, and look at the report"
            raise NotRepresentable(owner, f"a loss of {name}: {form.losses[name]}", "one that is allowed", remedy)
    found = registers(owner, layer.weight, layer.bias, neuron, form, weight_bits)
    # also of weights that are rounded as others are: a plain layer, with the values that they have
    twin: Any = _plain(layer)
    # with an exponent below 0 the chip drops what is below 1
    twin.weight.data = (found.weight.round() if found.weight_exp < 0 else found.weight).float()
    unit = float(layer.weight.detach().abs().max() / found.weight.abs().max())
    twin = synapses(twin.float(), weight_bits=weight_bits, weight_exp=found.weight_exp, unit=unit)
    compartments = Compartment(
        neuron.shape,
        decay_u=found.decay_u,
        decay_v=found.decay_v,
        vth_mant=found.vth_mant,
        bias_mant=found.bias_mant,
        bias_exp=found.bias_exp,
        surrogate=neuron.surrogate,
    )
    theta = form.theta * found.scale / UNIT
    errors = {
        "weight_exp": found.weight_exp,
        "weight_error": float((twin.weight.detach().double() - found.weight).abs().max() / found.weight.abs().max()),
        "threshold_error": float((found.vth_mant / theta - 1).abs().max()),
        "decay_error": found.decay_error,
    }
    return twin, compartments, errors


def _plain(layer: Any) -> Any:
    """A copy of a layer without a bias and without parametrizations of its weights."""
    twin = copy.deepcopy(layer)
    if parametrize.is_parametrized(twin):
        bare(twin, original=False)
    twin.bias = None
    return twin
