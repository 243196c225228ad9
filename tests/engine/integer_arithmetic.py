"""Nests that compute in whole numbers, on any target; expected is what torch makes of tensors of the same type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rheobase.core.saturation import saturating_add, saturating_sub
from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.index import Index, at, names
from rheobase.engine.nest.nest import Buffer, Nest, Statement, Vectors, copied, loop
from rheobase.engine.nest.tensors import DTYPES, as_bits, as_mask, bytes_of

OWN = ("i8", "i16", "i32")
# each gives a tensor of the type of its arguments
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "saturating_add": saturating_add,
    "saturating_sub": saturating_sub,
    "maximum": lambda a, b: torch.maximum(a, b),
    "minimum": lambda a, b: torch.minimum(a, b),
    "clamp": lambda a, b: a.clamp(-7, 100) + torch.clamp(a, max=b),
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "less": lambda a, b: torch.where((a < b) | (a == -b), a, b),
    "comparisons": lambda a, b: (a <= b).to(a.dtype) + 2 * (a >= b).to(a.dtype) + 4 * (a != b).to(a.dtype),
}
# rules of whole numbers alone, which the functions below use
RULES_OF_WHOLE = frozenset(
    {
        "rand",
        "ror",
        "rxor",
        "lshift",
        "rshift",
        "bitwise_left_shift",
        "bitwise_right_shift",
        "saturating_add",
        "saturating_sub",
    }
)
UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "neg": lambda a: -a,
    "abs": lambda a: a.abs(),
    "not": lambda a: ~a,
    "shifts": lambda a: (a << 3) ^ (a >> 2),
    "named shifts": lambda a: torch.bitwise_left_shift(a, 1) | torch.bitwise_right_shift(a, 3),
    "from the right": lambda a: (12 & a) + (3 | a) + (5 ^ a),
    "cube": lambda a: a**3,
    "with numbers": lambda a: 5 - 3 * a + torch.relu(a) - torch.full_like(a, 2),
    "ends": lambda a: (a - torch.iinfo(a.dtype).max) ^ torch.iinfo(a.dtype).min,
    "masks": lambda a: torch.where((a > 3) & ~(a == 5), torch.zeros_like(a), a),
}


def pairs(own: str) -> tuple[Tensor, Tensor]:
    """All pairs of int8; of wider types, the pairs of the ends, of numbers about 0, and of some at random."""
    dtype = DTYPES[own]
    info = torch.iinfo(dtype)
    if own == "i8":
        some = torch.arange(info.min, info.max + 1, dtype=dtype)
    else:
        edges = [info.min, info.min + 1, info.max, info.max - 1, *range(-3, 4), info.min // 2, info.max // 2 + 1]
        g = torch.Generator().manual_seed(0)
        some = torch.cat(
            [torch.tensor(edges, dtype=dtype), torch.randint(info.min, info.max, (60,), dtype=dtype, generator=g)]
        )
    return some.repeat_interleave(len(some)), some.repeat(len(some))


def as_torch_computes(run: Any, own: str, names_of: list[str]) -> None:
    """Every operation, on the last vectors of a block as in full ones."""
    a, b = pairs(own)
    A, B = Buffer("a"), Buffer("b")
    for name in names_of:
        out = Buffer("out")
        rows = {"a": A.row, "b": B.row} if name in BINARY else {"a": A.row}
        function = BINARY.get(name) or UNARY[name]
        body = leaf(function, reads=rows, writes=[out.row], dtype=DTYPES[own])
        nest = Nest(name, (A, B, out), (body,), own=own)
        for lanes in (len(a), 37):
            held = {"a": a[:lanes].clone(), "b": b[:lanes].clone(), "out": torch.empty_like(a[:lanes])}
            run(nest.without_unused(), held, {}, {}, lanes=lanes, dtype=DTYPES[own])
            expected = function(held["a"], held["b"]) if name in BINARY else function(held["a"])  # type: ignore[call-arg]
            assert torch.equal(held["out"], expected), name


def rows_of_other_widths(run: Any, own: str, stored: str) -> None:
    """Read as they are; written, the nearest in range. With a number of the launch, and a row that is added to."""
    (rows,) = names("rows")
    wide, x = torch.iinfo(DTYPES[own]), Buffer("x", (rows,), stored=stored)
    y, total = Buffer("y", (rows,), stored=stored), Buffer("total")
    dtype, lanes, kind = DTYPES[own], 101, DTYPES[stored]

    def each(k: Index) -> list[Statement]:
        graph = leaf(lambda x, n: x + n, reads={"x": x[k], "n": total.row}, writes=[y[k]], dtype=dtype)
        return [graph, copied(x[k], total.row)]

    nest = Nest("widths", (x, y, total), (loop("k", rows, each),), sizes=("rows",), own=own)
    info = torch.iinfo(kind)
    g = torch.Generator().manual_seed(1)
    given = torch.randint(info.min, info.max, (3, lanes), dtype=kind, generator=g)
    first = torch.randint(wide.min // 2, wide.max // 2, (lanes,), dtype=dtype, generator=g)
    held = {"x": given, "y": torch.empty_like(given), "total": first.clone()}
    run(nest, held, {"rows": 3}, {}, lanes=lanes, dtype=dtype)
    before = torch.cat([first[None], given[:-1].to(dtype)])
    assert torch.equal(held["y"], (given.to(dtype) + before).clamp(info.min, info.max).to(kind))
    assert torch.equal(held["total"], given[-1].to(dtype))


def crossbar(own: str = "i16") -> Nest:
    """Cores of a chip as lanes: a tick adds the weights of the axons that are active, leaks, fires and resets to 0.

    v[t] = v + the sum over listed axons of w[axon], saturating, + leak; z = v >= threshold; z as bits.
    """
    ticks, axons, per_tick = names("ticks", "axons", "per_tick")
    w = Buffer("w", (axons,), stored="i8")
    active = Buffer("active", (ticks * per_tick,), stored="i32", shared=True)
    v, z, sum_ = Buffer("v"), Buffer("z", (ticks,), stored="bits"), Buffer("sum", place="register")
    dtype = DTYPES[own]

    def tick(t: Index) -> list[Statement]:
        def event(k: Index) -> list[Statement]:
            reads = {"v": sum_.row, "w": w[at("active", t * per_tick + k, "axons")]}
            return [leaf(lambda v, w: saturating_add(v, w), reads=reads, writes=[sum_.row], dtype=dtype)]

        def fires(v: Tensor) -> tuple[Tensor, Tensor]:
            v = v + 3
            return torch.where(v >= 500, torch.zeros_like(v), v.clamp(min=-400)), v >= 500

        end = leaf(fires, reads={"v": sum_.row}, writes=[v.row, z[t]], dtype=dtype)
        return [Vectors((copied(v.row, sum_.row), loop("k", per_tick, event), end))]

    sizes = ("ticks", "axons", "per_tick")
    return Nest("crossbar", (w, active, v, z, sum_), (loop("t", ticks, tick),), sizes=sizes, own=own)


def a_crossbar_is_its_loop(run: Any, lanes: int) -> None:
    ticks, axons, per_tick = 9, 40, 25
    g = torch.Generator().manual_seed(lanes)
    w = torch.randint(-128, 128, (axons, lanes), generator=g).to(torch.int8)
    active = torch.randint(0, axons, (ticks, per_tick), generator=g).to(torch.int32)
    v = torch.randint(-100, 500, (lanes,), generator=g).to(torch.int16)
    held = {
        "w": w,
        "active": active.flatten(),
        "v": v.clone(),
        "z": torch.zeros(ticks, bytes_of(lanes), dtype=torch.uint8),
    }
    sizes = {"ticks": ticks, "axons": axons, "per_tick": per_tick}
    run(crossbar(), held, sizes, {}, lanes=lanes, dtype=torch.int16)
    spikes = []
    for t in range(ticks):
        for k in active[t].tolist():
            v = saturating_add(v, w[k].to(torch.int16))
        v = v + 3
        spikes.append(v >= 500)
        v = torch.where(v >= 500, torch.zeros_like(v), v.clamp(min=-400))
    assert torch.equal(held["v"], v)
    assert torch.equal(held["z"], as_bits(torch.stack(spikes)))
    assert as_mask(held["z"], lanes).any()
