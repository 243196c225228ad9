"""A kernel whose work is cut into items, which threads take one after the other: what such kernels are written with."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch

from rheobase.engine import threads
from rheobase.engine.compile_llvm import Compiled, compile_module, host
from rheobase.engine.ir import Value, Writer

BITS = {torch.float32: 32, torch.float64: 64}
HEAD = ("counter", "items")  # the next item, and how many there are


def lanes(dtype: torch.dtype) -> int:
    """Values in a vector."""
    return host().vector_bits // BITS[dtype]


class Items(Writer):
    """Writes `@kernel(ptr %args)`; `args` are 64-bit words: those of `HEAD`, then `numbers`, then `pointers`."""

    def __init__(self, dtype: torch.dtype, numbers: Sequence[str], pointers: Sequence[str], counters: Sequence[str]):
        super().__init__(BITS[dtype], lanes(dtype))
        self.align = f"align {BITS[dtype] // 8}"
        self.label("entry")
        for name in counters:
            self.do(f"%{name} = alloca i64")
        names = (*HEAD, *numbers, *pointers)
        words = {n: self.let(f"getelementptr i64, ptr %args, i64 {k}") for k, n in enumerate(names)}
        self.held = {n: self.let(f"load {'ptr' if n in pointers else 'i64'}, ptr {words[n]}") for n in names[1:]}
        self.do("br label %next")
        self.label("next")
        self.item = self.let(f"atomicrmw add ptr {words['counter']}, i64 1 monotonic")
        more = self.let(f"icmp ult i64 {self.item}, {self.held['items']}")
        self.do(f"br i1 {more}, label %work, label %done")
        self.label("work")

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

    def step(self, counter: str, by: int, test: str) -> None:
        """Count on, and go to the test of the loop."""
        self.set(counter, self.int("add", self.get(counter), by))
        self.do(f"br label %{test}")

    def compiled(self) -> Compiled:
        self.label("done")
        self.do("ret void")
        body = "\n".join(self.lines)
        return compile_module(
            "\n".join(sorted(self.declared)) + "\ndefine void @kernel(ptr %args) {\n" + body + "\n}\n"
        )


def run(kernel: Compiled, items: int, words: Sequence[int]) -> None:
    """Run a kernel over so many items with the words that follow `HEAD`."""
    block = (ctypes.c_int64 * (len(HEAD) + len(words)))(0, items, *words)
    threads.launch(kernel.call, kernel.address, ctypes.addressof(block), min(threads.available(), items))
