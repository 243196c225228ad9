"""`rheobase fit` of a published human interneuron to its traces by NEURON, against random search of the same time.

The model (seed1_hof0 of `RHEOBASE_DATA`/pvalb_689331391, 127 compartments) has traces of five steps of current that
NEURON computed at dt = 0.02 ms. Its conductances are made wrong by up to a factor of `WRONG` either way (log-uniform,
by the seed), and the command fits all of them, from a third to three times those: three steps are fitted, two held out.
The random search draws from the same ranges, scored by the same score, for as much processor time as the command took.
Reduced: 240 ms of each trace, dt = 0.05 ms. What the published values themselves reach at that dt stands beside it.

    python -m benchmarks.fit_published [--seeds 1] [--minutes 10] [--population 32] [--json FILE] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.interneuron import FOLDER
from benchmarks.measure import write_results
from benchmarks.options import say
from rheobase.cells import Current, from_allen
from rheobase.learning import FitRecipe, Recording, fit_neuron

TRUTH, MORPHOLOGY = FOLDER / "seed1_hof0.json", FOLDER / "morphology.swc.gz"
FITTED, HELD = (-0.11, 0.05, 0.2), (0.02, 0.1)  # nA
SAMPLE, ONSET, END = 0.1, 200.0, 600.0  # ms, of the stored traces
PART = (180.0, 420.0)  # ms
DT, LEVEL, SETTLE = 0.05, -20.0, 24.0
WRONG, RANDOM = 2.0, 32  # factor; points of a draw


def write_recording(path: Path) -> None:
    """The stored traces of these steps as a file of a recording: mV, pA, ms."""
    stored = np.load(FOLDER / "neuron_traces.npz")
    rows = [int(np.abs(stored["amplitudes_nA"] - i).argmin()) for i in (*FITTED, *HELD)]
    first, last = (round(ms / SAMPLE) for ms in PART)
    # a state is that of the end of its step
    v = stored["v_soma_mV"][list(stored["models"]).index(TRUTH.stem)][rows, first + 1 : last + 1]
    begins = np.arange(first, last) * SAMPLE
    on = (begins >= ONSET - 1e-9) & (begins < END - 1e-9)
    current = 1000.0 * np.array([*FITTED, *HELD])[:, None] * on
    np.savez(path, v_mV=v.astype(np.float64), i_pA=current, dt_ms=SAMPLE)


def write_wrong(path: Path, seed: int) -> dict[str, float]:
    """The model with wrong conductances; gives by what factor each is."""
    content, draw = json.loads(TRUTH.read_text(encoding="utf-8")), random.Random(seed)
    factors: dict[str, float] = {}
    for one in content["genome"]:
        if one["name"].startswith(("gbar_", "g_pas")):
            factors[f"{one['section']}.{one['name']}"] = factor = WRONG ** draw.uniform(-1.0, 1.0)
            one["value"] *= factor
    path.write_text(json.dumps(content), encoding="utf-8")
    return factors


def by_command(
    name: str, model: Path, data: Path, out: Path, options: argparse.Namespace, *more: str
) -> dict[str, Any]:
    """The figures of `rheobase fit`, and the processor time that it took."""
    held = ",".join(str(len(FITTED) + k) for k in range(len(HELD)))
    words = [
        "fit",
        str(model),
        str(data),
        "--morphology",
        str(MORPHOLOGY),
        "--level",
        f"{LEVEL:g}mV",
        "--dt",
        f"{DT}ms",
    ]
    words += ["--hold-out", held, "--population", str(options.population), "--name", name, "--out", str(out), *more]
    before = os.times()
    subprocess.run([sys.executable, "-m", "rheobase", *words], check=True)
    after = os.times()
    found = json.loads((out / name / "result.json").read_text(encoding="utf-8"))
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return {**found, "cpu_s": spent}


def by_chance(model: Path, data: Path, fit: dict[str, Any], seed: int) -> dict[str, Any]:
    """Random search in the ranges of a fit, for its processor time; the best of all draws."""
    cell = from_allen(model, MORPHOLOGY, dt=DT, inputs={"current": Current()})
    recording = Recording.read(data, level=LEVEL).resampled(DT)
    ranges = {name: tuple(one["range"]) for name, one in fit["parameters"].items()}
    recipe = FitRecipe(restarts=RANDOM, passive=0, forced=0, generations=0, settle=SETTLE)
    hold = range(len(FITTED), len(FITTED) + len(HELD))
    began, best, draws = time.process_time(), None, 0
    while time.process_time() - began < fit["cpu_s"]:
        one = fit_neuron(
            cell,
            recording,
            learn=tuple(ranges),
            ranges=ranges,
            hold_out=hold,
            recipe=recipe,
            seed=10_000 * (seed + 1) + draws,
        )
        draws += 1
        best = one if best is None or one.best.score < best.best.score else best
    if best is None or best.held_out is None:
        raise SystemExit("no draw was made")
    fitted, held = ({k: getattr(each, k) for k in ERRORS} for each in (best.fitted, best.held_out))
    said = {"score": best.best.score, "fitted": fitted, "held_out": held, "evaluations": RANDOM * draws}
    return {**said, "values": dict(best.best.values), "cpu_s": time.process_time() - began}


ERRORS = ("gamma", "spikes", "first", "interval", "v_error")


def off(values: dict[str, float], truth: dict[str, float]) -> dict[str, float]:
    """By what factor each value is wrong."""
    return {name: math.exp(abs(math.log(values[name] / truth[name]))) for name in values}


def compare(seed: int, options: argparse.Namespace, out: Path) -> dict[str, Any]:
    data, model = out / "traces.npz", out / f"wrong_{seed}.json"
    write_recording(data)
    factors = write_wrong(model, seed)
    limit = ("--time-limit", f"{60 * options.minutes:g}s", "--seed", str(seed), "--overwrite")
    fit = by_command(f"wrong-{seed}", model, data, out, options, *limit)
    whole = from_allen(TRUTH, MORPHOLOGY, dt=DT).values()
    truth = {name: float(whole[name].detach().flatten()[0]) for name in fit["parameters"]}
    by_fit = {name: one["value"] for name, one in fit["parameters"].items()}
    chance = by_chance(model, data, fit, seed)
    start = {name: math.sqrt(math.prod(one["range"])) for name, one in fit["parameters"].items()}
    return {
        "start": {"errors": fit["as_it_was"], "factors": factors, "off": off(start, truth)},
        "fit": {k: fit[k] for k in ("score", "fitted", "held_out", "evaluations", "steps", "ended", "seconds", "cpu_s")}
        | {"values": by_fit, "off": off(by_fit, truth), "sweeps": fit["sweeps"]},
        "random": chance | {"off": off(chance["values"], truth)},
        "truth": truth,
    }


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", type=int, default=1)
    p.add_argument("--minutes", type=float, default=10.0, help="of the command's search, by the clock")
    p.add_argument("--population", type=int, default=32)
    p.add_argument("--keep", type=Path, help="a folder for what the command writes (default: it goes)")
    p.add_argument("--json", type=Path)
    options = p.parse_args()
    if not FOLDER.is_dir():
        raise SystemExit(f"the models are not there: {FOLDER} (RHEOBASE_DATA)")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        out = options.keep or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        data = out / "traces.npz"
        write_recording(data)
        # the published values at this step, and the kernels, before the clock runs
        none = ("--passive", "0", "--forced", "0", "--generations", "0", "--time-limit", "none", "--overwrite")
        published = by_command("published", TRUTH, data, out, options, *none)["as_it_was"]
        cases = {str(seed): compare(seed, options, out) for seed in range(options.seeds)}
    results = {"name": "fit_published", "dt": DT, "fitted_nA": FITTED, "held_nA": HELD, "minutes": options.minutes}
    results |= {"published_values": published, "cases": cases}
    if options.json is not None:
        write_results(options.json, results)
    say(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
