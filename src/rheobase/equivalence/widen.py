"""Widens single layers of a network whose neurons became groups: the same layer over more lines."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from torch import Tensor, nn

from rheobase import nn as layers
from rheobase.core.neuron import Neuron
from rheobase.equivalence.assumptions import AT_REST, LINEAR, refused
from rheobase.equivalence.lines import Fan, Lines
from rheobase.nn.conv import AvgPool1d, AvgPool2d, Conv1d, Conv2d
from rheobase.nn.delays.membrane_gain import membrane_gain

Lateral = TypeVar("Lateral", bound=layers.Recurrent)

SYNAPSES = (nn.Linear, Conv1d, Conv2d, layers.SynapticDelay, layers.GroupReadout, Fan)
STILL = (nn.Dropout, layers.Dropout, layers.TdBatchNorm, layers.SpikeLinear)
# layers that treat every channel alike or by itself: they may stand between synapse and neuron
SAME = (AvgPool1d, AvgPool2d, nn.Identity, nn.Dropout, layers.Dropout)
EACH = (layers.Delay, layers.AxonalDelay, layers.TdBatchNorm)


def check_layer(layer: nn.Module) -> None:
    """Raise `NotRepresentable` for a layer that is no synapse, no delay and no neuron, or still changes."""
    if isinstance(layer, STILL) and layer.training and getattr(layer, "p", 1.0) > 0:
        raise refused(layer, "a layer in training mode", AT_REST, "call network.eval() first")
    known = (*SYNAPSES, *SAME, *EACH, layers.Flatten, layers.Recurrent, Neuron)
    if not isinstance(layer, known):
        remedy = "pool by mean (AvgPool2d), and use Linear, Conv1d, Conv2d, Delay, AxonalDelay, SynapticDelay"
        raise refused(layer, f"a {type(layer).__name__}", LINEAR, remedy)


def of_synapses(layer: nn.Module, lines: Lines, copies: int) -> list[nn.Module]:
    """The synapses reading `lines`, with each row of weights repeated for the `copies` of the neuron that it feeds."""
    if isinstance(layer, nn.Linear):
        return [_linear(layer, lines, copies)]
    if isinstance(layer, Conv1d | Conv2d):
        return [_convolution(layer, lines, copies)]
    if isinstance(layer, layers.SynapticDelay):
        return [_synaptic_delay(layer, lines, copies)]
    if isinstance(layer, layers.GroupReadout):
        plain = nn.Linear(layer.weight.shape[1], layer.weight.shape[0], bias=False).to(layer.weight)
        plain.weight = nn.Parameter(layer.weight.detach().clone())
        return [_linear(plain, lines, 1), copy.deepcopy(layer.integrator)]
    if isinstance(layer, Fan):
        own = lines.coefficients or (1.0,)
        whole = tuple(a * b for a in layer.coefficients.tolist() for b in own)
        return [Fan(whole, layer.copies * copies, channels=layer.channels)]
    raise refused(layer, f"a {type(layer).__name__}", LINEAR, "use a layer of synapses")


def of_each(layer: nn.Module, lines: Lines) -> nn.Module:
    """A layer that treats each channel by itself (`EACH`), widened to `lines`."""
    if isinstance(layer, layers.TdBatchNorm):
        if lines.coefficients is not None and len(lines.coefficients) > 1:
            raise refused(
                layer, "a normalisation behind spikes, whose offset each copy would add", LINEAR, "leave it out"
            )
        return _normalisation(layer, lines)
    if isinstance(layer, layers.Delay):
        return _delay(layer, lines)
    if isinstance(layer, layers.AxonalDelay):
        shape = _shape(layer.shape, lines)
        p = layer.positions
        wide = layers.AxonalDelay(*shape, taps=p.taps, kernel=p.kernel, width=float(p.width)).to(p.d)
        wide.positions.d = _parameter(lines.spread(p.d, 0))
        return wide
    return copy.deepcopy(layer)


def of_lateral(layer: Lateral, neuron: Neuron, lines: Lines, copies: int) -> Lateral:
    """A recurrent layer with the group `neuron` in place of its own; lateral weights connect all members of groups."""
    matrix = lines.columns(layer.lateral.detach()).repeat_interleave(copies, 0)
    # what was a connection to itself may now be one among copies, and none where it was none
    given: dict[str, Any] = {"self_connections": True}
    if isinstance(layer, layers.RecurrentDelay):
        p = layer.positions
        given |= {"taps": p.taps, "kernel": p.kernel, "width": float(p.width)}
    wide = type(layer)(neuron, matrix, **given)
    if isinstance(wide, layers.RecurrentDelay) and isinstance(layer, layers.RecurrentDelay):
        wide.positions.d = _parameter(lines.spread(layer.positions.d, 0))
    return wide


def of_neuron(neuron: Neuron, copies: int) -> Neuron:
    """The same neurons, each `copies` times side by side; parameters given per neuron are repeated."""
    twin = copy.deepcopy(neuron)
    # its programs are those of another shape
    twin.derived = {}
    twin.shape = (copies * neuron.shape[0], *neuron.shape[1:])
    for name, value in list(twin.named_parameters(recurse=False)) + list(twin.named_buffers(recurse=False)):
        if value.dim() == len(neuron.shape) and value.shape[0] == neuron.shape[0]:
            wide = value.detach().repeat_interleave(copies, 0)
            if isinstance(value, nn.Parameter):
                twin.register_parameter(name, nn.Parameter(wide, requires_grad=value.requires_grad))
            else:
                twin.register_buffer(name, wide)
    return twin


def _linear(layer: nn.Linear, lines: Lines, copies: int) -> nn.Linear:
    weight = lines.columns(layer.weight.detach()).repeat_interleave(copies, 0)
    wide = nn.Linear(weight.shape[1], weight.shape[0], bias=layer.bias is not None).to(weight)
    wide.weight = _parameter(weight)
    if layer.bias is not None:
        wide.bias = _parameter(layer.bias.repeat_interleave(copies, 0))
    return wide


def _convolution(layer: Conv1d | Conv2d, lines: Lines, copies: int) -> nn.Module:
    # a group's channels stay side by side, so groups of a convolution stay groups
    own = Lines(layer.weight.shape[1], lines.copies, lines.coefficients)
    weight = own.columns(layer.weight.detach()).repeat_interleave(copies, 0)
    wide: Any = type(layer)(
        weight.shape[1] * layer.groups,
        weight.shape[0],
        layer.kernel_size,  # pyright: ignore[reportArgumentType]
        stride=layer.stride,  # pyright: ignore[reportArgumentType]
        padding=layer.padding,  # pyright: ignore[reportArgumentType]
        dilation=layer.dilation,  # pyright: ignore[reportArgumentType]
        groups=layer.groups,
        bias=layer.bias is not None,
        padding_mode=layer.padding_mode,
    ).to(weight)
    wide.weight = _parameter(weight)
    if layer.bias is not None:
        wide.bias = _parameter(layer.bias.repeat_interleave(copies, 0))
    return wide


def _synaptic_delay(layer: layers.SynapticDelay, lines: Lines, copies: int) -> layers.SynapticDelay:
    weight = lines.columns(layer.weight.detach()).repeat_interleave(copies, 0)
    p = layer.positions
    wide = layers.SynapticDelay(
        weight.shape[1],
        weight.shape[0],
        taps=p.taps,
        kernel=p.kernel,
        width=float(p.width),
        bias=layer.bias is not None,
    ).to(weight)
    wide.weight = _parameter(weight)
    wide.positions.d = _parameter(lines.spread(p.d.detach(), 1).repeat_interleave(copies, 0))
    if layer.bias is not None:
        wide.bias = _parameter(layer.bias.repeat_interleave(copies, 0))
    return wide


def _delay(layer: layers.Delay, lines: Lines) -> layers.Delay:
    # a gain that is read from a neuron is fixed here: the neuron behind has become many
    neuron = next(iter(layer._neuron), None)  # pyright: ignore[reportPrivateUsage]
    gain = (layer.gain if neuron is None else membrane_gain(neuron)).detach()
    if gain.dim() == len(layer.shape) and gain.shape[0] == layer.shape[0]:
        gain = lines.spread(gain, 0)
    wide = layers.Delay(
        *_shape(layer.shape, lines), taps=layer.taps, start="ones", learn=isinstance(layer.m, nn.Parameter), gain=gain
    ).to(layer.m)
    m = lines.spread(layer.m.detach(), 1).clone()
    wide.m = nn.Parameter(m) if isinstance(layer.m, nn.Parameter) else nn.Buffer(m)
    wide.gain = nn.Buffer(gain.clone())
    return wide


def _normalisation(layer: layers.TdBatchNorm, lines: Lines) -> layers.TdBatchNorm:
    wide = copy.deepcopy(layer)
    norm = wide.norm
    norm.num_features = lines.copies * norm.num_features
    norm.weight, norm.bias = (_parameter(lines.spread(x.detach(), 0)) for x in (norm.weight, norm.bias))
    for name in ("running_mean", "running_var"):
        norm.register_buffer(name, lines.spread(getattr(norm, name), 0).clone())
    return wide


def _shape(shape: tuple[int, ...], lines: Lines) -> tuple[int, ...]:
    return (lines.copies * shape[0], *shape[1:])


def _parameter(x: Tensor) -> nn.Parameter:
    return nn.Parameter(x.detach().clone())
