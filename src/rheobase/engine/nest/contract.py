"""Fewer and shorter operations, where rounding need not be that of the equations as they stand.

    a * b + c   in one operation, rounded once, where nothing else looks at the product
    x / 24.0    as x * (1/24.0), within one unit in the last place

For nests whose results no other kernel repeats to the last digit.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from rheobase.engine.graph.graph import Graph
from rheobase.engine.nest.nest import Leaf, Nest, Write, mapped


def contracted(nest: Nest) -> Nest:
    """The nest with its leaves in such operations."""
    return replace(nest, body=mapped(nest.body, _leaf))


def _leaf(leaf: Leaf) -> Leaf:
    graph, read = leaf.graph.copy(), {node for node, _ in leaf.reads}
    needed = [k for k in leaf.needed if k not in read]
    users = Counter(a for k in needed for a in graph.used(k)) + Counter(leaf.results)
    alone = {k for k in needed if users[k] == 1 and graph.nodes[k].op == "mul"}
    new: dict[int, int] = {}
    for k in needed:
        new[k] = _shorter(graph, k, new, alone)
    return replace(
        leaf,
        graph=graph,
        writes=tuple(Write(write.ref, new.get(write.node, write.node), write.how) for write in leaf.writes),
        flags=tuple(replace(flag, node=new.get(flag.node, flag.node)) for flag in leaf.flags),
    )


def _shorter(graph: Graph, node: int, new: dict[int, int], alone: set[int]) -> int:
    """The node over the new ones."""
    op, args, tag = graph.nodes[node]
    x = [new.get(a, a) for a in args]
    if op == "div" and (value := graph.value(args[1])) and math.isfinite(1.0 / value):
        return graph.put("mul", x[0], graph.const(1.0 / value))
    if op in ("add", "sub"):
        for product, other in ((0, 1), (1, 0)):
            if args[product] in alone and args[0] != args[1]:
                a, b = (new.get(k, k) for k in graph.nodes[args[product]].args)
                c = x[other]
                if op == "sub":
                    a, c = (a, graph.put("neg", c)) if product == 0 else (graph.put("neg", a), c)
                return graph.put("fma", a, b, c)
    return graph.put(op, *x, tag=tag) if x != list(args) else node


__all__ = ["contracted"]
