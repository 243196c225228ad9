"""Where the gradients of a nest's buffers are while its adjoint runs.

A buffer x has a gradient if it depends on an input and an output depends on it. For rows of the block, the gradient is
in rows of the block, `a:x`. For a tensor of the caller, it is the caller's tensor `g:x`, in place, if each element of x
is read or written exactly once; else the gradient is summed in rows of the block, `a:x`, and copied.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import (
    BLOCK,
    MEMORY,
    REAL,
    Around,
    Buffer,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    copied,
    filled,
    leaves,
    placed,
    present,
)

GRADIENT, SUM = "g:", "a:"


class Gradients:
    """Which buffers of a nest have gradients, and in which buffers these are."""

    def __init__(self, nest: Nest, outputs: Collection[str], inputs: Collection[str], optional: Collection[str]):
        self.nest, self.outputs, self.inputs, self.optional = nest, outputs, inputs, optional
        for name in (*outputs, *inputs):
            if nest.buffer(name).stored not in REAL:
                raise ValueError(f"{nest.name}: {name} holds whole numbers or bits, which have no gradient")
        every = list(placed(nest.body))
        self.written = {write.ref.buffer for leaf, _ in every for write in leaf.writes}
        self.active = _acted_on(nest, inputs) & _depended_on(nest, outputs)
        once = {name for name in (*outputs, *inputs) if _met_once(nest.buffer(name), every)}
        self.in_place = once & self.active

    def direct(self, buffer: str) -> bool:
        """Whether the gradient of a buffer is the caller's tensor, in place."""
        return buffer in self.in_place

    def of(self, ref: Ref) -> Ref:
        """The row of the gradient of a row."""
        return Ref((GRADIENT if self.direct(ref.buffer) else SUM) + ref.buffer, ref.index)

    def buffers(self) -> Iterator[Buffer]:
        for name in dict.fromkeys((*self.outputs, *self.inputs)):
            yield self._outside(name)
        for buffer in self.nest.buffers:
            if buffer.name in self.active and not self.direct(buffer.name):
                yield self._sum(buffer.name)

    def begin(self) -> Iterator[Statement]:
        """Set the sums to zero, or to the gradients of the outputs that the caller gives."""
        sums = [
            buffer.name for buffer in self.nest.buffers if buffer.name in self.active and not self.direct(buffer.name)
        ]
        yield filled(0.0, *(self._sum(name).row for name in sums if not self._sum(name).axes))
        for name in sums:
            total = self._sum(name)
            if total.axes:
                yield _over(total, lambda at, total=total: filled(0.0, Ref(total.name, at)))
            if name in self.outputs:
                yield self._asked(name, _copies(self._outside(name), total))

    def end(self) -> Iterator[Statement]:
        """Copy the sums to the caller's tensors, for the gradients of inputs that are not in place."""
        for name in self.inputs:
            if not self.direct(name):
                outside = self._outside(name)
                zeros = _over(outside, lambda at, name=outside.name: filled(0.0, Ref(name, at)))
                yield self._asked(name, _copies(self._sum(name), outside) if name in self.active else zeros)

    def where_asked(self, leaf: Leaf) -> Statement:
        """The adjoint of a leaf, on condition that the optional gradient that it copies from or to is present."""
        names = [ref.buffer for _, ref in leaf.reads] + [write.ref.buffer for write in leaf.writes]
        asked = [name for name in names if name.removeprefix(GRADIENT) in self.optional and name.startswith(GRADIENT)]
        if not asked:
            return leaf
        if len(names) > 3 or len(asked) > 1:
            raise ValueError(f"{self.nest.name}: {asked[0]} may be absent, and a leaf does more than copy it")
        return self._asked(asked[0].removeprefix(GRADIENT), leaf)

    def _asked(self, name: str, statement: Statement) -> Statement:
        return present(self._outside(name), statement) if name in self.optional else statement

    def _outside(self, name: str) -> Buffer:
        buffer = self.nest.buffer(name)
        return Buffer(GRADIENT + name, buffer.axes, MEMORY, buffer.stored, optional=name in self.optional)

    def _sum(self, name: str) -> Buffer:
        return Buffer(SUM + name, self.nest.buffer(name).axes, BLOCK)


def _acted_on(nest: Nest, inputs: Collection[str]) -> set[str]:
    """The buffers that depend on the inputs; whole numbers and bits are steps, of which no gradient comes."""
    found, before = set(inputs), set[str]()
    while found != before:
        before = set(found)
        for leaf in leaves(nest.body):
            moved = leaf.graph.depends([node for node, ref in leaf.reads if ref.buffer in found])
            written = {write.ref.buffer for write in leaf.writes if write.node in moved}
            found |= {name for name in written if nest.buffer(name).stored in REAL}
    return found


def _depended_on(nest: Nest, outputs: Collection[str]) -> set[str]:
    """The buffers that the outputs depend on."""
    found, before = set(outputs), set[str]()
    while found != before:
        before = set(found)
        for leaf in leaves(nest.body):
            needed = leaf.graph.needed([w.node for w in leaf.writes if w.ref.buffer in found], gradients=True)
            found |= {ref.buffer for node, ref in leaf.reads if node in set(needed)}
    return found


def _met_once(buffer: Buffer, every: Collection[tuple[Leaf, Around]]) -> bool:
    """Whether each element of a buffer is written once and never read, or read once and never written."""
    met = [(ref, around) for leaf, around in every for ref in leaf.rows if ref.buffer == buffer.name]
    added = any(w.ref.buffer == buffer.name and w.how != "set" for leaf, _ in every for w in leaf.writes)
    return len(met) == 1 and not added and _covers(*met[0], buffer)


def _covers(ref: Ref, around: Around, buffer: Buffer) -> bool:
    """Whether the loops count through the axes, one each; a loop in parts counts as one."""
    counts: list[tuple[Index, Index]] = []
    begin, more = Index.of(0), 0
    for loop in around:
        if not isinstance(loop, Loop) or len(loop.stop) != 1 + more:
            return False
        if loop.kept is not None:
            (begin, more) = next(inner.start for inner in loop.body if isinstance(inner, Loop)), 1
            continue
        if loop.start != begin:
            return False
        counts.append((loop.name, loop.stop[-1]))
        begin, more = Index.of(0), 0
    return counts == list(zip(ref.index, buffer.axes, strict=True))


def _copies(source: Buffer, target: Buffer) -> Statement:
    return _over(source, lambda at: copied(Ref(source.name, at), Ref(target.name, at)))


def _over(buffer: Buffer, make: Callable[[tuple[Index, ...]], Leaf]) -> Statement:
    """A leaf for every row of a buffer."""
    names = [f"{buffer.name}.{k}" for k in range(len(buffer.axes))]
    inner: Statement = make(tuple(Index.name(name) for name in names))
    for name, extent in reversed(list(zip(names, buffer.axes, strict=True))):
        inner = Loop(name, Index.of(0), (extent,), (inner,))
    return inner


__all__ = ["GRADIENT", "SUM", "Gradients"]
