"""The input gradient of convolutions of width 3 with half the products (Winograd; Lavin & Gray, 2016).

    out = A^T [ (G w) (B^T d) ]    four outputs along the width from six inputs d and three taps w

Along the height it stays a convolution, one for each of the six points, which torch runs at full speed. Only the
transforms are kernels of ours. Rounding errors are a few times those of the plain sum, so the forward pass, which makes
spikes, does not use it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rheobase.engine.llvm.compile import Compiled
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.work_items import Items, run

TILE, POINTS = 4, 6
Matrix = tuple[tuple[float, ...], ...]
INPUT: Matrix = (  # B^T
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
OUTPUT: Matrix = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))  # A^T
WEIGHT: Matrix = (  # G
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)


def weights_back(weights: Sequence[Tensor]) -> list[Tensor]:
    """The transformed weights for `input_gradient`, one tensor for each of the six points.

    Shapes: each weight (outputs, inputs, height, 3), each result (inputs, outputs of all, height, 1).
    """
    # the gradient of the input is the convolution with the taps turned round, from outputs to inputs
    turned = torch.cat([w.flip(2, 3).transpose(0, 1) for w in weights], 1)
    points = torch.einsum("oihk,pk->poih", turned, turned.new_tensor(WEIGHT))
    return [p[..., None].contiguous(memory_format=torch.channels_last) for p in points]


def input_gradient(g: Sequence[Tensor], weights: Sequence[Tensor], total: Tensor) -> None:
    """Add to `total` the gradient of the input that several convolutions share; `weights` is `weights_back` of theirs.

    All (rows, channels, height, width) in channels-last order.
    """
    found = _points(g)
    pad = (weights[0].shape[2] - 1) // 2
    made = [F.conv2d(d, w, padding=(pad, 0)) for d, w in zip(found, weights, strict=True)]
    made = [m.contiguous(memory_format=torch.channels_last) for m in made]
    _run(_Map(total.dtype, False, 1, total.shape[1], total.shape[1]), [total], made)


def _points(x: Sequence[Tensor]) -> list[Tensor]:
    """The six points of every tile of these tensors, side by side as channels: (rows, channels, height, tiles)."""
    rows, channels, height, width = x[0].shape
    tiles = -(-width // TILE)
    buffer = x[0].new_empty((POINTS, rows, height, tiles, channels * len(x)))
    points = [p.permute(0, 3, 1, 2) for p in buffer]
    _run(_Map(x[0].dtype, True, len(x), channels, channels * len(x)), x, points)
    return points


@dataclass(frozen=True)
class _Map:
    """Along the width, from pixels to the points of a tile (`into`), or back, added to the pixels that are there."""

    dtype: torch.dtype
    into: bool
    many: int  # tensors of pixels, side by side in the points
    channels: int
    stride: int  # channels of the points


def _run(what: _Map, wide: Sequence[Tensor], points: Sequence[Tensor]) -> None:
    rows, _, height, width = wide[0].shape
    words = (width, points[0].shape[3], *(t.data_ptr() for t in (*wide, *points)))
    run(_kernel(what), rows * height, words)


@functools.lru_cache(maxsize=64)
def _kernel(what: _Map) -> Compiled:
    return _Tiles(what).compiled()


class _Tiles(Items):
    """One work item is a line of pixels; it walks over tiles, then over vectors of channels."""

    def __init__(self, what: _Map):
        wide, points = ([f"{name}:{k}" for k in range(n)] for name, n in (("wide", what.many), ("point", POINTS)))
        super().__init__(what.dtype, ("width", "tiles"), (*wide, *points))
        self.what = what
        with (
            self.pieces("items") as self.line,
            self.loop(self.word["tiles"]) as tile,
            self.loop(what.channels, step=self.lanes) as channel,
        ):
            for part in range(what.many):
                self.tile(tile.index, channel.index, part)

    def tile(self, tile: Value, channel: Value, part: int) -> None:
        """One vector of channels of one tile: its pixels through the matrix."""
        what = self.what
        place = self.int("add", self.int("mul", self.line, self.word["tiles"]), tile)
        column = self.int("add", channel, part * what.channels)
        of_point = self.int("add", self.int("mul", place, what.stride), column)
        points = [self.at(self.word[f"point:{k}"], of_point) for k in range(POINTS)]
        # a tile reads one pixel more on either side than it writes
        count, lead = (POINTS, 1) if what.into else (TILE, 0)
        first = self.int("sub", self.int("mul", tile, TILE), lead)
        pixels = [self.pixel(self.int("add", first, k), channel, part) for k in range(count)]
        if what.into:
            values = [self.load_if(inside, where) for where, inside in pixels]
            for row, where in zip(INPUT, points, strict=True):
                self.store(self.combined(row, values), where)
            return
        values = [self.load(where) for where in points]
        for row, (where, inside) in zip(OUTPUT, pixels, strict=True):
            with self.when(inside):
                self.store(self.add(self.load(where), self.combined(row, values)), where)

    def pixel(self, x: Value, channel: Value, part: int) -> tuple[Value, Value]:
        """Where a pixel is, and whether it is inside the image."""
        inside = self.let(f"icmp ult i64 {x}, {self.word['width']}")
        place = self.int("add", self.int("mul", self.line, self.word["width"]), x)
        index = self.int("add", self.int("mul", place, self.what.channels), channel)
        return self.at(self.word[f"wide:{part}"], index), inside

    def load_if(self, inside: Value, where: Value) -> Value:
        """The pixel, or zero outside."""
        before = self.block
        with self.when(inside):
            value, here = self.load(where), self.block
        return self.let(f"phi {self.F} [ {value}, %{here} ], [ zeroinitializer, %{before} ]")

    def combined(self, row: Sequence[float], values: Sequence[Value]) -> Value:
        """The sum of the values, each times its number."""
        total = ""
        for number, value in zip(row, values, strict=True):
            if not number:
                continue
            if not total:
                total = value if number == 1 else self.mul(value, self.const(number))
            elif number in (1, -1):
                total = self.add(total, value) if number == 1 else self.sub(total, value)
            else:
                total = self.fma(value, self.const(number), total)
        return total
