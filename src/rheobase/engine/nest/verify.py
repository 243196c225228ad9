"""Whether a nest is well formed, before anything is made of it: each fault is one sentence.

That an index stays within its buffer is shown, not tried: loop variables are replaced by their ends, innermost first,
and what is left must be a sum without negative terms for all sizes from 1 on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rheobase.engine.graph.graph import BITWISE, BOOLEAN, OF_WHOLE, SATURATING
from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import (
    BITS,
    FLAGS,
    MEMORY,
    OWN,
    PLACES,
    REGISTER,
    STORED,
    THREAD,
    WHOLE,
    Buffer,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    Test,
    When,
)

# leaves of a graph that need no row
FREE = frozenset({"const", "number", "noise"})


class IllFormed(ValueError):
    """A nest that has no meaning."""


@dataclass
class Scope:
    """What is known where a statement stands."""

    nest: Nest
    loops: list[Loop] = field(default_factory=list)
    facts: list[Index] = field(default_factory=list)  # not negative
    there: set[str] = field(default_factory=set)  # optional buffers that are present
    vectors: bool = False
    head: bool = False
    known: dict[object, bool] = field(default_factory=dict)  # what was shown, or could not be, by where it was asked

    def not_negative(self, index: Index) -> bool:
        """Whether it can be shown that an index is never negative here."""
        asked = (index, tuple(map(id, self.loops)), tuple(self.facts))
        if asked not in self.known:
            self.known[asked] = any(_shown(index - fact, self.loops) for fact in (Index(), *self.facts))
        return self.known[asked]


def verify(nest: Nest) -> Nest:
    """The nest itself. Raises `IllFormed`, which names the nest and the fault."""
    try:
        _buffers(nest)
        _head(nest)
        _statements(nest.body, Scope(nest))
    except IllFormed as fault:
        raise IllFormed(f"{nest.name}: {fault}") from None
    return nest


def _fault(sentence: str) -> IllFormed:
    return IllFormed(sentence)


def _buffers(nest: Nest) -> None:
    if nest.own not in OWN:
        raise _fault(f"it computes in {nest.own!r}, which there is not")
    seen = set[str]()
    for buffer in nest.buffers:
        if buffer.name in seen:
            raise _fault(f"two buffers are called {buffer.name}")
        seen.add(buffer.name)
        if buffer.place not in PLACES or buffer.stored not in STORED:
            raise _fault(f"{buffer.name} is {buffer.stored} in {buffer.place}, which there is not")
        for size in (name for extent in buffer.axes for name in extent.names()):
            if size not in nest.sizes:
                raise _fault(f"an axis of {buffer.name} has the extent {size}, which is no size of the nest")
        if buffer.place in (REGISTER, THREAD) and buffer.axes:
            raise _fault(f"the {buffer.place} value {buffer.name} has axes")
        if buffer.stored in (*WHOLE, BITS) and buffer.place != MEMORY:
            kind = "bits" if buffer.stored == BITS else "whole numbers"
            raise _fault(f"{buffer.name} holds {kind} in the {buffer.place}: there, real ones hold them")
        if buffer.stored in WHOLE and buffer.shared and (buffer.stored != "i32" or len(buffer.axes) != 1):
            raise _fault(f"{buffer.name} is shared and holds whole numbers, and is no array of indices (i32, one axis)")
        if buffer.shared and (buffer.place != MEMORY or buffer.stored in ("bf16", BITS)):
            raise _fault(f"{buffer.name} is one element for all lanes, and {buffer.stored} in {buffer.place}")
        if buffer.optional and buffer.place != MEMORY:
            raise _fault(f"{buffer.name} may be absent, which only a tensor of the caller can be")


def _head(nest: Nest) -> None:
    scope = Scope(nest, vectors=True, head=True)
    for leaf in nest.head:
        for ref in leaf.rows:
            buffer = _buffer(ref.buffer, scope)
            if not (buffer.shared or buffer.place == THREAD):
                raise _fault(f"the head uses {ref}, which differs from lane to lane")
        _leaf(leaf, scope)


def _statements(body: Sequence[Statement], scope: Scope) -> None:
    for statement in body:
        if isinstance(statement, Leaf):
            _leaf(statement, scope)
        elif isinstance(statement, Loop):
            _loop(statement, scope)
        elif isinstance(statement, When):
            _when(statement, scope)
        else:
            if scope.vectors:
                raise _fault("vectors inside of vectors")
            scope.vectors = True
            _statements(statement.body, scope)
            scope.vectors = False


def _loop(loop: Loop, scope: Scope) -> None:
    taken = {*scope.nest.sizes, *(outer.var for outer in scope.loops)}
    if loop.var in taken:
        raise _fault(f"the loop variable {loop.var} is a name that is taken")
    for index in (loop.start, *loop.stop):
        _names(index, scope)
    scope.loops.append(loop)
    _statements(loop.body, scope)
    scope.loops.pop()


def _when(when: When, scope: Scope) -> None:
    test = when.test
    if test.order in ("present", "absent"):
        buffer = _buffer(test.buffer, scope)
        if not buffer.optional:
            raise _fault(f"it is asked whether {buffer.name} is there, which always is")
        added = {buffer.name} - scope.there if test.order == "present" else set[str]()
        scope.there |= added
        _statements(when.body, scope)
        scope.there -= added
        return
    facts = _facts(test)
    scope.facts += facts
    _statements(when.body, scope)
    del scope.facts[len(scope.facts) - len(facts) :]


def _facts(test: Test) -> list[Index]:
    """The indices that are not negative where a comparison holds."""
    a, b = test.a, test.b
    known = {"lt": [b - a - 1], "ge": [a - b], "eq": [a - b, b - a], "ne": list[Index]()}
    if test.order not in known:
        raise _fault(f"a test {test.order!r}, which there is not")
    return known[test.order]


def _names(index: Index, scope: Scope) -> None:
    known = {*scope.nest.sizes, *(loop.var for loop in scope.loops)}
    for name in index.names():
        if name not in known:
            raise _fault(f"the index {index} has {name} in it, which is neither a size nor a loop around it")


def _buffer(name: str, scope: Scope) -> Buffer:
    found = next((b for b in scope.nest.buffers if b.name == name), None)
    if found is None:
        raise _fault(f"there is no buffer {name}")
    return found


def _leaf(leaf: Leaf, scope: Scope) -> None:
    bound = {node for node, _ in leaf.reads}
    _computed(leaf, bound, scope.nest)
    for node in leaf.needed:
        op, args, tag = leaf.graph.nodes[node]
        if node not in bound and not args and op not in FREE:
            raise _fault(f"a leaf needs {op} {tag!r}, and no row is read into it")
        if op == "number" and tag not in scope.nest.numbers:
            raise _fault(f"a leaf needs the number {tag!r}, which the nest does not have")
    for index in leaf.clock.names():
        _names(Index.name(index), scope)
    for node, source in leaf.reads:
        buffer = _ref(source, scope)
        if leaf.graph.nodes[node].op != "alive":
            _real(buffer)
            _read(source, buffer, scope.nest)
        elif buffer.stored != "i32" or buffer.shared:
            raise _fault(f"alive is read from {source}, which holds no whole number for each lane")
    for flag in leaf.flags:
        if flag.bit not in {1 << k for k in range(FLAGS)}:
            raise _fault(f"the flag {flag.bit} is none of the bits 1 to {1 << FLAGS - 1}")
        if leaf.graph.nodes[flag.node].op not in BOOLEAN:
            raise _fault(f"the flag {flag.bit} is no mask")
    seen = set[Ref]()
    for write in leaf.writes:
        if write.ref in seen:
            raise _fault(f"a leaf writes {write.ref} twice")
        seen.add(write.ref)
        buffer = _ref(write.ref, scope)
        _real(buffer)
        if write.how == "add":
            _read(write.ref, buffer, scope.nest)
        if scope.nest.whole and buffer.stored in ("f32", "f64", "bf16"):
            raise _fault(f"{write.ref} holds real numbers, and the nest computes in whole ones")
        if buffer.shared:
            raise _fault(f"{buffer.name} is one element for all lanes, and a lane writes it")
        if write.how not in ("set", "add"):
            raise _fault(f"{write.ref} is written by {write.how!r}, which there is not")
        if (buffer.place == THREAD) != scope.head:
            raise _fault(f"{write.ref} is written {'in' if scope.head else 'outside of'} the head of the nest")
        if buffer.stored == BITS and write.how != "set":
            raise _fault(f"{write.ref} is added to, and holds bits")
        if leaf.graph.nodes[write.node].op in BOOLEAN and buffer.stored != BITS:
            raise _fault(f"{write.ref} is written by a mask")


def _computed(leaf: Leaf, bound: set[int], nest: Nest) -> None:
    """What a leaf computes, it computes in the numbers of the nest."""
    for node in leaf.needed:
        op, _, tag = leaf.graph.nodes[node]
        if node in bound:
            continue
        if not nest.whole and op in BITWISE | SATURATING:
            raise _fault(f"a leaf needs {op}, and the nest computes in real numbers")
        if nest.whole and op not in OF_WHOLE:
            raise _fault(f"a leaf needs {op}, and the nest computes in whole numbers ({nest.own})")
        if nest.whole and op == "const" and not _holds(nest.own, float(tag)):  # type: ignore[arg-type]
            raise _fault(f"a leaf needs the number {tag}, which {nest.own} does not hold")


def _holds(kind: str, number: float) -> bool:
    least, most = WHOLE[kind]
    return number == number // 1 and least <= number <= most


def _read(ref: Ref, buffer: Buffer, nest: Nest) -> None:
    """A kernel of whole numbers reads the elements of a row as they are."""
    if not nest.whole or buffer.stored in ("own", BITS):
        return
    least, most = WHOLE[nest.own]
    if buffer.stored not in WHOLE or WHOLE[buffer.stored][0] < least or WHOLE[buffer.stored][1] > most:
        raise _fault(f"{ref} holds {buffer.stored}, and the nest computes in {nest.own}, which does not hold all of it")


def _real(buffer: Buffer) -> None:
    if buffer.stored in WHOLE and buffer.shared:
        raise _fault(f"{buffer.name} is an array of indices, and a leaf takes it for real ones")


def _ref(ref: Ref, scope: Scope) -> Buffer:
    buffer = _buffer(ref.buffer, scope)
    if len(ref.index) != len(buffer.axes):
        raise _fault(f"{ref} has {len(ref.index)} indices, {buffer.name} has {len(buffer.axes)} axes")
    if buffer.optional and buffer.name not in scope.there:
        raise _fault(f"{buffer.name} may be absent, and is used where that was not asked")
    if buffer.place == REGISTER and not scope.vectors:
        raise _fault(f"the register {buffer.name} is used outside of vectors")
    for index, extent in zip(ref.index, buffer.axes, strict=True):
        _names(index, scope)
        if index.at is not None:
            _at(index, extent, scope)
            continue
        if not scope.not_negative(index):
            raise _fault(f"{ref}: {index} may be below 0")
        if not scope.not_negative(extent - index - 1):
            raise _fault(f"{ref}: {index} may reach {extent}, where {buffer.name} ends")
    return buffer


def _at(index: Index, extent: Index, scope: Scope) -> None:
    if index.at is None:
        return
    array = _buffer(index.at.array, scope)
    if array.stored not in WHOLE or not array.shared:
        raise _fault(f"{index}: {array.name} is no array of indices (i32, shared, one axis)")
    if Index.name(index.at.below) != extent:
        raise _fault(f"{index} stays below {index.at.below}, the axis has {extent}")
    _ref(Ref(array.name, (index.at.place,)), scope)


def _shown(index: Index, loops: Sequence[Loop]) -> bool:
    """Whether an index is never negative, by replacing the variables of these loops by their ends."""
    if not loops:
        return _without_negative(index)
    *outer, inner = loops
    slope = _slope(index, inner.var)
    if slope is None:
        return False
    if not slope.terms:
        return _shown(index, outer)  # the variable is not in it
    if _shown(slope, outer):
        return _shown(index.replaced({inner.var: inner.start}), outer)
    ends = (stop - 1 for stop in inner.stop)
    return _shown(-slope, outer) and any(_shown(index.replaced({inner.var: end}), outer) for end in ends)


def _slope(index: Index, var: str) -> Index | None:
    """What a variable is multiplied with; None where that depends on it."""
    total = Index()
    for monomial, n in index.terms:
        if var in monomial:
            rest = list(monomial)
            rest.remove(var)
            if var in rest:
                return None
            product = Index.of(n)
            for name in rest:
                product = product * Index.name(name)
            total = total + product
    return total


def _without_negative(index: Index) -> bool:
    """For all sizes from 1 on: each is 1 and something, and in these terms no coefficient is negative."""
    if index.at is not None:
        return True
    ones = {name: Index.name(name) + 1 for name in index.names()}
    return all(n >= 0 for _, n in index.replaced(ones).terms)


__all__ = ["IllFormed", "verify"]
