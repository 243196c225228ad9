"""The search for the defaults of time series: candidates beside each other, by cross-validation on training parts.

    RHEOBASE_DATA=... python -m benchmarks.series_search [--quick] [--only NAME ...] [--sets NAME ...] [--third]

The training part of each set of the UEA and UCR archives (timeseries/) is cut into three folds by class, for one or
two seeds; a network is trained on two of them and tested on the third. The test parts have no part in it. A candidate
is the present defaults with some changes; a logistic regression has the same folds. Prints a table in Markdown, a line
for each candidate as soon as it is known, and writes it to benchmarks/results.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.options import finish, parsed, parser, say
from benchmarks.timeseries import SETS, regression_on
from rheobase.cli.training.job import parts
from rheobase.data import Held, Scaled, SeriesDataset, Slope, load
from rheobase.data.dataset import stratified
from rheobase.data.encoding.series import SeriesCode
from rheobase.learning import Callback, Concern, Trainer
from rheobase.learning.training.random_state import seeded
from rheobase.runs.network import build
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task

FOLDS = 3
SEEDS = {"GunPoint": 2, "ItalyPowerDemand": 2}  # small sets, whose figures move more; one for others
BASE: dict[str, Any] = {"neuron": "LIF", "device": "cpu", "threads": 1}
CHOICES = tuple(f.name for f in fields(Settings) if f.name != "reading")  # that comes from the data
# `weight` is that of the slope; the other changes are options of `rheobase train`
CANDIDATES: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "not held after the end": {"hold": 0},
    "values alone, a tenth validates (before)": {"encoder": "direct", "validation": 0.1},
    "a tenth validates, its best epoch kept": {"validation": 0.1},
    "values alone (direct)": {"encoder": "direct"},
    "slope as large as value": {"weight": 1.0},
    "mean of the readout": {"loss": "mean"},
    "lr 0.003": {"lr": 0.003},
}


class Unheard(Callback):
    """Says nothing: what is wrong with a candidate shows in its accuracy."""

    def on_concern(self, concern: Concern) -> None:
        """Nothing."""


def folds(data: SeriesDataset, seed: int, *, third: bool = False) -> Iterator[SeriesDataset]:
    """The training part, cut by class: each fold is the test part of one data set; `third`: its training part."""
    left, fold = torch.arange(len(data.y_train)), torch.zeros(len(data.y_train), dtype=torch.int64)
    for k in range(FOLDS - 1, 0, -1):
        chosen = left[stratified(data.y_train[left], len(left) // (k + 1), seed)]
        fold[chosen] = k
        left = left[~torch.isin(left, chosen)]
    for k in range(FOLDS):
        held = (fold == k) != third
        yield replace(
            data,
            x_train=data.x_train[~held],
            y_train=data.y_train[~held],
            x_test=data.x_train[held],
            y_test=data.y_train[held],
        )


def accuracy(data: SeriesDataset, changes: dict[str, Any], seed: int, *, quick: bool) -> float:
    """The share of the test part that a network has right, after training on the training part."""
    given = {**dict.fromkeys(CHOICES), **BASE, "data": data.name, "seed": seed, **changes}
    weight = given.pop("weight", None)
    settings = Settings.resolve(given | ({"epochs": 1} if quick else {}), data)
    train, validation = parts(settings, data)
    task = Task.of(data, train[0], steps=settings.steps)
    encoder = settings.encode(task)
    if weight is not None and isinstance(encoder, Scaled):
        encoder = replace(encoder, code=weighted(encoder.code, float(weight)))
    with seeded(seed, torch.device("cpu")):
        net = build(settings, data)
    trainer = Trainer(settings.recipe(), accelerator="cpu", callbacks=[Unheard()])
    trainer.fit(net, encoder=encoder, train=train, validation=validation)
    return trainer.test(net, encoder=encoder, test=(data.x_test, data.y_test)).accuracy


def weighted(code: SeriesCode, weight: float) -> SeriesCode:
    """The code with another weight of the slope."""
    if isinstance(code, Held):
        return replace(code, code=weighted(code.code, weight))
    return replace(code, weight=weight) if isinstance(code, Slope) else code


def asked(
    doc: str | None, candidates: Mapping[str, Any], seeds: Mapping[str, int]
) -> tuple[Namespace, dict[str, list[tuple[int, SeriesDataset]]]]:
    """What was typed, and the folds of each set, (seed, fold), over as many seeds as it has. One thread computes."""
    options = parser(doc)
    options.add_argument("--only", nargs="+", choices=candidates, default=list(candidates))
    options.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    options.add_argument("--third", action="store_true", help="train on one fold and test on the other two")
    given = parsed(options)
    torch.set_num_threads(1)
    folder = Path(os.environ["RHEOBASE_DATA"]) / "timeseries"
    return given, {
        name: [
            (seed, one)
            for seed in range(seeds.get(name, 1))
            for one in folds(read_set(folder, name), seed, third=given.third)
        ]
        for name in given.sets
    }


def main() -> None:
    given, cut = asked(__doc__, CANDIDATES, SEEDS)
    say(f"| candidate | {' | '.join(given.sets)} |\n|{'---|' * (1 + len(given.sets))}")
    table = {
        "logistic regression": {name: float(np.mean([regression_on(one) for _, one in cut[name]])) for name in cut}
    }
    _say("logistic regression", table["logistic regression"])
    for candidate in given.only:
        table[candidate] = {
            name: float(
                np.mean([accuracy(one, CANDIDATES[candidate], seed, quick=given.quick) for seed, one in cut[name]])
            )
            for name in given.sets
        }
        _say(candidate, table[candidate])
    cut_by = {"folds": FOLDS, "third": given.third, "seeds": SEEDS}
    finish("series_search", given, {**cut_by, "candidates": CANDIDATES, "cases": table})


def read_set(folder: Path, name: str) -> SeriesDataset:
    """The training file of a set of the archive."""
    found = load(folder / f"{name}_TRAIN.ts.gz")
    if not isinstance(found, SeriesDataset):
        raise TypeError(f"{name} is no set of series")
    return found


def _say(name: str, row: dict[str, float]) -> None:
    say(f"| {name} | {' | '.join(f'{100 * value:.1f} %' for value in row.values())} |")


if __name__ == "__main__":
    main()
