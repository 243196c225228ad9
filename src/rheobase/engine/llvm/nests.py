"""Nests in, LLVM vectors out: statements become loops, references addresses, leaves instructions; and they are run."""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled, compile_module, host
from rheobase.engine.llvm.frame import STORED, Frame
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.launch import BLOCK as MOST_LANES
from rheobase.engine.llvm.launch import CACHE_BYTES
from rheobase.engine.llvm.layout import PAD, Layout
from rheobase.engine.lowering.lower import lower
from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import BLOCK, MEMORY, REGISTER, Buffer, Leaf, Loop, Nest, Ref, Statement, When, leaves
from rheobase.engine.nest.verify import verify

WORDS = ("lanes", "block", "blocks", "counter", "threads", "scratch", "scratch_bytes", "row_bytes")
ORDERS = {"lt": "slt", "ge": "sge", "eq": "eq", "ne": "ne"}
DTYPES = {"f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16, "i32": torch.int32}


class Printer(Frame):
    """Writes the kernel of a nest."""

    def __init__(self, nest: Nest, bits: int, lanes: int):
        self.nest, self.memory = nest, [b.name for b in nest.buffers if b.place == MEMORY]
        super().__init__(bits, lanes, Layout((*WORDS, *nest.sizes, *nest.numbers, *self.memory)))
        self.known: dict[str, Value] = {size: self.word[size] for size in nest.sizes}
        self.registers: dict[Ref, Value] = {}
        self.count: Value = ""  # of the lanes of the block
        self.inside = False  # of a loop over vectors
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
        return self.read(self.row(buffer.name, self.linear(buffer, ref), stored), stored)

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

    def everywhere(self, body: Callable[[], None]) -> None:
        """For every vector of the block; once where that is being done already."""
        if self.inside:
            body()
            return
        self.inside = True
        self.vectors(self.count, body)
        self.inside = False

    def turns(self, loop: Loop) -> None:
        kept = list(dict.fromkeys(
            write.ref for leaf in leaves(loop.body) for write in leaf.writes
            if self.nest.buffer(write.ref.buffer).place == REGISTER
        ))  # fmt: skip
        kept = [ref for ref in kept if ref in self.registers]
        stop = functools.reduce(self.smaller, [self.index(end) for end in loop.stop])
        carried = [self.registers[ref] for ref in kept]
        with self.loop(stop, start=self.index(loop.start), down=loop.down, carried=carried) as turn:
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
        values = {node: self.get(source) for node, source in leaf.reads}
        graph = leaf.graph
        for node in graph.needed([write.node for write in leaf.writes], stop=values):
            if node in values:
                continue
            op, _, tag = graph.nodes[node]
            values[node] = self.number(str(tag)) if op == "number" else lower(self, graph, node, values)
        for write in leaf.writes:
            value = values[write.node]
            self.put(write.ref, self.add(self.get(write.ref), value) if write.how == "add" else value)

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
    """Run a nest over tensors by the names of its memory buffers, each dense, its lanes last.

    Raises: `ValueError` for a tensor that is missing, of another size or type, or for an index that leaves its axis.
    """
    bits = 64 if dtype == torch.float64 else 32
    held = [_checked(nest, b, tensors.get(b.name), sizes, lanes, dtype) for b in nest.buffers if b.place == MEMORY]
    _check_indices(nest, tensors, sizes)
    kernel, vector = compiled(nest, bits), host().vector_bits // bits
    rows = sum(_many(b.axes, sizes) for b in nest.buffers if b.place == BLOCK)
    fit = min(MOST_LANES, CACHE_BYTES // (max(1, rows) * bits // 8), -(-lanes // threads.available()))
    block = -(-max(1, fit) // vector) * vector
    blocks = -(-lanes // block)
    workers = min(threads.available(), blocks)
    row_bytes = block * bits // 8 + PAD
    scratch_bytes = rows * row_bytes + 4096
    scratch = torch.empty(workers * scratch_bytes, dtype=torch.uint8)
    words = (
        lanes, block, blocks, 0, 0, scratch.data_ptr(), scratch_bytes, row_bytes,
        *(sizes[name] for name in nest.sizes),
        *(struct.unpack("<q", struct.pack("<d", numbers[name]))[0] for name in nest.numbers),
        *(0 if tensor is None else tensor.data_ptr() for tensor in held),
    )  # fmt: skip
    args = (ctypes.c_int64 * len(words))(*words)
    threads.launch(kernel.call, kernel.address, ctypes.addressof(args), workers)


def _checked(
    nest: Nest, buffer: Buffer, tensor: Tensor | None, sizes: Mapping[str, int], lanes: int, dtype: torch.dtype
) -> Tensor | None:
    where = f"{nest.name}: {buffer.name}"
    if tensor is None:
        if not buffer.optional:
            raise ValueError(f"{where} is missing")
        return None
    elements = _many(buffer.axes, sizes) * (1 if buffer.shared else lanes)
    wanted = DTYPES.get(buffer.stored, dtype)
    if tensor.numel() != elements or tensor.dtype != wanted or not tensor.is_contiguous():
        given = f"{tuple(tensor.shape)} of {tensor.dtype}{'' if tensor.is_contiguous() else ', not dense'}"
        raise ValueError(f"{where} is {given}; it has {elements} dense elements of {wanted}")
    return tensor


def _check_indices(nest: Nest, tensors: Mapping[str, Tensor | None], sizes: Mapping[str, int]) -> None:
    """What an array of indices holds stays within the axis that it counts along."""
    for array, below in sorted({(i.at.array, i.at.below) for i in _indices(nest) if i.at is not None}):
        tensor = tensors[array]
        if tensor is not None and (int(tensor.min()) < 0 or int(tensor.max()) >= sizes[below]):
            held = f"{int(tensor.min())} to {int(tensor.max())}"
            raise ValueError(f"{nest.name}: {array} holds {held}; expected 0 to {sizes[below] - 1}")


def _indices(nest: Nest) -> Iterator[Index]:
    for leaf in leaves(nest.body):
        for ref in (*(source for _, source in leaf.reads), *(write.ref for write in leaf.writes)):
            yield from ref.index


def _many(axes: Sequence[Index], sizes: Mapping[str, int]) -> int:
    total = 1
    for axis in axes:
        total *= axis.value(sizes)
    return total
