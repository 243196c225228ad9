"""A float network of SRC, LIF or IF neurons in fixed point, and how its output changes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.checks import is_whole
from rheobase.chip.fixed_point.conversion import INTEGRATES, LOSSES, Made, Plan, made_of
from rheobase.chip.fixed_point.report import Report, compared
from rheobase.chip.fixed_point.weights import fixed_weights
from rheobase.core import Neuron
from rheobase.core.execution.check import check_tensor
from rheobase.errors import InputError, NotRepresentable, ParameterError, nearest
from rheobase.neurons import SRC
from rheobase.nn import Dropout, Flatten, GroupReadout, Linear, Sequential
from rheobase.nn.quantise import kind_of

FORMS = ("lines", "fpga")


def quantise(
    net: Sequential,
    x: Tensor,
    *,
    weight_bits: int = 5,
    fraction: int = 10,
    param_fraction: int = 8,
    whole: int | None = None,
    rounding: str = "nearest",
    overflow: str = "saturate",
    form: str = "lines",
    allow: Sequence[str] = (),
) -> tuple[Sequential, Report]:
    """A network of linear layers and SRC, LIF or IF neurons, in fixed point: (net, report).

    weight_bits      bits of a weight, with its sign; where the point is, each layer's weights decide (`Format.nearest`)
    fraction, param_fraction, rounding, overflow   as in `FixedSRC`
    whole            bits before the point of the integrators; None: as few as hold 5/4 of the largest value that the
                     float network has under `x`, which should be samples of the training
    form             "lines" makes `FixedSRC` of SRC, "fpga" `FpgaSRC`, with constants and widths of the published chip

    The readout (`LI`, or `GroupReadout` with its fixed matrix) becomes a `FixedLeakySum`; the two weights of a
    `GroupReadout` have 8 bits, whatever `weight_bits`. Layers keep their numbers, but for what `Dropout` and
    `GroupReadout` take or give. The network is an ordinary one; its weights, in the units that they had, can be trained
    on through their rounding (quantisation-aware training). The report compares both, layer by layer, under `x`.

    `allow` names what may be lost beside bits: "functions", since lines take the place of tanh and sigmoid; "cell",
    since a cell of form "fpga" has other constants than the one that was trained, and its spikes are 0 and 1.

    Shapes: x (time, batch, ...), 0 or 1, the input of the network.

    Raises: `NotRepresentable` for a loss that is not allowed, another neuron or layer, a setting that a cell in fixed
    point has not; `InputError` for an x that is no spikes; `ParameterError`.

    Reference: for form "fpga", Harmeling, De Geeter & Drion, arXiv 2605.10679 (2026); see `FpgaSRC`.

    >>> from rheobase import neurons
    >>> net = Sequential(nn.Linear(3, 2, bias=False), neurons.LIF(2, dt=1.0, tau_mem=5.0))
    >>> nn.init.constant_(net[0].weight, 0.6).shape
    torch.Size([2, 3])
    >>> fixed, report = quantise(net, torch.ones(20, 1, 3), weight_bits=5)
    >>> fixed[0].weight[0].tolist(), report.layers[0].spikes_float, report.layers[0].spikes_fixed
    ([0.109375, 0.109375, 0.109375], 8, 8)
    """
    plan = Plan(weight_bits, fraction, param_fraction, whole, rounding, overflow, form, _allowed(allow))
    _check(net, x, plan)
    float_net = copy.deepcopy(net).eval()
    layers = list[nn.Module]()
    pairs = list[tuple[int, int, Made]]()  # the place of a cell before and after
    waiting: tuple[int, Any] | None = None
    behind = 0  # bits behind the point of what comes in
    with torch.no_grad():
        seen = _largest(float_net, x)
    for k, layer in enumerate(float_net.layers):
        if isinstance(layer, nn.Linear) and waiting is None and kind_of(layer) is type(layer):
            waiting = k, layer
            continue
        if isinstance(layer, GroupReadout) and waiting is None:
            waiting = k, _matrix(layer)
        if isinstance(layer, Neuron | GroupReadout) and waiting is not None:
            made = made_of(plan, k, layer, waiting[1], seen.get(k, 0.0))
            layers += [_weights(waiting[1], made, behind), made.neuron]
            pairs.append((k, len(layers) - 1, made))
            waiting, behind = None, made.output_fraction
        elif isinstance(layer, Flatten) and waiting is None:
            layers.append(Flatten())
        elif not isinstance(layer, Dropout | nn.Dropout):
            given = f"layer {k}, {kind_of(layer).__name__}"
            expected = "Linear layers, each before SRC, LIF, IF or LI, and a GroupReadout"
            raise NotRepresentable("a chip in fixed point", given, expected, "train with one of these neurons")
    if waiting is not None or not pairs:
        given = "no neurons behind the last weights" if pairs or waiting else "no neurons"
        raise NotRepresentable("a chip in fixed point", given, "neurons behind each layer of weights", "add neurons.LI")
    # of one type, that of the weights: the numbers of a cell are made in float32
    fixed = Sequential(*layers).to(x.device, next(iter(float_net.parameters()), torch.zeros(())).dtype)
    with torch.no_grad():
        return fixed, Report(compared(float_net, fixed, x, [(k, place, made.changes) for k, place, made in pairs]))


def _allowed(allow: Sequence[str]) -> tuple[str, ...]:
    if isinstance(allow, str):
        raise ParameterError("quantise", f"allow={allow!r}", "a tuple of names", f"allow=({allow!r},)")
    for name in allow:
        if name not in LOSSES:
            raise ParameterError("quantise", f"allow {name!r}", "the name of a loss", nearest(str(name), LOSSES))
    return tuple(allow)


def _check(net: Any, x: Any, plan: Plan) -> None:
    if not isinstance(net, Sequential):
        raise ParameterError("quantise", type(net).__name__, "an nn.Sequential", "put the layers into one")
    if not is_whole(plan.weight_bits, 2, 16):
        given = f"weight_bits={plan.weight_bits!r}"
        raise ParameterError("quantise", given, "a whole number from 2 to 16", "weight_bits=5, say")
    if plan.form not in FORMS:
        raise ParameterError("quantise", f"form={plan.form!r}", f"one of {', '.join(FORMS)}", "'lines' is usual")
    if plan.form == "fpga" and not any(isinstance(layer, SRC) for layer in net.layers):
        raise ParameterError("quantise", "form='fpga' for a network without SRC", "one with SRC", "leave form out")
    if plan.whole is not None and not is_whole(plan.whole, 0, 32):
        raise ParameterError("quantise", f"whole={plan.whole!r}", "a whole number from 0 to 32", "None: as x needs")
    check_tensor("quantise", "x", x)
    if bool(((x != 0) & (x != 1)).any()):
        raise InputError("quantise", "an x that is not only 0 and 1", "spikes", "encode it: see rheobase.data")


def _weights(layer: nn.Linear, made: Made, behind: int) -> nn.Linear:
    twin = Linear(layer.in_features, layer.out_features, bias=False).to(layer.weight)
    with torch.no_grad():
        twin.weight.copy_(layer.weight)
    return fixed_weights(twin, made.form, scale=made.scale.to(layer.weight), input_fraction=behind)


def _matrix(readout: GroupReadout) -> nn.Linear:
    layer = Linear(readout.weight.shape[1], readout.weight.shape[0], bias=False).to(readout.weight)
    layer.weight = nn.Parameter(readout.weight.clone(), requires_grad=False)
    return layer


def _largest(net: Sequential, x: Tensor) -> dict[int, float]:
    """The largest size of what each cell integrates its input in, under x, by its layer."""
    found = dict[int, float]()
    x = x.to(next(iter(net.parameters()), torch.zeros(())).dtype)
    for k, layer in enumerate(net.layers):
        cell: Any = layer.integrator if isinstance(layer, GroupReadout) else layer
        if isinstance(layer, GroupReadout):
            x = nn.functional.linear(x, layer.weight)
        if isinstance(cell, Neuron) and type(cell) in INTEGRATES:
            x, _, rec = cell(x, record=(INTEGRATES[type(cell)],))
            found[k] = float(rec[0].abs().max())
        elif isinstance(cell, nn.Linear | Flatten):
            x = cell(x)
        elif isinstance(cell, Dropout | nn.Dropout):
            continue  # nothing, in evaluation
        else:
            return found  # a layer that is refused, with the reason, as it is come to
    return found
