"""Fewer and shorter operations, where rounding need not be that of the equations as they stand.

    a * b + c   in one operation, rounded once, where nothing else looks at the product
    x / 24.0    as x * (1/24.0), within one unit in the last place
    a + (-b)    as a - b
    s * (r * x) as (s * r) * x, where no turn of a loop changes s and r (`regrouped`)

For nests whose results no other kernel repeats to the last digit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rheobase.engine.graph.graph import Graph
from rheobase.engine.nest.hoist import steady, still
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
    if op == "add":
        for other, of in (x, x[::-1]):
            if graph.nodes[of].op == "neg":
                return graph.put("sub", other, *graph.nodes[of].args)
    return graph.put(op, *x, tag=tag) if x != list(args) else node


def regrouped(nest: Nest) -> Nest:
    """The nest with what no turn of a loop changes first in a product, so that `hoisted` takes it out of the loop."""
    held = steady(nest)

    def leaf(leaf: Leaf) -> Leaf:
        graph, read = leaf.graph.copy(), {node for node, _ in leaf.reads}
        fixed, new = still(leaf, nest, held), dict[int, int]()
        for k in graph.needed(leaf.results, read, gradients=True):
            op, args, tag = graph.nodes[k]
            x = [new.get(a, a) for a in args]
            if k in read:
                continue
            found = _first(graph, x, fixed) if op == "mul" and k not in fixed else None
            if found is None:
                found = graph.put(op, *x, tag=tag) if x != list(args) else k
            new[k] = found
            fixed |= {new[k]} if k in fixed else set()
        return replace(
            leaf,
            graph=graph,
            writes=tuple(replace(write, node=new.get(write.node, write.node)) for write in leaf.writes),
            flags=tuple(replace(flag, node=new.get(flag.node, flag.node)) for flag in leaf.flags),
        )

    return replace(nest, body=mapped(nest.body, leaf))


def _first(graph: Graph, factors: Sequence[int], fixed: set[int]) -> int | None:
    """A product of two nodes, one of them steady and the other a product with something steady, in another order."""
    for s, product in (factors, factors[::-1]):
        if s in fixed and graph.nodes[product].op == "mul":
            for r, x in (graph.nodes[product].args, graph.nodes[product].args[::-1]):
                if r in fixed and x not in fixed:
                    fixed.add(both := graph.put("mul", s, r))
                    return graph.put("mul", both, x)
    return None


__all__ = ["contracted", "regrouped"]
