"""A tapped delay line at kernel speed: each lane's sum over its last inputs, and the gradient of the taps.

    y[t] = sum over k of w[k] x[t - k],   k = 0 ... taps - 1, in this order
    g_x[t] = sum over k of w[k] g[t + k],   k = taps - 1 ... 0
    g_w[k] = sum over t of g[t] x[t - k]

A task is a few vectors of neighbouring lanes of one sample. Their columns are first copied together, since rows lie
far apart, often a power of two, where a cache holds only a few of them; then eight sums go on side by side, so that
each tap is loaded once for eight steps.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator

import torch
from torch import Tensor

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.work_items import Items, lanes, run

VECTORS = 4  # of a task: rows of 256 bytes make good use of what memory brings
SIDE = 8  # sums side by side
AHEAD = 16  # rows asked for before they are used: each lies in a page of its own, where the processor does not guess
PIECE = 128  # steps whose columns are copied at a time: with the taps before them they fit the first cache
LINE = 64  # bytes that memory brings at a time
SMALL = 1 << 16  # multiplications under which a second thread costs more than it gives
NUMBERS = ("blocks", "before", "steps", "sums", "taps", "past", "width", "padded", "stride", "scratch_size")
POINTERS = ("threads", "early", "x", "weight", "g", "out", "slopes", "scratch")


def filtered(x: Tensor, before: Tensor | None, after: int, weight: Tensor) -> Tensor:
    """The sums over a sequence.

    Shapes: x (time, samples, lanes); weight (taps, lanes); before (rows, samples, lanes) precedes x, and `after` rows
    of zeros follow it; out (rows + time + after - taps + 1, samples, lanes). All of one dtype, float32 or float64.
    """
    taps, rows = weight.shape[0], 0 if before is None else before.shape[0]
    out = x.new_empty((rows + x.shape[0] + after - taps + 1, *x.shape[1:]))
    weight = torch.nn.functional.pad(weight, (0, _padded(x) - x.shape[2])).contiguous()
    _launch(_filter, x, before, taps, out.shape[0], {"weight": weight, "out": out})
    return out


def tap_gradient(g: Tensor, x: Tensor, before: Tensor) -> Tensor:
    """The gradient (taps, lanes) of the taps; g and x (time, samples, lanes), before (taps - 1, samples, lanes).

    Summed over steps, then over samples.
    """
    taps = before.shape[0] + 1
    slopes = x.new_zeros((x.shape[1], taps, _padded(x)))
    _launch(_gradient, x, before, taps, x.shape[0], {"g": g, "slopes": slopes})
    return slopes[..., : x.shape[2]].sum(0)


def both_gradients(g: Tensor, x: Tensor, before: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients of x and of the taps in one pass over g, the same bits as one by one."""
    taps, out = weight.shape[0], torch.empty_like(x)
    slopes = x.new_zeros((x.shape[1], taps, _padded(x)))
    weight = torch.nn.functional.pad(weight.flip(0), (0, _padded(x) - x.shape[2]))
    _launch(_backward, x, before, taps, x.shape[0], {"g": g, "weight": weight, "out": out, "slopes": slopes})
    return out, slopes[..., : x.shape[2]].sum(0)


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
    # a thread's own columns: of the sequence, and of its gradient too
    scratch_size = (2 * (PIECE + taps - 1) + SIDE) * row
    workers = min(threads.available(), blocks * samples) if x.numel() * taps > SMALL else 1
    numbers = (blocks, 0 if before is None else before.shape[0], steps, sums, taps, taps - 1, width, padded,
               samples * width, scratch_size)  # fmt: skip
    held = {
        "early": before,
        "x": x,
        "scratch": x.new_empty(workers * scratch_size),
        "threads": torch.zeros((), dtype=torch.int64),
        **of,
    }
    tensors = [held.get(name) for name in POINTERS]
    pointers = [0 if tensor is None else tensor.data_ptr() for tensor in tensors]
    run(kernel(x.dtype), blocks * samples, (*numbers, *pointers), workers)


@functools.cache
def _filter(dtype: torch.dtype) -> Compiled:
    return _Filter(dtype).compiled()


@functools.cache
def _gradient(dtype: torch.dtype) -> Compiled:
    return _Gradient(dtype).compiled()


@functools.cache
def _backward(dtype: torch.dtype) -> Compiled:
    return _Backward(dtype).compiled()


class _Taps(Items):
    """What all kernels do: an item is a block of lanes of one sample, whose columns are copied piece by piece."""

    def __init__(self, dtype: torch.dtype):
        super().__init__(dtype, NUMBERS, POINTERS)
        held, self.row = self.word, VECTORS * self.lanes  # of the scratch
        mine = self.let(f"atomicrmw add ptr {held['threads']}, i64 1 monotonic")
        self.scratch = self.at(held["scratch"], self.int("mul", mine, held["scratch_size"]))
        with self.pieces("items") as item:
            self.sample, block = (self.int(op, item, held["blocks"]) for op in ("udiv", "urem"))
            self.column = self.int("mul", block, self.row)
            self.first = self.cell(self.sample, held["width"], self.column)
            self.write()

    def write(self) -> None:
        """The lines of one item."""
        raise NotImplementedError

    # --- pieces -------------------------------------------------------------------------------------------
    def cell(self, row: Value, stride: Value | int, column: Value) -> Value:
        return self.int("add", self.int("mul", row, stride), column)

    def inside(self, lane: Value) -> Value:
        """Which lanes of a vector that begins at a lane exist."""
        return self.below(self.int("sub", self.word["width"], lane))

    def columns_of_x(self, target: Value, first: Value, count: Value) -> None:
        """Copy this item's columns of `count` rows side by side, from row `first` on of those before x and of x."""
        with self.loop(count) as r:
            row = self.int("add", first, r.index)
            place = self.at(target, self.int("mul", r.index, self.row))
            step = self.int("sub", row, self.word["before"])
            with self.when(self.compare("slt", step, 0)):
                self._row(place, self.word["early"], row)
            with self.when(self.compare("sge", step, 0)):
                self._row_or_zero(place, "x", step)

    def columns_of_g(self, target: Value, first: Value, count: Value) -> None:
        """The same of g."""
        with self.loop(count) as r:
            place = self.at(target, self.int("mul", r.index, self.row))
            self._row_or_zero(place, "g", self.int("add", first, r.index))

    def _row_or_zero(self, place: Value, source: str, step: Value) -> None:
        inside = self.compare("slt", step, self.word["steps"])
        with self.when(inside):
            self._row(place, self.word[source], step)
        with self.when(self.let(f"xor i1 {inside}, true")):
            for k in range(VECTORS):
                self.store("zeroinitializer", self.at(place, k * self.lanes))

    def ask_ahead(self, row: Value, values: int, *, write: bool = False) -> None:
        """Bring so many values of a later row into the cache; a row beyond the end does no harm."""
        later = self.at(row, self.int("mul", self.word["stride"], AHEAD))
        for k in range(0, values, LINE * 8 // self.bits):
            self.fetch(self.at(later, k), write=write)

    def _row(self, place: Value, source: Value, row: Value) -> None:
        begin = self.at(source, self.cell(row, self.word["stride"], self.first))
        self.ask_ahead(begin, self.row)
        for k in range(VECTORS):
            mask = self.inside(self.int("add", self.column, k * self.lanes))
            self.store(self.load(self.at(begin, k * self.lanes), mask), self.at(place, k * self.lanes))

    # --- what an item does with the columns of a piece ------------------------------------------------------
    def sums(self, columns: Value, first: Value, count: Value, within: Value) -> None:
        """`count` weighted sums of one vector of lanes, to out from row `first` on."""
        held, lane = self.word, self.int("add", self.column, within)
        mask = self.inside(lane)
        with self.loop(count, step=SIDE) as t:
            latest = self.int("add", t.index, held["past"])
            with self.loop(held["taps"], carried=["zeroinitializer"] * SIDE) as k:
                tap = self.load(self.at(held["weight"], self.cell(k.index, held["padded"], lane)))
                column = self.at(columns, self.cell(self.int("sub", latest, k.index), self.row, within))
                for j in range(SIDE):
                    k.values[j] = self.fma(tap, self.load(self.at(column, j * self.row)), k.values[j])
            for j in range(SIDE):
                step = self.int("add", t.index, j)
                with self.when(self.compare("slt", step, count)):
                    row = self.int("add", first, step)
                    place = self.int("add", self.cell(row, held["stride"], self.first), within)
                    out = self.at(held["out"], place)
                    self.ask_ahead(out, self.lanes, write=True)
                    self.store(k.values[j], out, mask)

    def slopes(self, columns: Value, of_g: Value, count: Value, within: Value) -> None:
        """What `count` steps of one vector of lanes give to the gradient of its taps."""
        held, lane = self.word, self.int("add", self.column, within)
        sample = self.int("mul", self.int("mul", self.sample, held["taps"]), held["padded"])
        with self.loop(held["taps"], step=SIDE) as k:
            latest = self.int("sub", held["past"], k.index)
            with self.loop(count, carried=["zeroinitializer"] * SIDE) as t:
                slope = self.load(self.at(of_g, self.cell(t.index, self.row, within)))
                column = self.at(columns, self.cell(self.int("add", t.index, latest), self.row, within))
                for j in range(SIDE):
                    t.values[j] = self.fma(slope, self.load(self.at(column, -j * self.row)), t.values[j])
            for j in range(SIDE):
                tap = self.int("add", k.index, j)
                with self.when(self.compare("slt", tap, held["taps"])):
                    place = self.int("add", sample, self.cell(tap, held["padded"], lane))
                    pointer = self.at(held["slopes"], place)
                    self.store(self.add(self.load(pointer), t.values[j]), pointer)

    @contextlib.contextmanager
    def piece(self) -> Generator[tuple[Value, Value, Value]]:
        """Over the steps in pieces: the first step, how many, and how many rows their sums read."""
        with self.loop(self.word["sums"], step=PIECE) as piece:
            count = self.smaller(self.int("sub", self.word["sums"], piece.index), PIECE)
            yield piece.index, count, self.int("add", count, self.word["past"])

    @contextlib.contextmanager
    def vector(self) -> Generator[Value]:
        """Over the vectors of this item that hold lanes: where each begins."""
        left = self.int("sdiv", self.int("sub", self.word["padded"], self.column), self.lanes)
        with self.loop(self.smaller(left, VECTORS)) as v:
            yield self.int("mul", v.index, self.lanes)

    def behind(self, place: Value, rows: Value) -> Value:
        """Where the scratch goes on after so many rows."""
        return self.at(place, self.int("mul", rows, self.row))


class _Filter(_Taps):
    def write(self) -> None:
        with self.piece() as (first, count, read):
            self.columns_of_x(self.scratch, first, read)
            with self.vector() as within:
                self.sums(self.scratch, first, count, within)


class _Gradient(_Taps):
    def write(self) -> None:
        # taps beyond the last are summed with the others and left out: room before the columns for what they read
        columns = self.at(self.scratch, SIDE * self.row)
        with self.piece() as (first, count, read):
            of_g = self.behind(columns, read)
            self.columns_of_x(columns, first, read)
            self.columns_of_g(of_g, first, count)
            with self.vector() as within:
                self.slopes(columns, of_g, count, within)


class _Backward(_Taps):
    def write(self) -> None:
        columns = self.at(self.scratch, SIDE * self.row)
        with self.piece() as (first, count, read):
            of_g = self.behind(columns, read)
            self.columns_of_x(columns, first, read)
            # an input acts on the sums behind it: the same filter over g, backwards in time
            self.columns_of_g(of_g, first, read)
            with self.vector() as within:
                self.sums(of_g, first, count, within)
                self.slopes(columns, of_g, count, within)
