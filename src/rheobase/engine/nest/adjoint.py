"""The adjoint of a nest: the same nest with a tape, then its loops backwards.

Each leaf keeps the smallest cut between what it reads and what its gradient needs, in tape rows that are counted by the
loops around it; rows that nothing writes are read again. Backwards, a row that a leaf sets has its gradient taken from
it, and what the leaf read of it before takes its place; every other row that it read is added to.

Rows of a leaf with different indices are taken to be different rows (a compartment is not its own parent).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rheobase.engine.graph.adjoint import adjoint as of_graph
from rheobase.engine.graph.cut import smallest_cut
from rheobase.engine.graph.graph import Graph
from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import (
    BLOCK,
    MEMORY,
    REAL,
    REGISTER,
    Buffer,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    Vectors,
    When,
    Write,
    copied,
    filled,
    leaves,
)

GRADIENT, SUM, TAPE = "g:", "a:", "tape:"  # of the caller's tensors; of rows within the kernel; of what is kept


@dataclass
class _Pass:
    """What is found on the way through a nest."""

    nest: Nest
    written: set[str]
    real: dict[str, Buffer]  # the buffers that have gradients
    tapes: list[Buffer] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)


def adjoint(nest: Nest, outputs: Sequence[str], inputs: Sequence[str]) -> Nest:
    """A nest that reads `g:x` of each output x and writes `g:y` of each input y, both memory buffers of the nest.

    It runs the nest itself on the way there, and writes its outputs again.

    Raises: `ValueError` for registers, whose values no tape holds, and for a loop that ends at no size.
    """
    written = {write.ref.buffer for leaf in leaves(nest.body) for write in leaf.writes}
    real = {b.name: b for b in nest.buffers if b.stored in REAL}
    for buffer in nest.buffers:
        if buffer.place == REGISTER:
            raise ValueError(f"{nest.name}: {buffer.name} is a register; its adjoint is written by hand")
    found = _Pass(nest, written, real)
    forward, backward = _statements(nest.body, found)
    sums = {name: _like(b, SUM, BLOCK) for name, b in real.items()}
    outer = {name: _like(real[name], GRADIENT, MEMORY) for name in (*outputs, *inputs)}
    begin = [_copied(sums[name], outer[name], sums[name]) if name in outputs else _zeros(sums[name]) for name in sums]
    end = [_copied(sums[name], sums[name], outer[name]) for name in inputs]
    buffers = (*nest.buffers, *sums.values(), *dict.fromkeys(outer.values()), *found.tapes)
    body = (*forward, *begin, *backward, *end)
    return replace(nest, name=f"{nest.name}, adjoint", buffers=buffers, body=body)


def _like(buffer: Buffer, prefix: str, place: str) -> Buffer:
    return Buffer(prefix + buffer.name, buffer.axes, place)


def _copied(like: Buffer, source: Buffer, target: Buffer) -> Statement:
    return _over(like, lambda at: copied(Ref(source.name, at), Ref(target.name, at)))


def _zeros(buffer: Buffer) -> Statement:
    return _over(buffer, lambda at: filled(0.0, Ref(buffer.name, at)))


def _over(buffer: Buffer, make: Callable[[tuple[Index, ...]], Leaf]) -> Statement:
    """A leaf for every row of a buffer."""
    names = [f"{buffer.name}.{k}" for k in range(len(buffer.axes))]
    inner: Statement = make(tuple(Index.name(name) for name in names))
    for name, extent in reversed(list(zip(names, buffer.axes, strict=True))):
        inner = Loop(name, Index.of(0), (extent,), (inner,))
    return inner


def _statements(body: Sequence[Statement], found: _Pass) -> tuple[list[Statement], list[Statement]]:
    """The statements with their tapes, and their adjoints in reverse order."""
    forward: list[Statement] = []
    backward: list[Statement] = []
    for statement in body:
        there, back = _statement(statement, found)
        forward.append(there)
        backward[:0] = [back]
    return forward, backward


def _statement(statement: Statement, found: _Pass) -> tuple[Statement, Statement]:
    if isinstance(statement, Leaf):
        return _leaf(statement, found)
    if isinstance(statement, Loop):
        found.loops.append(statement)
    forward, backward = _statements(statement.body, found)
    if isinstance(statement, Loop):
        found.loops.pop()
        back = replace(statement, body=tuple(backward), down=not statement.down)
        return replace(statement, body=tuple(forward)), back
    if isinstance(statement, When):
        return replace(statement, body=tuple(forward)), replace(statement, body=tuple(backward))
    return Vectors(tuple(forward)), Vectors(tuple(backward))


def _leaf(leaf: Leaf, found: _Pass) -> tuple[Leaf, Leaf]:
    graph = leaf.graph.copy()
    rows = dict(leaf.reads)
    seeds = [(write.node, graph.put("grad", tag=str(k))) for k, write in enumerate(leaf.writes)]
    reached = of_graph(graph, seeds, rows)
    still = _still(graph, rows)
    forward = set(graph.needed([write.node for write in leaf.writes])) | set(rows)
    again = {node for node, ref in rows.items() if ref.buffer not in found.written}
    saved = smallest_cut(graph, forward, reached.values(), still, again)
    tapes = [_tape(found) for _ in saved]
    kept = [(node, tape) for node, tape in zip(saved, tapes, strict=True)]
    there = Leaf(graph, leaf.reads, (*leaf.writes, *(Write(tape, node) for node, tape in kept)))

    reads = [(g, _sum(write.ref)) for (_, g), write in zip(seeds, leaf.writes, strict=True)]
    reads += kept
    needed = set(graph.needed(reached.values(), stop={node for node, _ in reads}))
    reads += [(node, ref) for node, ref in rows.items() if node in again and node in needed]
    zero = graph.const(0.0)
    given: dict[Ref, int] = {}
    for node, ref in rows.items():
        if node in reached:
            known = given.get(ref)
            given[ref] = reached[node] if known is None else graph.put("add", known, reached[node])
    replaced = [write.ref for write in leaf.writes if write.how == "set"]
    back = [Write(_sum(ref), given.pop(ref, zero)) for ref in dict.fromkeys(replaced)]
    back += [Write(_sum(ref), node, "add") for ref, node in given.items()]
    return there, Leaf(graph, tuple(reads), tuple(back))


def _sum(ref: Ref) -> Ref:
    return Ref(SUM + ref.buffer, ref.index)


def _still(graph: Graph, rows: dict[int, Ref]) -> set[int]:
    """The nodes that depend on no row: numbers, and what is made of them."""
    moving = graph.depends([*rows, *graph.leaves("grad").values()])
    return {k for k in range(len(graph.nodes)) if k not in moving}


def _tape(found: _Pass) -> Ref:
    """A new row for every turn of the loops around."""
    sizes = {*found.nest.sizes}
    extents: list[Index] = []
    for loop in found.loops:
        bounds = [stop for stop in loop.stop if set(stop.names()) <= sizes]
        if not bounds:
            raise ValueError(f"{found.nest.name}: no size bounds the loop over {loop.var}, so its tape has no length")
        extents.append(bounds[0])
    tape = Buffer(f"{TAPE}{len(found.tapes)}", tuple(extents), BLOCK)
    found.tapes.append(tape)
    return Ref(tape.name, tuple(Index.name(loop.var) for loop in found.loops))


__all__ = ["GRADIENT", "adjoint"]
