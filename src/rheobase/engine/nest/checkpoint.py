"""Cuts a long loop into segments that can be restarted: the rows that it carries are saved at the start of each.

The adjoint of such a loop runs one segment at a time again, so its tape is as long as a segment.
"""

from __future__ import annotations

from dataclasses import replace

from rheobase.engine.nest.index import Index, names
from rheobase.engine.nest.nest import (
    BLOCK,
    MEMORY,
    Buffer,
    Kept,
    Loop,
    Nest,
    Statement,
    Vectors,
    leaves,
    live,
    mapped,
    placed,
    present,
    when,
)

KEPT = "checkpoints"


def checkpointed(nest: Nest, var: str) -> Nest:
    """The nest with its loop over `var` cut into `segments` of `segment` iterations.

    The loop must be at the top level of the nest and begin at 0. The memory buffer `checkpoints` (segments - 1, rows,
    lanes) may be absent: then nothing is saved. Its rows are those of the block that go from one iteration to the next
    and that memory buffers depend on, in the order of the nest's buffers. Such a buffer x with axes is saved in one of
    its own, `checkpoints:x` (segments - 1, *axes, lanes).

    Raises: `ValueError` where there is no such loop, or where tensors go from turn to turn.
    """
    whole = next((s for s in nest.body if isinstance(s, Loop) and s.var == var), None)
    if whole is None or whole.start != Index.of(0) or whole.down:
        raise ValueError(f"{nest.name} has no loop over {var} from 0 at its top")
    carried = _handed_on(nest, whole)
    inside = list(leaves(whole.body))
    read = {ref.buffer for leaf in inside for _, ref in leaf.reads}
    for name in sorted({write.ref.buffer for leaf in inside for write in leaf.writes} & read):
        if nest.buffer(name).place == MEMORY:
            raise ValueError(f"{nest.name}: the tensor {name} goes from turn to turn of {var}; only rows can be kept")
    p, segment, segments = names("part", "segment", "segments")
    rows, wide = [b for b in carried if not b.axes], [b for b in carried if b.axes]
    single = Buffer(KEPT, (segments - 1, Index.of(len(rows))), optional=True)
    many = [Buffer(f"{KEPT}:{b.name}", (segments - 1, *b.axes), optional=True) for b in wide]
    kept = [Kept(row.row, single[p - 1, k]) for k, row in enumerate(rows)]
    saved: list[Statement] = []
    if rows:
        saved.append(present(single, Vectors(tuple(each.copied(back=False) for each in kept))))
    for buffer, place in zip(wide, many, strict=True):
        vars = tuple(f"kept{k}" for k in range(len(buffer.axes)))
        at = tuple(map(Index.name, vars))
        kept.append(Kept(buffer[at], place[(p - 1, *at)], vars, buffer.axes))
        saved.append(present(place, kept[-1].copied(back=False)))
    first = p * segment
    turn: tuple[Statement, ...] = (replace(whole, start=first, stop=(first + segment, *whole.stop)),)
    if saved:
        turn = (when("ge", p, 1, *saved), *turn)
    parts = Loop("part", Index.of(0), (segments,), turn, kept=tuple(kept))
    return replace(
        nest,
        buffers=(*nest.buffers, *([single] if rows else []), *many),
        body=tuple(parts if statement is whole else statement for statement in nest.body),
        sizes=(*nest.sizes, "segment", "segments"),
    )


def _handed_on(nest: Nest, whole: Loop) -> list[Buffer]:
    """The rows of the block that a loop writes, and that memory depends on."""
    silent = mapped(nest.body, lambda leaf: replace(leaf, flags=()))
    needed = live(silent, {buffer.name for buffer in nest.rows(MEMORY)})
    inside = {write.ref.buffer for leaf in leaves(whole.body) for write in leaf.writes}
    written = {write.ref.buffer for leaf in leaves(needed) for write in leaf.writes}
    rows = [buffer for buffer in nest.rows(BLOCK) if buffer.name in inside & written]
    return [buffer for buffer in rows if not (buffer.axes and _set_first(buffer, whole))]


def _set_first(buffer: Buffer, whole: Loop) -> bool:
    """Whether every turn of a loop sets all rows of a buffer before it reads one, as loops through its axes show."""
    met = [(leaf, around) for leaf, around in placed(whole.body) if any(ref.buffer == buffer.name for ref in leaf.rows)]
    (first, around), depth = met[0], len(met[0][1]) - len(buffer.axes)
    if depth < 0 or any(ref.buffer == buffer.name for _, ref in first.reads):
        return False
    # what stands in loops further out, or under a condition, runs before the others only where they do, too
    if any(around[:depth] != other[:depth] for _, other in met):
        return False
    through = [(each.name, each.start, each.stop) for each in around[depth:] if isinstance(each, Loop)]
    rows = [write.ref.index for write in first.writes if write.ref.buffer == buffer.name and write.how == "set"]
    return any([(k, Index.of(0), (n,)) for k, n in zip(row, buffer.axes, strict=True)] == through for row in rows)


__all__ = ["checkpointed"]
