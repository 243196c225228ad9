"""The elimination of a tree as a nest: the linear system of a branched cable, compartment by compartment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rheobase.engine.graph.graph import Graph
from rheobase.engine.nest.index import Index, at, names
from rheobase.engine.nest.nest import BLOCK, Buffer, Leaf, Nest, Ref, Write, loop


def elimination() -> Nest:
    """Solve A x = right, with A symmetric: `diagonal`, and `off` between a compartment and its `parent`.

    up, from the last compartment to the second:
        f = off[c] / d[c];  d[parent] -= f off[c];  b[parent] -= f b[c]
    then down from the root:
        x[0] = b[0] / d[0];  x[c] = (b[c] - off[c] x[parent]) / d[c]

    A parent stands before its children, and off[0] is not looked at. Each lane has a system of its own on one tree.
    Memory buffers: diagonal, right, off, x, each (compartments, lanes); parent (compartments,) int32.

    Reference: Hines, Int. J. Bio-Med. Comput. 15, 69-76 (1984), doi 10.1016/0020-7101(84)90008-4.
    """
    (size,) = names("compartments")
    diagonal, right, off, x = (Buffer(name, (size,)) for name in ("diagonal", "right", "off", "x"))
    d, b = Buffer("d", (size,), BLOCK), Buffer("b", (size,), BLOCK)
    parent = Buffer("parent", (size,), stored="i32", shared=True)

    def start(c: Index) -> list[Leaf]:
        return [_leaf(lambda g, n: {"d": n["a"], "b": n["r"]},
                      {"a": diagonal[c], "r": right[c]}, {"d": d[c], "b": b[c]})]  # fmt: skip

    def up(c: Index) -> list[Leaf]:
        p = at("parent", c, "compartments")
        reads = {"d": d[c], "b": b[c], "off": off[c], "above": d[p], "right": b[p]}
        return [_leaf(_eliminated, reads, {"above": d[p], "right": b[p]})]

    def down(c: Index) -> list[Leaf]:
        p = at("parent", c, "compartments")
        return [_leaf(_inserted, {"d": d[c], "b": b[c], "off": off[c], "x": x[p]}, {"x": x[c]})]

    root = _leaf(lambda g, n: {"x": g.put("div", n["b"], n["d"])}, {"d": d[0], "b": b[0]}, {"x": x[0]})
    body = (loop("c", size, start), loop("c", size, up, start=1, down=True), root, loop("c", size, down, start=1))
    return Nest("elimination", (diagonal, right, off, x, parent, d, b), body, sizes=("compartments",))


def _eliminated(g: Graph, n: Mapping[str, int]) -> dict[str, int]:
    f = g.put("div", n["off"], n["d"])
    return {
        "above": g.put("sub", n["above"], g.put("mul", f, n["off"])),
        "right": g.put("sub", n["right"], g.put("mul", f, n["b"])),
    }


def _inserted(g: Graph, n: Mapping[str, int]) -> dict[str, int]:
    return {"x": g.put("div", g.put("sub", n["b"], g.put("mul", n["off"], n["x"])), n["d"])}


def _leaf(
    make: Callable[[Graph, Mapping[str, int]], dict[str, int]], reads: Mapping[str, Ref], writes: Mapping[str, Ref]
) -> Leaf:
    """A leaf from what is made of the rows that it reads, by name."""
    graph = Graph()
    nodes = {name: graph.put("read", tag=name) for name in reads}
    found = make(graph, nodes)
    return Leaf(
        graph,
        tuple((nodes[name], ref) for name, ref in reads.items()),
        tuple(Write(ref, found[name]) for name, ref in writes.items()),
    )


__all__ = ["elimination"]
