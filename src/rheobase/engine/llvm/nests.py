"""Nests in, LLVM vectors out: statements become loops, references addresses, leaves instructions; and they are run."""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled, compile_module, host
from rheobase.engine.llvm.frame import STORED, Frame
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.layout import PAD, Layout
from rheobase.engine.lowering.lower import lower
from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import BLOCK, MEMORY, REGISTER, Buffer, Leaf, Loop, Nest, Ref, Statement, When, leaves
from rheobase.engine.nest.verify import verify

WORDS = ("lanes", "block", "blocks", "counter", "threads", "scratch", "scratch_bytes", "row_bytes")
ORDERS = {"lt": "slt", "ge": "sge", "eq": "eq", "ne": "ne"}
ROWS_OF = 512  # lanes of a block, at most


class Printer(Frame):
    """Writes the kernel of a nest."""

    def __init__(self, nest: Nest, bits: int, lanes: int):
        self.nest, self.memory = nest, [b.name for b in nest.buffers if b.place == MEMORY]
        super().__init__(bits, lanes, Layout((*WORDS, *nest.sizes, *nest.numbers, *self.memory)))
        self.known: dict[str, Value] = {size: self.word[size] for size in nest.sizes}
        self.registers: dict[Ref, Value] = {}
        self.count: Value = ""
        self.begins: dict[str, Value] = {}
        total: Value = "0"
        for buffer in (b for b in nest.buffers if b.place == BLOCK):
            self.begins[buffer.name] = total
            total = self.int("add", total, self.product(buffer.axes))

    def written(self) -> str:
        """The module."""

        def block(count: Value) -> None:
            self.count = count
            self.statements(self.nest.body)

        return self.blocks(block)

    # --- where ------------------------------------------------------------------------------------
    def product(self, axes: Sequence[Index]) -> Value:
        total: Value = "1"
        for axis in axes:
            total = self.int("mul", total, self.index(axis))
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
            total = product if total == "0" else self.int("add", total, product)
        return total

    def linear(self, buffer: Buffer, ref: Ref) -> Value:
        total: Value = "0"
        for index, extent in zip(ref.index, buffer.axes, strict=True):
            here = self.index(index)
            total = here if total == "0" else self.int("add", self.int("mul", total, self.index(extent)), here)
        return total

    def stored(self, buffer: Buffer) -> str:
        return f"f{self.bits}" if buffer.stored == "own" else buffer.stored

    def get(self, ref: Ref) -> Value:
        buffer = self.nest.buffer(ref.buffer)
        if buffer.place == REGISTER:
            return self.registers[ref]
        if buffer.place == BLOCK:
            return self.kept(self.row_of(buffer, ref))
        stored = self.stored(buffer)
        if buffer.shared:
            where = self.at(self.pointer(buffer.name), self.linear(buffer, ref), STORED[stored])
            return self.splat(self.let(f"load {STORED[stored]}, ptr {where}"))
        row = self.row(buffer.name, self.linear(buffer, ref), stored)
        if ref.ahead:
            self.fetch_ahead(row, stored, down=ref.ahead < 0)
        return self.read(row, stored)

    def put(self, ref: Ref, value: Value) -> None:
        buffer = self.nest.buffer(ref.buffer)
        if buffer.place == REGISTER:
            self.registers[ref] = value
        elif buffer.place == BLOCK:
            self.keep(self.row_of(buffer, ref), value)
        else:
            stored = self.stored(buffer)
            self.write(self.row(buffer.name, self.linear(buffer, ref), stored), value, stored)

    def row_of(self, buffer: Buffer, ref: Ref) -> Value:
        return self.scratch_row(self.int("add", self.begins[buffer.name], self.linear(buffer, ref)))

    # --- statements -------------------------------------------------------------------------------
    def statements(self, body: Sequence[Statement]) -> None:
        for statement in body:
            if isinstance(statement, Leaf):
                self.everywhere(lambda leaf=statement: self.leaf(leaf))
            elif isinstance(statement, Loop):
                self.turns(statement)
            elif isinstance(statement, When):
                with self.when(self.holds(statement)):
                    self.statements(statement.body)
            else:
                self.everywhere(lambda inner=statement: self.statements(inner.body))

    def everywhere(self, body: object) -> None:
        """For every vector of the block; once where that is being done already."""
        if self.inside:
            body()  # type: ignore[operator]
            return
        self.inside = True
        self.vectors(self.count, body)  # type: ignore[arg-type]
        self.inside = False

    inside = False

    def turns(self, loop: Loop) -> None:
        kept = list(dict.fromkeys(
            write.ref for leaf in leaves(loop.body) for write in leaf.writes
            if self.nest.buffer(write.ref.buffer).place == REGISTER
        ))  # fmt: skip
        kept = [ref for ref in kept if ref in self.registers]
        stop = functools.reduce(self.smaller, [self.index(end) for end in loop.stop])
        carried = [self.registers[ref] for ref in kept]
        step = loop.step.constant or 1
        with self.loop(stop, start=self.index(loop.start), step=step, down=loop.down, carried=carried) as turn:
            self.known[loop.var] = turn.index
            self.registers.update(zip(kept, turn.values, strict=True))
            self.statements(loop.body)
            turn.values[:] = [self.registers[ref] for ref in kept]
        self.registers.update(zip(kept, turn.values, strict=True))
        del self.known[loop.var]

    def holds(self, statement: When) -> Value:
        test = statement.test
        if test.buffer:
            present = self.present(test.buffer)
            return present if test.order == "present" else self.let(f"xor i1 {present}, true")
        return self.compare(ORDERS[test.order], self.index(test.a), self.index(test.b))

    def leaf(self, leaf: Leaf) -> None:
        values: dict[int, Value] = {}
        for node, source in leaf.reads:
            if not isinstance(source, Ref):
                raise NotImplementedError("an index as a number of a leaf")
            values[node] = self.get(source)
        graph = leaf.graph
        for node in graph.needed([write.node for write in leaf.writes], stop=values):
            if node in values:
                continue
            op, _, tag = graph.nodes[node]
            values[node] = self.number(str(tag)) if op == "number" else lower(self, graph, node, values)
        for write in leaf.writes:
            value = values[write.node]
            if write.how == "add":
                value = self.add(self.get(write.ref), value)
            elif write.how == "check":
                value = self.fma(value, self.const(0.0), self.get(write.ref))
            self.put(write.ref, value)

    def number(self, name: str) -> Value:
        wide = self.let(f"bitcast i64 {self.word[name]} to double")
        return self.splat(wide if self.bits == 64 else self.let(f"fptrunc double {wide} to float"))


@functools.lru_cache(maxsize=128)
def compiled(nest: Nest, bits: int) -> Compiled:
    """The kernel of a nest that is well formed."""
    return compile_module(Printer(verify(nest), bits, host().vector_bits // bits).written())


def run(
    nest: Nest, tensors: Mapping[str, Tensor | None], sizes: Mapping[str, int], numbers: Mapping[str, float],
    *, lanes: int, dtype: torch.dtype,
) -> None:  # fmt: skip
    """Run a nest over tensors by the names of its memory buffers, each dense, its lanes last."""
    bits = 64 if dtype == torch.float64 else 32
    kernel, vector = compiled(nest, bits), host().vector_bits // bits
    rows = sum(_many(b.axes, sizes) for b in nest.buffers if b.place == BLOCK)
    workers = threads.available()
    block = max(vector, min(ROWS_OF, -(-lanes // workers)))
    block = -(-block // vector) * vector
    blocks = -(-lanes // block)
    row_bytes = block * bits // 8 + PAD
    scratch_bytes = rows * row_bytes + 4096
    workers = min(workers, blocks)
    scratch = torch.empty(workers * scratch_bytes, dtype=torch.uint8)
    held = [tensors.get(b.name) for b in nest.buffers if b.place == MEMORY]
    words = (
        lanes, block, blocks, 0, 0, scratch.data_ptr(), scratch_bytes, row_bytes,
        *(sizes[name] for name in nest.sizes),
        *(struct.unpack("<q", struct.pack("<d", numbers[name]))[0] for name in nest.numbers),
        *(0 if tensor is None else tensor.data_ptr() for tensor in held),
    )  # fmt: skip
    args = (ctypes.c_int64 * len(words))(*words)
    threads.launch(kernel.call, kernel.address, ctypes.addressof(args), workers)


def _many(axes: Sequence[Index], sizes: Mapping[str, int]) -> int:
    total = 1
    for axis in axes:
        total *= axis.value(sizes)
    return total
