"""Tensors in, tensors out: fills the argument block of a kernel, gives it scratch, and runs it."""

from __future__ import annotations

import ctypes
import functools
import struct
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import Tensor

from rheobase.engine.graph.plan import Wanted, plan_backward
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import STORED, Variant
from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled, compile_module, host
from rheobase.engine.llvm.emit import Rows, emit_backward, emit_forward
from rheobase.engine.llvm.layout import PAD, backward_layout, forward_layout

CACHE_BYTES = 448 * 1024  # of the second-level cache, for the states of a segment
BLOCK = 512  # lanes of a block: rows of 2 kB in float32
SMALL = 1 << 15  # lane-steps under which a second thread costs more than it gives


@dataclass(frozen=True)
class Kernel:
    """A compiled variant, with what it needs to run."""

    code: Compiled
    rows: Rows
    slots: dict[str, int]  # where each word of the argument block stands
    lanes: int


@functools.lru_cache(maxsize=512)
def kernel(variant: Variant) -> Kernel:
    """The kernel of a variant."""
    lanes = host().vector_bits // variant.bits
    emit = emit_forward if variant.wanted is None else emit_backward
    assembly, rows = emit(variant, lanes)
    program = parse(variant.program)
    counts = len(program.entries), len(program.states), len(program.params), len(program.traces)
    layout = forward_layout(*counts) if variant.wanted is None else backward_layout(*counts)
    return Kernel(compile_module(assembly), rows, {name: k for k, name in enumerate(layout.names)}, lanes)


@functools.lru_cache(maxsize=512)
def longest_segment(program: str, bits: int) -> int:
    """Steps between two kept states: as many as a block's states fit the cache."""
    parsed = parse(program)
    everything = Wanted.everything(parsed)
    saved = max(1, len(plan_backward(program, False, everything).saved))
    fit = CACHE_BYTES // (saved * 128 * bits // 8)
    return max(16, fit)


@dataclass(frozen=True)
class Call:
    """What forward and backward share: the program, its sizes, its parameters and its scalars."""

    program: str
    inputs: list[Tensor]  # each (time, batch, *neurons), contiguous
    init: list[Tensor]
    params: list[Tensor]  # scalars, or one value per lane
    lengths: Tensor | None  # one per lane
    dt: float
    rng: tuple[int, int]  # seed and absolute step

    @property
    def form(self) -> Tensor:
        """The first input, whose axes and dtype are those of all."""
        return self.inputs[0]

    @functools.cached_property
    def lanes(self) -> int:
        return self.form.numel() // self.form.shape[0]

    @property
    def compute(self) -> torch.dtype:
        return torch.float64 if self.form.dtype == torch.float64 else torch.float32

    def variant(self, wanted: Wanted | None) -> Variant:
        wise = tuple(p.numel() != 1 or self.lanes == 1 for p in self.params)
        return Variant(self.program, self.lengths is not None, STORED[self.form.dtype], wise, wanted)

    @functools.cached_property
    def segment(self) -> int:
        longest = longest_segment(self.program, 64 if self.compute == torch.float64 else 32)
        return min(self.form.shape[0], longest)

    @property
    def segments(self) -> int:
        return -(-self.form.shape[0] // self.segment)


class Runner:
    """A kernel ready to run, again and again, with other pointers each time."""

    def __init__(self, call: Call, variant: Variant):
        self.kernel = k = kernel(variant)
        self.call = call  # keeps its tensors alive
        steps, lanes, size = call.form.shape[0], call.lanes, variant.bits // 8
        workers = threads.available() if steps * lanes > SMALL else 1
        block = _block(lanes, workers, k, size, call.segment)
        blocks = -(-lanes // block)
        self.workers = min(workers, blocks)
        row_bytes = block * size + PAD
        scratch_bytes = (k.rows.once + k.rows.per_step * call.segment) * row_bytes + 4096
        self.scratch = torch.empty(self.workers * scratch_bytes, dtype=torch.uint8)
        self.slots = k.slots
        fields = {
            "steps": steps, "lanes": lanes, "block": block, "blocks": blocks, "segment": call.segment,
            "segments": call.segments, "scratch": self.scratch.data_ptr(), "scratch_bytes": scratch_bytes,
            "row_bytes": row_bytes, "dt": struct.unpack("<q", struct.pack("<d", call.dt))[0], "seed": call.rng[0],
            "lengths": 0 if call.lengths is None else call.lengths.data_ptr(),
            **{f"input:{k}": tensor.data_ptr() for k, tensor in enumerate(call.inputs)},
            **{f"init:{k}": tensor.data_ptr() for k, tensor in enumerate(call.init)},
            **{f"param:{k}": tensor.data_ptr() for k, tensor in enumerate(call.params)},
        }  # fmt: skip
        self.words = (ctypes.c_int64 * len(k.slots))(*map(fields.get, k.slots, repeat(0)))

    def _point(self, pointers: dict[str, Tensor | None]) -> None:
        for name, tensor in pointers.items():
            self.words[self.slots[name]] = 0 if tensor is None else tensor.data_ptr()

    def run(self, pointers: dict[str, Tensor | None], step: int) -> int:
        """Run over these tensors from this absolute step on. Returns what was not finite (forward only)."""
        self._point(pointers)
        for name, value in (("counter", 0), ("threads", 0), ("bad", 0), ("step", step)):
            self.words[self.slots[name]] = value
        threads.launch(self.kernel.code.call, self.kernel.code.address, ctypes.addressof(self.words), self.workers)
        return self.words[self.slots["bad"]]


def run(call: Call, variant: Variant, pointers: dict[str, Tensor | None]) -> int:
    """Run a kernel once over these tensors. Returns what was not finite, `BAD_INPUT` or `BAD_STATE` (forward only)."""
    return Runner(call, variant).run(pointers, call.rng[1])


def _block(lanes: int, workers: int, k: Kernel, size: int, segment: int) -> int:
    """Lanes of a block: whole vectors, states of a segment within the cache, enough blocks for all threads."""
    fit = BLOCK * 4 // size
    if k.rows.per_step:
        fit = min(fit, CACHE_BYTES // (k.rows.per_step * segment * size))
    share = -(-lanes // workers)
    block = max(k.lanes, min(fit, share))
    return -(-block // k.lanes) * k.lanes
