"""Hodgkin-Huxley cells, simulated: rheobase beside NEURON and Brian2, with the accuracy of each.

1,024 independent cells, each under a constant current of its own, spikes recorded alone. All contestants take turns in
one run. Spike times are held against RK4 in float64 at dt = 0.001 ms, and that against scipy's DOP853.

    python -m benchmarks.conductance [--quick] [--simulators rheobase neuron] [--json FILE]
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from benchmarks.accuracy import compare, own_error, voltage_error
from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from benchmarks.simulators import GATES, SIMULATORS, Experiment, Simulation, installed, simulator
from benchmarks.simulators.rheobase import reference
from rheobase import neurons

CURRENTS = (0.0, 20.0)  # uA/cm2, of the first and the last cell
REFERENCE_DT = 0.001
QUIET_CURRENTS = (0.5, 1.0, 1.5, 2.0)  # uA/cm2: depolarised, without a spike


def experiment(cells: int, dt: float, t_stop: float, quiet_stop: float) -> Experiment:
    """The cells and their start: the rest of rheobase's neuron, which is that of the others."""
    currents = np.linspace(*CURRENTS, cells)
    quiet = tuple(int(np.abs(currents - wanted).argmin()) for wanted in QUIET_CURRENTS)
    begin = neurons.HodgkinHuxley(1, dt=dt).double().rest(1, dtype=torch.float64)
    rest = {name: float(getattr(begin, name)) for name in ("v", *GATES)}
    return Experiment(currents, rest, dt, t_stop, quiet, quiet_stop)


def measure(e: Experiment, names: list[str], truth: Any, budget: float, quick: bool) -> dict[str, Any]:
    """All contestants at one dt."""
    folder, threads = tempfile.mkdtemp(prefix="simulators-"), torch.get_num_threads()
    spikes, voltage = truth
    rows: dict[str, dict[str, Any]] = {}
    try:
        field: list[Simulation] = []
        for name in names:
            field += simulator(name).simulations(e, folder)
        contestants = [Contestant(s.name, s.run, reports=True) for s in field]
        load = os.getloadavg()[0]
        timings = interleave(contestants, budget=budget, warm_up=1, rounds=(1 if quick else 3, 15))
        ours = timings[field[0].name].median if names[0] == "rheobase" else None
        for s in field:
            seconds = timings[s.name]
            found = compare(s.spikes().times(e.dt, len(e.currents)), spikes)
            rows[s.name] = {
                "seconds": seconds,
                "ns_per_neuron_step": 1e9 * seconds.median / e.neuron_steps,
                "to_rheobase": None if ours is None else seconds.median / ours,
                "accuracy": asdict(found),
                "voltage": voltage_error(s.voltage(), voltage, round(e.dt / REFERENCE_DT)),
                "differs": s.note,
            }
            median, best = (1e9 * t / e.neuron_steps for t in (seconds.median, seconds.minimum))
            off = f"equal counts {found.equal_counts:.1%}, off by {found.rms:.4f} ms (rms), {found.largest:.3f} at most"
            say(f"  {s.name:62s} {median:8.2f} ns, at best {best:6.2f}  {off}")
    finally:
        # CoreNEURON leaves OpenMP, torch's too, with its own number of threads
        torch.set_num_threads(threads)
        shutil.rmtree(folder, ignore_errors=True)
    return {"dt": e.dt, "load": [load, os.getloadavg()[0]], "rows": rows}


def main() -> None:
    keep_memory()
    p = parser(__doc__)
    p.add_argument("--simulators", nargs="+", choices=SIMULATORS, help="who competes (default: all that are here)")
    p.add_argument("--dt", nargs="+", type=float, default=[0.01, 0.025], help="time steps in ms")
    options = parsed(p)
    cells, t_stop, quiet_stop = (64, 50.0, 10.0) if options.quick else (1024, 200.0, 50.0)
    names, absent = installed()
    if options.simulators is not None:
        for name in options.simulators:
            if name in absent:
                raise SystemExit(f"{name}: {absent[name]}. Or leave it out of --simulators.")
        names, absent = [name for name in SIMULATORS if name in options.simulators], {}
    for name, reason in absent.items():
        say(f"{name} does not compete: {reason}")
    fine = reference(experiment(cells, REFERENCE_DT, t_stop, quiet_stop), threads=2)
    say(f"the reference: {cells} cells, {t_stop:g} ms at dt = {REFERENCE_DT:g} ms ({fine.run():.1f} s)")
    exact = fine.spikes().times(REFERENCE_DT, cells)
    certain = own_error(fine.experiment, exact)
    say(f"  its spike times differ from DOP853's by {certain:.1e} ms at most")
    truth = exact, fine.voltage()
    results: dict[str, Any] = {
        "cells": cells,
        "t_stop": t_stop,
        "currents": CURRENTS,
        "reference_dt": REFERENCE_DT,
        "reference_error": certain,
        "spikes": sum(map(len, exact)),
        "quiet_stop": quiet_stop,
        "absent": absent,
        "cases": {},
    }
    if "brian2" in names:
        from benchmarks.simulators.brian2 import compiler

        results["compiler"] = compiler()
    for dt in options.dt:
        if not math.isclose(round(dt / REFERENCE_DT) * REFERENCE_DT, dt):
            raise SystemExit(f"--dt {dt}: a multiple of {REFERENCE_DT} ms is needed, for the reference has that step.")
        say(f"dt = {dt} ms")
        e = experiment(cells, dt, t_stop, quiet_stop)
        results["cases"][str(dt)] = measure(e, names, truth, options.budget, options.quick)
        finish("conductance", options, results)


if __name__ == "__main__":
    main()
