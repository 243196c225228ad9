"""A kernel whose work is cut into items, which threads take one after the other: what such kernels are written with."""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled, compile_module, host
from rheobase.engine.llvm.ir import Value, Writer

BITS = {torch.float32: 32, torch.float64: 64}
HEAD = ("counter", "items")  # the next item, and how many there are


def lanes(dtype: torch.dtype) -> int:
    """Values in a vector."""
    return host().vector_bits // BITS[dtype]


@dataclass
class Loop:
    """A loop that is being written: its index, and the vectors that go from turn to turn."""

    index: Value
    values: list[Value]


class Items(Writer):
    """Writes `@kernel(ptr %args)`; `args` are 64-bit words: those of `HEAD`, then `numbers`, then `pointers`."""

    def __init__(
        self, dtype: torch.dtype, numbers: Sequence[str], pointers: Sequence[str], counters: Sequence[str] = ()
    ):
        super().__init__(BITS[dtype], lanes(dtype))
        self.align = f"align {BITS[dtype] // 8}"
        self.label("entry")
        for name in counters:
            self.do(f"%{name} = alloca i64")
        names = (*HEAD, *numbers, *pointers)
        words = {n: self.let(f"getelementptr i64, ptr %args, i64 {k}") for k, n in enumerate(names)}
        self.held = {n: self.let(f"load {'ptr' if n in pointers else 'i64'}, ptr {words[n]}") for n in names[1:]}
        self.prelude()
        self.do("br label %next")
        self.label("next")
        self.item = self.let(f"atomicrmw add ptr {words['counter']}, i64 1 monotonic")
        more = self.let(f"icmp ult i64 {self.item}, {self.held['items']}")
        self.do(f"br i1 {more}, label %work, label %done")
        self.label("work")

    def prelude(self) -> None:
        """Lines that each thread runs once, before its first item."""

    def int(self, op: str, a: Value, b: Value | int) -> Value:
        return self.let(f"{op} i64 {a}, {b}")

    def get(self, counter: str) -> Value:
        return self.let(f"load i64, ptr %{counter}")

    def set(self, counter: str, value: Value | int) -> None:
        self.do(f"store i64 {value}, ptr %{counter}")

    def at(self, pointer: Value, index: Value | int) -> Value:
        return self.let(f"getelementptr {self.f}, ptr {pointer}, i64 {index}")

    def load(self, pointer: Value) -> Value:
        return self.let(f"load {self.F}, ptr {pointer}, {self.align}")

    def store(self, value: Value, pointer: Value) -> None:
        self.do(f"store {self.F} {value}, ptr {pointer}, {self.align}")

    def label(self, name: str) -> None:
        super().label(name)
        self.block = name

    @contextmanager
    def loop(self, count: Value | int, step: int = 1, start: Sequence[Value] = ()) -> Generator[Loop]:
        """Lines for each index 0, step, ... below `count`.

        `start` are vectors that go from turn to turn: the body reads `values` and replaces them in place; behind the
        loop they are what the last turn left.
        """
        head, body, latch, end = (self.name(hint)[1:] for hint in ("head", "body", "latch", "end"))
        index, following, before = self.name("index"), self.name("following"), self.block
        carried = [self.name("carried") for _ in start]
        self.do(f"br label %{head}")
        self.label(head)
        self.do(f"{index} = phi i64 [ 0, %{before} ], [ {following}, %{latch} ]")
        place = len(self.lines)
        more = self.let(f"icmp slt i64 {index}, {count}")
        self.do(f"br i1 {more}, label %{body}, label %{end}")
        self.label(body)
        loop = Loop(index, list(carried))
        yield loop
        self.do(f"br label %{latch}")
        self.label(latch)
        self.do(f"{following} = add i64 {index}, {step}")
        self.do(f"br label %{head}")
        # what the last turn leaves is known only now
        self.lines[place:place] = [
            f"  {name} = phi {self.F} [ {first}, %{before} ], [ {last}, %{latch} ]"
            for name, first, last in zip(carried, start, loop.values, strict=True)
        ]
        loop.values[:] = carried
        self.label(end)

    @contextmanager
    def when(self, condition: Value) -> Generator[None]:
        """Lines that run where the condition holds."""
        then, after = self.name("then")[1:], self.name("after")[1:]
        self.do(f"br i1 {condition}, label %{then}, label %{after}")
        self.label(then)
        yield
        self.do(f"br label %{after}")
        self.label(after)

    def step(self, counter: str, by: int, test: str) -> None:
        """Count on, and go to the test of the loop."""
        self.set(counter, self.int("add", self.get(counter), by))
        self.do(f"br label %{test}")

    def compiled(self) -> Compiled:
        """The kernel; what is written so far ends an item."""
        self.label("done")
        self.do("ret void")
        body = "\n".join(self.lines)
        return compile_module(
            "\n".join(sorted(self.declared)) + "\ndefine void @kernel(ptr %args) {\n" + body + "\n}\n"
        )


def run(kernel: Compiled, items: int, words: Sequence[int], workers: int | None = None) -> None:
    """Run a kernel over so many items with the words that follow `HEAD`, on all threads unless told how many."""
    most = threads.available() if workers is None else workers
    block = (ctypes.c_int64 * (len(HEAD) + len(words)))(0, items, *words)
    threads.launch(kernel.call, kernel.address, ctypes.addressof(block), min(most, items))
