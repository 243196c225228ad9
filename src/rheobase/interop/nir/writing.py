"""A network as a NIR graph: a node or a few for each layer, refused by its name where NIR has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import nn
from rheobase.core import Neuron
from rheobase.errors import NotRepresentable
from rheobase.interop.nir.cells import Threshold
from rheobase.interop.nir.losses import ensure_allowed
from rheobase.interop.nir.neurons import KINDS, WRITTEN, choices, described
from rheobase.interop.nir.values import LEVEL, MS, NUMPY
from rheobase.interop.nir.wiring import CHAIN, GRAPH, INPUT, OUTPUT

Sizes = tuple[int, ...]
Put = Callable[["Writer", Any, list[str], Sizes, str, str], str | None]


class Writer:
    """Collects nodes and edges. `nir` is that package; `dtype` the type of the network's numbers."""

    def __init__(self, nir: Any, dtype: torch.dtype, dt: float | None, allow: frozenset[str]):
        self.nir, self.dtype, self.dt, self.allow = nir, dtype, dt, allow
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []

    def put(self, name: str, node: Any, *fed: str) -> str:
        """Add a node that these nodes feed: its name, which is another one where there is that name already."""
        while name in self.nodes:
            name += "_"
        self.nodes[name] = node
        self.edges += [(a, name) for a in fed]
        return name

    def array(self, value: Any, shape: Sizes) -> Any:
        """Numbers for each neuron, in the type of the network."""
        wide = np.broadcast_to(np.asarray(value), shape)
        return np.ascontiguousarray(wide.astype(NUMPY[self.dtype]))


def graph(
    nir: Any,
    net: nn.Sequential,
    shape: Sizes,
    dt: float | None,
    dtype: torch.dtype,
    allow: frozenset[str],
    notes: Mapping[str, Any],
    owner: str,
) -> Any:
    """The nir.NIRGraph of a network of one dtype, with `notes` in its metadata."""
    w = Writer(nir, dtype, dt, allow)
    w.put(INPUT, nir.Input(np.array(shape)))
    form = GRAPH if len(net) == 1 and type(net[0]) is nn.Graph else CHAIN
    last, shape = _chain(w, net, INPUT, shape, "", owner)
    w.put(OUTPUT, nir.Output(np.array(shape)), *last)
    return nir.NIRGraph(w.nodes, w.edges, metadata={**notes, "form": form}, type_check=False)


def _chain(w: Writer, net: nn.Sequential, last: str, shape: Sizes, prefix: str, owner: str) -> tuple[list[str], Sizes]:
    fed = [last]
    for k, layer in enumerate(net.layers):
        where = f"{owner}, layer {prefix}{k}"
        if type(layer) is nn.Graph:
            fed, shape = _graph(w, layer, fed, shape, f"{prefix}{k}_" if len(net) > 1 or prefix else "", where)
            continue
        name = f"{prefix}{k}_{type(layer).__name__}"
        put_name, shape = put_layer(w, layer, fed, shape, name, where)
        fed = [put_name] if put_name is not None else fed
    return fed, shape


def _graph(w: Writer, net: nn.Graph, fed: list[str], shape: Sizes, prefix: str, owner: str) -> tuple[list[str], Sizes]:
    """The layers of a graph under their names; what it gives is what feeds its output."""
    for name, layer in net.layers.items():
        _putting(layer, f"{owner}, layer {name!r}")
    with torch.no_grad():
        seen = net.outputs(torch.zeros(1, 1, *shape, dtype=w.dtype))
    names: dict[str, list[str]] = {}
    for name, layer in net.layers.items():
        before = [seen[a] for a in net.before(name) if a != INPUT]
        given = tuple(before[0].shape[2:]) if before else shape
        made, _ = put_layer(w, layer, [], given, prefix + name, f"{owner}, layer {name!r}")
        if made is None:
            raise NotRepresentable(
                f"{owner}, layer {name!r}", f"{layer!r}, which has no node", "a layer with a node", "leave it out"
            )
        names[name] = [made]
    names[INPUT] = fed
    for a, b in net.edges:
        if b != OUTPUT:
            w.edges += [(start, names[b][0]) for start in names[a]]
    ends = [a for a, b in net.edges if b == OUTPUT]
    found = [end for a in ends for end in names[a]]
    return found, shape if ends == [INPUT] else tuple(seen[next(a for a in ends if a != INPUT)].shape[2:])


def put_layer(
    w: Writer, layer: torch_nn.Module, fed: list[str], shape: Sizes, name: str, owner: str
) -> tuple[str | None, Sizes]:
    """Write a layer: the node that gives its output, and the shape; None for one that does nothing.

    Raises `NotRepresentable` for a layer without a node, or with hooks.
    """
    if layer._forward_hooks or layer._forward_pre_hooks:  # pyright: ignore[reportPrivateUsage]
        given = f"{type(layer).__name__} with hooks"
        raise NotRepresentable(owner, given, "layers that do what they declare", "remove the hooks")
    put = _putting(layer, owner)
    with torch.no_grad():
        out: Any = layer(torch.zeros(1, 1, *shape, dtype=w.dtype))  # where the shape does not fit, the layer says so
    after = tuple((out[0] if isinstance(out, tuple) else out).shape[2:])
    return put(w, layer, fed, shape, name, owner), after


def _putting(layer: torch_nn.Module, owner: str) -> Put:
    """What writes a layer. Raises `NotRepresentable` for a layer without a node."""
    kind = type(layer)
    if kind not in WRITTEN and isinstance(layer, Neuron):
        known = ", ".join(sorted(each.__name__ for each in WRITTEN))
        raise NotRepresentable(owner, f"{layer!r}, which has no node in NIR", f"one of {known}", "to_onnx writes it")
    put = _neuron if kind in WRITTEN else LAYERS.get(kind)
    if put is None:
        known = ", ".join(sorted(each.__name__ for each in LAYERS))
        given = f"{kind.__name__}, which has no node in NIR"
        raise NotRepresentable(owner, given, f"neurons of NIR, and the layers {known}", "to_onnx may write it")
    return put


def neuron_node(w: Writer, neuron: Any, shape: Sizes, owner: str) -> Any:
    """The node of a neuron; its exact parameters in its own units are noted beside it."""
    name, subtracts = WRITTEN[type(neuron)]
    kind = KINDS[name]
    if subtracts:
        given = f"{type(neuron).__name__}, whose reset subtracts the threshold"
        ensure_allowed(owner, given, "a reset to a value, as NIR has it", "soft_reset", w.allow)
    # of a single number the number: HDF5 compresses no array without axes
    exact = {key: value.detach().numpy()[()] for key, value in _double(neuron).values().items()}
    values: dict[str, Any] = {}
    for here, (there, form, usual) in kind.parameters.items():
        held = exact[here] if here in exact else np.asarray(usual)
        values[there] = w.array(form.there(np.broadcast_to(held, shape), NUMPY[w.dtype]), shape)
    if kind.scaled:
        values["r"] = w.array(1.0, shape)
    units = ", ".join(f"{key} {spec.unit}" for key, spec in type(neuron).params.items())
    notes = {**described(neuron), **exact, "units": units, "dt_ms": neuron.dt}
    for own in ("surrogate", "integrator"):
        if choices(notes).get(own) != getattr(neuron, own):
            given = f"the {own} {type(getattr(neuron, own)).__name__}, which is not one of rheobase.{own}s"
            ensure_allowed(owner, given, f"one of rheobase.{own}s, which is read again", f"own_{own}", w.allow)
            del notes[own]
    return getattr(w.nir, name)(**values, metadata=notes)


def _neuron(w: Writer, layer: Any, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    return w.put(name, neuron_node(w, layer, shape, owner), *fed)


def _double(neuron: Any) -> Any:
    import copy

    return copy.deepcopy(neuron).double()


def numbers(value: Tensor) -> Any:
    return value.detach().cpu().numpy().copy()


def _linear(w: Writer, layer: Any, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    notes = {"layer": "SpikeLinear"} if type(layer) is nn.SpikeLinear else {}
    if len(shape) != 1:
        given = f"an input of shape {shape}"
        raise NotRepresentable(owner, given, "one axis, as NIR's Linear has", "nn.Flatten() before it")
    weight = numbers(layer.weight)
    if layer.bias is None:
        return w.put(name, w.nir.Linear(weight, metadata=notes), *fed)
    return w.put(name, w.nir.Affine(weight, numbers(layer.bias), metadata=notes), *fed)


def _scale(w: Writer, layer: nn.Scale, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    notes = {} if isinstance(layer.factor, Tensor) else {"factor": np.float64(layer.factor)}
    factor = numbers(layer.factor) if isinstance(layer.factor, Tensor) else layer.factor
    return w.put(name, w.nir.Scale(w.array(factor, shape), metadata=notes), *fed)


def _conv(w: Writer, layer: Any, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    if layer.padding_mode != "zeros":
        raise NotRepresentable(f"{owner}, {layer!r}", layer.padding_mode, "padding with zeros", "pad before the layer")
    bare = layer.bias is None
    bias = np.zeros(layer.out_channels, NUMPY[w.dtype]) if bare else numbers(layer.bias)
    one = type(layer) is nn.Conv1d
    sizes = {key: getattr(layer, key) for key in ("stride", "padding", "dilation")}
    node = (w.nir.Conv1d if one else w.nir.Conv2d)(
        input_shape=shape[1] if one else tuple(shape[1:]),
        weight=numbers(layer.weight),
        groups=layer.groups,
        bias=bias,
        **{key: v if isinstance(v, str) else v[0] if one else tuple(v) for key, v in sizes.items()},
        metadata={"bias": "none"} if bare else {},
    )
    return w.put(name, node, *fed)


def _pool(w: Writer, layer: Any, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    padded = np.any(layer.padding)
    if layer.ceil_mode or layer.divisor_override not in (None, 1) or (padded and not layer.count_include_pad):
        given = "ceil_mode, a divisor of its own, or padding that is not counted"
        raise NotRepresentable(f"{owner}, {layer!r}", given, "plain means or sums", "AvgPool2d(k, stride, padding)")
    sizes = {key: np.broadcast_to(getattr(layer, key), 2).copy() for key in ("kernel_size", "stride", "padding")}
    kind = w.nir.AvgPool2d if layer.divisor_override is None else w.nir.SumPool2d
    return w.put(name, kind(**sizes), *fed)


def _flatten(w: Writer, layer: Any, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    start, end = 0, -1
    if type(layer) is torch_nn.Flatten:
        start, end = layer.start_dim % (len(shape) + 2) - 2, layer.end_dim % (len(shape) + 2) - 2
        end = -1 if end == len(shape) - 1 else end
    return w.put(name, w.nir.Flatten(np.array(shape), start, end), *fed)


def _delay(w: Writer, layer: nn.AxonalDelay, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    return w.put(name, _delays(w, layer.positions, shape, owner), *fed)


def _delays(w: Writer, positions: Any, shape: Sizes, owner: str) -> Any:
    if float(positions.width) != 0.0:
        given = f"delays with a kernel of width {float(positions.width):g}"
        raise NotRepresentable(owner, given, "one delay of each neuron", "layer.positions.anneal(0.0) rounds them")
    if w.dt is None:
        raise NotRepresentable(
            owner, "delays in steps, in a network without a dt", "the length of a step", "dt=1.0, in ms"
        )
    steps = positions.d.detach().double().clamp(0, positions.taps - 1).round().numpy()
    return w.nir.Delay(w.array(steps * w.dt / MS, shape), metadata={"taps": positions.taps, "dt_ms": w.dt})


def _threshold(w: Writer, layer: Threshold, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    held = numbers(layer.threshold).astype(np.float64)
    level = w.array(LEVEL.there(np.broadcast_to(held, shape), NUMPY[w.dtype]), shape)
    notes = {"threshold_here": held[()], "surrogate": repr(layer.surrogate)}
    return w.put(name, w.nir.Threshold(level, metadata=notes), *fed)


def _recurrent(w: Writer, layer: Any, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    """A neuron, and its matrix back to it; with delays between the two."""
    inner = type(layer.neuron)
    if inner not in WRITTEN:
        put_layer(w, layer.neuron, [], shape, name, owner)  # which says why
    name = before = w.put(name, neuron_node(w, layer.neuron, shape, owner), *fed)
    if type(layer) is nn.RecurrentDelay:
        before = w.put(f"{name}_delay", _delays(w, layer.positions, shape, owner), before)
    notes = {"self_connections": str(layer.self_connections)}
    back = w.put(f"{name}_lateral", w.nir.Linear(numbers(layer.lateral), metadata=notes), before)
    w.edges.append((back, name))
    return name


def _nested(w: Writer, layer: nn.Sequential, fed: list[str], shape: Sizes, name: str, owner: str) -> str:
    return w.put(name, graph(w.nir, layer, shape, w.dt, w.dtype, w.allow, {}, owner), *fed)


def _dropout(w: Writer, layer: Any, fed: list[str], shape: Sizes, name: str, owner: str) -> None:
    given = f"{type(layer).__name__}, which does nothing outside of training"
    ensure_allowed(owner, given, "layers with a node in NIR", "dropout", w.allow)


def _same(w: Writer, layer: Any, fed: list[str], shape: Sizes, name: str, owner: str) -> None:
    return None


LAYERS: Mapping[type[torch_nn.Module], Put] = {
    torch_nn.Linear: _linear, nn.SpikeLinear: _linear, nn.Scale: _scale, nn.Conv1d: _conv, nn.Conv2d: _conv,
    nn.AvgPool2d: _pool, nn.Flatten: _flatten, torch_nn.Flatten: _flatten, nn.AxonalDelay: _delay,
    Threshold: _threshold, nn.Recurrent: _recurrent, nn.RecurrentDelay: _recurrent, nn.Sequential: _nested,
    nn.Dropout: _dropout, torch_nn.Dropout: _dropout, torch_nn.Identity: _same,
}  # fmt: skip
