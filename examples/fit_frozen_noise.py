"""Fit neurons to a cortical cell under frozen noise, and predict spikes that they have not seen.

    python examples/fit_frozen_noise.py --data FOLDER [--quick]

FOLDER holds gif_frozen_noise_first10s.npz: v_mV and i_pA (sweep, sample), dt_ms; repetitions of one current (a part of
the spike-prediction data of Pozzorini et al., PLoS Comput. Biol. 11, e1004275, 2015). The fit sees the last 6 s; the
first 4 s are scored by Gamma at 4 ms, beside how well the cell predicts itself. (The recipe was found with the parts
the other way round, so that no test chose anything.) The potential is raw: a constant times
the current is fitted along as what is left of the electrode's resistance.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from fit_models import ENTRIES, hardware, write_table

from rheobase.learning import Fit, FitRecipe, Recording, RichFitProgress, reliability
from rheobase.plot.style import LIGHT, TICK, dress, few_ticks, new_figure, save

FILE = "gif_frozen_noise_first10s.npz"
TEST, TRAIN = (50.0, 4000.0), (4000.0, 10000.0)  # ms; models start at rest, and settle for the first 50
DT = 0.2
SHOWN = (1000.0, 2500.0)


def load(folder: Path) -> Recording:
    path = folder / FILE
    if not path.is_file():
        sys.exit(f"{path} is not there: --data names the folder that holds {FILE}")
    with np.load(path, allow_pickle=False) as data:
        v, current = (torch.as_tensor(data[k]) for k in ("v_mV", "i_pA"))
        return Recording(v, current, dt=float(data["dt_ms"])).resampled(DT)


def picture(whole: Recording, fits: dict[str, Fit], test: dict[str, float], path: Path) -> None:
    """The first repetition and the best models over a part of the test, and everybody's spikes."""
    part = whole.between(*SHOWN)
    first = round((SHOWN[0] - whole.start) / DT)
    time_axis = np.arange(part.steps) * DT + SHOWN[0]
    best = sorted(fits, key=lambda name: -test[name])
    figure = new_figure(8.0, 6.4, LIGHT)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.3, 1.2))
    dress(top, LIGHT, title="Frozen noise, a part that no fit has seen", y="mV")
    top.plot(time_axis, part.v[0], color=LIGHT.muted, lw=1.0, label="cell, repetition 1")
    runs = {name: fits[name].run(whole.sweeps([0])) for name in best}
    for k, name in enumerate(best[:2]):
        spikes, v = runs[name]
        if v is not None:
            drawn = torch.where(spikes > 0, 30.0, v)[0, first : first + part.steps]
            top.plot(time_axis, drawn, color=LIGHT.colours[k], lw=1.0, label=f"{name}, test Gamma {test[name]:.2f}")
    top.legend(frameon=False, fontsize=TICK, ncols=3, loc="lower left", bbox_to_anchor=(0.0, -0.16))
    dress(bottom, LIGHT, x="ms")
    rows = [(t + SHOWN[0], LIGHT.muted) for t in part.spike_times()]
    rows += [
        (torch.nonzero(runs[name][0][0, first : first + part.steps])[:, 0] * DT + SHOWN[0], LIGHT.ink) for name in best
    ]
    bottom.eventplot(
        [np.asarray(t) for t, _ in rows],
        colors=[c for _, c in rows],
        lineoffsets=list(range(len(rows))),
        linelengths=0.8,
        linewidths=1.2,
    )
    labels = [f"cell {k + 1}" for k in range(len(part.v))] + [f"{name}  {test[name]:.2f}" for name in best]
    bottom.set_yticks(range(len(rows)), labels, fontsize=6.0)
    bottom.invert_yaxis()
    few_ticks(top, y=5)
    save(figure, path)


def by_gradient(fit: Fit) -> float:
    """Gamma in training where the gradient stages ended."""
    return [step.gamma for step in fit.history if step.stage != "evolve"][-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"the folder that holds {FILE}")
    parser.add_argument("--out", type=Path, default=Path("results/fit"), help="where the table and picture go")
    parser.add_argument("--quick", action="store_true", help="a short search, some seconds for each neuron")
    parser.add_argument("--seeds", type=int, default=1, help="fits of each neuron, numbered from 0")
    parser.add_argument("--only", nargs="*", default=None, help="names of neurons")
    parser.add_argument("--threads", type=int, default=1, help="of torch; some dozen lanes keep one busy")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    whole = load(given.data)
    train, test = whole.between(*TRAIN), whole.between(*TEST)
    recipe = FitRecipe(restarts=8, forced=15, free=2, generations=25, population=32) if given.quick else FitRecipe()
    own = [reliability(part.spike_times(), duration=part.duration) for part in (train, test)]
    print(f"{whole}\nthe cell itself: Gamma {own[0]:.3f} in training, {own[1]:.3f} in test")
    counts = [len(t) for t in test.spike_times()]
    notes = [
        "# Neurons fitted to frozen noise",
        "",
        f"Training {TRAIN[0]:g} to {TRAIN[1]:g} ms, test {TEST[0]:g} to {TEST[1]:g} ms, {len(whole.v)} repetitions, "
        f"dt {DT} ms. Gamma at 4 ms, mean over repetitions. The cell predicts itself with {own[0]:.3f} in training and "
        f"{own[1]:.3f} in test; it has {min(counts)} to {max(counts)} spikes in test. The row is the seed that fitted "
        "best in training; with so few spikes, differences of some hundredths in test say nothing.",
        "",
        f"Seeds 0 to {given.seeds - 1}; {recipe}. {hardware()}.",
        "",
        f"`python examples/fit_frozen_noise.py --data FOLDER{' --quick' if given.quick else ''} --seeds {given.seeds}`",
    ]
    rows, fits, scores, found = [], {}, {}, {}
    for entry in ENTRIES:
        if given.only is not None and entry.name not in given.only:
            continue
        results: list[tuple[Fit, float]] = []
        began = time.monotonic()
        for seed in range(given.seeds):
            fit = entry.fit(train, recipe, seed, [RichFitProgress()])
            results.append((fit, fit.gamma_on(whole.between(0.0, TEST[1]), start=TEST[0])))
        seconds = (time.monotonic() - began) / given.seeds
        # the seed that fitted best in training is the one that counts: test data choose nothing
        fit, score = min(results, key=lambda r: r[0].best.score)
        spikes, _ = fit.run(whole.sweeps([0]))
        tests = [s for _, s in results]
        rows.append(
            {
                "neuron": entry.name,
                "learnt": len(fit.best.values),
                "training by gradient": f"{by_gradient(fit):.3f}",
                "Gamma training": f"{fit.gamma:.3f}",
                "Gamma test": f"{score:.3f}",
                "of the cell's own": f"{score / own[1]:.2f}",
                "test over seeds": f"{min(tests):.2f} to {max(tests):.2f}",
                "spikes test": f"{int(spikes[:, round(TEST[0] / DT) : round(TEST[1] / DT)].sum())}",
                "v error": f"{fit.best.v_error:.3f}",
                "seconds a fit": f"{seconds:.0f}",
            }
        )
        fits[entry.name], scores[entry.name], found[entry.name] = fit, score, dict(fit.best.values)
        print(rows[-1])
        # after each neuron, so that a run cut short leaves what it has
        write_table(given.out, "frozen_noise", rows, notes)
        (given.out / "frozen_noise_parameters.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        picture(whole, fits, scores, given.out / "frozen_noise.png")


if __name__ == "__main__":
    main()
