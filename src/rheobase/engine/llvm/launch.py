"""Tensors in, tensors out: fills the argument words of a nest's kernel, gives it scratch, and runs it."""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled, compile_module, host
from rheobase.engine.llvm.frame import WORDS
from rheobase.engine.llvm.nests import Printer, words
from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import BLOCK, Nest
from rheobase.engine.nest.tensors import fitting, many
from rheobase.engine.nest.verify import verify

CACHE_BYTES = 448 * 1024  # of the second-level cache, for the rows of a block
WIDEST = 512  # lanes of a block of float32: rows of 2 kB
LINE = 64  # bytes of a cache line
SMALL = 1 << 15  # lane-steps under which a second thread costs more than it gives
COUNTER, THREADS, BAD, STEP = map(WORDS.index, ("counter", "threads", "bad", "step"))
DOUBLE, WORD = struct.Struct("<d"), struct.Struct("<q")


@dataclass(frozen=True, eq=False)
class Kernel:
    """A compiled nest, with what it takes to run it."""

    code: Compiled
    size: int  # of a real number, in bytes
    lanes: int  # of a vector
    sizes: tuple[str, ...]
    numbers: tuple[str, ...]
    slots: dict[str, int]  # where each word stands
    rows: tuple[tuple[Index, ...], ...]  # the axes of its rows in a block


@dataclass(frozen=True)
class Cut:
    """How a launch is cut: lanes of a block, blocks, threads, and the scratch of each thread."""

    block: int
    blocks: int
    workers: int
    row_bytes: int
    scratch_bytes: int


@functools.lru_cache(maxsize=1024)
def cut(kernel: Kernel, lanes: int, sizes: tuple[int, ...], workers: int) -> Cut:
    """Choose blocks of whole vectors whose rows fit the cache, and enough of them for all threads."""
    known = dict(zip(kernel.sizes, sizes, strict=True))
    rows, vector = sum(many(axes, known) for axes in kernel.rows), kernel.lanes
    fit = min(WIDEST * 4, CACHE_BYTES // (rows or 1)) // kernel.size
    if fit >= 2 * vector:
        # leaves compute up to four vectors side by side, and one by one what is left over
        fit = max(1, round(fit / (4 * vector))) * 4 * vector
    whole = max(vector, 8)  # no two threads write bits of one byte
    # two vectors side by side are worth more than rows in the second-level cache
    block = -(-max(whole, min(max(fit, 2 * vector), -(-lanes // workers))) // whole) * whole
    # an odd number of lines for a row: else the rows of a vector fall on a part of the cache's sets
    blocks, row_bytes = -(-lanes // block), (-(-block * kernel.size // LINE) | 1) * LINE
    return Cut(block, blocks, min(workers, blocks), row_bytes, rows * row_bytes + 4096)


@functools.lru_cache(maxsize=1024)
def kernel(nest: Nest, bits: int) -> Kernel:
    """The kernel of a nest. Raises `IllFormed`."""
    lanes = host().vector_bits // bits
    code = compile_module(Printer(verify(nest), bits, lanes).written())
    slots = {name: k for k, name in enumerate((*WORDS, *words(nest)))}
    axes = tuple(buffer.axes for buffer in nest.rows(BLOCK))
    return Kernel(code, bits // 8, lanes, nest.sizes, nest.numbers, slots, axes)


class Runner:
    """A kernel ready to run, again and again, with other pointers each time."""

    def __init__(
        self,
        kernel: Kernel,
        lanes: int,
        sizes: Mapping[str, int],
        numbers: Mapping[str, float],
        tensors: Mapping[str, Tensor | None],
        *,
        work: int,
        seed: int = 0,
        start: int = 0,
    ):
        self.kernel, self.start = kernel, start  # the absolute step of its noise
        self.tensors = tensors  # keeps them alive
        whole = tuple([sizes[name] for name in kernel.sizes])
        shape = cut(kernel, lanes, whole, threads.available() if work > SMALL else 1)
        self.workers = shape.workers
        self.scratch = torch.empty(shape.workers * shape.scratch_bytes, dtype=torch.uint8)
        self.words = (ctypes.c_int64 * len(kernel.slots))(
            lanes,
            shape.block,
            shape.blocks,
            0,
            0,
            self.scratch.data_ptr(),
            shape.scratch_bytes,
            shape.row_bytes,
            0,
            seed,
            0,
            *whole,
            *[WORD.unpack(DOUBLE.pack(numbers[name]))[0] for name in kernel.numbers],
        )
        self.point(tensors)

    def point(self, tensors: Mapping[str, Tensor | None]) -> None:
        """Set the pointers of tensors, by name; names that the nest does not use are ignored."""
        words, slots = self.words, self.kernel.slots
        for name, tensor in tensors.items():
            if name in slots:
                words[slots[name]] = 0 if tensor is None else tensor.data_ptr()

    def run(self, tensors: Mapping[str, Tensor | None] | None = None, step: int = 0) -> int:
        """Run as `rheobase.engine.operators.call.Ready.run` says. Returns the flags that were raised."""
        if tensors:
            self.point(tensors)
        words = self.words
        words[COUNTER] = words[THREADS] = words[BAD] = 0
        words[STEP] = self.start + step
        threads.launch(self.kernel.code.call, self.kernel.code.address, ctypes.addressof(words), self.workers)
        return words[BAD]

    def flags(self) -> int:
        """The flags of the last run."""
        return self.words[BAD]


def run(
    nest: Nest,
    tensors: Mapping[str, Tensor | None],
    sizes: Mapping[str, int],
    numbers: Mapping[str, float],
    *,
    lanes: int,
    dtype: torch.dtype,
    seed: int = 0,
    step: int = 0,
) -> int:
    """Run a nest over tensors by the names of its memory buffers, each dense, its lanes last. Returns its flags.

    Raises: `ValueError` for a tensor that is missing, of another size or type, for an index that leaves its axis, or
    for a type or a number in which the nest does not compute.
    """
    held = fitting(nest, tensors, sizes, numbers, lanes, dtype)
    made = kernel(nest, 8 * dtype.itemsize)
    return Runner(made, lanes, sizes, numbers, held, work=SMALL + 1, seed=seed, start=step).run()
