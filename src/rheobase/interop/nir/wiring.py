"""The wiring of a NIR graph: its nodes by name, without subgraphs, and which feeds which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rheobase.errors import DataError, NotRepresentable, nearest

INPUT, OUTPUT = "input", "output"  # the names of the two ends here, whatever a file calls them
KINDS = (
    "Affine", "AvgPool2d", "Conv1d", "Conv2d", "CubaLI", "CubaLIF", "Delay", "Flatten", "I", "IF", "Input", "LI", "LIF",
    "Linear", "NIRGraph", "Output", "Scale", "SumPool2d", "Threshold",
)  # fmt: skip
INSIDE = "/"  # between the names of a subgraph and of what is in it; no name of a file holds one
CHAIN, GRAPH = "Sequential", "Graph"  # the forms of a network, in the metadata of what was written here


@dataclass(frozen=True)
class Node:
    """A node: its type, its parameters, and what its writer noted beside them."""

    kind: str
    values: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass
class Wiring:
    """Nodes and edges between INPUT and OUTPUT; the shapes of the input and the output of one step of one sample."""

    owner: str
    nodes: dict[str, Node]
    edges: list[tuple[str, str]]
    shape: tuple[int, ...]
    out: tuple[int, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def form(self) -> str:
        """How the network that was written was built; "" for graphs of others."""
        return str(self.metadata.get("form", ""))

    def before(self, name: str) -> list[str]:
        return [a for a, b in self.edges if b == name]

    def after(self, name: str) -> list[str]:
        return [b for a, b in self.edges if a == name]


_POOL, _MATRIX = ("kernel_size", "stride", "padding"), ("weight", "bias")
_CONV = (*_MATRIX, "input_shape", "stride", "padding", "dilation", "groups")
_CUBA, _SPIKES = ("tau_syn", "tau_mem", "r", "v_leak", "w_in"), ("v_threshold", "v_reset")
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "Affine": _MATRIX, "AvgPool2d": _POOL, "Conv1d": _CONV, "Conv2d": _CONV, "CubaLI": _CUBA,
    "CubaLIF": (*_CUBA, *_SPIKES), "Delay": ("delay",), "Flatten": ("start_dim", "end_dim"), "I": ("r",),
    "IF": ("r", *_SPIKES), "Input": ("shape",), "LI": ("tau", "r", "v_leak"), "LIF": ("tau", "r", "v_leak", *_SPIKES),
    "Linear": ("weight",), "Output": ("shape",), "Scale": ("scale",), "SumPool2d": _POOL, "Threshold": ("threshold",),
}  # fmt: skip
TYPES = ("input_type", "output_type")  # which any node may have
# what is noted in metadata as text, and as one number
TEXTS = (
    "form",
    "dtype",
    "neuron",
    "learn",
    "surrogate",
    "detach_reset",
    "detach_spike",
    "integrator",
    "layer",
    "bias",
    "self_connections",
)
NUMBERS = ("taps", "dt_ms", "factor")


def wiring(tree: Mapping[str, Any], owner: str) -> Wiring:
    """The wiring of a graph as a tree of plain values, its subgraphs put in place.

    A subgraph that was a chain in a chain, and was written here, stays one node.

    Raises: `DataError` for what is no graph, `NotRepresentable` for unknown nodes and for several inputs or outputs.
    """
    nodes, edges, ends = _level(tree, owner, "")
    (start, shape), (end, out) = ends
    if len(shape) == 4 and shape[0] == 1:
        # an early file, whose shapes begin with an axis of one sample
        shape, out = shape[1:], out[1:] if out[0] == 1 else out
    _contract(nodes, edges)
    nodes = {name: node for name, node in nodes.items() if name not in (start, end)}
    edges = [(INPUT if a == start else a, OUTPUT if b == end else b) for a, b in edges]
    # a node of the file may be called as an end is here
    if clash := {INPUT, OUTPUT} & set(nodes):
        raise DataError(
            owner, f"a node {clash.pop()!r} inside", f"no other node named {INPUT} or {OUTPUT}", "rename it"
        )
    found = Wiring(owner, nodes, edges, shape, out, metadata_of(tree))
    _check_led(found)
    return found


Ends = tuple[tuple[str, tuple[int, ...]], tuple[str, tuple[int, ...]]]


def _level(tree: Mapping[str, Any], owner: str, prefix: str) -> tuple[dict[str, Node], list[tuple[str, str]], Ends]:
    """The nodes of a graph and of those in it, its edges, and its two ends with their shapes."""
    where = f"{owner}: subgraph {prefix[:-1]!r}" if prefix else owner
    inside, pairs = tree.get("nodes"), tree.get("edges")
    if str(tree.get("type")) != "NIRGraph" or not isinstance(inside, Mapping) or pairs is None:
        given = f"a {tree.get('type', 'node without a type')} with {', '.join(map(str, tree)) or 'nothing'}"
        raise DataError(where, given, "a NIRGraph with nodes and edges", "write the graph with nir.write")
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    entry: dict[str, tuple[str, str]] = {}
    found: dict[str, list[tuple[str, tuple[int, ...]]]] = {"Input": [], "Output": []}
    for name, part in inside.items():
        full = prefix + str(name)
        if INSIDE in str(name):
            given = f"a node named {name!r}"
            raise DataError(where, given, f"names without {INSIDE!r}, which no file can hold", "rename it")
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(kind, str) or kind not in KINDS:
            known = nearest(str(kind), KINDS)
            raise NotRepresentable(f"{where}: node {name!r}", f"the type {kind!r}", "a node of NIR 1.0", known)
        if kind == "NIRGraph" and metadata_of(part).get("form") in (CHAIN, GRAPH):
            nodes[full] = Node("NIRGraph", {"tree": part}, metadata_of(part))
        elif kind == "NIRGraph":
            more, links, ((start, _), (end, _)) = _level(part, owner, full + INSIDE)
            nodes |= more
            edges += links
            entry[str(name)] = (start, end)
        else:
            node = Node(kind, {k: v for k, v in part.items() if k not in ("type", "metadata")}, metadata_of(part))
            _check_parameters(f"{where}: node {name!r}", node)
            nodes[full] = node
            if kind in found:
                found[kind].append((full, _sizes(f"{where}: node {name!r}", node)))
    for kind, ends in found.items():
        if len(ends) != 1:
            given = f"{len(ends)} nodes of type {kind}" + (f" ({', '.join(n for n, _ in ends)})" if ends else "")
            raise NotRepresentable(where, given, "one", "split the graph, or join its ends into one")
    edges += _edges(pairs, set(map(str, inside)), entry, prefix, where)
    return nodes, edges, (found["Input"][0], found["Output"][0])


def metadata_of(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a writer noted beside a node or a graph, without what is of another kind than what is written here."""
    held = part.get("metadata", {})
    if not isinstance(held, Mapping):
        return {}
    return {
        name: value
        for name, value in held.items()
        if (name not in TEXTS or isinstance(value, str))
        and (name not in NUMBERS or (np.asarray(value).dtype.kind in "fiu" and np.asarray(value).ndim == 0))
    }


def _check_parameters(owner: str, node: Node) -> None:
    """Raise for a parameter that NIR's node has not: another network, should it mean something."""
    for name in node.values:
        if name not in PARAMETERS[node.kind] and name not in TYPES:
            expected = f"those of NIR: {', '.join(PARAMETERS[node.kind])}"
            raise NotRepresentable(
                owner, f"the parameter {name!r} of {node.kind}", expected, "leave it out, if it means nothing"
            )


def _sizes(owner: str, node: Node) -> tuple[int, ...]:
    held = node.values.get("shape")
    if held is None:
        raise DataError(owner, f"an {node.kind} without a shape", "the sizes of one step of one sample", "give one")
    sizes = np.asarray(held).reshape(-1)
    if sizes.dtype.kind not in "fiu" or not sizes.size or not ((sizes >= 1) & (sizes % 1 == 0)).all():
        raise DataError(owner, f"the shape {sizes.tolist()}", "positive whole numbers", "correct the graph")
    return tuple(int(n) for n in sizes)


def _edges(
    pairs: Any, names: set[str], entry: Mapping[str, tuple[str, str]], prefix: str, where: str
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    rows: Any = pairs.tolist() if isinstance(pairs, np.ndarray) else pairs
    for row in rows if isinstance(rows, (list, tuple)) else [rows]:
        if not isinstance(row, (list, tuple)) or len(row) != 2:
            raise DataError(where, f"the edge {row!r}", "a pair of names", "correct the graph")
        ends = [str(end) for end in row]
        for end in ends:
            if end not in names:
                raise DataError(where, f"an edge to or from {end!r}, which is no node", "a node", nearest(end, names))
        a = entry[ends[0]][1] if ends[0] in entry else prefix + ends[0]
        b = entry[ends[1]][0] if ends[1] in entry else prefix + ends[1]
        if (a, b) in found:
            raise NotRepresentable(
                where, f"the edge {a} -> {b} twice", "each edge once", "a Scale node doubles a value"
            )
        found.append((a, b))
    return found


def _contract(nodes: dict[str, Node], edges: list[tuple[str, str]]) -> None:
    """Take the ends of subgraphs out: what fed one feeds what it fed."""
    for name in [n for n, node in nodes.items() if node.kind in ("Input", "Output") and INSIDE in n]:
        before, after = [a for a, b in edges if b == name], [b for a, b in edges if a == name]
        if not before and not after:
            continue
        edges[:] = [edge for edge in edges if name not in edge] + [(a, b) for a in before for b in after]
        del nodes[name]


def _check_led(net: Wiring) -> None:
    """Raise for a node that nothing feeds, or that feeds nothing."""
    for name in (*net.nodes, OUTPUT):
        if not net.before(name):
            raise DataError(f"{net.owner}: node {name!r}", "no edge to it", "at least one", "connect it, or remove it")
    for name in (INPUT, *net.nodes):
        if not net.after(name):
            raise DataError(
                f"{net.owner}: node {name!r}", "no edge from it", "at least one", "connect it, or remove it"
            )


def ordered(net: Wiring, cut: Iterable[tuple[str, str]] = ()) -> list[str]:
    """The nodes in an order in which each comes after those that feed it, but for the edges `cut`.

    Raises `DataError`: a cycle.
    """
    without = set(cut)
    edges = [edge for edge in net.edges if edge not in without]
    waits = {name: {a for a, b in edges if b == name and a != INPUT} for name in net.nodes}
    found: list[str] = []
    while waits:
        ready = [name for name, before in waits.items() if not before]
        if not ready:
            cycle = " -> ".join(_a_cycle(waits))
            expected = "a neuron in every cycle, whose output takes a step to come back"
            raise DataError(net.owner, f"a cycle without delay: {cycle}", expected, "break it, or put a neuron into it")
        for name in ready:
            del waits[name]
        for before in waits.values():
            before.difference_update(ready)
        found += ready
    return found


def _a_cycle(waits: Mapping[str, set[str]]) -> list[str]:
    path = [next(iter(waits))]
    while True:
        before = sorted(name for name in waits[path[-1]] if name in waits)[0]
        if before in path:
            return [*reversed(path[path.index(before) :]), path[-1]] if path[-1] != before else [before, before]
        path.append(before)
