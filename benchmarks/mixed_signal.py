"""Digits on 200 virtual dies of analog chips, trained plainly and on a fresh die at every batch.

    python -m benchmarks.mixed_signal [--seeds 5] [--json FILE] [--plot FILE]
    python -m benchmarks.mixed_signal --choose [--seeds 3]

64-100-10: LIF neurons, leaky integrators as readout, a rate code of 16 steps, all 1,438 training samples, Adam with a
cosine schedule; each network tested on the 359 test samples, in software and on dies 0 to 199. `--choose` compares
epochs, learning rates and scales of the training's process instead, on a fifth of the training samples that is held back,
and on other dies; the test samples have no part in it.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase import machine, neurons, nn
from rheobase.chip.mixed_signal import Dies, Process, aware, dies, named
from rheobase.data import Rate, digits
from rheobase.json_files import write_json
from rheobase.learning import Recipe, Trainer

DAY, DIES, CHOOSING = 86400.0, 200, 50
FIRST_CHOOSING = 1_000_000  # dies on which choices are made: none of those that are reported
HARD = Process(
    name="a fifth", levels=16, mismatch=0.2, cells={"tau_*": 0.2, "v_threshold": 0.2}, source="the double of dynap-se2"
)
# process, age in seconds
CASES: dict[str, tuple[Process, float]] = {
    "pcm, 1 day": (named("pcm"), DAY),
    "reram": (named("reram"), 0.0),
    "reram-2-days": (named("reram-2-days"), 0.0),
    "reram-faulty": (named("reram-faulty"), 0.0),
    "dynap-se2": (named("dynap-se2"), 0.0),
    "dynap-se2 x 2": (HARD, 0.0),
}
# of plain training, and of training for each case: epochs, learning rate, scale of the process; by `--choose`
PLAIN = (40, 5e-3)
CHOSEN: dict[str, tuple[int, float, float]] = dict.fromkeys(CASES, (40, 5e-3, 1.0))
EPOCHS, RATES, SCALES = (20, 40, 80), (2e-3, 5e-3, 1e-2), (1.0, 1.5, 2.0, 3.0)


def encode(x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
    """Spikes of 16 steps, (time, batch, 64)."""
    return Rate(16)(x, seed=seed, index=index).flatten(2)


def untrained(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    hidden = neurons.LIF(100, dt=1.0, tau_mem=10.0, v_threshold=0.2)
    return nn.Sequential(nn.Linear(64, 100), hidden, nn.Linear(100, 10), neurons.LI(10, dt=1.0, tau_mem=10.0))


def trained(
    x: Tensor, y: Tensor, seed: int, epochs: int, rate: float, process: Process | None = None, age: float = 0.0
) -> torch.nn.Module:
    """The network of a seed, trained on digits (samples, 8, 8), for a process or plainly."""
    net = untrained(seed)
    if process is not None:
        net = aware(net, process, age=age)
    recipe = Recipe(epochs=epochs, batch_size=32, learning_rate=rate, schedule="cosine", loss="sum", seed=seed)
    Trainer(recipe).fit(net, encoder=encode, train=(x, y))
    return net


def choose(seeds: int, only: list[str]) -> None:
    """Print how trainings do on every fifth training sample, which is not trained on."""
    data = digits()
    held = torch.arange(len(data.x_train)) % 5 == 0
    x, y = encode(data.x_train[held], seed=0), data.y_train[held]
    given = data.x_train[~held], data.y_train[~held]
    if not only or "plain" in only:
        for epochs, rate in itertools.product(EPOCHS, RATES):
            found = [dies(trained(*given, seed, epochs, rate), Process(), x, y, n=1).software for seed in range(seeds)]
            print(f"plain, {epochs} epochs, rate {rate:g}: {100 * statistics.mean(found):.2f} %", flush=True)
    for name, (process, age) in CASES.items():
        if only and name not in only:
            continue
        for epochs, rate, scale in itertools.product(EPOCHS, RATES, SCALES):
            if sum(process.scaled(scale).stuck) > 0.3:
                continue
            found = list[float]()
            for seed in range(seeds):
                net = trained(*given, seed, epochs, rate, process.scaled(scale), age)
                found.append(dies(net, process, x, y, n=CHOOSING, seed=FIRST_CHOOSING, age=age).median)
            print(f"{name}, {epochs} epochs, rate {rate:g}, x {scale:g}: {100 * statistics.mean(found):.2f} %", flush=True)


def main() -> None:
    """Train and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--choose", action="store_true")
    options.add_argument("--only", action="append", default=[], help="a case, or plain; may be repeated")
    options.add_argument("--json", type=Path)
    options.add_argument("--plot", type=Path)
    given = options.parse_args()
    if given.choose:
        choose(given.seeds, given.only)
        return
    started = time.perf_counter()
    print(machine)


if __name__ == "__main__":
    main()
