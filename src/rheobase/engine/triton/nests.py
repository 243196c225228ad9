"""Nests in, Triton source out: one program of the grid owns a block of lanes, one lane to a thread.

Rows of a block are variables, which the compiler keeps in registers, unless they have axes: these lie in scratch. What
a loop reads row by row does not depend on the turns before, so the rows of some turns are read before the first of
them is computed: otherwise every turn would wait for memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rheobase.engine.graph.graph import BOOLEAN, COSTLY
from rheobase.engine.lowering.lower import lower
from rheobase.engine.lowering.vectors import Value
from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import (
    BITS,
    BLOCK,
    MEMORY,
    Buffer,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    When,
    leaves,
    placed,
)
from rheobase.engine.triton.frame import TritonFrame
from rheobase.engine.triton.random_numbers import noise

LINES = 256  # of straight code that a loop body may have for the sake of reading ahead
AHEAD = 8  # turns that are read at once, at most
READS = 16  # values in flight for each lane
COSTLY_LINES, NOISE_LINES = 24, 100  # of a quotient or an elementary function, of a random number
ORDERS = {"lt": "<", "ge": ">=", "eq": "==", "ne": "!="}


@dataclass(frozen=True)
class Source:
    """A kernel's text, the tensors that it takes in order, and the whole numbers that follow them."""

    text: str
    tensors: tuple[str, ...]
    numbers: tuple[str, ...]


def argument(name: str) -> str:
    """A buffer's name as a kernel's argument."""
    return name.replace(":", "_")


class Printer(TritonFrame):
    """Writes the kernel of a nest."""

    def __init__(self, nest: Nest, bits: int):
        super().__init__(bits, whole=nest.whole)
        self.nest = nest
        self.loops: list[Loop] = []
        self.known: dict[str, Value] = {}  # the variables of the loops
        self.made: dict[str, Value] = {}  # expressions that stand in a variable
        self.current: dict[str, Value] = {}  # what a row's variable is to hold, where that is not written yet
        self.shelved = {buffer.name for buffer in nest.rows(BLOCK) if buffer.axes}  # in scratch
        every = list(placed(nest.body))
        written = {write.ref.buffer for leaf, _ in every for write in leaf.writes}
        self.noisy = any(node.op == "noise" for leaf, _ in every for node in leaf.graph.nodes)
        # lengths, say: read by every turn, and always the same
        self.still = {
            ref: ""
            for leaf, _ in every
            for node, ref in leaf.reads
            if leaf.graph.nodes[node].op == "alive" and ref.buffer not in written
        }

    def source(self) -> Source:
        """The module, and what its kernel takes."""
        nest = self.nest
        if self.noisy:
            self.do("seed = tl.load(rng)")
            self.do("start = tl.load(rng + 1)")
        for ref in self.still:
            self.still[ref] = self.let(f"tl.load({self.place(ref)}, mask=here, other=0)")
        self.scratch()
        for buffer in nest.buffers:
            if self.is_variable(buffer):
                self.do(f"{self.variable(buffer.name)} = {self.const(0.0)}")
        self.statements((*nest.head, *nest.body))
        tensors = [*(buffer.name for buffer in nest.rows(MEMORY)), "bad", "rng", "scratch"]
        numbers = ["lanes", *nest.sizes, *nest.numbers]
        text = self.kernel([argument(name) for name in tensors], numbers)
        return Source(text, tuple(tensors), tuple(numbers))

    def scratch(self) -> None:
        """Where the rows with axes lie."""
        total = "0"
        for buffer in self.nest.rows(BLOCK):
            if buffer.axes:
                self.do(f"{self.variable(buffer.name)} = {total}")
                total = self.let(f"{total} + {self.product(buffer.axes)}")
        if total != "0":
            self.do(f"shelf = scratch + block * {total} * BLOCK + within")

    # --- where --------------------------------------------------------------------------------------
    def is_variable(self, buffer: Buffer) -> bool:
        return buffer.place != MEMORY and not buffer.axes

    def variable(self, name: str) -> str:
        return f"r_{argument(name)}"

    def product(self, axes: Sequence[Index]) -> Value:
        return " * ".join(f"({self.index(axis)})" for axis in axes)

    def index(self, index: Index) -> Value:
        if index.at is not None:
            return f"tl.load({argument(index.at.array)} + {self.index(index.at.place)})"
        text = ""
        for names, n in sorted(index.terms, key=lambda term: term[1] < 0):
            size = " * ".join([*([str(abs(n))] if abs(n) != 1 or not names else []), *self.named(names)])
            text += (f" {'-' if n < 0 else '+'} " if text else "-" * (n < 0)) + size
        return text or "0"

    def named(self, names: Sequence[str]) -> list[Value]:
        return [self.known.get(name, name) for name in names]

    def linear(self, axes: Sequence[Index], index: Sequence[Index]) -> Value:
        total = "0"
        for here, extent in zip(index, axes, strict=True):
            at = self.index(here)
            total = at if total == "0" else f"({total}) * ({self.index(extent)}) + {at}"
        return total

    def once(self, text: str) -> Value:
        """The variable of an expression, which is written only once until the next `settle`."""
        if text not in self.made:
            self.made[text] = self.let(text, "a")
        return self.made[text]

    def place(self, ref: Ref) -> Value:
        """The addresses of a row's lanes in memory or scratch; that of the one element for all lanes."""
        buffer = self.nest.buffer(ref.buffer)
        row = self.linear(buffer.axes, ref.index)
        if buffer.place != MEMORY and len(ref.index) > 1 and ref.index[-1].constant is not None:
            # the rows of a turn lie side by side
            first = self.linear(buffer.axes, (*ref.index[:-1], Index.of(0)))
            begin = self.once(f"shelf + ({self.variable(ref.buffer)} + {first}) * BLOCK")
            return f"{begin} + {ref.index[-1]} * BLOCK"
        if buffer.place != MEMORY:
            return f"shelf + ({self.variable(ref.buffer)} + {row}) * BLOCK"
        if buffer.shared:
            return f"{argument(ref.buffer)} + {row}"
        if buffer.stored == BITS:
            return f"{argument(ref.buffer)} + {self.once(f'({row}) * ((wide + 63) // 64 * 8)')}"
        return f"{argument(ref.buffer)} + {self.once(f'({row}) * wide + lane')}"

    # --- values -------------------------------------------------------------------------------------
    def get(self, ref: Ref) -> Value:
        buffer = self.nest.buffer(ref.buffer)
        if self.is_variable(buffer):
            return self.current.get(ref.buffer, self.variable(ref.buffer))
        if buffer.place != MEMORY:
            return self.let(f"tl.load({self.place(ref)})")
        if buffer.shared:
            return self.splat(f"tl.load({self.place(ref)})")
        return self.read(self.place(ref), buffer.stored)

    def put(self, ref: Ref, value: Value) -> None:
        buffer = self.nest.buffer(ref.buffer)
        if self.is_variable(buffer):
            self.current[ref.buffer] = value
        elif buffer.place != MEMORY:
            self.do(f"tl.store({self.place(ref)}, {value})")
        else:
            self.write(self.place(ref), value, buffer.stored)

    def settle(self) -> None:
        """Assign the pending values of rows to their variables, before lines that are written once and may repeat."""
        self.made.clear()
        rows = {self.variable(name) for name in self.current}
        for name, value in self.current.items():
            self.current[name] = self.let(value) if value in rows else value
        for name, value in self.current.items():
            self.do(f"{self.variable(name)} = {value}")
        self.current.clear()

    # --- statements ---------------------------------------------------------------------------------
    def statements(self, body: Sequence[Statement]) -> None:
        for statement in body:
            if isinstance(statement, Leaf):
                self.leaf(statement, {})
            elif isinstance(statement, Loop):
                self.turns(statement)
            elif isinstance(statement, When):
                self.settle()
                with self.inside(f"if {self.holds(statement)}:"):
                    self.statements(statement.body)
                    self.settle()
            else:
                self.statements(statement.body)
        self.settle()

    def holds(self, statement: When) -> str:
        test = statement.test
        if test.buffer:
            return f"{argument(test.buffer)} is {'not ' if test.order == 'present' else ''}None"
        return f"{self.index(test.a)} {ORDERS[test.order]} {self.index(test.b)}"

    def turns(self, loop: Loop) -> None:
        """The turns of a loop; where its body is a leaf, some at once as long as there are so many."""
        self.settle()
        if any(ref.buffer in self.shelved for leaf in leaves(loop.body) for ref in leaf.rows):
            # none reads what another has not yet written, or writes what another still reads
            self.do("tl.debug_barrier()")
        ends = [self.index(stop) for stop in loop.stop]
        first = self.let(self.index(loop.start))
        last = self.let(ends[0] if len(ends) == 1 else f"tl.minimum({ends[0]}, {ends[1]})")
        count, done = self.let(f"{last} - {first}"), "0"
        self.loops.append(loop)
        ahead = self.ahead(loop)
        if ahead > 1:
            whole = self.let(f"{count} // {ahead}")
            with self.loop("0", whole) as n:
                self.some(loop, [f"{n} * {ahead} + {k}" for k in range(ahead)], first, last)
            done = self.let(f"{whole} * {ahead}")
        with self.loop(done, count) as n:
            self.some(loop, [n], first, last)
        self.loops.pop()

    def some(self, loop: Loop, counts: Sequence[Value], first: Value, last: Value) -> None:
        """Some turns, one after the other; what they read row by row is read before."""
        times = [self.let(f"{last} - 1 - ({k})" if loop.down else f"{first} + {k}", "t") for k in counts]
        early: list[Mapping[int, Value]] = []
        for time in times if self.is_leaf(loop) else ():
            self.known[loop.var] = time
            early.append({node: self.get(ref) for node, ref in self.walked(loop)})
        for k, time in enumerate(times):
            self.known[loop.var] = time
            for statement in loop.body:
                if early and isinstance(statement, Leaf):
                    self.leaf(statement, early[k])
                else:
                    self.statements([statement])
        self.settle()
        del self.known[loop.var]

    def is_leaf(self, loop: Loop) -> bool:
        return len(loop.body) == 1 and isinstance(loop.body[0], Leaf)

    def walked(self, loop: Loop) -> list[tuple[int, Ref]]:
        """What the leaf of a loop reads in tensors and scratch row by row, which no turn before writes."""
        leaf = next(leaves(loop.body))
        needed, written = set(leaf.needed), {write.ref.buffer for write in leaf.writes}
        return [
            (node, ref)
            for node, ref in leaf.reads
            if node in needed
            and ref not in self.still
            and ref.buffer not in written
            and not self.is_variable(self.nest.buffer(ref.buffer))
        ]

    def ahead(self, loop: Loop) -> int:
        """Turns to read at once: more hide more of the time that memory takes, and make more code."""
        if not self.is_leaf(loop):
            return 1
        leaf = next(leaves(loop.body))
        ops = [leaf.graph.nodes[k].op for k in leaf.needed]
        lines = sum(NOISE_LINES if op == "noise" else COSTLY_LINES if op in COSTLY else 1 for op in ops)
        return max(1, min(AHEAD, LINES // max(1, lines), READS // max(1, len(self.walked(loop)))))

    # --- leaves -------------------------------------------------------------------------------------
    def leaf(self, leaf: Leaf, early: Mapping[int, Value]) -> None:
        graph, needed = leaf.graph, leaf.needed
        values, held = dict(early), set(needed)
        for node, ref in leaf.reads:
            if node in held and node not in values:
                alive = graph.nodes[node].op == "alive"
                values[node] = self.let(f"{self.index(leaf.clock)} < {self.still[ref]}") if alive else self.get(ref)
        for node in needed:
            if node not in values:
                op, _, tag = graph.nodes[node]
                if op == "number":
                    values[node] = self.number(str(tag))
                elif op == "noise":
                    values[node] = noise(self, str(tag), self.index(leaf.clock))
                else:
                    values[node] = lower(self, graph, node, values)
        for write in leaf.writes:
            value = values[write.node]
            if self.nest.buffer(write.ref.buffer).stored == BITS and graph.nodes[write.node].op not in BOOLEAN:
                value = self.cmp("une", value, self.const(0.0))
            self.put(write.ref, self.add(self.get(write.ref), value) if write.how == "add" else value)
        for flag in leaf.flags:
            place = flag.bit.bit_length() - 1
            self.do(f"tl.store(bad + {place} + lane * 0, 1, mask=here & {values[flag.node]})")

    def number(self, name: str) -> Value:
        # Triton passes numbers as float32, so the bits of a float64 come as an integer
        wide = self.let(f"{name}.to(tl.int64).to(tl.float64, bitcast=True)")
        return self.splat(self.let(f"{wide}.to({self.f})"))
