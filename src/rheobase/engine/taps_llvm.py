"""A tapped delay line at kernel speed: each lane's sum over its last inputs, and the gradient of the taps.

    y[t] = sum over k of w[k] x[t - k],   k = 0 ... taps - 1, in this order
    g_w[k] = sum over t of g[t] x[t - k]

A task is a few vectors of neighbouring lanes of one sample. Their columns are first copied together, since rows lie
far apart, often a power of two, where a cache holds only a few of them; then eight sums go on side by side, so that
each tap is loaded once for eight steps.
"""

from __future__ import annotations

import ctypes
import functools

import torch
from torch import Tensor

from rheobase.engine import threads
from rheobase.engine.compile_llvm import Compiled, compile_module, host
from rheobase.engine.loops import Code

VECTORS = 4  # of a task: rows of 256 bytes make good use of what memory brings
SIDE = 8  # sums side by side
PIECE = 128  # steps whose columns are copied at a time: with the taps before them they fit the first cache
SMALL = 1 << 16  # multiplications under which a second thread costs more than it gives
WORDS = (
    "counter", "workers", "blocks", "samples", "tasks", "before", "rows", "out_rows", "taps", "lanes", "padded",
    "a_before", "a_rows", "a_weight", "a_other", "a_out", "a_scratch", "scratch_size",
)  # fmt: skip


def filtered(x: Tensor, before: Tensor | None, after: int, weight: Tensor) -> Tensor:
    """The sums over a sequence.

    Shapes: x (time, samples, lanes); weight (taps, lanes); before (rows, samples, lanes) stands before x, `after` rows
    of zeros behind it; out (rows + time + after - taps + 1, samples, lanes). All of one dtype, float32 or float64.
    """
    taps, steps = weight.shape[0], x.shape[0]
    rows = 0 if before is None else before.shape[0]
    out = x.new_empty((rows + steps + after - taps + 1, *x.shape[1:]))
    _launch("filter", x, before, rows, None, out, weight, taps)
    return out


def tap_gradient(g: Tensor, x: Tensor, before: Tensor) -> Tensor:
    """The gradient of the taps (taps, lanes), before has taps - 1 rows; summed over steps, then over samples."""
    taps = before.shape[0] + 1
    out = x.new_zeros((x.shape[1], taps, _padded(x)))
    _launch("gradient", x, before, before.shape[0], g, out, None, taps)
    return out[..., : x.shape[2]].sum(0)


def _padded(x: Tensor) -> int:
    lanes = host().vector_bits // (8 * x.element_size())
    return -(-x.shape[2] // lanes) * lanes


def _launch(
    kind: str, x: Tensor, before: Tensor | None, rows: int, other: Tensor | None, out: Tensor, weight: Tensor | None,
    taps: int,
) -> None:  # fmt: skip
    steps, samples, lanes = x.shape
    padded, width = _padded(x), host().vector_bits // (8 * x.element_size())
    blocks = -(-padded // (VECTORS * width))
    tasks = blocks * samples
    spent = x.numel() * taps
    workers = min(threads.available(), tasks) if spent > SMALL else 1
    if weight is not None:
        weight = torch.nn.functional.pad(weight, (0, padded - lanes)).contiguous()
    # a thread's own columns: of the sequence, and in the gradient of its gradient too
    size = (PIECE + taps - 1 + (PIECE + SIDE if other is not None else 0)) * VECTORS * width
    scratch = x.new_empty(workers * size)
    given = {
        "counter": 0, "workers": 0, "blocks": blocks, "samples": samples, "tasks": tasks, "before": rows,
        "rows": steps, "out_rows": out.shape[0] if other is None else steps, "taps": taps, "lanes": lanes,
        "padded": padded, "a_before": 0 if before is None else before.data_ptr(), "a_rows": x.data_ptr(),
        "a_weight": 0 if weight is None else weight.data_ptr(), "a_other": 0 if other is None else other.data_ptr(),
        "a_out": out.data_ptr(), "a_scratch": scratch.data_ptr(), "scratch_size": size,
    }  # fmt: skip
    arguments = (ctypes.c_int64 * len(WORDS))(*(given[name] for name in WORDS))
    code = _kernel(kind, "double" if x.dtype == torch.float64 else "float", width)
    threads.launch(code.call, code.address, ctypes.addressof(arguments), workers)


@functools.cache
def _kernel(kind: str, real: str, width: int) -> Compiled:
    return compile_module(_Kernel(real, width).text(kind))


class _Kernel:
    """The assembly of one kernel."""

    def __init__(self, real: str, width: int):
        self.real, self.width, self.bytes = real, width, 4 if real == "float" else 8
        self.vector = f"<{width} x {real}>"
        self.mask = f"<{width} x i1>"
        self.row = VECTORS * width  # of the scratch
        self.code = Code(WORDS)

    def text(self, kind: str) -> str:
        c, v, name = self.code, self.vector, f"v{self.width}{'f32' if self.real == 'float' else 'f64'}"
        self.name = name
        mine = c(f"atomicrmw add ptr {c.at('%args', 'i64', '1')}, i64 1 seq_cst")
        start = c(f"mul i64 {mine}, %scratch_size")
        self.scratch = c.at(c.pointer("%a_scratch"), self.real, start)
        self.before, self.rows, self.weight, self.other, self.out = (
            c.pointer(f"%a_{name}") for name in ("before", "rows", "weight", "other", "out")
        )
        self.stride = c("mul i64 %samples, %lanes")
        self.past = c("sub i64 %taps, 1")
        counter = c("ptrtoint ptr %args to i64")
        with c.tasks(counter, "%tasks") as task:
            sample = c(f"sdiv i64 {task}, %blocks")
            block = c(f"srem i64 {task}, %blocks")
            self.column = c(f"mul i64 {block}, {self.row}")  # the first lane of the task
            self.sample = sample
            self.first = c(f"add i64 {c(f'mul i64 {sample}, %lanes')}, {self.column}")
            getattr(self, kind)()
        return c.text(
            f"declare {v} @llvm.masked.load.{name}.p0(ptr, i32, {self.mask}, {v})",
            f"declare void @llvm.masked.store.{name}.p0({v}, ptr, i32, {self.mask})",
            f"declare {v} @llvm.fma.{name}({v}, {v}, {v})",
        )

    # --- pieces -------------------------------------------------------------------------------------------
    def inside(self, lane: str) -> str:
        """Which lanes of a vector that begins at a lane exist."""
        c, whole = self.code, f"<{self.width} x i64>"
        room = c(f"sub i64 %lanes, {lane}")
        one = c(f"insertelement {whole} poison, i64 {room}, i64 0")
        every = c(f"shufflevector {whole} {one}, {whole} poison, <{self.width} x i32> zeroinitializer")
        counts = "<" + ", ".join(f"i64 {k}" for k in range(self.width)) + ">"
        return c(f"icmp slt {whole} {counts}, {every}")

    def load(self, pointer: str, mask: str | None = None) -> str:
        if mask is None:
            return self.code(f"load {self.vector}, ptr {pointer}, align {self.bytes}")
        return self.code(
            f"call {self.vector} @llvm.masked.load.{self.name}.p0(ptr {pointer}, i32 {self.bytes}, {self.mask} {mask}, "
            f"{self.vector} zeroinitializer)"
        )

    def store(self, value: str, pointer: str, mask: str | None = None) -> None:
        if mask is None:
            self.code.do(f"store {self.vector} {value}, ptr {pointer}, align {self.bytes}")
            return
        self.code.do(
            f"call void @llvm.masked.store.{self.name}.p0({self.vector} {value}, ptr {pointer}, i32 {self.bytes}, "
            f"{self.mask} {mask})"
        )

    def fma(self, a: str, b: str, c: str) -> str:
        v = self.vector
        return self.code(f"call {v} @llvm.fma.{self.name}({v} {a}, {v} {b}, {v} {c})")

    def copy(self, target: str, first: str, count: str, *, of: str) -> None:
        """Columns of `count` rows from row `first` on, side by side; rows before and behind the sequence as given."""
        c = self.code
        with c.loop(count) as r:
            row = c(f"add i64 {first}, {r.index}")
            place = c.at(target, self.real, c(f"mul i64 {r.index}, {self.row}"))
            if of == "other":
                self._row(place, self.other, row)
            else:
                self._padded_row(place, row)

    def _padded_row(self, place: str, row: str) -> None:
        """A row of what stands before the sequence, of the sequence, or of the zeros behind it."""
        c = self.code
        inside = c(f"sub i64 {row}, %before")
        early, late = c(f"icmp slt i64 {inside}, 0"), c(f"icmp sge i64 {inside}, %rows")
        with c.when(c(f"icmp ult i64 {inside}, %rows")):
            self._row(place, self.rows, inside)
        with c.when(early):
            self._row(place, self.before, row)
        with c.when(late):
            for k in range(VECTORS):
                self.store("zeroinitializer", c.at(place, self.real, str(k * self.width)))

    def _row(self, place: str, source: str, row: str) -> None:
        c = self.code
        begin = c.at(source, self.real, c(f"add i64 {c(f'mul i64 {row}, {self.stride}')}, {self.first}"))
        for k in range(VECTORS):
            lane = c(f"add i64 {self.column}, {k * self.width}")
            value = self.load(c.at(begin, self.real, str(k * self.width)), self.inside(lane))
            self.store(value, c.at(place, self.real, str(k * self.width)))

    def vectors(self) -> str:
        """How many vectors of this task hold lanes."""
        c = self.code
        left = c(f"sdiv i64 {c(f'sub i64 %padded, {self.column}')}, {self.width}")
        return c(f"select i1 {c(f'icmp slt i64 {left}, {VECTORS}')}, i64 {left}, i64 {VECTORS}")

    def least(self, a: str, b: str) -> str:
        return self.code(f"select i1 {self.code(f'icmp slt i64 {a}, {b}')}, i64 {a}, i64 {b}")

    # --- kernels ------------------------------------------------------------------------------------------
    def filter(self) -> None:
        c = self.code
        with c.loop("%out_rows", PIECE) as piece:
            count = self.least(c(f"sub i64 %out_rows, {piece.index}"), str(PIECE))
            self.copy(self.scratch, piece.index, c(f"add i64 {count}, {self.past}"), of="rows")
            with c.loop(self.vectors()) as v:
                within = c(f"mul i64 {v.index}, {self.width}")
                lane = c(f"add i64 {self.column}, {within}")
                mask = self.inside(lane)
                with c.loop(count, SIDE) as t:
                    latest = c(f"add i64 {t.index}, {self.past}")
                    with c.loop("%taps", kind=self.vector, start=["zeroinitializer"] * SIDE) as k:
                        tap = self.load(c.at(self.weight, self.real, self._cell(k.index, "%padded", lane)))
                        row = c(f"sub i64 {latest}, {k.index}")
                        column = c.at(self.scratch, self.real, self._cell(row, str(self.row), within))
                        for j in range(SIDE):
                            value = self.load(c.at(column, self.real, str(j * self.row)))
                            k.values[j] = self.fma(tap, value, k.values[j])
                    for j in range(SIDE):
                        step = c(f"add i64 {t.index}, {j}")
                        with c.when(c(f"icmp slt i64 {step}, {count}")):
                            row = c(f"add i64 {piece.index}, {step}")
                            place = c(f"add i64 {self._cell(row, self.stride, self.first)}, {within}")
                            self.store(k.values[j], c.at(self.out, self.real, place), mask)

    def gradient(self) -> None:
        c = self.code
        # taps beyond the last are summed with the others and left out: room before the columns for what they read
        columns = c.at(self.scratch, self.real, str(SIDE * self.row))
        of_g = c.at(columns, self.real, c(f"mul i64 {c(f'add i64 {self.past}, {PIECE}')}, {self.row}"))
        sample = c(f"mul i64 {c(f'mul i64 {self.sample}, %taps')}, %padded")
        with c.loop("%rows", PIECE) as piece:
            count = self.least(c(f"sub i64 %rows, {piece.index}"), str(PIECE))
            self.copy(columns, piece.index, c(f"add i64 {count}, {self.past}"), of="rows")
            self.copy(of_g, piece.index, count, of="other")
            with c.loop(self.vectors()) as v:
                within = c(f"mul i64 {v.index}, {self.width}")
                lane = c(f"add i64 {self.column}, {within}")
                with c.loop("%taps", SIDE) as k:
                    sums = [c(f"add i64 {k.index}, {j}") for j in range(SIDE)]
                    latest = c(f"sub i64 {self.past}, {k.index}")
                    with c.loop(count, kind=self.vector, start=["zeroinitializer"] * SIDE) as t:
                        slope = self.load(c.at(of_g, self.real, self._cell(t.index, str(self.row), within)))
                        row = c(f"add i64 {t.index}, {latest}")
                        column = c.at(columns, self.real, self._cell(row, str(self.row), within))
                        for j in range(SIDE):
                            value = self.load(c.at(column, self.real, str(-j * self.row)))
                            t.values[j] = self.fma(slope, value, t.values[j])
                    for j, tap in enumerate(sums):
                        with c.when(c(f"icmp slt i64 {tap}, %taps")):
                            place = c(f"add i64 {sample}, {self._cell(tap, '%padded', lane)}")
                            pointer = c.at(self.out, self.real, place)
                            whole = c(f"fadd {self.vector} {self.load(pointer)}, {t.values[j]}")
                            self.store(whole, pointer)

    def _cell(self, row: str, stride: str, column: str) -> str:
        c = self.code
        return c(f"add i64 {c(f'mul i64 {row}, {stride}')}, {column}")
