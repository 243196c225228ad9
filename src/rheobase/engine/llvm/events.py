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
        loops = ("image", "end", "column", "y", "x", "block", "mask")
        super().__init__(shape.dtype, ("images", "height", "width"), ("s", "rows", "weight"), loops)
        self.shape = shape
        self.set("image", 0 if shape.gradient else self.item)
        self.set("end", self.held["images"] if shape.gradient else self.int("add", self.item, 1))
        self.set("column", self.int("mul", self.item, shape.vectors * self.lanes) if shape.gradient else 0)
        self.do("br label %image_test")
        self.over("image", None, "next", "y")
        self.over("y", self.held["height"], "image_step", "x")
        self.over("x", self.held["width"], "y_step", "block")
        self.over("block", str(shape.inputs // self.lanes), "x_step", "values")
        self.values()

    def over(self, name: str, bound: Value | None, outside: str, inside: str) -> None:
        """Step and test of a loop. The one inside starts at zero, and goes to `name_step` when it is through."""
        self.label(f"{name}_step")
        self.step(name, 1, f"{name}_test")
        self.label(f"{name}_test")
        more = self.let(f"icmp ult i64 {self.get(name)}, {self.get('end') if bound is None else bound}")
        self.do(f"br i1 {more}, label %{inside}_start, label %{outside}")
        self.label(f"{inside}_start")
        if inside != "values":
            self.set(inside, 0)
            self.do(f"br label %{inside}_test")

    def values(self) -> None:
        """One vector of channels: each value that is not zero is taken to all its taps."""
        held, size = self.held, self.shape
        first = self.int("mul", self.get("block"), self.lanes)
        line = self.int("mul", self.get("image"), held["height"])
        y, x = self.get("y"), self.get("x")
        base = self.int("add", self.int("mul", self.place(line, y, x), size.inputs), first)
        some = self.let(f"fcmp une {self.F} {self.load(self.at(held['s'], base))}, zeroinitializer")
        bits = self.let(f"bitcast {self.M} {some} to i{self.lanes}")
        self.set("mask", self.let(f"zext i{self.lanes} {bits} to i64"))
        self.do("br label %bits")
        self.label("bits")
        mask = self.get("mask")
        self.do(f"br i1 {self.let(f'icmp eq i64 {mask}, 0')}, label %block_step, label %value")
        self.label("value")
        lane = self.call("i64", "llvm.cttz.i64", ("i64", mask), ("i1", "true"))
        self.set("mask", self.int("and", mask, self.int("sub", mask, 1)))
        value = self.splat(self.let(f"load {self.f}, ptr {self.at(held['s'], self.int('add', base, lane))}"))
        channel, column = self.int("add", first, lane), self.get("column")
        high, wide = size.kernel
        for tap in range(high * wide):
            yy = self.int("add", y, (high - 1) // 2 - tap // wide)
            xx = self.int("add", x, (wide - 1) // 2 - tap % wide)
            # of numbers without a sign, one that is below zero is too large
            inside = [self.let(f"icmp ult i64 {a}, {held[b]}") for a, b in ((yy, "height"), (xx, "width"))]
            self.do(f"br i1 {self.let(f'and i1 {inside[0]}, {inside[1]}')}, label %tap{tap}, label %after{tap}")
            self.label(f"tap{tap}")
            number = self.int("add", channel, tap * size.inputs)
            row, weights = (
                self.at(held[name], self.int("add", self.int("mul", index, size.outputs), column))
                for name, index in (("rows", self.place(line, yy, xx)), ("weight", number))
            )
            to, what = (weights, row) if size.gradient else (row, weights)
            for k in range(size.vectors):
                target, source = self.at(to, k * self.lanes), self.at(what, k * self.lanes)
                self.store(self.fma(self.load(source), value, self.load(target)), target)
            self.do(f"br label %after{tap}")
            self.label(f"after{tap}")
        self.do("br label %bits")

    def place(self, line: Value, y: Value, x: Value) -> Value:
        """The number of a pixel among those of all images."""
        return self.int("add", self.int("mul", self.int("add", line, y), self.held["width"]), x)
