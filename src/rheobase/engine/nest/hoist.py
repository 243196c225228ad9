"""Moves invariants out of loops, and what is the same in all lanes out of blocks.

`hoisted` moves what the leaves of loops compute from steady rows alone (parameters, say) into a leaf before the loops.
`alike` moves rows that hold the same in every lane into the head of the nest. No value changes by either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rheobase.engine.graph.graph import BOOLEAN, Graph
from rheobase.engine.nest.nest import (
    BLOCK,
    MEMORY,
    THREAD,
    Around,
    Buffer,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    Write,
    leaves,
    mapped,
    placed,
)

FREE = frozenset({"const", "number"})  # leaves of a graph that no row is read into

FIXED = "fixed:"


def steady(nest: Nest) -> set[str]:
    """The names of the buffers that no loop changes: nothing writes them, or one leaf outside of all loops does."""
    written: list[str] = []
    for leaf, around in placed(nest.body):
        written += [write.ref.buffer for write in leaf.writes] * (2 if _turns(around) else 1)
    return {buffer.name for buffer in nest.buffers if written.count(buffer.name) < 2}


def _turns(around: Around) -> bool:
    """Whether a leaf is in a loop."""
    return any(isinstance(statement, Loop) for statement in around)


def still(leaf: Leaf, nest: Nest, held: set[str]) -> set[int]:
    """The nodes that no iteration changes: numbers, rows of steady buffers (`held`), and what is computed from them.

    Masks are computed in every iteration: a comparison is cheap, and a row holds floats.
    """
    sizes = {*nest.sizes}
    fixed = {
        node
        for node, ref in leaf.reads
        if ref.buffer in held
        and not nest.buffer(ref.buffer).optional
        and leaf.graph.nodes[node].op not in BOOLEAN
        and all(set(index.names()) <= sizes for index in ref.index)
    }
    return _made_of(leaf.graph, fixed, {node for node, _ in leaf.reads})


def _made_of(graph: Graph, fixed: set[int], read: set[int]) -> set[int]:
    """`fixed`, and what is computed from it and from numbers."""
    found = set(fixed)
    for k, (op, args, _) in enumerate(graph.nodes):
        if op not in BOOLEAN and k not in read and (op in FREE or (args and all(a in found for a in args))):
            found.add(k)
    return found


def hoisted(nest: Nest, *, gradients: bool = False) -> Nest:
    """The nest with the invariants of its loops computed before them, into rows of the block.

    With `gradients`, also those that only a gradient needs: for a nest whose adjoint is to be made.
    """
    held = steady(nest)
    buffers, moved = list[Buffer](), dict[int, dict[int, Ref]]()
    numbers = (int(b.name.removeprefix(FIXED)) for b in nest.buffers if b.name.startswith(FIXED))
    taken = 1 + max(numbers, default=-1)
    body, inserted = list(nest.body), list[Leaf]()
    for group in _groups(nest, held):
        place = _place(body, group)
        # what is written only behind that place is not there yet
        late = {write.ref.buffer for leaf in leaves(body[place:]) for write in leaf.writes}
        before, rows = _before(group, nest, held - late, taken + len(buffers), gradients)
        if not before.writes:
            continue
        buffers += rows
        moved |= {id(leaf): {write.node: write.ref for write in before.writes} for leaf in group}
        body.insert(place, before)
        inserted.append(before)

    def bound(leaf: Leaf) -> Leaf:
        if leaf in inserted:
            return leaf
        reads = {**dict(leaf.reads), **moved.get(id(leaf), {})}
        needed = set(leaf.graph.needed(leaf.results, stop=reads, gradients=gradients))
        return replace(leaf, reads=tuple((node, ref) for node, ref in reads.items() if node in needed))

    return replace(nest, buffers=(*nest.buffers, *buffers), body=mapped(body, bound))


def _groups(nest: Nest, held: set[str]) -> list[list[Leaf]]:
    """The leaves of loops, those together of which none reads other rows into the steady nodes of the others."""
    groups: list[tuple[dict[int, Ref], list[Leaf]]] = []
    for leaf, around in placed(nest.body):
        if not _turns(around):
            continue
        fixed, read = still(leaf, nest, held), dict(leaf.reads)
        own = {node: ref for node, ref in leaf.reads if node in fixed}
        for sources, group in groups:
            if (
                group[0].graph is leaf.graph
                and _agree(sources, read)
                and all(_agree(own, dict(m.reads)) for m in group)
            ):
                sources |= own
                group.append(leaf)
                break
        else:
            groups.append((own, [leaf]))
    return [group for _, group in groups]


def _agree(sources: Mapping[int, Ref], read: Mapping[int, Ref]) -> bool:
    return all(read.get(node, ref) == ref for node, ref in sources.items())


def _before(
    group: Sequence[Leaf], nest: Nest, held: set[str], count: int, gradients: bool
) -> tuple[Leaf, list[Buffer]]:
    """The leaf that computes what a group of leaves needs of steady rows."""
    graph, sources, wanted = group[0].graph, dict[int, Ref](), set[int]()
    for leaf in group:
        fixed, read = still(leaf, nest, held), dict(leaf.reads)
        sources |= {node: ref for node, ref in read.items() if node in fixed}
        wanted |= {node for node in leaf.results if node in fixed and node not in read}  # copies stay where they are
        for node in graph.needed(leaf.results, stop={*fixed, *read}, gradients=gradients):
            if node not in fixed and node not in read:
                wanted |= {a for a in (graph.nodes[node].args if gradients else graph.used(node)) if a in fixed}
    at_hand = {node for node, ref in sources.items() if nest.buffer(ref.buffer).place != MEMORY}
    kept = [node for node in sorted(wanted - at_hand) if graph.nodes[node].op != "const"]
    rows = [Buffer(f"{FIXED}{count + k}", place=BLOCK) for k in range(len(kept))]
    writes = tuple(Write(row.row, node) for row, node in zip(rows, kept, strict=True))
    return Leaf(graph, tuple(sources.items()), writes), rows


def _place(body: Sequence[Statement], group: Sequence[Leaf]) -> int:
    """Before the first statement that has leaves of this group."""
    members = set(map(id, group))
    return next(k for k, statement in enumerate(body) if any(id(leaf) in members for leaf in leaves([statement])))


def alike(nest: Nest) -> Nest:
    """The nest with rows that are the same in every lane, and written outside of loops, computed in its head."""
    held, places = steady(nest), {buffer.name: buffer for buffer in nest.buffers}
    head = list(nest.head)
    body: list[Statement] = []
    for statement in nest.body:
        if not isinstance(statement, Leaf):
            body.append(statement)
            continue
        one, each = _parted(statement, places, held)
        head += [one] if one.writes else []
        body += [each] if each.writes or each.flags else []
        for write in one.writes:
            places[write.ref.buffer] = replace(places[write.ref.buffer], place=THREAD)
    buffers = tuple(places[buffer.name] for buffer in nest.buffers)
    return replace(nest, buffers=buffers, body=tuple(body), head=tuple(head))


def _parted(leaf: Leaf, places: dict[str, Buffer], held: set[str]) -> tuple[Leaf, Leaf]:
    """What a leaf writes alike into all lanes, and the rest."""

    def one_for_all(ref: Ref) -> bool:
        buffer = places[ref.buffer]
        return buffer.place == THREAD or (buffer.shared and ref.buffer in held)

    fixed = {node for node, ref in leaf.reads if one_for_all(ref)}
    same = _made_of(leaf.graph, fixed, {node for node, _ in leaf.reads})
    moves = [
        write.node in same
        and write.ref.buffer in held
        and places[write.ref.buffer].place == BLOCK
        and not write.ref.index
        and write.how == "set"
        for write in leaf.writes
    ]
    first = [write for write, moved in zip(leaf.writes, moves, strict=True) if moved]
    rest = [write for write, moved in zip(leaf.writes, moves, strict=True) if not moved]
    return leaf.with_writes(first), leaf.with_writes(rest, leaf.flags)


__all__ = ["FREE", "alike", "hoisted", "steady", "still"]
