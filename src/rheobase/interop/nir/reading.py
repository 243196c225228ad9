"""A NIR graph as a network: a chain of layers, `nn.Recurrent` where a neuron feeds itself, else an `nn.Graph`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn as torch_nn

from rheobase import nn
from rheobase.core.integrators import Euler, ExpEuler, Integrator
from rheobase.errors import DataError, NotRepresentable, ParameterError
from rheobase.interop.nir.cells import InOrder
from rheobase.interop.nir.layers import LAYERS, Made, Sizes, behind, delayed
from rheobase.interop.nir.neurons import KINDS, choices
from rheobase.interop.nir.values import Values, numbers
from rheobase.interop.nir.wiring import CHAIN, GRAPH, INPUT, INSIDE, OUTPUT, Node, Wiring, ordered, wiring

RESETS = ("file", "subtract", "subtract_later")


class Reader:
    """Makes the layers of a graph. `reset` and `integrator` are of neurons whose file says none here."""

    def __init__(self, made: Made, reset: str | None, integrator: Integrator | None):
        self.made, self.reset, self.integrator = made, reset, integrator

    def network(self, net: Wiring) -> nn.Sequential:
        """The network of a graph."""
        net = without_r(loops(net))
        shapes = {INPUT: net.shape}
        layers: dict[str, torch_nn.Module] = {}
        for name in ordered(net, _returning(net)):
            fed = [shapes[a] for a in net.before(name) if a in shapes]
            node = net.nodes[name]
            owner = f"{net.owner}: node {name!r} ({node.kind})"
            if len(set(fed)) > 1:
                raise DataError(
                    owner, f"inputs of the shapes {', '.join(map(str, fed))}", "one shape", "they are summed"
                )
            # what a cycle alone feeds has the shape of its own numbers
            shape = fed[0] if fed else _own(owner, node)
            layers[name] = self.layer(owner, node, shape).to(self.made.dtype)
            shapes[name] = behind(owner, layers[name], shape, self.made.dtype)
        self._check_ends(net, shapes)
        return self._assembled(net, layers)

    def _check_ends(self, net: Wiring, shapes: Mapping[str, Sizes]) -> None:
        """What feeds a node has the shape that it was made for, also where it comes round a cycle."""
        for name in net.nodes:
            wanted = {shapes[a] for a in net.before(name)}
            if len(wanted) > 1:
                given = f"inputs of the shapes {', '.join(map(str, wanted))}"
                raise DataError(f"{net.owner}: node {name!r}", given, "one shape", "they are summed")
        wanted = {shapes[a] for a in net.before(OUTPUT)}
        # some tools write more axes of one entry before those that there are
        if len(wanted) > 1 or next(iter(wanted)) != _without_ones(net.out, next(iter(wanted))):
            given = f"an Output of shape {net.out} behind nodes of shape {', '.join(map(str, wanted))}"
            raise DataError(net.owner, given, "the same shape", "correct the shapes")

    def _assembled(self, net: Wiring, layers: dict[str, torch_nn.Module]) -> nn.Sequential:
        chain = _chain(net)
        if chain is not None and net.form != GRAPH:
            # an Input that is the Output
            found = nn.Sequential(*([layers[name] for name in chain] or [torch_nn.Identity()]))
        else:
            names = _plain_names(layers)
            ends = {INPUT: INPUT, OUTPUT: OUTPUT, **names}
            edges = [(ends[a], ends[b]) for a, b in net.edges]
            found = nn.Sequential(nn.Graph({names[name]: layer for name, layer in layers.items()}, edges))
        return found

    def layer(self, owner: str, node: Node, shape: Sizes) -> torch_nn.Module:
        """The layer of a node. Errors name the node."""
        try:
            if node.kind == "NIRGraph":
                inner = wiring(node.values["tree"], owner)
                if inner.shape != shape:
                    given = f"an Input of shape {inner.shape} behind a node of shape {shape}"
                    raise DataError(owner, given, "the same shape", "correct the shapes")
                return self.network(inner)
            if node.kind in KINDS:
                return self._neuron(owner, node, shape)
            return LAYERS[node.kind](Values(owner, node, shape, self.made.dtype), self.made)
        except ParameterError as error:
            if error.obj == owner:
                raise
            raise DataError(owner, error.given, error.expected, error.remedy) from None

    def _neuron(self, owner: str, node: Node, shape: Sizes) -> torch_nn.Module:
        kind, v = KINDS[node.kind], Values(owner, node, shape, self.made.dtype)
        given = choices(node.metadata)
        step = self.made.step(owner)
        if self.integrator is not None:
            given["integrator"] = self.integrator
        elif (noted := node.metadata.get("integrator")) and "integrator" not in given:
            remedy = "integrator=integrators.ExpEuler(), say"
            raise NotRepresentable(owner, f"the integrator {noted}", "one that there is here", remedy)
        cls, subtracting = kind.plain, kind.subtracting
        reset = self.reset or "file"
        if subtracting is not None:
            noted = node.metadata.get("neuron") == subtracting.__name__ and self.reset is None
            if noted or reset != "file":
                cls = subtracting
        values: dict[str, Any] = {
            here: v.parameter(there, form, here, usual)
            for here, (there, form, usual) in kind.parameters.items()
            if here in cls.params
        }
        if reset == "subtract_later" and cls is subtracting:
            values |= later(owner, values, step, given.get("integrator", ExpEuler()))
        neuron = cls(*shape, dt=step, **given, **values)
        return neuron if node.values.get("lateral") is None else self._recurrent(neuron, v)

    def _recurrent(self, neuron: Any, v: Values) -> torch_nn.Module:
        """The neuron with its lateral weights. A zero diagonal is kept as one where it was one when it was written."""
        weight = torch.from_numpy(np.array(v.node.values["lateral"]))
        if len(v.shape) != 1 or tuple(weight.shape) != (*v.shape, *v.shape):
            given = f"lateral weights of shape {tuple(weight.shape)} of neurons of shape {v.shape}"
            raise DataError(v.owner, given, "(n, n)", "correct the shapes")
        kept = bool(weight.diagonal().any()) or v.node.values.get("self_connections", True)
        if v.node.values.get("lateral_delay") is None:
            layer = nn.Recurrent(neuron, weight, self_connections=kept)
        else:
            axon = delayed(v, "lateral_delay", v.node.values["taps"], self.made)
            layer = nn.RecurrentDelay(neuron, weight, taps=axon.taps, width=0.0, self_connections=kept)
            layer.positions.load_state_dict(axon.positions.state_dict())
        return layer


def later(owner: str, values: Mapping[str, Any], step: float, integrator: Integrator) -> dict[str, Any]:
    """The threshold and leak with which a reset at once fires as one that subtracts at the next step does.

    There m' = b m + ... - theta z with the last spike z and the decay b of a step; here v' = b (v - th z) + ... The two
    are one for th = theta / b and v = m + theta (1/b - 1), to which v then leaks.
    """
    if "tau_mem" not in values:
        return {}
    inner = integrator.inner if isinstance(integrator, InOrder) else integrator
    tau = torch.as_tensor(values["tau_mem"], dtype=torch.float64)
    if isinstance(inner, Euler):
        decay = 1.0 - step / tau
    elif isinstance(inner, ExpEuler):
        decay = torch.exp(-step / tau)
    else:
        given = f"reset='subtract_later' with {integrator!r}"
        raise ParameterError(owner, given, "Euler or ExpEuler, whose step decays by one factor", "integrator=Euler()")
    if bool((decay <= 0).any()):
        given = f"reset='subtract_later' with a decay of {float(decay.min()):g} in a step"
        raise ParameterError(owner, given, "a membrane that keeps a part of its potential", 'reset="subtract"')
    theta = torch.as_tensor(values["v_threshold"], dtype=torch.float64)
    leak = torch.as_tensor(values["v_leak"], dtype=torch.float64)
    return dict(v_threshold=theta / decay, v_leak=leak + theta * (1.0 / decay - 1.0))


# --- a neuron that feeds itself -----------------------------------------------------------------------------------


def loops(net: Wiring) -> Wiring:
    """The graph with each neuron that feeds itself through one matrix as one node; its bias joins what feeds it.

    A bias that has no place there leaves the cycle as it is.
    """
    nodes, edges = dict(net.nodes), list(net.edges)
    for name, node in net.nodes.items():
        if node.kind not in KINDS or KINDS[node.kind].plain.graded:
            continue
        for back in [
            b for a, b in edges if a == name and b != OUTPUT and nodes[b].kind in ("Linear", "Affine", "Delay")
        ]:
            path = _loop(nodes, edges, name, back)
            if not path:
                continue
            matrix = nodes[path[-1]]
            weight = matrix.values.get("weight")
            bias = matrix.values.get("bias") if matrix.kind == "Affine" else None
            # numbers that are none stay where they are: their own node says so
            weight, bias = numbers(weight), None if bias is None else numbers(bias)
            if weight is None or weight.ndim != 2 or "lateral" in nodes[name].values:
                continue
            if matrix.kind == "Affine" and bias is None:
                continue
            # a graph that was written here has its cycles as it had them
            if net.form == GRAPH and "self_connections" not in matrix.metadata:
                continue
            if bias is not None and bias.any() and not _moved(nodes, edges, name, path, bias):
                continue
            lateral: dict[str, Any] = {"lateral": weight}
            if len(path) > 1:
                lateral |= {
                    "lateral_delay": nodes[path[0]].values.get("delay"),
                    "taps": nodes[path[0]].metadata.get("taps", 0),
                }
            if "self_connections" in matrix.metadata:
                lateral["self_connections"] = matrix.metadata["self_connections"] == "True"
            nodes[name] = replace(nodes[name], values={**nodes[name].values, **lateral})
            for part in path:
                del nodes[part]
                edges = [edge for edge in edges if part not in edge]
    return replace(net, nodes=nodes, edges=edges)


def _loop(nodes: Mapping[str, Node], edges: list[tuple[str, str]], name: str, back: str) -> list[str]:
    """The nodes through which a neuron feeds itself and nothing else: a matrix, or a Delay and a matrix; else none."""
    path, before = [back], name
    while True:
        fed, after = [a for a, b in edges if b == path[-1]], [b for a, b in edges if a == path[-1]]
        if fed != [before] or len(after) != 1:
            return []
        if after == [name]:
            return path if nodes[path[-1]].kind in ("Linear", "Affine") else []
        if nodes[path[-1]].kind != "Delay" or after[0] == OUTPUT or nodes[after[0]].kind not in ("Linear", "Affine"):
            return []
        before = path[-1]
        path.append(after[0])


def _moved(nodes: dict[str, Node], edges: list[tuple[str, str]], name: str, path: list[str], bias: Any) -> bool:
    """Add the bias of a loop to the Affine or Linear that alone feeds the neuron. False where there is none."""
    fed = [a for a, b in edges if b == name and a not in path]
    if len(fed) != 1 or fed[0] == INPUT or nodes[fed[0]].kind not in ("Affine", "Linear"):
        return False
    before = nodes[fed[0]]
    own = numbers(before.values.get("bias", np.zeros_like(bias)))
    if own is None or [b for a, b in edges if a == fed[0]] != [name] or own.shape != bias.shape:
        return False
    nodes[fed[0]] = Node("Affine", {**before.values, "bias": own + bias}, before.metadata)
    return True


def without_r(net: Wiring) -> Wiring:
    """The graph with the r of LIF and LI as a Scale before them, and in the matrix of a neuron that feeds itself."""
    nodes: dict[str, Node] = {}
    edges = list(net.edges)
    for name, node in net.nodes.items():
        r = node.values.get("r")
        if node.kind not in KINDS or not KINDS[node.kind].scaled or r is None or (np.asarray(r) == 1).all():
            nodes[name] = node
            continue
        values, factor = dict(node.values), np.asarray(r)
        if "lateral" in values:
            rows = factor.reshape(-1, 1) if factor.size > 1 else factor
            values["lateral"] = (rows * values["lateral"]).astype(values["lateral"].dtype)
        values["r"] = np.ones_like(factor)
        scale = f"{name}{INSIDE}r"
        nodes[scale], nodes[name] = Node("Scale", {"scale": factor}), replace(node, values=values)
        edges = [(a, scale if b == name else b) for a, b in edges] + [(scale, name)]
    return replace(net, nodes=nodes, edges=edges)


# --- the order of the nodes ---------------------------------------------------------------------------------------


def _returning(net: Wiring) -> list[tuple[str, str]]:
    """The edges of neurons that feed back to themselves over others: their output comes a step later."""
    reach: dict[str, set[str]] = {}
    for name in net.nodes:
        found: set[str] = set()
        ahead = {name}
        while ahead:
            ahead = {b for a, b in net.edges if a in ahead} - found
            found |= ahead
        reach[name] = found
    return [(a, b) for a, b in net.edges if a in reach.get(b, ()) and net.nodes[a].kind in KINDS]


def _own(owner: str, node: Node) -> Sizes:
    """The shape that a node's own numbers have."""
    if node.kind in ("Linear", "Affine"):
        weight = numbers(node.values.get("weight"))
        if weight is None or weight.ndim != 2:
            raise DataError(owner, "no matrix of numbers", "weight (outputs, inputs)", "correct the graph")
        return (weight.shape[-1],)
    for value in node.values.values():
        if not isinstance(value, str) and np.asarray(value).ndim > 0:
            return tuple(np.asarray(value).shape)
    raise DataError(owner, "an input from a cycle alone, and single numbers", "a shape", "give it one number each")


def _without_ones(shape: Sizes, like: Sizes) -> Sizes:
    while len(shape) > len(like) and shape[0] == 1:
        shape = shape[1:]
    return shape


def _chain(net: Wiring) -> list[str] | None:
    """The nodes in a row; None where the graph branches or goes in cycles."""
    found: list[str] = []
    at = INPUT
    while True:
        after = net.after(at)
        if len(after) != 1 or len(net.before(after[0])) != 1:
            return None
        at = after[0]
        if at == OUTPUT:
            return found if len(found) == len(net.nodes) else None
        found.append(at)


def _plain_names(layers: Mapping[str, Any]) -> dict[str, str]:
    """Names of modules, which have no dot."""
    found: dict[str, str] = {}
    for name in layers:
        plain = "".join(c if c.isalnum() else "_" for c in name)
        plain = f"n{plain}" if plain[:1].isdigit() or hasattr(nn.Graph, plain) or plain in (INPUT, OUTPUT) else plain
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found


__all__ = ["CHAIN", "RESETS", "Reader"]
