"""A program: the graph of one step with its inputs and results named, and its form as text.

The text is all that an operator needs: it travels through torch.compile and torch.export as a string, and
its hash names the compiled kernels on disk.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

from rheobase.engine.graph.graph import Graph, Node

FORMAT = 2


@dataclass(frozen=True, eq=False)
class Program:
    """A traced step: its graph, the names of its inputs, states and parameters in order, and the nodes of its results.

    The nodes are `out`, the output; `post`, each state after the step; `traces`, the recorded states, which `traced`
    names.
    """

    graph: Graph
    entries: tuple[str, ...]
    states: tuple[str, ...]
    params: tuple[str, ...]
    out: int
    post: tuple[int, ...]
    traces: tuple[int, ...]
    traced: tuple[str, ...]

    def text(self) -> str:
        """The canonical text: only nodes that some result needs, numbered anew."""
        kept = self.graph.needed([self.out, *self.post, *self.traces], gradients=True)
        number = {old: new for new, old in enumerate(kept)}
        nodes: list[list[Any]] = []
        for k in kept:
            op, args, tag = self.graph.nodes[k]
            nodes.append([op, [number[a] for a in args], *([] if tag is None else [tag])])
        body = {
            "format": FORMAT,
            "entries": self.entries,
            "states": self.states,
            "params": self.params,
            "out": number[self.out],
            "post": [number[k] for k in self.post],
            "traces": [number[k] for k in self.traces],
            "traced": self.traced,
            "nodes": nodes,
        }
        return json.dumps(body, separators=(",", ":"))

    def masked(self) -> Program:
        """The program with a mask: where the sequence has ended, states do not change and the output is zero."""
        graph = self.graph.copy()
        alive, zero = graph.put("alive"), graph.const(0.0)
        held = {name: graph.put("state", tag=name) for name in self.states}
        post = tuple(graph.put("select", alive, p, held[k]) for p, k in zip(self.post, self.states, strict=True))
        traces = tuple(graph.put("select", alive, t, held[k]) for t, k in zip(self.traces, self.traced, strict=True))
        out = graph.put("select", alive, self.out, zero)
        return Program(graph, self.entries, self.states, self.params, out, post, traces, self.traced)

    def behind(self, graph: Graph) -> Program:
        """The program appended to `graph`, in place; nodes that the graph already has are shared."""
        number: list[int] = []
        for op, args, tag in self.graph.nodes:
            number.append(graph.append(Node(op, tuple(number[a] for a in args), tag)))
        post, traces = (tuple(number[k] for k in nodes) for nodes in (self.post, self.traces))
        return Program(graph, self.entries, self.states, self.params, number[self.out], post, traces, self.traced)

    def with_states(self) -> Program:
        """The program with all its states after each step as its traces."""
        return Program(self.graph, self.entries, self.states, self.params, self.out, self.post, self.post, self.states)

    @property
    def noisy(self) -> bool:
        return any(node.op == "noise" for node in self.graph.nodes)


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Program:
    """The program of a text that `Program.text` made."""
    body = json.loads(text)
    if body.get("format") != FORMAT:
        raise ValueError(f"program of format {body.get('format')}, this version reads {FORMAT}")
    graph = Graph()
    for op, args, *tag in body["nodes"]:
        # a simplification here would change the numbering
        graph.append(Node(op, tuple(args), tag[0] if tag else None))
    return Program(
        graph,
        tuple(body["entries"]),
        tuple(body["states"]),
        tuple(body["params"]),
        body["out"],
        tuple(body["post"]),
        tuple(body["traces"]),
        tuple(body["traced"]),
    )
