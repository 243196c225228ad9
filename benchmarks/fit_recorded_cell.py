"""Recorded cells fitted with channels: `fit_neuron` with a cell, random search of as many runs, and point neurons.

No recording here comes with the shape of its cell. So a shape stands in for it: one compartment, or a soma with one
dendrite, whose membrane has the capacitance that the recording shows at 1 uF/cm2. The soma has the channels of the
Allen Institute's perisomatic models, in ranges of `RANGES` and without values to begin at; the dendrite has a leak. A
liquid junction potential of 14 mV is taken off, as for those models. AdEx and GLIF3 are fitted to the same sweeps with
what `rheobase fit` chooses. A run is one candidate in one sweep, and all searches have as many; one by gradient
counts once. "cell": gradient and evolution without the passive stage, "passive": with it, "gradient": four times as
many steps by gradient, at a greater rate, and so many generations less, "evolution": alone. Sweeps that are held out
test them all. Reduced: some sweeps of each recording, a short search.

    python -m benchmarks.fit_recorded_cell [--recordings 171116sh,190619B] [--shapes one,stick] [--seeds 3] [--first 0]
        [--generations 30] [--searches cell,passive,evolution,random,AdEx,GLIF3] [--json FILE] [--picture FILE.png]
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import write_results
from benchmarks.options import say
from rheobase import channels, neurons
from rheobase.cells import Cell, Compartments, Section
from rheobase.learning import Fit, FitRecipe, Recording, fit_neuron, matched_lif
from rheobase.learning.fitting.guess import likely_ranges, likely_values, measured, usual_learn
from rheobase.plot.style import LIGHT, TICK, dress, few_ticks, new_figure, save

DATA = Path(os.environ.get("RHEOBASE_DATA", "data"))
DT, POINT_DT = 0.05, 0.1  # ms
JUNCTION = 14.0  # mV
PASSIVE, FORCED, RANDOM, POINTS = 40, 15, 48, ("AdEx", "GLIF3")
GRADIENT, RATE = 60, 0.1  # steps, and rate, of the search with more by gradient
FORMS = {"spikes": ".1f", "first": ".0f", "interval": ".2f", "v_rms": ".1f", "trough": ".1f", "height": ".1f"}
ERRORS = ("gamma", *FORMS, "width")
# restarts of the stage by gradient; without the passive stage
RECIPE = FitRecipe(restarts=24, passive=0, forced=FORCED, free=0, generations=30, population=48, patience=None)


@dataclass(frozen=True)
class Case:
    """A recording: its file, where a spike is counted (mV), sweeps and part (ms) that are used, sweeps held out.

    `series`: GOhm up to which the electrode's resistance is searched; 0 where nothing of it is to be seen. `median`: ms
    over which a running median of the current is taken, 0 for none: a measured current may have the spikes in it (400
    pA in the files of CA1), and tells a model when to spike.
    """

    file: str
    level: float
    part: tuple[float, float]
    fitted: tuple[int, ...]
    held: tuple[int, ...]
    series: float = 0.0
    median: float = 0.0

    def read(self, dt: float) -> Recording:
        """The sweeps that are fitted, then those held out."""
        whole = Recording.read(DATA / self.file, level=self.level).sweeps([*self.fitted, *self.held])
        if self.median:
            whole = whole.changed(current=running_median(whole.current, round(self.median / whole.dt)))
        return whole.between(*self.part).corrected(JUNCTION).resampled(dt)

    @property
    def hold_out(self) -> list[int]:
        return list(range(len(self.fitted), len(self.fitted) + len(self.held)))


def running_median(rows: Tensor, steps: int) -> Tensor:
    """The median of so many samples around each one; (sweep, time)."""
    around = torch.nn.functional.pad(rows, (steps // 2, steps - 1 - steps // 2), mode="replicate")
    return torch.stack([row.unfold(0, steps, 1).median(1).values for row in around])


FOLDERS = {"fi": "ephys_fi_curves", "ca1": "ephys_CA1_pyramidal"}
CASES = {
    "171116sh": Case(
        f"{FOLDERS['fi']}/171116sh_0018.npz", -10.0, (0.0, 900.0), (0, 2, 5, 6, 8, 10, 12, 14, 16), (7, 9, 11, 13, 15)
    ),
    "190619B": Case(f"{FOLDERS['fi']}/190619B_0003.npz", 0.0, (950.0, 2150.0), (0, 1, 3, 4, 5, 7, 9), (2, 6, 8), 0.15),
    "PYR1": Case(
        f"{FOLDERS['ca1']}/ferguson2015_PYR1.npz", 0.0, (0.0, 1300.0), (0, 3, 4, 5, 6, 8, 12), (2, 7, 10), 0.15, 20.0
    ),
    "PYR2": Case(
        f"{FOLDERS['ca1']}/ferguson2015_PYR2.npz", 0.0, (0.0, 1300.0), (0, 1, 3, 4, 6, 8, 12), (2, 5, 7, 9), 0.15, 20.0
    ),
    "PYR3": Case(
        f"{FOLDERS['ca1']}/ferguson2015_PYR3.npz", 0.0, (0.0, 1300.0), (0, 3, 6, 8, 11, 14, 20), (7, 10, 13), 0.15, 20.0
    ),
}
RANGES = {
    "Ih.gbar": (1e-6, 1e-3),
    "NaTs.gbar": (0.05, 5.0),
    "Nap.gbar": (1e-6, 5e-3),
    "K_P.gbar": (1e-4, 0.3),
    "K_T.gbar": (1e-4, 0.3),
    "Kv3_1.gbar": (1e-2, 2.0),
    "Im.gbar": (1e-6, 1e-2),
    "SK.gbar": (1e-6, 0.1),
    "Ca_HVA.gbar": (1e-6, 1e-3),
    "Ca_LVA.gbar": (1e-6, 1e-2),
    "CaDynamics.gamma": (5e-4, 5e-2),
    "CaDynamics.decay": (20.0, 1000.0),
}


def cell_of(shape: str, seen: Recording) -> tuple[Cell, dict[str, tuple[float, float]]]:
    """A cell of the size that the sweeps to fit show, and where its values are searched."""
    lif = matched_lif(seen)
    if lif is None:
        raise SystemExit("the recording shows no resistance")
    c_mem, g_leak, rest = (float(lif.value(name)) for name in ("c_mem", "g_leak", "v_leak"))
    area = 100.0 * c_mem  # um2, at 1 uF/cm2
    g = 0.1 * g_leak / area  # S/cm2
    if shape == "one":
        side = math.sqrt(area / math.pi)
        sections = [Section("soma", length=side, diameter=side, nseg=1)]
    else:
        soma = Section("soma", length=20.0, diameter=20.0, nseg=1)
        length = (area - soma.area) / (3.0 * math.pi)
        sections = [soma, Section("dend", length=length, diameter=3.0, parent=soma, nseg=5)]
    middle = {name: math.sqrt(low * high) for name, (low, high) in RANGES.items()}
    held = {section.kind: [channels.Pas(g=g, e=rest)] for section in sections}
    held["soma"] += [
        getattr(channels, kind)(**{name.split(".")[1]: x for name, x in middle.items() if name.startswith(f"{kind}.")})
        for kind in dict.fromkeys(name.split(".")[0] for name in RANGES)
    ]
    cell = Cell(Compartments.of(sections), held, dt=DT, reversal={"na": 53.0, "k": -107.0}, v_init=rest)
    ranges = {f"soma.{name}": ends for name, ends in RANGES.items()}
    for section in sections:
        ranges |= {
            f"{section.kind}.Pas.g": (g / 4.0, 4.0 * g),
            f"{section.kind}.Pas.e": (rest - 15.0, rest + 15.0),
            f"c_mem.{section.kind}": (0.25, 4.0),
        }
    return cell, ranges


def recipe_of(search: str, seen: Recording, generations: int) -> FitRecipe:
    """The recipe of a search; all have as many runs of a sweep."""
    sweeps = len(seen.v)
    whole = replace(RECIPE, generations=generations)
    forced = FORCED * RECIPE.restarts * min(RECIPE.sweeps, sweeps)
    if search == "passive":
        silent = min(RECIPE.sweeps, sum(not len(times) for times in seen.spike_times()))
        less = round(PASSIVE * RECIPE.restarts * silent / (RECIPE.population * sweeps))
        return replace(whole, passive=PASSIVE, generations=generations - less)
    if search == "gradient":
        less = round((GRADIENT - FORCED) * RECIPE.restarts * min(RECIPE.sweeps, sweeps) / (RECIPE.population * sweeps))
        return replace(whole, forced=GRADIENT, rate=RATE, generations=generations - less)
    if search == "evolution":
        more = round(forced / (RECIPE.population * sweeps))
        return replace(whole, forced=0, generations=generations + more)
    if search == "random":
        return replace(whole, restarts=RANDOM, forced=0, generations=0)
    return whole


def draws_of(seen: Recording, generations: int) -> int:
    """How many calls of a random search are as many runs."""
    forced = FORCED * RECIPE.restarts * min(RECIPE.sweeps, len(seen.v)) / len(seen.v)
    return math.ceil((forced + generations * RECIPE.population) / RANDOM)


def search_of(search: str, shape: str, case: Case, seed: int, generations: int) -> tuple[Fit, int]:
    """A fit, and how many candidates it scored or pulled."""
    rest: dict[str, Any] = {"hold_out": case.hold_out, "series": (0.0, case.series) if case.series else False}
    if search in POINTS:
        whole = case.read(POINT_DT)
        seen, kind = whole.sweeps(range(len(case.fitted))), getattr(neurons, search)
        learn, found = usual_learn(kind), measured(seen)
        rest |= {"ranges": likely_ranges(kind, learn, found), "start": likely_values(kind, learn, found)}
        fit = fit_neuron(kind, whole, learn=learn, recipe=recipe_of(search, seen, generations), seed=seed, **rest)
        return fit, fit.evaluations
    whole = case.read(DT)
    seen = whole.sweeps(range(len(case.fitted)))
    cell, ranges = cell_of(shape, seen)
    rest |= {"learn": tuple(ranges), "ranges": ranges, "recipe": recipe_of(search, seen, generations)}
    if search != "random":
        fit = fit_neuron(cell, whole, seed=seed, **rest)
        return fit, fit.evaluations
    draws = draws_of(seen, generations)
    best: Fit | None = None
    for k in range(draws):
        one = fit_neuron(cell, whole, seed=1000 * (seed + 1) + k, **rest)
        best = one if best is None or one.best.score < best.best.score else best
    if best is None:
        raise SystemExit("no draw was made")
    return best, RANDOM * draws


def described(fit: Fit, candidates: int, began: tuple[float, float]) -> dict[str, Any]:
    if fit.held_out is None:
        raise SystemExit("a fit that holds sweeps out was expected")
    return {
        "score": fit.best.score,
        "fitted": {key: getattr(fit.fitted, key) for key in ERRORS},
        "held_out": {key: getattr(fit.held_out, key) for key in ERRORS},
        "values": dict(fit.best.values),
        "at_edges": fit.at_edges(),
        "passive": None if fit.passive is None else fit.passive.said,
        "diverged": fit.diverged,
        "candidates": candidates,
        "cpu_s": time.process_time() - began[0],
        "minutes": (time.monotonic() - began[1]) / 60.0,
        "peak_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def row(word: str, found: list[dict[str, Any]]) -> str:
    """The means over seeds, and what the seed that fits best has on sweeps held out."""

    def mean(part: str, key: str) -> float:
        return float(np.nanmean([one[part][key] for one in found]))

    best = min(found, key=lambda one: one["score"])["held_out"]
    cells = [word, f"{np.mean([one['score'] for one in found]):.2f}"]
    cells += [f"{mean(part, 'gamma'):.2f}" for part in ("fitted", "held_out")] + [f"{best['gamma']:.2f}"]
    for key, form in FORMS.items():
        cells.append(f"{mean('fitted', key):{form}}; {mean('held_out', key):{form}}")
    cells += [str(found[0]["candidates"]), f"{np.median([one['cpu_s'] for one in found]):.0f}"]
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "search", "score", "Gamma fitted", "held out", "best seed", "spikes off", "first spike off (ms)",
    "interval off", "potential off (mV)", "trough off (mV)", "height off (mV)", "candidates", "CPU s",
)  # fmt: skip


def picture(shown: list[tuple[str, Fit, Recording]], path: Path) -> None:
    """Every second sweep held out, and the potential that each fit has there."""
    held = shown[0][1].split.held[::2]
    figure = new_figure(8.0, 1.5 * len(held) * len(shown) + 0.6, LIGHT)
    axes = figure.subplots(len(held) * len(shown), 1, sharex=True, squeeze=False)[:, 0]
    pairs = [(k, *each) for k in held for each in shown]
    for ax, (k, word, fit, whole) in zip(axes, pairs, strict=True):
        dress(ax, LIGHT)
        spikes, v = fit.run(whole)
        if v is None:
            raise SystemExit(f"{word} has no potential")
        peak = float(whole.v.max())
        drawn = torch.where(spikes > 0, peak, v) if word in POINTS else v
        time_ms = np.arange(whole.steps) * whole.dt
        ax.plot(time_ms, whole.v[k], color=LIGHT.ink, lw=0.7)
        ax.plot(time_ms, drawn[k], color=LIGHT.colours[0 if word in POINTS else 1], lw=0.7)
        counts = f"{word}: {int(spikes[k].sum())} spikes, {int(whole.spikes()[k].sum())} recorded (black)"
        ax.text(0.0, 1.01, counts, transform=ax.transAxes, fontsize=TICK, color=LIGHT.ink, va="bottom")
        ax.set_ylabel("mV", fontsize=TICK, color=LIGHT.muted)
        few_ticks(ax, y=3)
    axes[-1].set_xlabel("ms", fontsize=TICK, color=LIGHT.muted)
    save(figure, path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--recordings", default="171116sh,190619B", help=f"with commas between them: {', '.join(CASES)}")
    p.add_argument("--shapes", default="one", help="one, stick")
    p.add_argument("--searches", default="cell,passive,evolution,random,AdEx,GLIF3", help="with commas")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--first", type=int, default=0, help="the first seed")
    p.add_argument("--generations", type=int, default=RECIPE.generations)
    p.add_argument("--json", type=Path)
    p.add_argument("--picture", type=Path, help="of the last recording: the best cell and the best neuron")
    options = p.parse_args()
    torch.set_num_threads(1)
    results: dict[str, Any] = {"name": "fit_recorded_cell", "generations": options.generations, "cases": {}}
    for name in options.recordings.split(","):
        case = CASES[name]
        if not (DATA / case.file).is_file():
            say(f"{name} is left out: {case.file} is not in RHEOBASE_DATA ({DATA})")
            continue
        say(f"{name}: {len(case.fitted)} sweeps fitted, {len(case.held)} held out")
        say("| " + " | ".join(HEAD) + " |\n|---|" + "---:|" * (len(HEAD) - 1))
        best: dict[bool, tuple[str, Fit]] = {}
        for word in words_of(options.searches.split(","), options.shapes.split(",")):
            found: list[dict[str, Any]] = []
            for seed in range(options.first, options.first + options.seeds):
                began = time.process_time(), time.monotonic()
                search, _, shape = word.partition(", ")
                fit, candidates = search_of(search, shape, case, seed, options.generations)
                found.append(described(fit, candidates, began))
                is_point = search in POINTS
                if is_point not in best or fit.best.score < best[is_point][1].best.score:
                    best[is_point] = word, fit
            say(row(word, found))
            results["cases"].setdefault(name, {})[word] = found
            if options.json is not None:
                write_results(options.json, results)
        if options.picture is not None:
            shown = [(word, fit, case.read(POINT_DT if point else DT)) for point, (word, fit) in sorted(best.items())]
            picture(shown, options.picture)
    if not results["cases"]:
        sys.exit("nothing was fitted")


def words_of(searches: list[str], shapes: list[str]) -> list[str]:
    """Each search of a cell with each shape, and the neurons."""
    return [
        word
        for search in searches
        for word in ([search] if search in POINTS else [f"{search}, {shape}" for shape in shapes])
    ]


if __name__ == "__main__":
    main()
