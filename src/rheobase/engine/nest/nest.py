"""A kernel as data: a nest of loops whose leaves apply traced graphs to every lane.

Lanes are what is computed alike and apart (neurons of a batch, parameter sets of a cell). A kernel cuts them into
blocks, one after the other on as many threads as there are; what a block does is the nest. A buffer has axes before
its lanes, and a place:

    memory      a tensor of the caller: rows of all lanes, or one number for all (`shared`)
    block       rows of the block's lanes, which last as long as the block
    register    one value in each lane, which lasts as long as the vector; only inside `Vectors`

A leaf reads rows into the leaves of its graph, and writes nodes of it to rows. Without a `Vectors` around it, it runs
over all vectors of the block. Nothing here knows a target, or a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Union

from rheobase.engine.graph.graph import Graph
from rheobase.engine.nest.index import Index, Whole

MEMORY, BLOCK, REGISTER = PLACES = ("memory", "block", "register")
# how the elements of a buffer lie in memory; "own" is the type in which the kernel computes
REAL = ("own", "f32", "f64", "bf16")
STORED = (*REAL, "i32")


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

    def __str__(self) -> str:
        return f"{self.buffer}[{', '.join(map(str, self.index))}]"


@dataclass(frozen=True)
class Write:
    """A node goes to a row."""

    ref: Ref
    node: int
    how: str = "set"  # or "add"


@dataclass(frozen=True, eq=False)
class Leaf:
    """A graph applied to lanes: rows into its leaves, nodes to rows. It writes after it has read all."""

    graph: Graph
    reads: tuple[tuple[int, Ref], ...] = ()
    writes: tuple[Write, ...] = ()


@dataclass(frozen=True, eq=False)
class Loop:
    """For each value of `var` from `start` to below `stop`; `down` goes through the same values backwards."""

    var: str
    start: Index
    stop: tuple[Index, ...]  # the smallest of them
    body: tuple[Statement, ...]
    down: bool = False


@dataclass(frozen=True)
class Test:
    """A comparison of indices, or whether an optional buffer is there."""

    order: str  # "lt", "ge", "eq", "ne"; "present" and "absent" of `buffer`
    a: Index = field(default_factory=Index)
    b: Index = field(default_factory=Index)
    buffer: str = ""


@dataclass(frozen=True, eq=False)
class When:
    """What is done where a test holds."""

    test: Test
    body: tuple[Statement, ...]


@dataclass(frozen=True, eq=False)
class Vectors:
    """For each vector of the block's lanes: loops inside of it run vector by vector, and registers live there."""

    body: tuple[Statement, ...]


Statement = Union[Leaf, Loop, When, Vectors]  # noqa: UP007 (their classes name it before they are all there)


@dataclass(frozen=True, eq=False)
class Nest:
    """A kernel: its buffers, the whole numbers and the real ones that a launch gives, and what a block does."""

    name: str
    buffers: tuple[Buffer, ...]
    body: tuple[Statement, ...]
    sizes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def buffer(self, name: str) -> Buffer:
        return next(b for b in self.buffers if b.name == name)


def loop(
    var: str, stop: Whole | Sequence[Whole], body: Callable[[Index], Sequence[Statement]] | Sequence[Statement],
    *, start: Whole = 0, down: bool = False,
) -> Loop:  # fmt: skip
    """A loop; the body may be a function of its variable.

    >>> loop("t", 10, []).stop[0].constant
    10
    """
    stops = (stop,) if isinstance(stop, Index | int) else tuple(stop)
    inside = body(Index.name(var)) if callable(body) else body
    return Loop(var, Index.of(start), tuple(Index.of(s) for s in stops), tuple(inside), down)


def present(buffer: Buffer, *body: Statement) -> When:
    """What is done where an optional buffer is there."""
    return When(Test("present", buffer=buffer.name), body)


def when(order: str, a: Whole, b: Whole, *body: Statement) -> When:
    """What is done where a comparison holds."""
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


def leaves(statements: Sequence[Statement]) -> Iterator[Leaf]:
    """All leaves, in the order of the text."""
    for statement in statements:
        if isinstance(statement, Leaf):
            yield statement
        else:
            yield from leaves(statement.body)


__all__ = [
    "BLOCK", "MEMORY", "PLACES", "REAL", "REGISTER", "STORED", "Buffer", "Leaf", "Loop", "Nest", "Ref", "Statement",
    "Test", "Vectors", "When", "Write", "copied", "filled", "leaves", "loop", "present", "when",
]  # fmt: skip
