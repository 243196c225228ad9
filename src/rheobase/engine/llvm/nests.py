"""Nests in, LLVM assembly out: statements become loops, references addresses, leaves instructions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from rheobase.engine.graph.graph import BOOLEAN, COSTLY
from rheobase.engine.llvm.frame import STORED, Frame
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.random_numbers import noise
from rheobase.engine.lowering.lower import lower
from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import (
    BITS,
    BLOCK,
    MEMORY,
    REGISTER,
    THREAD,
    Buffer,
    Leaf,
    Loop,
    Nest,
    Ref,
    Statement,
    When,
    leaves,
)

ORDERS = {"lt": "slt", "ge": "sge", "eq": "eq", "ne": "ne"}
# vectors of a leaf side by side, up to so many functions (exp, a quotient...) and so many operations
SIDE, MUCH = ((4, 6, 90), (2, 30, 300)), 25  # and at least a function in so many operations
IN_REGISTERS = (REGISTER, THREAD)


class Printer(Frame):
    """Writes the kernel of a nest."""

    def __init__(self, nest: Nest, bits: int, lanes: int):
        super().__init__(bits, lanes, words(nest), whole=nest.whole)
        self.nest = nest
        self.known: dict[str, Value] = {size: self.word[size] for size in nest.sizes}
        self.registers: dict[Ref, Value] = {}
        self.count: Value = ""  # of the lanes of the block
        self.inside = False  # of a loop over vectors
        self.loops: list[Loop] = []
        self.begins: dict[str, Value] = {}
        total: Value = "0"
        for buffer in nest.rows(BLOCK):
            self.begins[buffer.name] = total
            total = self.sum(total, self.product(buffer.axes))

    def written(self) -> str:
        """The module."""
        for leaf in self.nest.head:
            self.leaf(leaf, self.places(leaf))

        def block(count: Value) -> None:
            self.count = count
            self.statements(self.nest.body)

        return self.blocks(block)

    # --- where ------------------------------------------------------------------------------------
    def sum(self, a: Value, b: Value) -> Value:
        if a.isdigit() and b.isdigit():
            return str(int(a) + int(b))
        return b if a == "0" else self.int("add", a, b)

    def product(self, axes: Sequence[Index]) -> Value:
        total: Value = "1"
        for axis in axes:
            total = self.int("mul", total, self.index(axis)) if total != "1" else self.index(axis)
        return total

    def index(self, index: Index) -> Value:
        if index.at is not None:
            place = self.at(self.pointer(index.at.array), self.index(index.at.place), "i32")
            return self.let(f"sext i32 {self.let(f'load i32, ptr {place}')} to i64", "n")
        total: Value = "0"
        for monomial, n in index.terms:
            product: Value = str(n)
            for name in monomial:
                product = self.int("mul", product, self.known[name]) if product != "1" else self.known[name]
            total = self.sum(total, product)
        return total

    def linear(self, buffer: Buffer, ref: Ref) -> Value:
        total: Value = "0"
        for index, extent in zip(ref.index, buffer.axes, strict=True):
            here = self.index(index)
            total = here if total == "0" else self.sum(self.int("mul", total, self.index(extent)), here)
        return total

    def stored(self, buffer: Buffer) -> str:
        return f"{'i' if self.whole else 'f'}{self.bits}" if buffer.stored == "own" else buffer.stored

    def place(self, ref: Ref) -> Value:
        """The address of a row: of the block's first lane in it, or of the one element for all lanes."""
        buffer = self.nest.buffer(ref.buffer)
        if buffer.place == BLOCK:
            return self.scratch_row(self.sum(self.begins[buffer.name], self.linear(buffer, ref)))
        if buffer.shared:
            return self.at(self.pointer(buffer.name), self.linear(buffer, ref), STORED[self.stored(buffer)])
        return self.row(buffer.name, self.linear(buffer, ref), self.stored(buffer))

    def places(self, leaf: Leaf) -> dict[Ref, Value]:
        """The addresses of a leaf's rows, which are those of all its vectors."""
        needed = set(leaf.needed)
        refs = (*(ref for node, ref in leaf.reads if node in needed), *(write.ref for write in leaf.writes))
        return {ref: self.place(ref) for ref in refs if self.nest.buffer(ref.buffer).place not in IN_REGISTERS}

    # --- values -----------------------------------------------------------------------------------
    def get(self, ref: Ref, place: Value | None) -> Value:
        buffer = self.nest.buffer(ref.buffer)
        if place is None:
            return self.registers[ref]
        if buffer.place == BLOCK:
            return self.kept(place)
        stored = self.stored(buffer)
        if buffer.shared:
            return self.splat(self.let(f"load {STORED[stored]}, ptr {place}"))
        if stored == BITS:
            return self.select(self.read_bits(place), self.const(1.0), self.const(0.0))
        value = self.read(place, stored)
        if self.walks(buffer, ref):
            self.fetch_ahead(place, stored, down=self.loops[-1].down)
        return value

    def put(self, ref: Ref, place: Value | None, value: Value) -> None:
        buffer = self.nest.buffer(ref.buffer)
        if place is None:
            self.registers[ref] = value
        elif buffer.place == BLOCK:
            self.keep(place, value)
        elif buffer.stored == BITS:
            self.write_bits(place, value)
        else:
            stored = self.stored(buffer)
            if self.walks(buffer, ref):
                self.fetch_ahead(place, stored, write=True, down=self.loops[-1].down)
            self.write(place, value, stored)

    def walks(self, buffer: Buffer, ref: Ref) -> bool:
        """Whether the innermost loop goes row by row through a tensor."""
        return bool(self.loops and ref.index) and ref.index[-1] == self.loops[-1].name and buffer.place == MEMORY

    # --- statements -------------------------------------------------------------------------------
    def statements(self, body: Sequence[Statement]) -> None:
        for statement in body:
            if isinstance(statement, Leaf):
                places = self.places(statement)
                self.everywhere(lambda leaf=statement, places=places: self.leaf(leaf, places), self.side(statement))
            elif isinstance(statement, Loop):
                self.turns(statement)
            elif isinstance(statement, When):
                with self.when(self.holds(statement)):
                    self.statements(statement.body)
            else:
                self.everywhere(lambda inner=statement: self.statements(inner.body))

    def side(self, leaf: Leaf) -> int:
        """How many vectors a leaf of a loop computes side by side, to hide the latency of elementary functions.

        More than one only where functions are much of the leaf, and as many as registers and compile time allow.
        """
        made = set(leaf.needed) - {node for node, _ in leaf.reads}
        costly = sum(leaf.graph.nodes[k].op in COSTLY for k in made)
        if not self.loops or len(made) > MUCH * costly:
            return 1
        return next((side for side, functions, nodes in SIDE if costly <= functions and len(made) <= nodes), 1)

    def everywhere(self, body: Callable[[], None], side: int = 1) -> None:
        """Write `body` in a loop over the vectors of the block, or once if such a loop is being written already."""
        if self.inside:
            body()
            return
        self.inside = True
        self.vectors(self.count, body, side)
        self.inside = False

    def turns(self, loop: Loop) -> None:
        kept = list(
            dict.fromkeys(
                write.ref
                for leaf in leaves(loop.body)
                for write in leaf.writes
                if self.nest.buffer(write.ref.buffer).place == REGISTER
            )
        )
        kept = [ref for ref in kept if ref in self.registers]
        stop = functools.reduce(self.smaller, [self.index(end) for end in loop.stop])
        carried = [self.registers[ref] for ref in kept]
        self.loops.append(loop)
        with self.loop(stop, start=self.index(loop.start), down=loop.down, carried=carried) as turn:
            self.known[loop.var] = turn.index
            self.registers.update(zip(kept, turn.values, strict=True))
            self.statements(loop.body)
            turn.values[:] = [self.registers[ref] for ref in kept]
        self.registers.update(zip(kept, turn.values, strict=True))
        self.loops.pop()
        del self.known[loop.var]

    def holds(self, statement: When) -> Value:
        test = statement.test
        if test.buffer:
            present = self.present(test.buffer)
            return present if test.order == "present" else self.let(f"xor i1 {present}, true")
        return self.compare(ORDERS[test.order], self.index(test.a), self.index(test.b))

    # --- leaves -----------------------------------------------------------------------------------
    def leaf(self, leaf: Leaf, places: dict[Ref, Value]) -> None:
        graph, needed = leaf.graph, leaf.needed
        held = set(needed)
        side: list[dict[int, Value]] = [{} for _ in self.offsets]

        def each() -> Iterator[dict[int, Value]]:
            for offset, values in zip(self.offsets, side, strict=True):
                self.offset = offset
                yield values

        for values in each():
            for node, ref in leaf.reads:
                if node in held:
                    alive = graph.nodes[node].op == "alive"
                    values[node] = self.alive(places[ref], leaf.clock) if alive else self.get(ref, places.get(ref))
        for node in needed:
            if node in side[0]:
                continue
            op, _, tag = graph.nodes[node]
            for values in each():
                if op == "number":
                    values[node] = self.number(str(tag))
                elif op == "noise":
                    values[node] = noise(self, str(tag), self.index(leaf.clock))
                else:
                    values[node] = lower(self, graph, node, values)
        for values in each():
            for write in leaf.writes:
                value, place = values[write.node], places.get(write.ref)
                if self.nest.buffer(write.ref.buffer).stored == BITS and graph.nodes[write.node].op not in BOOLEAN:
                    value = self.cmp("une", value, self.const(0.0))
                self.put(write.ref, place, self.add(self.get(write.ref, place), value) if write.how == "add" else value)
            for flag in leaf.flags:
                self.flag(flag.bit, values[flag.node])

    def number(self, name: str) -> Value:
        wide = self.let(f"bitcast i64 {self.word[name]} to double")
        if self.whole:
            return self.splat(self.let(f"fptosi double {wide} to {self.f}"))
        return self.splat(wide if self.bits == 64 else self.let(f"fptrunc double {wide} to float"))

    def alive(self, row: Value, clock: Index) -> Value:
        """The mask of lanes whose length (from `row`) is above the clock."""
        vector = f"<{self.lanes} x i32>"
        length = self.read_words32(row)
        now = self.let(f"trunc i64 {self.index(clock)} to i32")
        one = self.let(f"insertelement {vector} poison, i32 {now}, i64 0")
        many = self.let(f"shufflevector {vector} {one}, {vector} poison, <{self.lanes} x i32> zeroinitializer")
        return self.let(f"icmp slt {vector} {many}, {length}")

    def flag(self, bit: int, mask: Value) -> None:
        """Raise the flag `bit` for the caller if the mask is set in a lane that exists."""
        here = mask if self.mask is None else self.mand(mask, self.mask)
        with self.when(self.call("i1", f"llvm.vector.reduce.or.v{self.lanes}i1", (self.M, here)), rare=True):
            self.do(f"atomicrmw or ptr {self.slot('bad')}, i64 {bit} monotonic")


def words(nest: Nest) -> list[str]:
    """The names of the argument words after `WORDS`: sizes, numbers, and pointers to the caller's tensors."""
    return [*nest.sizes, *nest.numbers, *(buffer.name for buffer in nest.rows(MEMORY))]
