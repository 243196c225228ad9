"""Kernels whose work is cut into items, which threads take one after the other."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import torch

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled, compile_module, host
from rheobase.engine.llvm.function import COUNTER, Function

BITS = {torch.float32: 32, torch.float64: 64}
HEAD = (COUNTER, "items")  # the next item, and how many there are


def lanes(dtype: torch.dtype) -> int:
    """How many values of this dtype a vector holds."""
    return host().vector_bits // BITS[dtype]


class Items(Function):
    """A function whose words are those of `HEAD`, then `numbers`, then `pointers`; its pieces are the items."""

    def __init__(self, dtype: torch.dtype, numbers: Sequence[str], pointers: Sequence[str]):
        super().__init__(BITS[dtype], lanes(dtype), (*HEAD, *numbers, *pointers), pointers)

    def compiled(self) -> Compiled:
        """The kernel; what is written so far is all."""
        return compile_module(self.text())


def run(kernel: Compiled, items: int, words: Sequence[int], workers: int | None = None) -> None:
    """Run a kernel over so many items with the words that follow `HEAD`, on `workers` threads (all if None)."""
    most = threads.available() if workers is None else workers
    block = (ctypes.c_int64 * (len(HEAD) + len(words)))(0, items, *words)
    threads.launch(kernel.call, kernel.address, ctypes.addressof(block), min(most, items))
