"""Convolution with spikes as they come: a kernel that visits only the values that are not zero.

A value at (y, x, channel) meets each tap of the window once: forward a row of weights, one number for each output
channel, is added to the sums of the place that the tap leads to; for the gradient of the weights, the row of
gradients of that place is added to the row of weights. Sums are made in a fixed order, whatever the number of threads.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.items import Items, lanes, run


@dataclass(frozen=True)
class Shape:
    """What a kernel is compiled for. `vectors`: how many of an output row one work item covers."""

    dtype: torch.dtype
    inputs: int
    outputs: int
    kernel: tuple[int, int]
    gradient: bool  # of the weights
    vectors: int


def add_product(total: Tensor, s: Tensor, weight: Tensor, kernel: tuple[int, int]) -> None:
    """Add the size-keeping convolution of s to `total`, both (images, channels, height, width) in channels-last order.

    `weight` is `as_rows` of the convolution's.
    """
    _run(s, total, weight, kernel, False)


def weight_gradient(s: Tensor, g: Tensor, kernel: tuple[int, int]) -> Tensor:
    """The gradient (outputs, inputs, *kernel) of the weight, where g is that of the convolution."""
    rows = torch.zeros((*kernel, s.shape[1], g.shape[1]), dtype=g.dtype)
    _run(s, g, rows, kernel, True)
    return rows.permute(3, 2, 0, 1).contiguous()


def as_rows(weight: Tensor) -> Tensor:
    """(outputs, inputs, *kernel) to (*kernel, inputs, outputs), dense."""
    return weight.permute(2, 3, 1, 0).contiguous()


def _run(s: Tensor, rows: Tensor, weight: Tensor, kernel: tuple[int, int], gradient: bool) -> None:
    for x in (s, rows):
        if not x.is_contiguous(memory_format=torch.channels_last):
            raise ValueError(f"a tensor {tuple(x.shape)} with strides {x.stride()}; expected channels-last order")
    images, inputs, height, width = s.shape
    vectors = rows.shape[1] // lanes(s.dtype)
    # images are apart going forward; the gradient of a weight is a sum over them, so there the channels are
    most = max(1, vectors // threads.available())
    part = next(n for n in range(most, 0, -1) if vectors % n == 0) if gradient else vectors
    built = _kernel(Shape(s.dtype, inputs, rows.shape[1], kernel, gradient, part))
    words = (images, height, width, s.data_ptr(), rows.data_ptr(), weight.data_ptr())
    run(built, vectors // part if gradient else images, words)


@functools.lru_cache(maxsize=64)
def _kernel(shape: Shape) -> Compiled:
    return _Events(shape).compiled()


class _Events(Items):
    """Nested loops over images, places and channels, then over the values that are not zero."""

    def __init__(self, shape: Shape):
        super().__init__(shape.dtype, ("images", "height", "width"), ("s", "rows", "weight"))
        self.shape = shape
        with self.pieces("items") as item:
            # an item is an image; of the gradient, which sums over them, some output channels
            first, end = (0, self.word["images"]) if shape.gradient else (item, self.int("add", item, 1))
            column = self.int("mul", item, shape.vectors * self.lanes) if shape.gradient else "0"
            with (
                self.loop(end, start=first) as image, self.loop(self.word["height"]) as y,
                self.loop(self.word["width"]) as x, self.loop(shape.inputs, step=self.lanes) as channel,
            ):  # fmt: skip
                line = self.int("mul", image.index, self.word["height"])
                self.values(line, y.index, x.index, channel.index, column)

    def values(self, line: Value, y: Value, x: Value, first: Value, column: Value) -> None:
        """One vector of channels: each value that is not zero is taken to all its taps."""
        held = self.word
        base = self.int("add", self.int("mul", self.place(line, y, x), self.shape.inputs), first)
        some = self.let(f"fcmp une {self.F} {self.load(self.at(held['s'], base))}, zeroinitializer")
        bits = self.let(f"bitcast {self.M} {some} to i{self.lanes}")
        every = self.let(f"zext i{self.lanes} {bits} to i64")
        before, test, body, after = self.block, *(self.fresh(hint) for hint in ("bits", "value", "through"))
        left = self.name("left")
        self.jump(test)
        self.label(test)
        mask = self.name("mask")
        place = len(self.lines)
        self.do(f"br i1 {self.compare('eq', mask, 0)}, label %{after}, label %{body}")
        self.label(body)
        lane = self.call("i64", "llvm.cttz.i64", ("i64", mask), ("i1", "true"))
        self.do(f"{left} = and i64 {mask}, {self.int('sub', mask, 1)}")
        value = self.splat(self.let(f"load {self.f}, ptr {self.at(held['s'], self.int('add', base, lane))}"))
        self.taps(line, y, x, self.int("add", first, lane), column, value)
        self.lines.insert(place, f"  {mask} = phi i64 [ {every}, %{before} ], [ {left}, %{self.block} ]")
        self.jump(test)
        self.label(after)

    def taps(self, line: Value, y: Value, x: Value, channel: Value, column: Value, value: Value) -> None:
        """A value to all places that it is convolved to."""
        held, size = self.word, self.shape
        high, wide = size.kernel
        for tap in range(high * wide):
            yy = self.int("add", y, (high - 1) // 2 - tap // wide)
            xx = self.int("add", x, (wide - 1) // 2 - tap % wide)
            # of numbers without a sign, one that is below zero is too large
            inside = [self.compare("ult", a, held[b]) for a, b in ((yy, "height"), (xx, "width"))]
            with self.when(self.let(f"and i1 {inside[0]}, {inside[1]}")):
                number = self.int("add", channel, tap * size.inputs)
                row, weights = (
                    self.at(held[name], self.int("add", self.int("mul", index, size.outputs), column))
                    for name, index in (("rows", self.place(line, yy, xx)), ("weight", number))
                )
                to, what = (weights, row) if size.gradient else (row, weights)
                for k in range(size.vectors):
                    target, source = self.at(to, k * self.lanes), self.at(what, k * self.lanes)
                    self.store(self.fma(self.load(source), value, self.load(target)), target)

    def place(self, line: Value, y: Value, x: Value) -> Value:
        """The number of a pixel among those of all images."""
        return self.int("add", self.int("mul", self.int("add", line, y), self.word["width"]), x)
