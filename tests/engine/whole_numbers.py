"""A nest whose tensors hold whole numbers, on any target."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.index import Index, names
from rheobase.engine.nest.nest import Buffer, Leaf, Nest, loop
from rheobase.engine.nest.tensors import DTYPES, as_bits, as_mask, bytes_of

ODD = [0.5, 1.5, 2.5, -0.5, -1.5, 0.49, 126.5, 127.5, 128.0, 254.5, 300.0, -300.0, 32766.5, 40000.0, -40000.0, 3e9,
       -3e9, float("nan"), float("inf"), float("-inf"), 8388609.0, 4194304.5, 0.0]  # fmt: skip


def rounds_to_a_type(run: Any, kind: str, dtype: torch.dtype) -> None:
    (rows,) = names("rows")
    counts, x, y = Buffer("counts", (rows,), stored=kind), Buffer("x", (rows,)), Buffer("y", (rows,), stored=kind)
    half = Buffer("half", (rows,))

    def each(k: Index) -> list[Leaf]:
        reads = {"n": counts[k], "x": x[k]}
        return [leaf(lambda n, x: (0.5 * n, x), reads=reads, writes=[half[k], y[k]])]

    nest = Nest("whole", (counts, x, y, half), (loop("k", rows, each),), sizes=("rows",))
    info, lanes = torch.iinfo(DTYPES[kind]), 37
    n = torch.randint(info.min, info.max, (3, lanes), dtype=DTYPES[kind], generator=torch.Generator().manual_seed(0))
    given = torch.tensor((ODD * 5)[: 3 * lanes], dtype=dtype).view(3, lanes)
    held = {"counts": n, "x": given, "y": torch.empty_like(n), "half": torch.empty_like(given)}
    run(nest, held, {"rows": 3}, {}, lanes=lanes, dtype=dtype)
    assert torch.equal(held["half"], 0.5 * n.to(dtype))
    most = info.max if dtype == torch.float64 or info.max < 2**24 else 2**31 - 2**7
    expected = given.double().nan_to_num(0.0, float("inf"), float("-inf")).round().clamp(info.min, most)
    assert torch.equal(held["y"].double(), expected)


def bits_nest() -> Nest:
    """Bits of a mask and of a number, and two numbers made of them."""
    (rows,) = names("rows")
    x, y = Buffer("x", (rows,)), Buffer("y", (rows,))
    above, there = (Buffer(name, (rows,), stored="bits") for name in ("above", "there"))

    def each(k: Index) -> list[Leaf]:
        first = leaf(lambda x: (x > 0.5, x), reads={"x": x[k]}, writes=[above[k], there[k]])
        second = leaf(lambda a, b: 2.0 * a + b, reads={"a": above[k], "b": there[k]}, writes=[y[k]])
        return [first, second]

    return Nest("bits", (x, above, there, y), (loop("k", rows, each),), sizes=("rows",))


def bits_of_masks(run: Any, dtype: torch.dtype, lanes: int) -> None:
    """A mask and a number that is not 0 set a bit; read again, it is 1 or 0."""
    given = torch.rand(3, lanes, dtype=dtype, generator=torch.Generator().manual_seed(0))
    given[given < 0.25] = 0.0
    given[0, 0] = float("nan")  # which is above nothing, and not 0
    bits = {name: torch.zeros(3, bytes_of(lanes), dtype=torch.uint8) for name in ("above", "there")}
    held = {"x": given, "y": torch.empty_like(given), **bits}
    run(bits_nest(), held, {"rows": 3}, {}, lanes=lanes, dtype=dtype)
    assert torch.equal(held["above"], as_bits(given > 0.5))
    assert torch.equal(as_mask(held["there"], lanes), given != 0)
    assert torch.equal(held["y"], 2.0 * (given > 0.5) + (given != 0).to(dtype))
