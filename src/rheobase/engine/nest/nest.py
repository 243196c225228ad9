"""A kernel as data: a nest of loops whose leaves apply traced graphs to every lane.

Lanes are what is computed alike and apart (neurons of a batch, parameter sets of a cell). A kernel cuts them into
blocks, one after the other on as many threads as there are; what a block does is the nest. A buffer has axes before
its lanes, and a place:

    memory      a tensor of the caller: rows of all lanes, or one number for all (`shared`)
    block       rows of the block's lanes, which last as long as the block
    thread      one value for all lanes, made in the `head` of a nest, before the first block
    register    one value in each lane, which lasts as long as the vector; only inside `Vectors`

A leaf reads rows into nodes of its graph, and writes nodes of it to rows. Without a `Vectors` around it, it runs over
all vectors of the block. Nothing here knows a target, or a model.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Union

from rheobase.engine.graph.graph import Graph
from rheobase.engine.nest.index import Index, Whole

MEMORY, BLOCK, THREAD, REGISTER = PLACES = ("memory", "block", "thread", "register")
# in what a kernel computes: real numbers of the type that a launch gives, or whole ones, which wrap around
OWN = ("real", "i8", "i16", "i32")
# how the elements of a buffer lie in memory; "own" is the type in which the kernel computes
REAL = ("own", "f32", "f64", "bf16")
FLAGS = 8  # bits that leaves can set
# whole numbers are read as the real ones that they are; written, they are the nearest (of two, the even one) in range.
# A kernel of whole numbers reads those that fit its own type
WHOLE = {"i8": (-(2**7), 2**7 - 1), "u8": (0, 2**8 - 1), "i16": (-(2**15), 2**15 - 1), "i32": (-(2**31), 2**31 - 1)}
# one bit for each lane, set where a mask holds or a number is not 0: lane k is bit k % 8 of byte k // 8, and a row has
# the bytes of whole 64 lanes; read, it is 1 or 0
BITS = "bits"
STORED = (*REAL, *WHOLE, BITS)


@dataclass(frozen=True)
class Buffer:
    """Rows of lanes, by name; `axes` are the extents of the axes before the lanes."""

    name: str
    axes: tuple[Index, ...] = ()
    place: str = MEMORY
    stored: str = "own"
    shared: bool = False  # one element for all lanes
    optional: bool = False  # may be absent: it is read and written under `present` only

    def __getitem__(self, index: Whole | tuple[Whole, ...]) -> Ref:
        given = index if isinstance(index, tuple) else (index,)
        return Ref(self.name, tuple(Index.of(k) for k in given))

    @property
    def row(self) -> Ref:
        """The only row of a buffer without axes."""
        return Ref(self.name, ())


@dataclass(frozen=True)
class Ref:
    """One row of a buffer."""

    buffer: str
    index: tuple[Index, ...] = ()

    @property
    def names(self) -> Iterator[str]:
        """The buffer, and the arrays of indices that it is read through."""
        yield self.buffer
        yield from (index.at.array for index in self.index if index.at is not None)

    def __str__(self) -> str:
        return f"{self.buffer}[{', '.join(map(str, self.index))}]"


@dataclass(frozen=True)
class Write:
    """A node is stored in a row, or added to it."""

    ref: Ref
    node: int
    how: str = "set"  # or "add"


@dataclass(frozen=True)
class Flag:
    """A status bit for the caller, set if a mask (the node) holds in some lane."""

    bit: int
    node: int


@dataclass(frozen=True, eq=False)
class Leaf:
    """A graph applied to lanes: rows into its nodes, nodes to rows. It writes after it has read all.

    A node that is read is not computed, whatever it is made of. `clock` is the step that its noise belongs to, counted
    from the step at which the launch begins; the node `alive`, read from a row of whole numbers (lengths), is a
    mask of the lanes where the clock is below them.
    """

    graph: Graph
    reads: tuple[tuple[int, Ref], ...] = ()
    writes: tuple[Write, ...] = ()
    flags: tuple[Flag, ...] = ()
    clock: Index = field(default_factory=Index)

    @property
    def results(self) -> list[int]:
        """The nodes that it writes or flags."""
        return [*(write.node for write in self.writes), *(flag.node for flag in self.flags)]

    @property
    def rows(self) -> list[Ref]:
        """All that it reads and writes."""
        return [*(ref for _, ref in self.reads), *(write.ref for write in self.writes)]

    @functools.cached_property
    def needed(self) -> tuple[int, ...]:
        """The nodes that its results need, in order; those that are read among them."""
        return tuple(self.graph.needed(self.results, stop={node for node, _ in self.reads}))

    def with_writes(self, writes: Sequence[Write], flags: Sequence[Flag] = ()) -> Leaf:
        """The leaf with these results, and the reads that they need."""
        leaf = replace(self, writes=tuple(writes), flags=tuple(flags))
        needed = set(leaf.needed)
        return replace(leaf, reads=tuple((node, ref) for node, ref in self.reads if node in needed))


@dataclass(frozen=True, eq=False)
class Loop:
    """For each value of `var` from `start` to below `stop`; `down` goes through the same values backwards.

    `kept`, of a loop whose iterations can be restarted: the rows that the loop carries, each with the rows where its
    values at the start of each iteration but the first are saved.
    """

    var: str
    start: Index
    stop: tuple[Index, ...]  # the smallest of them
    body: tuple[Statement, ...]
    down: bool = False
    kept: tuple[Kept, ...] | None = None

    @property
    def name(self) -> Index:
        """Its variable."""
        return Index.name(self.var)


@dataclass(frozen=True)
class Kept:
    """A row of the block, or all rows along its `axes`, and where they are saved; the indices run over `vars`."""

    row: Ref
    place: Ref
    vars: tuple[str, ...] = ()
    axes: tuple[Index, ...] = ()

    def copied(self, back: bool) -> Statement:
        """Rows to their places, or `back`."""
        source, target = (self.place, self.row) if back else (self.row, self.place)
        found: Statement = copied(source, target)
        for var, extent in zip(reversed(self.vars), reversed(self.axes), strict=True):
            found = Loop(var, Index(), (extent,), (found,))
        return found


@dataclass(frozen=True)
class Test:
    """A comparison of the indices a and b, or whether an optional buffer is present."""

    order: str  # "lt", "ge", "eq", "ne"; "present" and "absent" of `buffer`
    a: Index = field(default_factory=Index)
    b: Index = field(default_factory=Index)
    buffer: str = ""


@dataclass(frozen=True, eq=False)
class When:
    """Statements that run if a test holds."""

    test: Test
    body: tuple[Statement, ...]


@dataclass(frozen=True, eq=False)
class Vectors:
    """For each vector of the block's lanes: loops inside of it run vector by vector, and registers live there."""

    body: tuple[Statement, ...]


Statement = Union[Leaf, Loop, When, Vectors]  # noqa: UP007 (their classes name it before they are all there)
Around = tuple[Union[Loop, When], ...]  # noqa: UP007


@dataclass(frozen=True, eq=False)
class Nest:
    """A kernel: its buffers, the arguments of a launch by name (integer `sizes`, real `numbers`), and its statements.

    `body` runs for each block; `head` runs once in each thread, before its first block. `own` is what it computes in.
    """

    name: str
    buffers: tuple[Buffer, ...]
    body: tuple[Statement, ...]
    sizes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    head: tuple[Leaf, ...] = ()
    own: str = "real"

    @property
    def whole(self) -> bool:
        """Whether it computes in whole numbers."""
        return self.own != "real"

    @functools.cached_property
    def by_name(self) -> dict[str, Buffer]:
        return {buffer.name: buffer for buffer in self.buffers}

    def buffer(self, name: str) -> Buffer:
        return self.by_name[name]

    def only_for(self, roots: set[str]) -> Nest:
        """The nest with only what the buffers `roots` need."""
        body = live(self.body, roots)
        head = live(self.head, {ref.buffer for leaf in leaves(body) for ref in leaf.rows})
        return replace(self, head=tuple(leaves(head)), body=body).without_unused()

    def without_unused(self) -> Nest:
        """The nest without the buffers that no statement names."""
        every = leaves((*self.head, *self.body))
        named = {name for leaf in every for ref in leaf.rows for name in ref.names}
        return replace(self, buffers=tuple(buffer for buffer in self.buffers if buffer.name in named))

    def rows(self, place: str) -> list[Buffer]:
        """The buffers of a place."""
        return [buffer for buffer in self.buffers if buffer.place == place]


def loop(
    var: str,
    stop: Whole | Sequence[Whole],
    body: Callable[[Index], Sequence[Statement]] | Sequence[Statement],
    *,
    start: Whole = 0,
    down: bool = False,
) -> Loop:
    """A loop; the body may be a function of its variable.

    >>> loop("t", 10, []).stop[0].constant
    10
    """
    stops = (stop,) if isinstance(stop, Index | int) else tuple(stop)
    inside = body(Index.name(var)) if callable(body) else body
    return Loop(var, Index.of(start), tuple(Index.of(s) for s in stops), tuple(inside), down)


def present(buffer: Buffer, *body: Statement) -> When:
    """Statements that run if an optional buffer is present."""
    return When(Test("present", buffer=buffer.name), body)


def when(order: str, a: Whole, b: Whole, *body: Statement) -> When:
    """Statements that run if a comparison of indices holds; `order` is "lt", "ge", "eq" or "ne"."""
    return When(Test(order, Index.of(a), Index.of(b)), body)


def copied(source: Ref, *targets: Ref) -> Leaf:
    """A leaf that copies a row."""
    graph = Graph()
    node = graph.put("read", tag="x")
    return Leaf(graph, ((node, source),), tuple(Write(target, node) for target in targets))


def filled(value: float, *targets: Ref) -> Leaf:
    """A leaf that fills rows with a number."""
    graph = Graph()
    node = graph.const(value)
    return Leaf(graph, (), tuple(Write(target, node) for target in targets))


def placed(statements: Sequence[Statement], around: Around = ()) -> Iterator[tuple[Leaf, Around]]:
    """All leaves, in the order of the text, each with the loops and conditions around it."""
    for statement in statements:
        if isinstance(statement, Leaf):
            yield statement, around
        else:
            yield from placed(statement.body, around if isinstance(statement, Vectors) else (*around, statement))


def leaves(statements: Sequence[Statement]) -> Iterator[Leaf]:
    """All leaves, in the order of the text."""
    return (leaf for leaf, _ in placed(statements))


def mapped(statements: Sequence[Statement], change: Callable[[Leaf], Leaf | None]) -> tuple[Statement, ...]:
    """The statements with each leaf replaced by `change(leaf)`; None removes it, and statements left empty go, too."""
    found: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Leaf):
            leaf = change(statement)
            found += [] if leaf is None else [leaf]
        elif body := mapped(statement.body, change):
            found.append(replace(statement, body=body))
    return tuple(found)


def live(statements: Sequence[Statement], roots: set[str]) -> tuple[Statement, ...]:
    """The statements that the buffers `roots` or any flag needs."""
    wanted, every = set(roots), list(leaves(statements))
    while True:
        needed = {ref.buffer for leaf in every for _, ref in _only(leaf, wanted).reads}
        if needed <= wanted:
            break
        wanted |= needed

    def only(leaf: Leaf) -> Leaf | None:
        kept = _only(leaf, wanted)
        return kept if kept.writes or kept.flags else None

    return mapped(statements, only)


def _only(leaf: Leaf, buffers: set[str]) -> Leaf:
    return leaf.with_writes([write for write in leaf.writes if write.ref.buffer in buffers], leaf.flags)


__all__ = [
    "BITS", "BLOCK", "FLAGS", "MEMORY", "OWN", "PLACES", "REAL", "REGISTER", "STORED", "THREAD", "WHOLE", "Around",
    "Buffer", "Flag", "Kept", "Leaf", "Loop", "Nest", "Ref", "Statement", "Test", "Vectors", "When", "Write", "copied",
    "filled", "leaves", "live", "loop", "mapped", "placed", "present", "when",
]  # fmt: skip
