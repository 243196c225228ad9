"""Digits on 200 virtual dies of analog chips, trained plainly and on a fresh die at every batch.

    python -m benchmarks.mixed_signal [--seeds 5] [--processes 2] [--json FILE] [--plot FOLDER]
    python -m benchmarks.mixed_signal --choose [--seeds 2] [--processes 2]

64-100-10: LIF neurons, leaky integrators as readout, a rate code of 16 steps, all 1,438 training samples, batches of 64,
40 epochs, Adam with a cosine schedule; each network tested once on the 359 test samples, in software and on dies 0 to 199.
`--choose` compares learning rates, and scales of the process that is trained for, on a fifth of the training samples that
is held back, and on other dies: the test samples have no part in it. What is in FILE already is not run again.
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
    """A process, the age of its dies in seconds, and what was chosen for the training: rate, scale of the process."""

    process: Process
    age: float
    rate: float
    scale: float


PLAIN_RATE = 5e-3
CASES = {
    "pcm, after a day": Case(named("pcm"), 86400.0, 5e-3, 1.0),
    "reram-faulty": Case(named("reram-faulty"), 0.0, 5e-3, 1.0),
    "dynap-se2, mismatch x 4": Case(named("dynap-se2").scaled(4.0), 0.0, 5e-3, 1.0),
}
RATES, SCALES = (5e-3, 1e-2), (1.0, 1.5)


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


def choice(which: tuple[str, float, float, int]) -> list[float]:
    """Median accuracy (%) on dies of the samples held back; of a plain training, accuracy in software."""
    torch.set_num_threads(1)
    name, rate, scale, seed = which
    data = digits()
    held = torch.arange(len(data.x_train)) % 5 == 0
    x, y = encode(data.x_train[held], seed=0), data.y_train[held]
    given = data.x_train[~held], data.y_train[~held]
    if name == "plain":
        return [100 * dies(trained(*given, seed, rate), Process(), x, y, n=1).software]
    process, age, *_ = CASES[name]
    net = trained(*given, seed, rate, process.scaled(scale), age)
    return [100 * dies(net, process, x, y, n=CHOOSING, seed=FIRST_CHOOSING, age=age).median]


def unit(which: tuple[str, int]) -> dict[str, Any]:
    """The dies of one training: of the plain one on each process, of the others on theirs."""
    torch.set_num_threads(1)
    name, seed = which
    data = digits()
    x, y = encode(data.x_test, seed=0), data.y_test
    if name == "plain":
        net, on = trained(data.x_train, data.y_train, seed, PLAIN_RATE), list(CASES)
    else:
        process, age, rate, scale = CASES[name]
        net, on = trained(data.x_train, data.y_train, seed, rate, process.scaled(scale), age), [name]
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
    tried = [("plain", rate, 1.0) for rate in RATES]
    tried += [(name, *rest) for name, *rest in itertools.product(CASES, RATES, SCALES)]
    given = [(*one, seed) for one in tried for seed in range(seeds)]
    found: dict[Any, list[float]] = {}
    for (*one, _), value in each(choice, given, processes):
        held = found.setdefault(tuple(one), [])
        held += value
        if len(held) == seeds:
            print(f"{one[0]}, rate {one[1]:g}, process x {one[2]:g}: {statistics.mean(held):.2f} % {held}", flush=True)


def stored(path: Path) -> dict[str, Any]:
    """What a file holds of this very benchmark; nothing where it is of other choices."""
    told = {"epochs": EPOCHS, "batch": BATCH, "dies": DIES, "plain rate": PLAIN_RATE, "cases": {
        name: {"process": case.process.as_json(), "age": case.age, "rate": case.rate, "scale": case.scale}
        for name, case in CASES.items()
    }}  # fmt: skip
    held = json.loads(path.read_text()) if path.exists() else {}
    same = {key: held.get(key) for key in told} == json.loads(json.dumps(told))
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

    units = content["units"]
    print("| process | training | software | median die | worst of 200 dies | lost by the median die | of it, by training |")
    for case in CASES:
        plain = [units[f"plain {seed}"][case] for seed in range(seeds)]
        other = [units[f"{case} {seed}"][case] for seed in range(seeds)]
        # both against the plain network in software
        software = [100 * one["software"] for one in plain]
        lost = [[a - b for a, b in zip(software, medians(found), strict=True)] for found in (plain, other)]
        for name, found, gone in (("plain", plain, lost[0]), ("for it", other, lost[1])):
            worst = [100 * min(one["right"]) / one["samples"] for one in found]
            own = [100 * one["software"] for one in found]
            share = "" if name == "plain" else f"{statistics.mean(gone) / statistics.mean(lost[0]):.2f} of it left"
            print(f"| {case} | {name} | {said(own)} | {said(medians(found))} | {said(worst)} | {said(gone)} | {share} |")


def main() -> None:
    """Train, print, and keep."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options.add_argument("--choose", action="store_true")
    options.add_argument("--json", type=Path, default=FILE)
    options.add_argument("--plot", type=Path, help="folder for pictures")
    given = options.parse_args()
    if given.choose:
        choose(given.seeds, given.processes)
        return
    content = stored(given.json)
    wanted = [(name, seed) for seed in range(given.seeds) for name in ("plain", *CASES)]
    left = [one for one in wanted if f"{one[0]} {one[1]}" not in content["units"]]
    for done, ((name, seed), found) in enumerate(each(unit, left, given.processes), 1):
        content["units"][f"{name} {seed}"] = found
        write_json(given.json, content)
        print(f"{done} of {len(left)}: {name}, seed {seed}", flush=True)
    print(in_words(content["machine"]))
    tell(content, given.seeds)
    for case in CASES if given.plot else ():
        both = {
            name: as_dies(case, [content["units"][f"{key} {seed}"][case] for seed in range(given.seeds)])
            for name, key in (("plain training", "plain"), ("trained for it", case))
        }
        file = given.plot / f"mixed_signal_{case.split(',')[0]}.png"
        plot.save(plot.dies(both, title=f"{case}: {given.seeds} networks on {DIES} dies each"), file)


if __name__ == "__main__":
    main()
