"""Digits on 200 virtual dies of analog chips, trained plainly and on a fresh die at every batch.

    python -m benchmarks.mixed_signal [--seeds 5] [--processes 2] [--json FILE] [--plot FOLDER]
    python -m benchmarks.mixed_signal --choose [--seeds 2] [--processes 2]

64-100-10: LIF neurons, leaky integrators as readout, a rate code of 16 steps, all 1,438 training samples, batches of
64, 40 epochs, Adam with a cosine schedule; each network tested once on the 359 test samples, in software and on dies 0
to 199. `--choose` compares learning rates, and scales of the process that is trained for, on a fifth of the training
samples that is held back, and on other dies: the test samples have no part in it. What is in FILE is not run again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase import neurons, nn, plot
from rheobase.chip.mixed_signal import Dies, Process, aware, dies, named
from rheobase.data import Rate, digits
from rheobase.json_files import write_json
from rheobase.learning import Recipe, Trainer
from rheobase.machine import in_words, machine

FILE = Path(__file__).parent / "results" / "mixed_signal.json"
DIES, CHOOSING, FIRST_CHOOSING = 200, 50, 1_000_000  # the dies of a choice are none of those that are reported
EPOCHS, BATCH = 40, 64


class Case(NamedTuple):
    """A process and the age of its dies in seconds; what was chosen for both trainings, by `--choose`.

    plain_rate      learning rate of the plain one
    rate, scale     learning rate, and scale of the process, of the one for the process; None: there is nothing to win
    """

    process: Process
    age: float
    plain_rate: float
    rate: float | None = None
    scale: float = 1.0


DAY = 86400.0
CASES = {
    "pcm, after a day": Case(named("pcm"), DAY, 1e-2),
    "reram": Case(named("reram"), 0.0, 1e-2),
    "reram-2-days": Case(named("reram-2-days"), 0.0, 1e-2),
    "dynap-se2": Case(named("dynap-se2"), 0.0, 2e-3),
    "dynap-se2, mismatch x 4": Case(named("dynap-se2").scaled(4.0), 0.0, 1e-2, 1e-2, 1.0),
    "reram-faulty": Case(named("reram-faulty"), 0.0, 2e-3, 5e-3, 1.0),
}
TRAINED_FOR = [name for name, case in CASES.items() if case.rate is not None]
PLAIN_RATES, RATES, SCALES = (2e-3, 5e-3, 1e-2), (5e-3, 1e-2), (1.0, 1.5)


def encode(x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
    """Spikes of 16 steps, (time, batch, 64)."""
    return Rate(16)(x, seed=seed, index=index).flatten(2)


def trained(x: Tensor, y: Tensor, seed: int, rate: float, process: Process | None = None, age: float = 0.0) -> Any:
    """The network of a seed, trained on digits (samples, 8, 8), for a process or plainly."""
    torch.manual_seed(seed)
    hidden = neurons.LIF(100, dt=1.0, tau_mem=10.0, v_threshold=0.2)
    net: Any = nn.Sequential(nn.Linear(64, 100), hidden, nn.Linear(100, 10), neurons.LI(10, dt=1.0, tau_mem=10.0))
    if process is not None:
        net = aware(net, process, age=age)
    recipe = Recipe(epochs=EPOCHS, batch_size=BATCH, learning_rate=rate, schedule="cosine", loss="sum", seed=seed)
    Trainer(recipe).fit(net, encoder=encode, train=(x, y))
    return net


def choice(which: tuple[str, float, float, int]) -> dict[str, float]:
    """Median accuracy (%) on dies of each case, on the samples held back, of one training."""
    torch.set_num_threads(1)
    name, rate, scale, seed = which
    data = digits()
    held = torch.arange(len(data.x_train)) % 5 == 0
    x, y = encode(data.x_train[held], seed=0), data.y_train[held]
    given = data.x_train[~held], data.y_train[~held]
    on = CASES if name == "plain" else {name: CASES[name]}
    if name == "plain":
        net = trained(*given, seed, rate)
    else:
        net = trained(*given, seed, rate, CASES[name].process.scaled(scale), CASES[name].age)
    found = {
        case: dies(net, process, x, y, n=CHOOSING, seed=FIRST_CHOOSING, age=age)
        for case, (process, age, *_) in on.items()
    }
    return {"software": 100 * found[next(iter(on))].software, **{case: 100 * one.median for case, one in found.items()}}


def unit(which: tuple[str, float, int]) -> dict[str, Any]:
    """The dies of one training of a seed: of a plain one of some rate, or of one for a case."""
    torch.set_num_threads(1)
    name, rate, seed = which
    data = digits()
    x, y = encode(data.x_test, seed=0), data.y_test
    if name == "plain":
        net, on = trained(data.x_train, data.y_train, seed, rate), [k for k, c in CASES.items() if c.plain_rate == rate]
    else:
        case = CASES[name]
        net, on = trained(data.x_train, data.y_train, seed, rate, case.process.scaled(case.scale), case.age), [name]
    found: dict[str, Any] = {}
    for case in on:
        process, age, *_ = CASES[case]
        one = dies(net, process, x, y, n=DIES, age=age)
        right = (one.accuracy * one.samples).round().int().tolist()
        found[case] = {"samples": one.samples, "software": one.software, "programmed": one.programmed, "right": right}
    return found


def each(work: Callable[[Any], Any], given: list[Any], processes: int) -> Iterable[tuple[Any, Any]]:
    """Results in order, made by so many processes."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from zip(given, pool.map(work, given), strict=True)


def choose(seeds: int, processes: int) -> None:
    """Print how trainings do on every fifth training sample, which is not trained on."""
    tried = [("plain", rate, 1.0) for rate in PLAIN_RATES]
    tried += [(name, *rest) for name, *rest in itertools.product(TRAINED_FOR, RATES, SCALES)]
    for (name, rate, scale, seed), found in each(choice, [(*one, k) for one in tried for k in range(seeds)], processes):
        said = ", ".join(f"{case} {value:.2f} %" for case, value in found.items())
        print(f"{name}, rate {rate:g}, process x {scale:g}, seed {seed}: {said}", flush=True)


def key(name: str, rate: float, seed: int) -> str:
    scale = f", process x {CASES[name].scale:g}" if name in CASES else ""
    return f"{name}, rate {rate:g}{scale}, seed {seed}"


def stored(path: Path) -> dict[str, Any]:
    """What a file holds of these dies; nothing where it is of others."""
    told = {"epochs": EPOCHS, "batch": BATCH, "dies": DIES, "cases": {
        name: {"process": case.process.as_json(), "age": case.age} for name, case in CASES.items()
    }}  # fmt: skip
    held = json.loads(path.read_text()) if path.exists() else {}
    same = {name: held.get(name) for name in told} == json.loads(json.dumps(told))
    return {**told, "machine": machine(), "units": held["units"] if same else {}}


def as_dies(case: str, found: list[dict[str, Any]]) -> Dies:
    """Those of all seeds together."""
    right = torch.tensor([one for each in found for one in each["right"]], dtype=torch.float64)
    samples = found[0]["samples"]
    means = [statistics.mean(one[name] for one in found) for name in ("software", "programmed")]
    process, age, *_ = CASES[case]
    return Dies(replace(process, name=case), 0, right / samples, torch.ones_like(right), *means, samples, age, True)


def medians(found: list[dict[str, Any]]) -> list[float]:
    """Of each seed, in percent."""
    return [100 * statistics.median(one["right"]) / one["samples"] for one in found]


def tell(content: dict[str, Any], seeds: int) -> None:
    """The table of docs/mixed_signal.md."""

    def said(values: list[float]) -> str:
        spread = f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        return f"{statistics.mean(values):.2f}{spread}"

    print("| process | training | in software | median die | worst of 200 dies | lost by the median die |")
    for case, (_, _, plain_rate, rate, _) in CASES.items():
        plain = [content["units"][key("plain", plain_rate, seed)][case] for seed in range(seeds)]
        rows = {"plain": plain}
        if rate is not None:
            rows["for it"] = [content["units"][key(case, rate, seed)][case] for seed in range(seeds)]
        # both against the plain network in software
        software = [100 * one["software"] for one in plain]
        for name, found in rows.items():
            gone = [a - b for a, b in zip(software, medians(found), strict=True)]
            worst = [100 * min(one["right"]) / one["samples"] for one in found]
            own = [100 * one["software"] for one in found]
            print(f"| {case} | {name} | {said(own)} | {said(medians(found))} | {said(worst)} | {said(gone)} |")


def figures(content: dict[str, Any], seeds: int, folder: Path) -> None:
    """A picture of each case that was trained for."""
    for name in TRAINED_FOR:
        _, _, plain_rate, rate, _ = CASES[name]
        keys = {"plain": ("plain", plain_rate), "trained for it": (name, rate)}
        both = {
            said: as_dies(name, [content["units"][key(*one, seed)][name] for seed in range(seeds)])
            for said, one in keys.items()
        }
        file = folder / f"mixed_signal_{name.split(',')[0]}.png"
        plot.save(plot.dies(both, title=f"{name}: {seeds} networks, {DIES} dies each"), file)


def main() -> None:
    """Train, print, and keep."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options.add_argument("--choose", action="store_true")
    options.add_argument("--only", metavar="CASE", help="train only for this one, or plain; no table")
    options.add_argument("--json", type=Path, default=FILE)
    options.add_argument("--plot", type=Path, help="folder for pictures")
    given = options.parse_args()
    if given.choose:
        choose(given.seeds, given.processes)
        return
    content = stored(given.json)
    rates = sorted({case.plain_rate for case in CASES.values()})
    kinds = [("plain", rate) for rate in rates] + [(name, CASES[name].rate) for name in TRAINED_FOR]
    kinds = [kind for kind in kinds if given.only in (None, kind[0])]
    wanted = [(*kind, seed) for seed in range(given.seeds) for kind in kinds]
    left = [one for one in wanted if key(*one) not in content["units"]]
    for done, (one, found) in enumerate(each(unit, left, given.processes), 1):
        content["units"][key(*one)] = found
        write_json(given.json, content)
        print(f"{done} of {len(left)}: {key(*one)}", flush=True)
    if given.only is not None:
        return
    print(in_words(content["machine"]))
    tell(content, given.seeds)
    if given.plot is not None:
        figures(content, given.seeds, given.plot)


if __name__ == "__main__":
    main()
