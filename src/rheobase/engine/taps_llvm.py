"""A tapped delay line at kernel speed: each lane's sum over its last inputs, and the gradient of the taps.

    y[t] = sum over k of w[k] x[t - k],   k = 0 ... taps - 1, in this order
    g_w[k] = sum over t of g[t] x[t - k]

A task is a few vectors of neighbouring lanes of one sample. Their columns are first copied together, since rows lie
far apart, often a power of two, where a cache holds only a few of them; then eight sums go on side by side, so that
each tap is loaded once for eight steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from rheobase.engine import threads
from rheobase.engine.compile_llvm import Compiled
from rheobase.engine.ir import Value
from rheobase.engine.items import Items, lanes, run

VECTORS = 4  # of a task: rows of 256 bytes make good use of what memory brings
SIDE = 8  # sums side by side
PIECE = 128  # steps whose columns are copied at a time: with the taps before them they fit the first cache
SMALL = 1 << 16  # multiplications under which a second thread costs more than it gives
NUMBERS = ("blocks", "before", "steps", "sums", "taps", "past", "width", "padded", "stride", "room")
POINTERS = ("threads", "early", "x", "weight", "g", "out", "scratch")


def filtered(x: Tensor, before: Tensor | None, after: int, weight: Tensor) -> Tensor:
    """The sums over a sequence.

    Shapes: x (time, samples, lanes); weight (taps, lanes); before (rows, samples, lanes) stands before x, `after` rows
    of zeros behind it; out (rows + time + after - taps + 1, samples, lanes). All of one dtype, float32 or float64.
    """
    taps, rows = weight.shape[0], 0 if before is None else before.shape[0]
    out = x.new_empty((rows + x.shape[0] + after - taps + 1, *x.shape[1:]))
    weight = torch.nn.functional.pad(weight, (0, _padded(x) - x.shape[2])).contiguous()
    _launch(_filter, x, before, taps, out.shape[0], {"weight": weight, "out": out})
    return out


def tap_gradient(g: Tensor, x: Tensor, before: Tensor) -> Tensor:
    """The gradient of the taps (taps, lanes), before has taps - 1 rows; summed over steps, then over samples."""
    taps = before.shape[0] + 1
    out = x.new_zeros((x.shape[1], taps, _padded(x)))
    _launch(_gradient, x, before, taps, x.shape[0], {"g": g, "out": out})
    return out[..., : x.shape[2]].sum(0)


def _padded(x: Tensor) -> int:
    """Lanes that whole vectors hold."""
    n = lanes(x.dtype)
    return -(-x.shape[2] // n) * n


def _launch(
    kernel: Callable[[torch.dtype], Compiled],
    x: Tensor,
    before: Tensor | None,
    taps: int,
    sums: int,
    of: dict[str, Tensor],
) -> None:
    steps, samples, width = x.shape
    padded, row = _padded(x), VECTORS * lanes(x.dtype)
    blocks = -(-padded // row)
    # a thread's own columns: of the sequence, and in the gradient of its gradient too
    room = (2 * PIECE + taps - 1 + SIDE) * row
    workers = min(threads.available(), blocks * samples) if x.numel() * taps > SMALL else 1
    numbers = (blocks, 0 if before is None else before.shape[0], steps, sums, taps, taps - 1, width, padded,
               samples * width, room)  # fmt: skip
    held = {"early": before, "x": x, "scratch": x.new_empty(workers * room),
            "threads": torch.zeros((), dtype=torch.int64), **of}  # fmt: skip
    pointers = [0 if (tensor := held.get(name)) is None else tensor.data_ptr() for name in POINTERS]
    run(kernel(x.dtype), blocks * samples, (*numbers, *pointers), workers)


@functools.cache
def _filter(dtype: torch.dtype) -> Compiled:
    return _Filter(dtype).compiled()


@functools.cache
def _gradient(dtype: torch.dtype) -> Compiled:
    return _Gradient(dtype).compiled()


class _Taps(Items):
    """What both kernels do: an item is a block of lanes of one sample, whose columns are copied piece by piece."""

    def __init__(self, dtype: torch.dtype):
        super().__init__(dtype, NUMBERS, POINTERS)
        held, self.row = self.held, VECTORS * self.lanes  # of the scratch
        self.sample, block = (self.int(op, self.item, held["blocks"]) for op in ("udiv", "urem"))
        self.column = self.int("mul", block, self.row)
        self.first = self.cell(self.sample, held["width"], self.column)
        self.write()
        self.do("br label %next")

    def write(self) -> None:
        """The lines of one item."""
        raise NotImplementedError

    def prelude(self) -> None:
        mine = self.let(f"atomicrmw add ptr {self.held['threads']}, i64 1 monotonic")
        self.scratch = self.at(self.held["scratch"], self.int("mul", mine, self.held["room"]))

    # --- pieces -------------------------------------------------------------------------------------------
    def cell(self, row: Value, stride: Value | int, column: Value) -> Value:
        return self.int("add", self.int("mul", row, stride), column)

    def inside(self, lane: Value) -> Value:
        """Which lanes of a vector that begins at a lane exist."""
        whole = f"<{self.lanes} x i64>"
        one = self.let(f"insertelement {whole} poison, i64 {self.int('sub', self.held['width'], lane)}, i64 0")
        every = self.let(f"shufflevector {whole} {one}, {whole} poison, <{self.lanes} x i32> zeroinitializer")
        counts = "<" + ", ".join(f"i64 {k}" for k in range(self.lanes)) + ">"
        return self.let(f"icmp slt {whole} {counts}, {every}")

    def load_inside(self, pointer: Value, mask: Value) -> Value:
        given = (("ptr", pointer), ("i32", f"{self.bits // 8}"), (self.M, mask), (self.F, "zeroinitializer"))
        return self.call(self.F, f"llvm.masked.load.{self.suffix}.p0", *given)

    def store_inside(self, value: Value, pointer: Value, mask: Value) -> None:
        given = ((self.F, value), ("ptr", pointer), ("i32", f"{self.bits // 8}"), (self.M, mask))
        self.call("void", f"llvm.masked.store.{self.suffix}.p0", *given)

    def least(self, a: Value, b: Value | int) -> Value:
        return self.let(f"select i1 {self.let(f'icmp slt i64 {a}, {b}')}, i64 {a}, i64 {b}")

    def columns(self, target: Value, source: str, first: Value, count: Value) -> None:
        """Copy this item's columns of `count` rows from row `first` on, side by side.

        Rows of x are counted from the first of those before it; the rows behind it are zero.
        """
        with self.loop(count) as r:
            row = self.int("add", first, r.index)
            place = self.at(target, self.int("mul", r.index, self.row))
            if source == "x":
                self._row_of_x(place, row)
            else:
                self._row(place, self.held[source], row)

    def _row_of_x(self, place: Value, row: Value) -> None:
        step = self.int("sub", row, self.held["before"])
        early, late = (
            self.let(f"icmp {op} i64 {step}, {end}") for op, end in (("slt", 0), ("sge", self.held["steps"]))
        )
        with self.when(self.let(f"icmp ult i64 {step}, {self.held['steps']}")):
            self._row(place, self.held["x"], step)
        with self.when(early):
            self._row(place, self.held["early"], row)
        with self.when(late):
            for k in range(VECTORS):
                self.store("zeroinitializer", self.at(place, k * self.lanes))

    def _row(self, place: Value, source: Value, row: Value) -> None:
        begin = self.at(source, self.cell(row, self.held["stride"], self.first))
        for k in range(VECTORS):
            mask = self.inside(self.int("add", self.column, k * self.lanes))
            self.store(self.load_inside(self.at(begin, k * self.lanes), mask), self.at(place, k * self.lanes))

    def vectors(self) -> Value:
        """How many vectors of this item hold lanes."""
        left = self.int("sdiv", self.int("sub", self.held["padded"], self.column), self.lanes)
        return self.least(left, VECTORS)


class _Filter(_Taps):
    def write(self) -> None:
        held = self.held
        with self.loop(held["sums"], PIECE) as piece:
            count = self.least(self.int("sub", held["sums"], piece.index), PIECE)
            self.columns(self.scratch, "x", piece.index, self.int("add", count, held["past"]))
            with self.loop(self.vectors()) as v:
                within = self.int("mul", v.index, self.lanes)
                lane = self.int("add", self.column, within)
                mask = self.inside(lane)
                with self.loop(count, SIDE) as t:
                    latest = self.int("add", t.index, held["past"])
                    with self.loop(held["taps"], start=["zeroinitializer"] * SIDE) as k:
                        tap = self.load(self.at(held["weight"], self.cell(k.index, held["padded"], lane)))
                        row = self.int("sub", latest, k.index)
                        column = self.at(self.scratch, self.cell(row, self.row, within))
                        for j in range(SIDE):
                            k.values[j] = self.fma(tap, self.load(self.at(column, j * self.row)), k.values[j])
                    for j in range(SIDE):
                        step = self.int("add", t.index, j)
                        with self.when(self.let(f"icmp slt i64 {step}, {count}")):
                            row = self.int("add", piece.index, step)
                            place = self.int("add", self.cell(row, held["stride"], self.first), within)
                            self.store_inside(k.values[j], self.at(held["out"], place), mask)


class _Gradient(_Taps):
    def write(self) -> None:
        held = self.held
        # taps beyond the last are summed with the others and left out: room before the columns for what they read
        columns = self.at(self.scratch, SIDE * self.row)
        of_g = self.at(columns, self.int("mul", self.int("add", held["past"], PIECE), self.row))
        sample = self.int("mul", self.int("mul", self.sample, held["taps"]), held["padded"])
        with self.loop(held["sums"], PIECE) as piece:
            count = self.least(self.int("sub", held["sums"], piece.index), PIECE)
            self.columns(columns, "x", piece.index, self.int("add", count, held["past"]))
            self.columns(of_g, "g", piece.index, count)
            with self.loop(self.vectors()) as v:
                within = self.int("mul", v.index, self.lanes)
                lane = self.int("add", self.column, within)
                with self.loop(held["taps"], SIDE) as k:
                    latest = self.int("sub", held["past"], k.index)
                    with self.loop(count, start=["zeroinitializer"] * SIDE) as t:
                        slope = self.load(self.at(of_g, self.cell(t.index, self.row, within)))
                        column = self.at(columns, self.cell(self.int("add", t.index, latest), self.row, within))
                        for j in range(SIDE):
                            t.values[j] = self.fma(slope, self.load(self.at(column, -j * self.row)), t.values[j])
                    for j in range(SIDE):
                        tap = self.int("add", k.index, j)
                        with self.when(self.let(f"icmp slt i64 {tap}, {held['taps']}")):
                            place = self.int("add", sample, self.cell(tap, held["padded"], lane))
                            pointer = self.at(held["out"], place)
                            self.store(self.add(self.load(pointer), t.values[j]), pointer)
