"""How near the schemes of a cell come to dt -> 0, and what that costs: the published human interneuron, four currents.

Spike times over 715 ms of seed1_hof0 at 0.02, 0.05, 0.1 and 0.2 nA (a step of 400 ms), by scheme and step, against
`Extrapolated(3)` at 0.005 ms; NEURON's stored ones stand beside, and their own limit (twice those at 0.0025 ms less
those at 0.005 ms). Costs are processor time, so that other work on the machine does not count. Needs `RHEOBASE_DATA`.

    python -m benchmarks.schemes [--quick]
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.interneuron import END, FOLDER, NAMES, ONSET, TOTAL, cells, published
from benchmarks.options import finish, keep_memory, parsed, parser, say
from benchmarks.rallpack_cells import crossings
from rheobase.cells import BackwardEuler, Extrapolated

SCHEMES = {"BackwardEuler()": BackwardEuler(), "Extrapolated(2)": Extrapolated(2), "Extrapolated(3)": Extrapolated(3)}
STEPS = {
    "BackwardEuler()": (0.02, 0.01, 0.005, 0.0025),
    "Extrapolated(2)": (0.1, 0.05, 0.04, 0.02, 0.01),
    "Extrapolated(3)": (0.1, 0.05, 0.04, 0.02),
}  # ms
EXACT, THRESHOLD = 0.005, -20.0  # ms, mV
PIECE = 20_000  # steps of a call
Times = list[NDArray[np.float64]]


def run(scheme: Any, dt: float, amplitudes: NDArray[np.float64], total: float) -> tuple[Times, float]:
    """Spike times of each current, and the seconds of processor time for a second of one trace."""
    cell = cells([0], dt, scheme=scheme)
    t = (torch.arange(round(total / dt), dtype=torch.float64) + 0.5) * dt
    x = ((t >= ONSET) & (t < END)).double()[:, None, None] * torch.as_tensor(amplitudes)[:, None]
    state, found, seconds = cell.rest(len(amplitudes)), list[torch.Tensor](), 0.0
    with torch.no_grad():
        cell(x[:2], state)  # compiled before it is timed
        for piece in x.split(PIECE):
            begin = time.process_time()
            _, state, rec = cell(piece, state, record=("soma",))
            seconds += time.process_time() - begin
            found.append(rec["soma"][..., 0])
    v = torch.cat(found).numpy()
    return [crossings(each, dt, THRESHOLD) for each in v.T], 1000.0 * seconds / (total * len(amplitudes))


def off(times: Times, exact: Times) -> list[float | None]:
    """The largest difference of a spike's time, by current; None where their number is another."""
    pairs = zip(times, exact, strict=True)
    return [float(np.abs(a - b).max(initial=0.0)) if len(a) == len(b) else None for a, b in pairs]


def cost(scheme: Any, lanes: int, steps: int) -> float:
    """Nanoseconds of processor time for a compartment, lane and step in float64: the least of five."""
    cell = cells(range(lanes), 0.02, scheme=scheme)
    x, state = torch.full((steps, 1, lanes), 0.1, dtype=torch.float64), cell.rest(1)
    found = list[float]()
    with torch.no_grad():
        cell(x, state)
        for _ in range(5):
            begin = time.process_time()
            cell(x, state)
            found.append(time.process_time() - begin)
    return 1e9 * min(found) / (steps * lanes * len(cell.compartments.segments))


def stored(z: Any) -> dict[float, Times]:
    """NEURON's spike times by step, and under 0 their limit."""
    model = [str(name) for name in z["models"]].index(str(z["convergence_model"]))
    at = [z["amplitudes_nA"].tolist().index(a) for a in z["convergence_amplitudes_nA"].tolist()]
    rows = {float(z["dt_ms"]): z["spike_times_ms"][model, at]}
    rows |= dict(zip(z["convergence_dt_ms"].tolist(), z["convergence_spike_times_ms"], strict=True))
    rows[0.0] = 2.0 * rows[0.0025] - rows[0.005]
    return {dt: [row[~np.isnan(row)] for row in times] for dt, times in rows.items()}


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    if not published():
        raise SystemExit("benchmarks.schemes needs the folder pvalb_689331391 in RHEOBASE_DATA")
    torch.set_num_threads(1)
    z = np.load(FOLDER / "neuron_traces.npz")
    amplitudes = z["convergence_amplitudes_nA"][3:] if options.quick else z["convergence_amplitudes_nA"]
    total = 215.0 if options.quick else TOTAL
    exact, _ = run(Extrapolated(3), 0.02 if options.quick else EXACT, amplitudes, total)
    results: dict[str, Any] = {
        "model": NAMES[0],
        "amplitudes": amplitudes.tolist(),
        "ms": total,
        "exact": EXACT,
        "spikes": [len(each) for each in exact],
        "rows": {},
        "cost": {},
    }
    if not options.quick:
        results["NEURON"] = {str(dt): off(times, exact) for dt, times in stored(z).items()}
        say(f"NEURON: {results['NEURON']}")
    for name, scheme in SCHEMES.items():
        results["rows"][name] = {}
        for dt in STEPS[name][:1] if options.quick else STEPS[name]:
            times, seconds = run(scheme, dt, amplitudes, total)
            results["rows"][name][str(dt)] = row = {"ms": off(times, exact), "seconds": seconds}
            say(f"{name}, {dt}: {row}")
        lanes = {str(n): cost(scheme, n, 4 if options.quick else 200) for n in ((1,) if options.quick else (1, 64))}
        results["cost"][name] = lanes
        say(f"{name}: {lanes} ns")
    finish("schemes", options, results)


if __name__ == "__main__":
    main()
