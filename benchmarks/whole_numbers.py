"""Sums of 8-bit weights in a kernel of whole numbers, against one of real numbers, and the memory that both must read.

A crossbar as chips have it: at each tick, a potential adds the weights of the axons that are active (saturating, where
it is whole), leaks, fires and is reset. Picoseconds for a weight that is added, on all threads.

    python -m benchmarks.whole_numbers [--quick]
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, parsed, parser, say
from rheobase.core.saturation import saturating_add
from rheobase.engine.llvm.launch import run
from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.index import Index, at, names
from rheobase.engine.nest.nest import Buffer, Nest, Statement, Vectors, copied, loop
from rheobase.engine.nest.tensors import DTYPES, bytes_of

AXONS, ACTIVE = 256, 128
OWN = {"i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "real": torch.float32}


def crossbar(own: str) -> Nest:
    """The kernel in numbers of a type."""
    ticks, axons, active = names("ticks", "axons", "active")
    dtype = OWN[own]
    w, listed = Buffer("w", (axons,), stored="i8"), Buffer("listed", (ticks * active,), stored="i32", shared=True)
    v, z, total = Buffer("v"), Buffer("z", (ticks,), stored="bits"), Buffer("total", place="register")

    def added(v: Tensor, w: Tensor) -> Tensor:
        return v + w if own == "real" else saturating_add(v, w)

    def fires(v: Tensor) -> tuple[Tensor, Tensor]:
        return torch.where(v >= 100, torch.zeros_like(v), v - 1), v >= 100

    def tick(t: Index) -> list[Statement]:
        def event(k: Index) -> list[Statement]:
            reads = {"v": total.row, "w": w[at("listed", t * active + k, "axons")]}
            return [leaf(added, reads=reads, writes=[total.row], dtype=dtype)]

        end = leaf(fires, reads={"v": total.row}, writes=[v.row, z[t]], dtype=dtype)
        return [Vectors((copied(v.row, total.row), loop("k", active, event), end))]

    sizes = ("ticks", "axons", "active")
    return Nest(f"crossbar of {own}", (w, listed, v, z, total), (loop("t", ticks, tick),), sizes=sizes, own=own)


def measure(lanes: int, ticks: int, budget: float) -> dict[str, Any]:
    g = torch.Generator().manual_seed(0)
    w = torch.randint(-8, 8, (AXONS, lanes), generator=g).to(torch.int8)
    listed = torch.cat([torch.randperm(AXONS, generator=g)[:ACTIVE] for _ in range(ticks)]).to(torch.int32)
    z, contestants = torch.zeros(ticks, bytes_of(lanes), dtype=torch.uint8), list[Contestant]()
    sizes = {"ticks": ticks, "axons": AXONS, "active": ACTIVE}
    for own, dtype in OWN.items():
        nest = crossbar(own)
        held = {"w": w, "listed": listed, "z": z, "v": torch.zeros(lanes, dtype=DTYPES.get(own, dtype))}
        contestants.append(
            Contestant(
                own, lambda nest=nest, held=held, dtype=dtype: run(nest, held, sizes, {}, lanes=lanes, dtype=dtype)
            )
        )
    source = torch.zeros(ticks * ACTIVE * lanes // 2, dtype=torch.int8)
    target = torch.empty_like(source)
    contestants.append(Contestant("memory", lambda: target.copy_(source)))
    timings = interleave(contestants, budget=budget)
    weights = ticks * ACTIVE * lanes
    return {name: {"seconds": asdict(t), "ps": 1e12 * t.median / weights} for name, t in timings.items()}


def main() -> None:
    options = parsed(parser(__doc__))
    cases: dict[str, Any] = {}
    for lanes, ticks in ((1 << 12, 2),) if options.quick else ((1 << 14, 50), (1 << 18, 5)):
        name = f"{lanes} neurons, {ticks} ticks of {ACTIVE} axons"
        cases[name] = measure(lanes, ticks, options.budget / 2)
        say(f"{name}: " + ", ".join(f"{kind} {row['ps']:.1f} ps" for kind, row in cases[name].items()))
    finish("whole_numbers", options, {"cases": cases})


if __name__ == "__main__":
    main()
