"""Sparse convolution with spikes: kernels that visit only the values that are not zero.

A value at (y, x, channel) contributes once through each tap of the window. Forward, the row of weights of that tap and
channel, one number for each output channel, is added to the sums of the output pixel that the tap leads to. For the
gradient of the weights, the row of gradients of that pixel is added to the gradient of the row of weights. The gradient
first lists the values of an image by channel, so that a row of weights stays in registers until all values of its
channel are done. Sums are made in a fixed order, whatever the number of threads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.engine.llvm import threads
from rheobase.engine.llvm.compile import Compiled
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.work_items import Items, lanes, run

REGISTERS = 12  # vectors that a row of weights takes while it is summed


@dataclass(frozen=True)
class Shape:
    """What a kernel is compiled for. `vectors`: how many of an output row one work item covers."""

    dtype: torch.dtype
    inputs: int
    outputs: int
    kernel: tuple[int, int]
    vectors: int


def add_product(total: Tensor, s: Tensor, weight: Tensor, kernel: tuple[int, int]) -> None:
    """Add the size-keeping convolution of s to `total`, both (images, channels, height, width) in channels-last order.

    `weight` is `as_rows` of the convolution's.
    """
    images, inputs, height, width = _sizes(s, total)
    built = _product(Shape(s.dtype, inputs, total.shape[1], kernel, total.shape[1] // lanes(s.dtype)))
    run(built, images, (height, width, s.data_ptr(), total.data_ptr(), weight.data_ptr()))


def weight_gradient(s: Tensor, g: Tensor, kernel: tuple[int, int]) -> Tensor:
    """The gradient (outputs, inputs, *kernel) of the weight, from the input s and the gradient g of the output.

    Both are (images, channels, height, width) in channels-last order.
    """
    images, inputs, height, width = _sizes(s, g)
    rows = torch.zeros((*kernel, inputs, g.shape[1]), dtype=g.dtype)
    # it is a sum over images, so threads have output channels each; rows of so many vectors stay in registers
    vectors = g.shape[1] // lanes(s.dtype)
    most = max(1, min(vectors // threads.available(), REGISTERS))
    part = next(n for n in range(most, 0, -1) if vectors % n == 0)
    parts, places, padded = vectors // part, inputs * height * width, -(-inputs // lanes(s.dtype)) * lanes(s.dtype)
    counts, where = (torch.empty(parts * n, dtype=torch.int32) for n in (padded, places))
    values, nothing = s.new_empty(parts * places), s.new_zeros(part * lanes(s.dtype))
    held = (s, g, rows, counts, where, values, nothing)
    built = _gradient(Shape(s.dtype, inputs, g.shape[1], kernel, part))
    run(built, parts, (images, height, width, *(tensor.data_ptr() for tensor in held)))
    return rows.permute(3, 2, 0, 1).contiguous()


def as_rows(weight: Tensor) -> Tensor:
    """A weight (outputs, inputs, *kernel) as (*kernel, inputs, outputs), dense."""
    return weight.permute(2, 3, 1, 0).contiguous()


def _sizes(s: Tensor, rows: Tensor) -> torch.Size:
    for x in (s, rows):
        if not x.is_contiguous(memory_format=torch.channels_last):
            raise ValueError(f"a tensor {tuple(x.shape)} with strides {x.stride()}; expected channels-last order")
    if max(s.shape[2:]) >= 1 << 16:
        raise ValueError(f"images of {s.shape[2]} x {s.shape[3]}; expected less than {1 << 16} a side")
    return s.shape


@functools.lru_cache(maxsize=64)
def _product(shape: Shape) -> Compiled:
    return _Product(shape).compiled()


@functools.lru_cache(maxsize=64)
def _gradient(shape: Shape) -> Compiled:
    return _Gradient(shape).compiled()


class _Events(Items):
    """What both share: the values that are not zero, and where their taps lead."""

    shape: Shape

    def values(self, line: Value, y: Value, x: Value, first: Value, each: Callable[[Value, Value], None]) -> None:
        """One vector of channels: `each(channel, value)` for each value that is not zero."""
        held = self.word
        base = self.int("add", self.int("mul", self.place(line, y, x), self.shape.inputs), first)
        some = self.let(f"fcmp une {self.F} {self.load(self.at(held['s'], base))}, zeroinitializer")
        bits = self.let(f"bitcast {self.M} {some} to i{self.lanes}")
        every = self.let(f"zext i{self.lanes} {bits} to i64")
        with self.set_bits(every) as lane:
            value = self.let(f"load {self.f}, ptr {self.at(held['s'], self.int('add', base, lane))}")
            each(self.int("add", first, lane), value)

    def inside(self, yy: Value, xx: Value) -> Value:
        """Whether a place is one of the image."""
        # of numbers without a sign, one that is below zero is too large
        down, along = (self.compare("ult", a, self.word[b]) for a, b in ((yy, "height"), (xx, "width")))
        return self.let(f"and i1 {down}, {along}")

    def place(self, line: Value, y: Value, x: Value) -> Value:
        """The number of a pixel among those of all images."""
        return self.int("add", self.int("mul", self.int("add", line, y), self.word["width"]), x)


class _Product(_Events):
    """Loops over places and channels of an image, then over the values that are not zero and their taps."""

    def __init__(self, shape: Shape):
        super().__init__(shape.dtype, ("height", "width"), ("s", "total", "weight"))
        self.shape = shape
        with (
            self.pieces("items") as image,
            self.loop(self.word["height"]) as y,
            self.loop(self.word["width"]) as x,
            self.loop(shape.inputs, step=self.lanes) as channel,
        ):
            line = self.int("mul", image, self.word["height"])
            self.values(
                line,
                y.index,
                x.index,
                channel.index,
                lambda c, value: self.taps(line, y.index, x.index, c, self.splat(value)),
            )

    def taps(self, line: Value, y: Value, x: Value, channel: Value, value: Value) -> None:
        """A value to all places that it is convolved to."""
        held, size = self.word, self.shape
        high, wide = size.kernel
        for tap in range(high * wide):
            yy = self.int("add", y, (high - 1) // 2 - tap // wide)
            xx = self.int("add", x, (wide - 1) // 2 - tap % wide)
            with self.when(self.inside(yy, xx)):
                number = self.int("add", channel, tap * size.inputs)
                sums, weights = (
                    self.at(held[name], self.int("mul", index, size.outputs))
                    for name, index in (("total", self.place(line, yy, xx)), ("weight", number))
                )
                for k in range(size.vectors):
                    target, source = self.at(sums, k * self.lanes), self.at(weights, k * self.lanes)
                    self.store(self.fma(self.load(source), value, self.load(target)), target)


class _Gradient(_Events):
    """For each image: the values that are not zero are listed by channel; then each row of weights takes its list."""

    def __init__(self, shape: Shape):
        super().__init__(
            shape.dtype, ("images", "height", "width"), ("s", "g", "rows", "counts", "where", "values", "nothing")
        )
        self.shape = shape
        with self.pieces("items") as item, self.loop(self.word["images"]) as image:
            # an item is some output channels, with lists of its own
            column = self.int("mul", item, shape.vectors * self.lanes)
            padded = -(-shape.inputs // self.lanes) * self.lanes
            self.counts = self.at(self.word["counts"], self.int("mul", item, padded), "i32")
            self.most = self.int("mul", self.word["height"], self.word["width"])  # entries of a list
            begin = self.int("mul", item, self.int("mul", self.most, shape.inputs))
            self.where = self.at(self.word["where"], begin, "i32")
            self.listed = self.at(self.word["values"], begin)
            line = self.int("mul", image.index, self.word["height"])
            self.lists(line)
            with self.loop(shape.inputs) as channel:
                many = self.read_whole(self.at(self.counts, channel.index, "i32"), "i32")
                with self.when(self.compare("sgt", many, 0)):
                    self.channel(line, channel.index, many, column)

    def lists(self, line: Value) -> None:
        """Where the values of each channel stand, and what they are."""
        zeros = f"<{self.lanes} x i32>"
        with self.loop(self.shape.inputs, step=self.lanes) as channel:
            self.do(f"store {zeros} zeroinitializer, ptr {self.at(self.counts, channel.index, 'i32')}, align 4")
        with (
            self.loop(self.word["height"]) as y,
            self.loop(self.word["width"]) as x,
            self.loop(self.shape.inputs, step=self.lanes) as channel,
        ):
            here = self.int("or", self.int("shl", y.index, 16), x.index)

            def add(c: Value, value: Value) -> None:
                place = self.at(self.counts, c, "i32")
                many = self.read_whole(place, "i32")
                at = self.int("add", self.int("mul", c, self.most), many)
                self.write_whole(here, self.at(self.where, at, "i32"), "i32")
                self.do(f"store {self.f} {value}, ptr {self.at(self.listed, at)}")
                self.write_whole(self.int("add", many, 1), place, "i32")

            self.values(line, y.index, x.index, channel.index, add)

    def channel(self, line: Value, channel: Value, many: Value, column: Value) -> None:
        """The values of a channel to its rows of weights, one for each tap."""
        held, size = self.word, self.shape
        high, wide = size.kernel
        first = self.int("mul", channel, self.most)
        with self.loop(high) as down, self.loop(wide) as along:
            tap = self.int("add", self.int("mul", down.index, wide), along.index)
            number = self.int("mul", self.int("add", self.int("mul", tap, size.inputs), channel), size.outputs)
            row = self.at(held["rows"], self.int("add", number, column))
            rows = [self.at(row, k * self.lanes) for k in range(size.vectors)]
            up, back = ((n - 1) // 2 for n in size.kernel)
            with self.loop(many, carried=[self.load(place) for place in rows]) as entry:
                at = self.int("add", first, entry.index)
                here = self.read_whole(self.at(self.where, at, "i32"), "i32")
                value = self.splat(self.let(f"load {self.f}, ptr {self.at(self.listed, at)}"))
                yy = self.int("add", self.int("lshr", here, 16), self.int("sub", up, down.index))
                xx = self.int("add", self.int("and", here, 0xFFFF), self.int("sub", back, along.index))
                place = self.int("add", self.int("mul", self.place(line, yy, xx), size.outputs), column)
                # beyond the image there is nothing: a row of zeros
                ends = f"ptr {self.at(held['g'], place)}, ptr {held['nothing']}"
                g = self.let(f"select i1 {self.inside(yy, xx)}, {ends}")
                entry.values[:] = [
                    self.fma(self.load(self.at(g, k * self.lanes)), value, total)
                    for k, total in enumerate(entry.values)
                ]
            for place, total in zip(rows, entry.values, strict=True):
                self.store(total, place)
