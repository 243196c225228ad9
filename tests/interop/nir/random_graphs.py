"""Random NIR graphs, and a plain simulator of them in NumPy: the exact solution of every node over a step.

A neuron spikes where v > v_threshold. In a cycle, what a spiking neuron gives comes a step later; where nothing in it
spikes, what any neuron gives.
"""

from __future__ import annotations

from typing import Any

import nir
import numpy as np
import torch
import torch.nn.functional as F

Array = np.ndarray[Any, Any]
DT = 1e-3  # s
CELLS = ("I", "LI", "IF", "LIF", "CubaLI", "CubaLIF")
SPIKING = ("IF", "LIF", "CubaLIF")


class Builder:
    """A graph that grows at its end. `rng` draws, `kind` is the type of its numbers."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.kind = self.rng.choice([np.float32, np.float64])
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.refused = ""

    def real(self, shape: Any, low: float = -1.0, high: float = 1.0) -> Array:
        return self.rng.uniform(low, high, shape).astype(self.kind)

    def put(self, node: Any, *fed: str) -> str:
        name = f"{'_.'[self.rng.integers(2)]}n{len(self.nodes)}"
        self.nodes[name] = node
        self.edges += [(a, name) for a in fed]
        return name

    def each(self, shape: Any, low: float, high: float) -> Array:
        """A value for each neuron, or one for all of them in an array."""
        return self.real(shape, low, high) if self.rng.random() < 0.5 else np.full(shape, self.real((), low, high))

    def cell(self, shape: tuple[int, ...], kinds: tuple[str, ...] = CELLS) -> Any:
        kind = str(self.rng.choice(kinds))
        tau = lambda: self.each(shape, 2e-3, 3e-2)  # noqa: E731
        given: dict[str, Any] = {
            "r": self.each(shape, 50.0, 300.0) if kind in ("I", "IF") else self.each(shape, 0.5, 3.0)
        }
        if kind in ("LI", "LIF"):
            given |= {"tau": tau(), "v_leak": self.each(shape, -0.2, 0.2)}
        if kind in ("CubaLI", "CubaLIF"):
            given |= {"tau_mem": tau(), "tau_syn": tau(), "v_leak": self.each(shape, -0.2, 0.2)}
            given["w_in"] = self.each(shape, 0.5, 3.0)
        if kind in SPIKING:
            given["v_threshold"] = self.each(shape, 0.2, 1.0)
            if self.rng.random() < 0.6:
                given["v_reset"] = self.each(shape, -0.5, 0.1)
        return getattr(nir, kind)(**given)

    def matrix(self, inputs: int, outputs: int) -> Any:
        weight = self.real((outputs, inputs), -1.5, 1.5)
        return nir.Affine(weight, self.real(outputs)) if self.rng.random() < 0.5 else nir.Linear(weight)


def random_graph(seed: int) -> tuple[Any, str]:
    """A graph, and why it must be refused, or ""."""
    b = Builder(seed)
    shape: tuple[int, ...] = tuple(int(n) for n in b.rng.integers(2, 6, b.rng.choice([1, 1, 1, 2, 3])))
    if len(shape) > 1:
        shape = (shape[0], *(n + 3 for n in shape[1:]))
    b.nodes["input"] = nir.Input(np.array(shape))
    at = "input"
    for _ in range(int(b.rng.integers(1, 6))):
        at, shape = _grown(b, at, shape)
    b.nodes["output"] = nir.Output(np.array(shape))
    b.edges.append((at, "output"))
    order = b.rng.permutation(len(b.edges))
    return nir.NIRGraph(b.nodes, [b.edges[k] for k in order], type_check=False), b.refused


def _grown(b: Builder, at: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    kinds = ["cell", "scale", "threshold", "delay", "skip"]
    kinds += (
        ["matrix", "cell", "loop", "loop", "ring", "graph"] if len(shape) == 1 else ["conv", "conv", "flatten", "pool"]
    )
    kind = str(b.rng.choice(kinds))
    if kind == "cell":
        return b.put(b.cell(shape), at), shape
    if kind == "scale":
        return b.put(nir.Scale(b.real(shape, 0.5, 2.0)), at), shape
    if kind == "threshold":
        return b.put(nir.Threshold(b.each(shape, 0.0, 0.5)), at), shape
    if kind == "delay":
        steps = b.rng.integers(0, 4, shape) + (0.4 if b.rng.random() < 0.2 else 0.0)
        if (steps % 1).any():
            b.refused = "of a step from a whole number"
        return b.put(nir.Delay((steps * DT).astype(b.kind)), at), shape
    if kind == "skip":
        return b.put(b.cell(shape), at, b.put(nir.Scale(b.real(shape)), at)), shape
    if kind == "matrix":
        n = int(b.rng.integers(2, 6))
        return b.put(b.matrix(shape[0], n), at), (n,)
    if kind == "loop":
        name = b.put(b.cell(shape), at)
        _feed(b, b.put(b.matrix(*shape, *shape), name), name)
        return name, shape
    if kind == "ring":
        first = b.put(b.cell(shape), at)
        second = b.put(b.cell(shape), b.put(b.matrix(*shape, *shape), first))
        _feed(b, b.put(nir.Scale(b.real(shape)), second), first)
        return str(b.rng.choice([first, second])), shape
    if kind == "graph":
        inner = {"input": nir.Input(np.array(shape)), "a": b.cell(shape), "output": nir.Output(np.array(shape))}
        return b.put(nir.NIRGraph(inner, [("input", "a"), ("a", "output")], type_check=False), at), shape
    if kind == "flatten":
        return b.put(nir.Flatten(np.array(shape), 0, -1), at), (int(np.prod(shape)),)
    return _spatial(b, kind, at, shape)


def _feed(b: Builder, a: str, name: str) -> None:
    b.edges.append((a, name))


def _spatial(b: Builder, kind: str, at: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    if kind == "pool":
        if len(shape) != 3 or min(shape[1:]) < 3:
            return at, shape
        node = (nir.SumPool2d if b.rng.random() < 0.5 else nir.AvgPool2d)(
            *(np.array(v) for v in ((2, 2), (1, 2), (0, 1)))
        )
    else:
        if min(shape[1:]) < 3:
            return at, shape
        outputs, one = int(b.rng.integers(1, 4)), len(shape) == 2
        weight, bias = b.real((outputs, shape[0], *(3,) * (len(shape) - 1))), b.real(outputs)
        node = (nir.Conv1d if one else nir.Conv2d)(
            input_shape=shape[1] if one else shape[1:],
            weight=weight,
            stride=1 if one else (2, 1),
            padding=1 if one else (1, 0),
            dilation=1 if one else (1, 1),
            groups=1,
            bias=bias,
        )
    after = _stateless(node, np.zeros((1, *shape))).shape[1:]
    return b.put(node, at), tuple(after)


# --- the simulator ------------------------------------------------------------------------------------------------


def _stateless(node: Any, x: Array) -> Array:
    """A node without a state, of x (samples, ...)."""
    kind = type(node).__name__
    if kind in ("Affine", "Linear"):
        return x @ node.weight.T.astype(np.float64) + (node.bias if kind == "Affine" else 0.0)
    if kind == "Scale":
        return x * node.scale
    if kind == "Threshold":
        return (x > node.threshold).astype(np.float64)
    if kind == "Flatten":
        return x.reshape(len(x), -1)
    t = torch.from_numpy(x)
    if kind in ("Conv1d", "Conv2d"):
        weight, bias = torch.from_numpy(node.weight).double(), torch.from_numpy(node.bias).double()
        run = F.conv1d if kind == "Conv1d" else F.conv2d
        return run(t, weight, bias, node.stride, node.padding, node.dilation).numpy()
    sizes = (tuple(node.kernel_size), tuple(node.stride), tuple(node.padding))
    return (F.avg_pool2d(t, *sizes) * (np.prod(node.kernel_size) if kind == "SumPool2d" else 1)).numpy()


class _Cell:
    def __init__(self, node: Any):
        self.node, self.kind = node, type(node).__name__
        self.i = self.v = self.history = None

    def step(self, x: Array) -> Array:
        node: Any = self.node
        if self.kind == "Delay":
            self.history = [*(self.history or []), x]
            steps = np.rint(node.delay.astype(np.float64) / DT).astype(int)
            past = np.stack(([np.zeros_like(x)] * 4 + self.history)[-4:][::-1])
            return np.take_along_axis(past, np.broadcast_to(steps, x.shape)[None], 0)[0]
        p = {k: np.asarray(v, np.float64) for k, v in vars(node).items() if isinstance(v, np.ndarray)}
        leak = p.get("v_leak", p["v_reset"] if self.kind == "IF" else 0.0)
        v = np.broadcast_to(leak, x.shape) if self.v is None else self.v
        if self.kind in ("I", "IF"):
            v = v + DT * p["r"] * x
        else:
            tau, drive = p.get("tau", p.get("tau_mem")), x
            if self.kind.startswith("Cuba"):
                drive = np.zeros_like(x) if self.i is None else self.i
                target = p["w_in"] * x
                self.i = target + (drive - target) * np.exp(-DT / p["tau_syn"])
            to = p["v_leak"] + p["r"] * drive
            v = to + (v - to) * np.exp(-DT / tau)
        if self.kind not in SPIKING:
            self.v = v
            return v
        z = v > p["v_threshold"]
        self.v = np.where(z, p["v_reset"], v)
        return z.astype(np.float64)


def simulated(graph: Any, x: Array) -> Array:
    """The output of a graph for x (time, samples, ...)."""
    nodes, edges = _flat(graph)
    cells = {n: _Cell(node) for n, node in nodes.items() if type(node).__name__ in (*CELLS, "Delay")}
    reach = {n: _reached(edges, n) for n in nodes}
    held: set[tuple[str, str]] = set()
    for n in nodes:
        ring = {m for m in nodes if m in reach[n] and n in reach[m]}
        spiking = {m for m in ring if type(nodes[m]).__name__ in SPIKING}
        late = spiking if spiking and not _cyclic(edges, ring, spiking) else {m for m in ring if m in cells}
        held |= {(a, b) for a, b in edges if a in late and b in ring}
    order = _order(nodes, [e for e in edges if e not in held])
    last: dict[str, Any] = dict.fromkeys(nodes)
    rows = []
    for row in x:
        now: dict[str, Any] = {}
        for n in order:
            if type(nodes[n]).__name__ == "Input":
                now[n] = row
                continue
            parts = [last[a] if (a, n) in held else now[a] for a, b in edges if b == n]
            fed = [part for part in parts if part is not None]
            total = sum(fed) if fed else np.zeros((row.shape[0], *nodes[n].input_type["input"]))
            if type(nodes[n]).__name__ == "Output":
                now[n] = total
            else:
                now[n] = cells[n].step(total) if n in cells else _stateless(nodes[n], total)
        last = {**last, **now}
        rows.append(next(now[n] for n in nodes if type(nodes[n]).__name__ == "Output"))
    return np.stack(rows)


def _flat(graph: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Subgraphs of one node, as they are made above, are that node."""
    nodes = {n: node.nodes["a"] if isinstance(node, nir.NIRGraph) else node for n, node in graph.nodes.items()}
    return nodes, list(graph.edges)


def _reached(edges: list[tuple[str, str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = {start}
    while ahead:
        ahead = {b for a, b in edges if a in ahead} - found
        found |= ahead
    return found


def _cyclic(edges: list[tuple[str, str]], ring: set[str], late: set[str]) -> bool:
    inside = [(a, b) for a, b in edges if a in ring and b in ring and a not in late]
    return any(n in _reached(inside, n) for n in ring)


def _order(nodes: dict[str, Any], edges: list[tuple[str, str]]) -> list[str]:
    found: list[str] = []
    while len(found) < len(nodes):
        found += [n for n in nodes if n not in found and all(a in found for a, b in edges if b == n)][:1]
    return found
