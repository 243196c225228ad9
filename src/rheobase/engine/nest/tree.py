"""The elimination of a tree as a nest: the linear system of a branched cable, compartment by compartment."""

from __future__ import annotations

from typing import Any

from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.index import Index, at, names
from rheobase.engine.nest.nest import BLOCK, Buffer, Leaf, Nest, loop


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
        return [leaf(lambda d, b: (d, b), reads={"d": diagonal[c], "b": right[c]}, writes=[d[c], b[c]])]

    def up(c: Index) -> list[Leaf]:
        p = at("parent", c, "compartments")
        reads = {"d": d[c], "b": b[c], "off": off[c], "d_parent": d[p], "b_parent": b[p]}
        return [leaf(_eliminated, reads=reads, writes=[d[p], b[p]])]

    def down(c: Index) -> list[Leaf]:
        p = at("parent", c, "compartments")
        reads = {"d": d[c], "b": b[c], "off": off[c], "x_parent": x[p]}
        return [leaf(lambda d, b, off, x_parent: (b - off * x_parent) / d, reads=reads, writes=[x[c]])]

    root = leaf(lambda d, b: b / d, reads={"d": d[0], "b": b[0]}, writes=[x[0]])
    body = (loop("c", size, start), loop("c", size, up, start=1, down=True), root, loop("c", size, down, start=1))
    return Nest("elimination", (diagonal, right, off, x, parent, d, b), body, sizes=("compartments",))


def _eliminated(d: Any, b: Any, off: Any, d_parent: Any, b_parent: Any) -> tuple[Any, Any]:
    f = off / d
    return d_parent - f * off, b_parent - f * b


__all__ = ["elimination"]
