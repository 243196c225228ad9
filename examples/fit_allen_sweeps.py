"""Fit neurons to the first part of a current step, and predict the rest of it, for several cells.

    python examples/fit_allen_sweeps.py --data FOLDER [--quick]

FOLDER holds allen_mouse_long_square.npz: v_mV and i_pA (cell, sample), dt_ms, t_on_ms, t_off_ms, specimen_id; one long
square of each cell (Allen Cell Types Database). The fit sees everything up to 600 ms into the step; the last 400 ms are
scored: the number of spikes, the mean interval between them, and Gamma at 4 ms. With one sweep of each cell there is
no measure of how well a cell predicts itself, and a step tells little of a cell's dynamics. With eFEL installed
(`pip install rheobase[bio]`) its features of the whole step are compared, too; most of that step is the training part.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fit_models import ENTRIES, hardware, write_table

from rheobase.errors import BackendUnavailable
from rheobase.learning import Fit, FitRecipe, Recording, RichFitProgress, feature_errors, features, with_spikes
from rheobase.plot.style import LIGHT, TICK, dress, new_figure, save

FILE = "allen_mouse_long_square.npz"
DT = 0.2
SEEN = 600.0  # ms of the step
AFTER = 5.0  # ms after the step in which nothing is scored, nor shown
COMPARED = ("LIF", "GLIF1", "GLIF3", "GIF", "AdEx")
FEATURES = ("spike_count", "time_to_first_spike", "mean_frequency", "adaptation_index2")


def load(folder: Path) -> tuple[Recording, list[str], float, float]:
    path = folder / FILE
    if not path.is_file():
        sys.exit(f"{path} is not there: --data names the folder that holds {FILE}")
    with np.load(path, allow_pickle=False) as data:
        v, current = (torch.as_tensor(data[k]) for k in ("v_mV", "i_pA"))
        whole = Recording(v, current, dt=float(data["dt_ms"])).resampled(DT)
        return whole, [str(k) for k in data["specimen_id"]], float(data["t_on_ms"]), float(data["t_off_ms"])


def interval(times: torch.Tensor) -> float:
    """The mean time between spikes, ms."""
    return float(torch.diff(times).mean()) if len(times) > 1 else math.nan


def judge(fit: Fit, cell: Recording, start: float, stop: float) -> dict[str, Any]:
    """Spikes from `start` to `stop` beside those of the cell."""
    spikes, _ = fit.run(cell)
    part = cell.between(start, stop)
    data = part.spike_times()[0]
    model = torch.nonzero(spikes[0, round(start / DT) : round(stop / DT)])[:, 0] * DT
    return {
        "spikes": len(data),
        "of the model": len(model),
        "interval error ms": interval(model) - interval(data),
        "Gamma test": fit.gamma_on(cell.between(0.0, stop), start=start),
    }


def picture(cells: list[Recording], names: list[str], fits: list[dict[str, Fit]], split: float, path: Path) -> None:
    """Every cell with one of the models over the step; what lies right of the line was not seen."""
    figure = new_figure(8.0, 1.15 * len(cells) + 0.6, LIGHT)
    axes = figure.subplots(len(cells), 1, sharex=True, squeeze=False)[:, 0]
    for ax, cell, name, found in zip(axes, cells, names, fits, strict=True):
        dress(ax, LIGHT)
        axis = np.arange(cell.steps) * DT
        ax.plot(axis, cell.v[0], color=LIGHT.muted, lw=0.9)
        for k, (label, fit) in enumerate(found.items()):
            spikes, _ = fit.run(cell)
            at = torch.nonzero(spikes[0])[:, 0] * DT
            ax.plot(at, np.full(len(at), 55.0 + 14.0 * k), "|", ms=5, color=LIGHT.colours[k], label=label)
        ax.axvline(split, color=LIGHT.muted, lw=0.8, ls=":")
        ax.text(1.005, 0.5, name, transform=ax.transAxes, fontsize=TICK - 1.5, va="center", color=LIGHT.ink)
        ax.set_yticks((-80, -40, 0, 40))
    axes[0].legend(frameon=False, fontsize=TICK, ncols=len(COMPARED), loc="lower left", bbox_to_anchor=(0.0, 1.0))
    axes[-1].set_xlabel("ms", fontsize=TICK)
    figure.supylabel("mV", fontsize=TICK, color=LIGHT.muted)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"the folder that holds {FILE}")
    parser.add_argument("--out", type=Path, default=Path("results/fit"), help="where the tables and the picture go")
    parser.add_argument("--quick", action="store_true", help="two cells and a short search")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="of torch; some dozen lanes keep one busy")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    whole, names, on, off = load(given.data)
    numbers = range(2 if given.quick else len(names))
    short = FitRecipe(restarts=8, forced=15, free=2, generations=25, population=32)
    recipe = short if given.quick else FitRecipe(population=48, generations=100)
    split, end = on + SEEN, off
    rows: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    fits: list[dict[str, Fit]] = []
    for number in numbers:
        cell, found = whole.sweeps([number]), {}
        seen = cell.between(0.0, split)
        for entry in (e for e in ENTRIES if e.name in COMPARED):
            began = time.monotonic()
            fit = found[entry.name] = entry.fit(seen, recipe, given.seed, [RichFitProgress()])
            seconds = time.monotonic() - began
            figures = judge(fit, cell, split, end)
            shown = {k: f"{v:.2f}" if isinstance(v, float) else v for k, v in figures.items()}
            rows.append(
                {
                    "cell": names[number],
                    "neuron": entry.name,
                    "Gamma training": f"{fit.gamma:.2f}",
                    **shown,
                    "v error": f"{fit.best.v_error:.2f}",
                    "seconds": f"{seconds:.0f}",
                }
            )
            print(rows[-1])
            _, v = fit.run(cell)
            if v is not None:
                errors += compared(names[number], entry.name, cell, fit, on, off)
        fits.append(found)
    notes = [
        "# Neurons fitted to the first 600 ms of a step, tested on the last 400 ms",
        "",
        f"One sweep of each of {len(fits)} cells, dt {DT} ms. `spikes`, `of the model`, the error of the mean interval "
        "and Gamma (4 ms) are those of the test part.",
        "",
        f"Seed {given.seed}; {recipe}. {hardware()}.",
        "",
        f"`python examples/fit_allen_sweeps.py --data FOLDER{' --quick' if given.quick else ''}`",
        "",
        "| neuron | median test Gamma | mean error of the number of spikes | mean absolute error of the interval, ms |",
        "|---|---|---|---|",
        *(summary(name, rows) for name in COMPARED),
    ]
    write_table(given.out, "allen_sweeps", rows, notes)
    if errors:
        said = ["# eFEL's features of the whole step, model minus cell (600 of 1000 ms are the training part)"]
        write_table(given.out, "allen_features", errors, said)
    picture([whole.sweeps([k]) for k in numbers], names[: len(fits)], fits, split, given.out / "allen_sweeps.png")


def compared(cell: str, neuron: str, recording: Recording, fit: Fit, on: float, off: float) -> list[dict[str, Any]]:
    """One row of feature errors; none without eFEL."""
    spikes, v = fit.run(recording)
    if v is None:
        return []
    try:
        data, model = (
            features(r, start=on, stop=off, names=FEATURES)[0] for r in (recording, with_spikes(recording, v, spikes))
        )
    except BackendUnavailable as absent:
        print(absent)
        return []
    errors = {name: f"{error:.3g}" for name, error in feature_errors(data, model).items()}
    return [{"cell": cell, "neuron": neuron, **errors}]


def summary(name: str, rows: list[dict[str, Any]]) -> str:
    mine = [row for row in rows if row["neuron"] == name]
    gammas = statistics.median(float(row["Gamma test"]) for row in mine)
    count = statistics.fmean(row["of the model"] - row["spikes"] for row in mine)
    known = [abs(x) for x in (float(row["interval error ms"]) for row in mine) if not math.isnan(x)]
    late = f"{statistics.fmean(known):.1f}" if known else "none"
    return f"| {name} | {gammas:.2f} | {count:+.1f} | {late} (of {len(known)} cells) |"


if __name__ == "__main__":
    main()
