"""A kernel as data: a nest of loops whose leaves apply traced graphs to every lane.

Lanes are what is computed alike and apart (neurons of a batch, parameter sets of a cell). A kernel cuts them into
blocks, one after the other on as many threads as there are; what a block does is the nest. A buffer has axes before
its lanes, and a place:

    memory      a tensor of the caller: rows of all lanes, or one number for all (`shared`)
    block       rows of the block's lanes, which last as long as the block
    once        what is the same for all lanes and times, computed once in each thread
    register    one value in each lane, which lasts as long as the loop around it; only inside `Vectors`

A leaf reads rows into the leaves of its graph, and writes nodes of it to rows. Without a `Vectors` around it, it runs
over all vectors of the block. Nothing here knows a target, or a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Union

from rheobase.engine.graph.graph import Graph
from rheobase.engine.nest.index import Index, Whole

MEMORY, BLOCK, ONCE, REGISTER = PLACES = ("memory", "block", "once", "register")
# how the elements of a buffer lie in memory; "own" is the type in which the kernel computes
STORED = ("own", "f32", "f64", "bf16", "i8", "i16", "i32", "bits")


@dataclass(frozen=True)
class Buffer:
    """Rows of lanes, by name; `axes` are the extents of the axes before the lanes."""

    name: str
    axes: tuple[Index, ...] = ()
    place: str = MEMORY
    stored: str = "own"
    shared: bool = False  # one element for all lanes
    optional: bool = False  # may be absent: it is read and written under `present` only
    repeats: str | None = None  # the size after which lanes begin again with the first (a parameter of each neuron)

    def __getitem__(self, index: Whole | tuple[Whole, ...]) -> Ref:
        given = index if isinstance(index, tuple) else (index,)
        return Ref(self.name, tuple(Index.of(k) for k in given))

    @property
    def row(self) -> Ref:
        """The only row of a buffer without axes."""
        return Ref(self.name, ())


@dataclass(frozen=True)
class Ref:
    """One row of a buffer. `ahead`: this many steps of its first index later it is wanted too, so it is asked for.

    `zero` are indices outside of which it reads as zero (from 0 to below the extent is inside).
    """

    buffer: str
    index: tuple[Index, ...] = ()
    ahead: int = 0
    zero: bool = False

    def fetched(self, ahead: int) -> Ref:
        return replace(self, ahead=ahead)

    def __str__(self) -> str:
        return f"{self.buffer}[{', '.join(map(str, self.index))}]"


@dataclass(frozen=True)
class Write:
    """A node goes to a row: set, added to it, or gathered in it as a check (0 * x summed is NaN if any x was not finite)."""

    ref: Ref
    node: int
    how: str = "set"  # "set", "add" or "check"


@dataclass(frozen=True, eq=False)
class Leaf:
    """A graph applied to lanes: rows (or indices) into its leaves, nodes to rows.

    `clock` is the step of nodes that ask for it (noise). A leaf writes after it has read all.
    """

    graph: Graph
    reads: tuple[tuple[int, Ref | Index], ...] = ()
    writes: tuple[Write, ...] = ()
    clock: Index | None = None


@dataclass(frozen=True, eq=False)
class Loop:
    """For each value of `var` from `start` to below `stop`, in steps; `down` goes through the same values backwards.

    `unroll` writes the body that often side by side, with the values of `var` that follow each other.
    """

    var: str
    start: Index
    stop: tuple[Index, ...]  # the smallest of them
    body: tuple[Statement, ...]
    down: bool = False
    step: Index = field(default_factory=lambda: Index.of(1))
    unroll: int = 1
    share: bool = False  # the threads of a region divide the values among themselves


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


@dataclass(frozen=True)
class Barrier:
    """In a region: no thread goes on before all have come here."""


Statement = Union[Leaf, Loop, When, Vectors, Barrier]


@dataclass(frozen=True, eq=False)
class Nest:
    """A kernel: its buffers, the whole numbers and the real ones that a launch gives, and what a block does.

    `first` runs once in each thread, before any block, on what is shared by all lanes. `outer` names a size that blocks
    are counted through beside their lanes (samples, whose lanes are neurons); it is also the variable's name. A `region`
    is one call in which every thread runs the whole body, with shared loops and barriers, over all lanes.
    """

    name: str
    buffers: tuple[Buffer, ...]
    body: tuple[Statement, ...]
    sizes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    first: tuple[Leaf, ...] = ()
    outer: tuple[str, str] | None = None  # variable, size
    region: bool = False

    def buffer(self, name: str) -> Buffer:
        return next(b for b in self.buffers if b.name == name)


def loop(
    var: str, stop: Whole | Sequence[Whole], body: Callable[[Index], Sequence[Statement]] | Sequence[Statement],
    *, start: Whole = 0, **options: Any,
) -> Loop:  # fmt: skip
    """A loop; the body may be a function of its variable.

    >>> loop("t", 10, []).stop[0].constant
    10
    """
    stops = (stop,) if isinstance(stop, Index | int) else tuple(stop)
    inside = body(Index.name(var)) if callable(body) else body
    if "step" in options:
        options["step"] = Index.of(options["step"])
    return Loop(var, Index.of(start), tuple(Index.of(s) for s in stops), tuple(inside), **options)


def present(buffer: Buffer, *body: Statement) -> When:
    """What is done where an optional buffer is there."""
    return When(Test("present", buffer=buffer.name), body)


def when(order: str, a: Whole, b: Whole, *body: Statement) -> When:
    """What is done where a comparison holds."""
    return When(Test(order, Index.of(a), Index.of(b)), body)


def copied(source: Ref | Index, *targets: Ref, stored: str = "read") -> Leaf:
    """A leaf that copies a row."""
    graph = Graph()
    node = graph.put(stored, tag="x")
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
        elif not isinstance(statement, Barrier):
            yield from leaves(statement.body)


__all__ = [
    "BLOCK", "MEMORY", "ONCE", "PLACES", "REGISTER", "STORED", "Barrier", "Buffer", "Leaf", "Loop", "Nest", "Ref",
    "Statement", "Test", "Vectors", "When", "Write", "copied", "filled", "leaves", "loop", "present", "when",
]  # fmt: skip
