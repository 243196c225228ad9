"""Rallpack 1 to 3 (Bhalla, Bilitch & Bower, 1992): how exact cells are by scheme and step, and what a step costs.

    1   a passive cable of one space constant in 1000 compartments, beside the closed form of the continuous cable
    2   a passive tree of 1023 branches, a cable to its root, beside the closed form of that
    3   an axon of Hodgkin & Huxley in 1000 compartments, beside stored spike times of NEURON at 0.001 ms

Over 250 ms, where the current enters and at the far end: of passive cells the root of the mean square of the error over
that of the potential's rise, of the axon the largest error of a spike's time. Costs are processor time, so that other
work on the machine does not count.

    python -m benchmarks.rallpack [--quick]
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.measure import ROOT
from benchmarks.options import finish, keep_memory, parsed, parser, say
from benchmarks.rallpack_cells import CURRENT, E, cable, closed_ends, crossings, ends, tree
from rheobase.cells import BackwardEuler, Cell, Extrapolated

SCHEMES = {"BackwardEuler()": BackwardEuler(), "Extrapolated(2)": Extrapolated(2), "Extrapolated(3)": Extrapolated(3)}
PASSIVE, AXON = (0.2, 0.1, 0.05, 0.025), (0.1, 0.05, 0.025, 0.0125)  # ms
TOTAL = 250.0  # ms
STORED = ROOT / "tests" / "against" / "traces" / "rallpack-axon.npz"
Floats = NDArray[np.float64]


def run(cell: Cell, total: float) -> tuple[Floats, float]:
    """The potential at both ends (time, ends), and the nanoseconds for a compartment and step."""
    x = torch.full((round(total / cell.dt), 1), CURRENT, dtype=torch.float64)
    places = ends(cell)
    with torch.no_grad():
        cell(x[:2], record=places)  # compiled before it is timed
        begin = time.process_time()
        _, _, rec = cell(x, record=places)
        seconds = time.process_time() - begin
    v = torch.stack([rec[place][:, 0] for place in places], 1).numpy()
    return v, 1e9 * seconds / (len(x) * len(cell.compartments.segments))


def passive(cell: Cell, total: float) -> dict[str, Any]:
    """The error at each end."""
    v, ns = run(cell, total)
    exact = closed_ends(cell, cell.dt * np.arange(1, len(v) + 1))
    return {"errors": np.sqrt(((v - exact) ** 2).mean(0) / ((exact - E) ** 2).mean(0)).tolist(), "ns": ns}


def axon(cell: Cell, total: float, expected: Floats) -> dict[str, Any]:
    """The largest error of a spike's time at each end, in ms; None where their number is another."""
    v, ns = run(cell, total)
    found = [crossings(end, cell.dt) for end in v.T]
    true = [end[end < total] for end in expected]
    off = [float(np.abs(a - b).max()) if len(a) == len(b) else None for a, b in zip(found, true, strict=True)]
    return {"errors": off, "spikes": [len(end) for end in true], "ns": ns}


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    torch.set_num_threads(1)
    total, nseg, depth = (10.0, 100, 4) if options.quick else (TOTAL, 1000, 10)
    z = np.load(STORED)
    spikes = z[f"spikes_{nseg}"]
    results: dict[str, Any] = {
        "ms": total,
        "compartments": {"1": nseg, "2": 2**depth - 1, "3": nseg},
        "cases": {"1": {}, "2": {}, "3": {}},
        "neuron": str(z["version"]),
        "neuron_ms": float(np.nanmax(np.abs(spikes[0] - spikes[1]))),
    }
    for name, scheme in SCHEMES.items():
        for pack, steps in (("1", PASSIVE), ("2", PASSIVE), ("3", AXON)):
            rows = results["cases"][pack][name] = {}
            for dt in steps[:1] if options.quick else steps:
                if pack == "1":
                    row = passive(cable(nseg, dt=dt, scheme=scheme), total)
                elif pack == "2":
                    row = passive(tree(depth, dt=dt, scheme=scheme), total)
                else:
                    row = axon(cable(nseg, active=True, dt=dt, scheme=scheme), total, spikes[1])
                rows[str(dt)] = row
                say(f"Rallpack {pack}, {name}, {dt} ms: {row}")
    finish("rallpack", options, results)


if __name__ == "__main__":
    main()
