"""What the passive stage of a cell's fit is worth: published interneurons made wrong, fitted with it and without.

A model of `RHEOBASE_DATA`/pvalb_689331391 (127 compartments) is run at a step of --fine under five currents; its
conductances are then made wrong by up to a factor of `WRONG` either way (log-uniform, by the seed), and all fitted at
dt = 0.05 ms from a third to three times that, to three of the steps; two are held out. Without the stage a fit has as
many generations more as the stage runs sweeps. What the published values reach at dt = 0.05 ms stands beside it.
Reduced: 240 ms of each trace, few steps, one thread.

    python -m benchmarks.fit_passive --models seed1_hof4,seed2_hof9 [--seeds 2] [--fine 0.0125] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.interneuron import FOLDER
from benchmarks.measure import write_results
from benchmarks.options import say
from rheobase import stimuli
from rheobase.cells import Cell, from_allen
from rheobase.cells.parameters import assign, populated
from rheobase.learning import Fit, FitRecipe, Recording, fit_neuron
from rheobase.learning.fitting.agreement import agreement
from rheobase.learning.fitting.passive import is_passive

FITTED, HELD = (-0.11, 0.05, 0.2), (0.02, 0.1)  # nA
DT, ONSET, END, PART = 0.05, 60.0, 300.0, (40.0, 280.0)  # ms
WRONG, LEVEL = 2.0, -20.0  # factor, mV
RECIPE = FitRecipe(
    restarts=16, passive=24, forced=1, free=0, generations=20, population=24, sweeps=6, settle=24.0, patience=None
)
ERRORS = ("gamma", "spikes", "first", "v_error", "v_rms")


def model(name: str, dt: float) -> Cell:
    return from_allen(FOLDER / f"{name}.json", FOLDER / "morphology.swc.gz", dt=dt)


def recorded(name: str, fine: float) -> Recording:
    """The traces of a model."""
    steps = [stimuli.step(i, start=ONSET, stop=END).sample(PART[1], fine) for i in (*FITTED, *HELD)]
    with torch.no_grad():
        _, _, rec = model(name, fine)(torch.stack(steps).T.contiguous(), record=("soma",))
    whole = Recording(rec["soma"].T, torch.stack(steps), fine, level=LEVEL, v_unit="mV", current_unit="nA")
    return whole.resampled(DT).between(*PART)


def published(name: str, data: Recording) -> dict[str, Any]:
    """The errors of the published values at the time step of the fit."""
    cell = populated(model(name, DT), 1, (), threshold=LEVEL)
    with torch.no_grad():
        spikes, _, rec = cell((1e-3 * data.current.T[..., None]).contiguous(), record=("soma",))
    score = partial(agreement, data, settle=RECIPE.settle, delta=4.0)
    parts = {"fitted": range(len(FITTED)), "held_out": range(len(FITTED), len(FITTED) + len(HELD))}
    found = {word: score(part, spikes[..., 0].T, rec["soma"][..., 0].T) for word, part in parts.items()}
    return {word: {key: getattr(one, key) for key in ERRORS} for word, one in found.items()}


def made_wrong(cell: Cell, seed: int) -> dict[str, float]:
    """Make the conductances of a cell wrong; gives the right ones."""
    draw, truth = random.Random(seed), dict[str, float]()
    for name, value in cell.values().items():
        if name.endswith((".gbar", ".Pas.g")) and float(value.detach()) > 0.0:
            truth[name] = float(value.detach())
            assign(cell, name, truth[name] * WRONG ** draw.uniform(-1.0, 1.0))
    return truth


def described(fit: Fit, truth: dict[str, float], seconds: float) -> dict[str, Any]:
    held = fit.held_out
    if held is None or fit.passive is None:
        raise SystemExit("a fit of a cell that holds sweeps out was expected")
    off = {name: math.exp(abs(math.log(fit.best.values[name] / true))) for name, true in truth.items()}
    return {
        "score": fit.best.score,
        "fitted": {key: getattr(fit.fitted, key) for key in ERRORS},
        "held_out": {key: getattr(held, key) for key in ERRORS},
        "passive_off": {name: x for name, x in off.items() if is_passive(name)},
        "median_off": sorted(off.values())[len(off) // 2],
        "held": fit.passive.held,
        "not_identified": fit.passive.unidentifiable,
        "candidates": fit.evaluations,
        "cpu_s": seconds,
    }


def compare(name: str, data: Recording, seed: int) -> dict[str, Any]:
    """A wrong model, fitted with the passive stage and without it."""
    cell = model(name, DT)
    truth = made_wrong(cell, seed)
    start = {key: float(cell.values()[key].detach()) for key in truth}
    silent = sum(not len(times) for times in data.spike_times()[: len(FITTED)])
    more = round(RECIPE.passive * RECIPE.restarts * silent / (RECIPE.population * len(FITTED)))
    recipes = {"with": RECIPE, "without": replace(RECIPE, passive=0, generations=RECIPE.generations + more)}
    hold_out, found = range(len(FITTED), len(FITTED) + len(HELD)), dict[str, Any]()
    for word, recipe in recipes.items():
        began = time.process_time()
        fit = fit_neuron(cell, data, learn=tuple(truth), start=start, hold_out=hold_out, recipe=recipe, seed=seed)
        found[word] = described(fit, truth, time.process_time() - began)
        say(f"{name}, seed {seed}, {word} the stage: {json.dumps(found[word])}")
    return found


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", required=True, help="names with commas between them")
    p.add_argument("--seeds", type=int, default=2)
    p.add_argument("--fine", type=float, default=0.0125, help="time step (ms) of the traces; 0.05 is that of the fit")
    p.add_argument("--json", type=Path)
    options = p.parse_args()
    if not FOLDER.is_dir():
        raise SystemExit(f"the models are not there: {FOLDER} (RHEOBASE_DATA)")
    torch.set_num_threads(1)
    cases: dict[str, Any] = {}
    for name in options.models.split(","):
        data = recorded(name, options.fine)
        spikes = [len(times) for times in data.spike_times()]
        cases[name] = {"spikes": spikes, "published_values": published(name, data)}
        say(f"{name}, published values: {json.dumps(cases[name])}")
        cases[name]["seeds"] = {str(k): compare(name, data, k) for k in range(options.seeds)}
    budget = {key: getattr(RECIPE, key) for key in ("restarts", "passive", "forced", "generations", "population")}
    results = {
        "name": "fit_passive",
        "dt": DT,
        "fine": options.fine,
        "fitted_nA": FITTED,
        "held_nA": HELD,
        "budget": budget,
        "cases": cases,
    }
    if options.json is not None:
        write_results(options.json, results)
    say(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
