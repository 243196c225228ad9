"""What 200 synapses add to a step of a cell of 127 compartments: the same 64 cells without them, in turns.

The cell of `benchmarks.cells`, with synapses at random places and spikes at 10 Hz in each. Seconds are those of the
process on one thread, so that what else runs on the machine counts less; with the gradient, that of the mean potential
of the soma by the current, and by the weights of the synapses.

    python -m benchmarks.synapses [--quick]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.interneuron import DT, cells
from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase.cells import Cell, Compartments, Current, Place, Synapse
from rheobase.synapses import NMDA, DoubleExponential, Exponential

KINDS = {"Exponential": Exponential, "DoubleExponential": DoubleExponential, "NMDA": NMDA}
RATE = 10.0  # Hz


def places(tree: Compartments, count: int) -> list[Place]:
    """Compartments drawn at random, some twice."""
    at = tree.segments[np.random.default_rng(0).integers(0, len(tree.segments), count)]
    return [Place(tree.sections[tree.section[k]].name, float(tree.x[k])) for k in at]


def cell(kind: str | None, lanes: int, count: int) -> Cell:
    inputs: dict[str, Any] = {"current": Current()}
    if kind is not None:
        receptor = KINDS[kind](count, weight=torch.full((count,), 1e-4), learn=("weight",))
        inputs["exc"] = Synapse(places(cells([0]).compartments, count), receptor)
    return cells(range(lanes), inputs=inputs)


def calls(kind: str | None, lanes: int, count: int, steps: int) -> dict[str, Callable[[], float]]:
    """Forward and with the gradient; each gives the seconds of the process."""
    made = cell(kind, lanes, count)
    current = torch.full((steps, 1, lanes), 0.05).requires_grad_()
    x: dict[str, Tensor] = {"current": current}
    if kind is not None:
        draw = torch.rand(steps, 1, lanes, count, generator=torch.Generator().manual_seed(0))
        x["exc"] = (draw < 1e-3 * RATE * DT).float()
    learned = [p for p in made.parameters() if p.requires_grad]
    start = made.rest(1, dtype=torch.float32)

    def forward() -> float:
        begin = time.process_time()
        with torch.no_grad():
            made(x, start)
        return time.process_time() - begin

    def gradient() -> float:
        begin = time.process_time()
        _, _, rec = made(x, start, record=("soma",))
        torch.autograd.grad(rec["soma"].mean(), [current, *learned])
        return time.process_time() - begin

    return {"forward": forward, "with the gradient": gradient}


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    torch.set_num_threads(1)
    lanes, count, steps = (4, 5, 20) if options.quick else (64, 200, 400)
    kinds = {"no synapses": None} | {f"{count} {name}": name for name in KINDS}
    made = {title: calls(kind, lanes, count, steps) for title, kind in kinds.items()}
    cases: dict[str, Any] = {}
    for what in ("forward", "with the gradient"):
        field = [Contestant(title, each[what], reports=True) for title, each in made.items()]
        timings = interleave(field, budget=options.budget / 2, warm_up=1, rounds=(3, 50))
        unit = 1e9 / (steps * lanes)
        cases[what] = {title: {"seconds": asdict(t), "ns": unit * t.median} for title, t in timings.items()}
        say(f"{what}: " + ", ".join(f"{title} {row['ns']:.4g} ns" for title, row in cases[what].items()))
    finish("synapses", options, {"lanes": lanes, "synapses": count, "steps": steps, "cases": cases})


if __name__ == "__main__":
    main()
