"""What each layer of a network becomes in an ONNX graph; what is not here is refused by its name.

Values are sequences (time, batch, ...). Every layer starts at rest and works as it does in eval mode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import nn
from rheobase.core import Neuron
from rheobase.errors import NotRepresentable
from rheobase.interop.onnx_graph.builder import Builder
from rheobase.interop.onnx_graph.step import Step

END = 2**31 - 1  # a slice to the end


def put_layer(b: Builder, layer: torch_nn.Module, x: str, owner: str) -> str:
    """Write a layer that `owner` names. Raises `NotRepresentable` for one that has no form here, or has hooks."""
    if layer._forward_hooks or layer._forward_pre_hooks:  # pyright: ignore[reportPrivateUsage]
        given = f"{type(layer).__name__} with hooks"
        raise NotRepresentable(owner, given, "layers that do what they declare", "remove the hooks")
    if isinstance(layer, Neuron):
        return _neuron(b, layer, x, owner)
    # of layers the very class: a subclass may do something else
    put = LAYERS.get(type(layer))
    if put is None:
        known = ", ".join(sorted({kind.__name__ for kind in LAYERS}))
        given = f"{type(layer).__name__}, which has no form in ONNX here"
        raise NotRepresentable(owner, given, f"neurons, and the layers {known}", "interop.to_torch_export takes it")
    return put(b, layer, x, owner)


def chain(b: Builder, net: nn.Sequential, x: str, owner: str) -> str:
    """Write the layers of a chain; the output of layer k is called OWNER.k."""
    for k, layer in enumerate(net.layers):
        name = f"{owner}.{k}"
        x = b.put("Identity", put_layer(b, layer, x, name), results=[name])
    return x


def _neuron(b: Builder, neuron: Neuron, x: str, owner: str) -> str:
    step = Step(b, neuron, owner)
    row, names = b.name("current"), [b.name(name) for name in step.names]
    with b.body() as nodes:
        out, after = step.put(names, row)
    starts = [b.rest(value, x) for value in step.rest()]
    return b.scan(nodes, list(zip(starts, names, after, strict=True)), x, row, out)


def _recurrent(b: Builder, layer: nn.Recurrent, x: str, owner: str) -> str:
    """The last output is a state like others."""
    step = Step(b, layer.neuron, owner)
    row, before, names = b.name("current"), b.name("out"), [b.name(name) for name in step.names]
    weight = b.constant(layer.lateral.detach().t())
    with b.body() as nodes:
        total = b.put("Gemm", before, weight, row)
        out, after = step.put(names, total)
        kept = b.put("Identity", out)
    rest = step.rest()
    starts = [b.rest(value, x) for value in (*rest, torch.zeros_like(rest[0]))]
    return b.scan(nodes, list(zip(starts, [*names, before], [*after, kept], strict=True)), x, row, out)


def _readout(b: Builder, layer: nn.GroupReadout, x: str, owner: str) -> str:
    return _neuron(b, layer.integrator, b.put("MatMul", x, b.constant(layer.weight.t())), owner)


def _linear(b: Builder, layer: torch_nn.Linear, x: str, owner: str) -> str:
    product = b.put("MatMul", x, b.constant(layer.weight.detach().t()))
    return product if layer.bias is None else b.put("Add", product, b.constant(layer.bias))


def _delay_line(b: Builder, layer: nn.DelayLine, x: str, owner: str) -> str:
    """Each delay is the sequence moved on, zeros before it."""
    past = layer.taps - 1
    nothing = b.constant(torch.zeros(past, 1, *layer.shape))
    shape = b.put("Concat", b.constant([past]), _axes(b, x, 1, END), axis=0)
    whole = b.put("Concat", b.put("Expand", nothing, shape), x, axis=0)
    at = [
        b.put("Slice", whole, b.constant([past - k]), b.constant([-k if k else END]), b.constant([0]))
        for k in range(layer.taps)
    ]
    return b.put("Concat", *at, axis=-1)


def _norm(b: Builder, layer: nn.TdBatchNorm, x: str, owner: str) -> str:
    norm = layer.norm
    given = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    weights = [b.constant(value.detach()) for value in given if isinstance(value, Tensor)]
    return _over_time(b, x, lambda flat: b.put("BatchNormalization", flat, *weights, epsilon=norm.eps))


def _single(b: Builder, layer: torch_nn.Module, owner: str) -> None:
    if b.dtype == torch.float64:
        given = f"{type(layer).__name__} in float64, which onnxruntime does not run"
        raise NotRepresentable(owner, given, "a network in float32", "dtype=torch.float32")


def _conv(b: Builder, layer: Any, x: str, owner: str) -> str:
    _single(b, layer, owner)
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        given = f"padding {layer.padding!r}, {layer.padding_mode}"
        raise NotRepresentable(f"{owner}, {layer!r}", given, "zeros, and a number of them", "pad before the layer")
    weights = [b.constant(w.detach()) for w in (layer.weight, layer.bias) if w is not None]
    return _over_time(
        b,
        x,
        lambda flat: b.put(
            "Conv",
            flat,
            *weights,
            kernel_shape=list(layer.kernel_size),
            strides=list(layer.stride),
            pads=[*layer.padding] * 2,
            dilations=list(layer.dilation),
            group=layer.groups,
        ),
    )


def _pool(b: Builder, layer: Any, x: str, owner: str) -> str:
    rank = layer.rank - 3
    sizes = {name: _each(getattr(layer, name), rank) for name in ("kernel_size", "stride", "padding")}
    given: dict[str, Any] = {
        "kernel_shape": sizes["kernel_size"],
        "strides": sizes["stride"],
        "pads": sizes["padding"] * 2,
        "ceil_mode": int(layer.ceil_mode),
    }
    if isinstance(layer, torch_nn.modules.pooling._MaxPoolNd):  # pyright: ignore[reportPrivateUsage]
        if layer.return_indices:
            raise NotRepresentable(f"{owner}, {layer!r}", "return_indices", "one output", "leave it out")
        given["dilations"] = _each(layer.dilation, rank)
        return _over_time(b, x, lambda flat: b.put("MaxPool", flat, **given))
    _single(b, layer, owner)
    if getattr(layer, "divisor_override", None) is not None or (layer.ceil_mode and any(sizes["padding"])):
        raise NotRepresentable(
            f"{owner}, {layer!r}", "a divisor of its own", "plain means", "leave divisor_override out"
        )
    given["count_include_pad"] = int(layer.count_include_pad)
    return _over_time(b, x, lambda flat: b.put("AveragePool", flat, **given))


def _each(value: int | Sequence[int], rank: int) -> list[int]:
    return list(value) if isinstance(value, (tuple, list)) else [int(value)] * rank  # type: ignore[arg-type]


def _axes(b: Builder, x: str, start: int, end: int) -> str:
    """The sizes of some axes of x."""
    return b.put("Slice", b.put("Shape", x), b.constant([start]), b.constant([end]), b.constant([0]))


def _over_time(b: Builder, x: str, put: Callable[[str], str]) -> str:
    """What `put` writes for (time * batch, ...), unfolded again."""
    flat = b.put("Reshape", x, b.put("Concat", b.constant([-1]), _axes(b, x, 2, END), axis=0))
    out = put(flat)
    return b.put("Reshape", out, b.put("Concat", _axes(b, x, 0, 2), _axes(b, out, 1, END), axis=0))


def _same(b: Builder, layer: torch_nn.Module, x: str, owner: str) -> str:
    return x


def _flatten(b: Builder, layer: nn.Flatten, x: str, owner: str) -> str:
    return b.put("Reshape", x, b.constant([0, 0, -1]))


LAYERS: dict[type[torch_nn.Module], Callable[[Builder, Any, str, str], str]] = {
    nn.Sequential: chain, nn.Recurrent: _recurrent, nn.GroupReadout: _readout,
    torch_nn.Linear: _linear, nn.SpikeLinear: _linear, nn.DelayLine: _delay_line, nn.Flatten: _flatten,
    nn.Scale: lambda b, layer, x, _: b.put("Mul", x, b.constant(torch.as_tensor(layer.factor))),
    nn.TdBatchNorm: _norm, nn.Conv1d: _conv, nn.Conv2d: _conv, nn.AvgPool1d: _pool, nn.AvgPool2d: _pool,
    nn.MaxPool1d: _pool, nn.MaxPool2d: _pool, nn.Dropout: _same, torch_nn.Dropout: _same, torch_nn.Identity: _same,
    torch_nn.ReLU: lambda b, layer, x, _: b.put("Relu", x), torch_nn.Tanh: lambda b, layer, x, _: b.put("Tanh", x),
    torch_nn.Sigmoid: lambda b, layer, x, _: b.put("Sigmoid", x),
}  # fmt: skip
