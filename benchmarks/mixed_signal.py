"""Digits on 200 virtual dies of analog chips, trained plainly and on a fresh die at every batch.

    python -m benchmarks.mixed_signal [--seeds 5] [--processes 2] [--json FILE] [--plot FOLDER]
    python -m benchmarks.mixed_signal --choose [--seeds 2] [--processes 2]

64-100-10: LIF neurons, leaky integrators as readout, a rate code of 16 steps, all 1,438 training samples, batches of
64, Adam with a cosine schedule; each network tested on the 359 test samples, in software and on dies 0 to 199.
`--choose` compares learning rates, epochs and ranges of weights on a fifth of the training samples that is held back,
and on other dies: the test samples have no part in it. What is in FILE is not run again.
"""

from __future__ import annotations

import argparse
import copy
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


class Training(NamedTuple):
    """How a network is trained; `range`: its largest weight, beyond which it is clipped."""

    rate: float
    epochs: int = EPOCHS
    range: float | None = None

    def __str__(self) -> str:
        most = "" if self.range is None else f", range {self.range:g}"
        return f"rate {self.rate:g}, {self.epochs} epochs{most}"


class Case(NamedTuple):
    """A process and the age of its dies in seconds; what was chosen for both trainings, by `--choose`.

    Without a training for the process there is nothing to win.
    """

    process: Process
    age: float
    plain: Training
    own: Training | None = None

    def on(self, training: Training) -> Process:
        """The process where the largest conductance stands for the range of the training."""
        return self.process if training.range is None else replace(self.process, range=training.range)


DAY = 86400.0
FAST, SLOW = Training(1e-2), Training(2e-3)
CASES = {
    "pcm, after a day": Case(named("pcm"), DAY, FAST),
    "reram": Case(named("reram"), 0.0, FAST),
    "reram-2-days": Case(named("reram-2-days"), 0.0, FAST),
    "dynap-se2": Case(named("dynap-se2"), 0.0, SLOW),
    "dynap-se2, mismatch x 4": Case(named("dynap-se2").scaled(4.0), 0.0, FAST, Training(1e-2, 120)),
    "reram-faulty": Case(named("reram-faulty"), 0.0, SLOW, Training(5e-3, 80, 0.25)),
}
TRAINED_FOR = [name for name, case in CASES.items() if case.own is not None]
PLAIN = [Training(rate) for rate in (2e-3, 5e-3, 1e-2)] + [Training(2e-3, 120), Training(1e-2, 120)]
CHOICES = [Training(*one) for one in itertools.product((5e-3, 1e-2), (40, 120), (None, 0.5, 0.25))]


def encode(x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
    """Spikes of 16 steps, (time, batch, 64)."""
    return Rate(16)(x, seed=seed, index=index).flatten(2)


def trained(x: Tensor, y: Tensor, seed: int, how: Training, process: Process | None = None, age: float = 0.0) -> Any:
    """The network of a seed, trained on digits (samples, 8, 8), for a process or plainly."""
    torch.manual_seed(seed)
    hidden = neurons.LIF(100, dt=1.0, tau_mem=10.0, v_threshold=0.2)
    net: Any = nn.Sequential(nn.Linear(64, 100), hidden, nn.Linear(100, 10), neurons.LI(10, dt=1.0, tau_mem=10.0))
    if process is not None:
        net = aware(net, process, age=age)
    recipe = Recipe(
        epochs=how.epochs, batch_size=BATCH, learning_rate=how.rate, schedule="cosine", loss="sum", seed=seed
    )
    Trainer(recipe).fit(net, encoder=encode, train=(x, y))
    return net


def choice(which: tuple[str, Training, int]) -> dict[str, float]:
    """Median accuracy (%) on dies of each case, on the samples held back, of one training."""
    torch.set_num_threads(1)
    name, how, seed = which
    data = digits()
    held = torch.arange(len(data.x_train)) % 5 == 0
    x, y = encode(data.x_train[held], seed=0), data.y_train[held]
    given = data.x_train[~held], data.y_train[~held]
    on = CASES if name == "plain" else {name: CASES[name]}
    net = trained(*given, seed, how) if name == "plain" else trained(*given, seed, how, on[name].on(how), on[name].age)
    found = {
        name: dies(net, case.on(how), x, y, n=CHOOSING, seed=FIRST_CHOOSING, age=case.age) for name, case in on.items()
    }
    return {"software": 100 * found[next(iter(on))].software, **{name: 100 * one.median for name, one in found.items()}}


def unit(which: tuple[str, Training, int]) -> dict[str, Any]:
    """The dies of one training of a seed: of a plain one, or of one for a case."""
    torch.set_num_threads(1)
    name, how, seed = which
    data = digits()
    x, y = encode(data.x_test, seed=0), data.y_test
    if name == "plain":
        net = trained(data.x_train, data.y_train, seed, how)
        on = {name: (net, case.process, case.age) for name, case in CASES.items() if case.plain == how}
        on |= {
            f"{name}, clipped": (clipped(net, case.own.range), case.on(case.own), case.age)
            for name, case in CASES.items()
            if case.plain == how and case.own is not None and case.own.range is not None
        }
    else:
        case = CASES[name]
        net = trained(data.x_train, data.y_train, seed, how, case.on(how), case.age)
        on = {name: (net, case.on(how), case.age)}
    found: dict[str, Any] = {}
    for name, (network, process, age) in on.items():
        one = dies(network, process, x, y, n=DIES, age=age)
        right = (one.accuracy * one.samples).round().int().tolist()
        found[name] = {"samples": one.samples, "software": one.software, "programmed": one.programmed, "right": right}
    return found


def clipped(net: Any, most: float) -> Any:
    """A copy whose weights are clipped after training: what the range alone is worth."""
    twin = copy.deepcopy(net)
    with torch.no_grad():
        for weight in (p for p in twin.parameters() if p.dim() == 2):
            weight.clamp_(-most, most)
    return twin


def each(work: Callable[[Any], Any], given: list[Any], processes: int) -> Iterable[tuple[Any, Any]]:
    """Results in order, made by so many processes."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from zip(given, pool.map(work, given), strict=True)


def choose(seeds: int, processes: int) -> None:
    """Print how trainings do on every fifth training sample, which is not trained on."""
    tried = [("plain", how) for how in PLAIN] + list(itertools.product(TRAINED_FOR, CHOICES))
    for (name, how, seed), found in each(choice, [(*one, k) for one in tried for k in range(seeds)], processes):
        said = ", ".join(f"{case} {value:.2f} %" for case, value in found.items())
        print(f"{key(name, how, seed)}: {said}", flush=True)


def key(name: str, how: Training, seed: int) -> str:
    return f"{name}, {how}, seed {seed}"


def stored(path: Path) -> dict[str, Any]:
    """What a file holds of these dies; nothing where it is of others."""
    told = {
        "batch": BATCH,
        "dies": DIES,
        "cases": {name: {"process": case.process.as_json(), "age": case.age} for name, case in CASES.items()},
    }
    held = json.loads(path.read_text()) if path.exists() else {}
    same = {name: held.get(name) for name in told} == json.loads(json.dumps(told))
    return {**told, "machine": machine(), "units": held["units"] if same else {}}


def as_dies(case: str, found: list[dict[str, Any]]) -> Dies:
    """Those of all seeds together."""
    right = torch.tensor([one for each in found for one in each["right"]], dtype=torch.float64)
    samples = found[0]["samples"]
    means = [statistics.mean(one[name] for one in found) for name in ("software", "programmed")]
    process, age = CASES[case].process, CASES[case].age
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
    for case, (_, _, plainly, own) in CASES.items():
        plain = [content["units"][key("plain", plainly, seed)][case] for seed in range(seeds)]
        rows = {"plain": plain}
        if own is not None and own.range is not None:
            clips = [content["units"][key("plain", plainly, seed)][f"{case}, clipped"] for seed in range(seeds)]
            rows[f"plain, then clipped to {own.range:g}"] = clips
        if own is not None:
            rows["for it"] = [content["units"][key(case, own, seed)][case] for seed in range(seeds)]
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
        keys = {"plain": ("plain", CASES[name].plain), "trained for it": (name, CASES[name].own)}
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
    kinds = [("plain", how) for how in sorted({case.plain for case in CASES.values()}, key=str)]
    kinds += [(name, CASES[name].own) for name in TRAINED_FOR]
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
