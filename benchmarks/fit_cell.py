"""A published human interneuron fitted from its own traces, against random search of the same processor time.

The model (seed1_hof0 of `RHEOBASE_DATA`/pvalb_689331391, 127 compartments) is run under steps of current; twelve of its
conductances are then unknown, and searched between the smallest and the largest value that the 60 published models of
this cell have. `fit_neuron` pulls its candidates to the potential by gradient, and evolves them; the random search
draws from the same ranges, scored by the same score, until it has used as much processor time. Currents that neither
has seen test both. Reduced: steps of 150 ms at dt = 0.05 ms, one thread.

    python -m benchmarks.fit_cell [--seeds 3] [--forced 20] [--generations 12] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.interneuron import FOLDER, NAMES
from benchmarks.measure import write_results
from benchmarks.options import say
from rheobase import stimuli
from rheobase.cells import Cell, from_allen
from rheobase.learning import Fit, FitRecipe, Recording, fit_neuron

TRUTH = "seed1_hof0"
DT, ONSET, END, STOP, SETTLE = 0.05, 60.0, 210.0, 240.0, 40.0  # ms
FITTED, HELD = (-0.05, 0.05, 0.12), (0.03, 0.08, 0.2)  # nA
# without the passive stage, which `benchmarks.fit_passive` is about
RECIPE = FitRecipe(
    restarts=8, passive=0, forced=20, generations=12, population=32, rate=0.05, settle=SETTLE, patience=None
)
RANDOM = 32  # points of a draw


def model(names: Sequence[str]) -> Cell:
    return from_allen([FOLDER / f"{name}.json" for name in names], FOLDER / "morphology.swc.gz", dt=DT)


def recording(cell: Cell) -> Recording:
    current = torch.stack([stimuli.step(i, start=ONSET, stop=END).sample(STOP, DT) for i in (*FITTED, *HELD)])
    with torch.no_grad():
        _, _, rec = cell(current.T[..., None].contiguous(), record=("soma",))
    return Recording(rec["soma"][..., 0].T, current, DT, level=-20.0, v_unit="mV", current_unit="nA")


def unknown() -> dict[str, tuple[float, float]]:
    """The conductances with the ends of their values in all 60 models."""
    values = {name: x.detach() for name, x in model(NAMES).values().items()}
    of = [name for name in values if name.endswith(".gbar")]
    return {name: (float(values[name].min()), float(values[name].max())) for name in of}


def described(fit: Fit, truth: dict[str, float], seconds: float, runs: int) -> dict[str, Any]:
    held = fit.held_out
    assert held is not None
    off = [abs(math.log(fit.best.values[name] / truth[name])) for name in fit.best.values]
    return {
        "score": fit.best.score,
        "gamma": fit.fitted.gamma,
        "gamma_held_out": held.gamma,
        "spikes_off": held.spikes,
        "v_error": held.v_error,
        "median_factor_off": math.exp(sorted(off)[len(off) // 2]),
        "cpu_s": seconds,
        "candidates": runs,
        "values": dict(fit.best.values),
    }


def compare(seed: int, recipe: FitRecipe) -> dict[str, Any]:
    """A fit and a random search of one seed."""
    cell = model([TRUTH])
    data, ranges = recording(cell), unknown()
    truth = {name: float(cell.values()[name].detach()[0]) for name in ranges}
    rest: dict[str, Any] = {
        "learn": tuple(ranges),
        "ranges": ranges,
        "hold_out": range(len(FITTED), len(FITTED) + len(HELD)),
    }
    began = time.process_time()
    fit = fit_neuron(cell, data, recipe=recipe, seed=seed, **rest)
    budget = time.process_time() - began
    found = {"fit": described(fit, truth, budget, fit.evaluations)}
    say(f"seed {seed}: fit {found['fit']['score']:.3f} in {budget:.0f} s of processor time")
    began, best, draws = time.process_time(), None, 0
    drawn = replace(recipe, restarts=RANDOM, forced=0, generations=0)
    while time.process_time() - began < budget:
        one = fit_neuron(cell, data, recipe=drawn, seed=10_000 * (seed + 1) + draws, **rest)
        draws += 1
        best = one if best is None or one.best.score < best.best.score else best
    assert best is not None
    found["random"] = described(best, truth, time.process_time() - began, RANDOM * draws)
    say(f"seed {seed}: random {found['random']['score']:.3f} of {RANDOM * draws} points")
    return found


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--forced", type=int, default=RECIPE.forced, help="steps by gradient")
    p.add_argument("--generations", type=int, default=RECIPE.generations)
    p.add_argument("--json", type=Path)
    options = p.parse_args()
    if not FOLDER.is_dir():
        raise SystemExit(f"the models are not there: {FOLDER} (RHEOBASE_DATA)")
    torch.set_num_threads(1)
    recipe = replace(RECIPE, forced=options.forced, generations=options.generations)
    # kernels are made before the clock runs
    compare(0, replace(recipe, restarts=4, forced=1, generations=1, population=4))
    cases = {str(seed): compare(seed, recipe) for seed in range(options.seeds)}
    results = {"name": "fit_cell", "dt": DT, "fitted_nA": FITTED, "held_nA": HELD, "cases": cases}
    if options.json is not None:
        write_results(options.json, results)
    say(
        json.dumps(
            {
                seed: {k: {n: x for n, x in v.items() if n != "values"} for k, v in case.items()}
                for seed, case in cases.items()
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
