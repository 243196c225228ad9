"""The elimination of a tree over compartments, forward and with its adjoint, beside the memory that it must move.

512 lanes on a random tree; nanoseconds for a compartment of a lane. The limit is a copy of as many bytes by torch:
three rows in and one out forward, six in and four out with the gradient.

    python -m benchmarks.tree [--quick]
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase.engine.llvm.launch import run
from rheobase.engine.nest.adjoint import adjoint
from rheobase.engine.nest.tree import elimination

LANES = 512
NEST = elimination()
BACK = adjoint(NEST, outputs=["x"], inputs=["diagonal", "right", "off"])
ROWS = {"forward": 4, "with the gradient": 10}  # that must be read or written


def system(n: int, dtype: torch.dtype) -> dict[str, Tensor]:
    """A well-conditioned system on a random tree."""
    g = torch.Generator().manual_seed(n)
    off, right = -torch.rand(n, LANES, generator=g, dtype=dtype), torch.randn(n, LANES, generator=g, dtype=dtype)
    parent = torch.tensor([0, *(int(torch.randint(0, k, (1,), generator=g)) for k in range(1, n))], dtype=torch.int32)
    held = {"diagonal": 2.0 + n - off, "right": right, "off": off, "x": torch.empty_like(right), "parent": parent}
    return held | {f"g:{name}": torch.rand_like(right) for name in ("x", "diagonal", "right", "off")}


def measure(n: int, dtype: torch.dtype, budget: float) -> dict[str, Any]:
    held, contestants = system(n, dtype), list[Contestant]()
    for kind, nest in (("forward", NEST), ("with the gradient", BACK)):
        call: dict[str, Any] = {"sizes": {"compartments": n}, "numbers": {}, "lanes": LANES, "dtype": dtype}
        contestants.append(Contestant(kind, lambda nest=nest, call=call: run(nest, held, **call)))
        source = torch.rand(ROWS[kind] * n * LANES // 2, dtype=dtype)
        target = torch.empty_like(source)
        contestants.append(Contestant(f"{kind}, memory", lambda a=source, b=target: b.copy_(a)))
    timings = interleave(contestants, budget=budget)
    return {
        name: {"seconds": asdict(timing), "ns": 1e9 * timing.median / (n * LANES)} for name, timing in timings.items()
    }


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    cases: dict[str, Any] = {}
    for n in (17,) if options.quick else (100, 500):
        for dtype in (torch.float64, torch.float32):
            name = f"{n} compartments, {str(dtype).removeprefix('torch.')}"
            cases[name] = measure(n, dtype, options.budget / 4)
            rows = ", ".join(f"{kind} {row['ns']:.2f} ns" for kind, row in cases[name].items())
            say(f"{name}: {rows}")
    finish("tree", options, {"lanes": LANES, "cases": cases})


if __name__ == "__main__":
    main()
