"""The default of `rheobase deploy RUN --chip truenorth` on digits: what is tried, on training images alone.

For each seed a quarter of the training images judges; `rheobase train --neuron IF --data digits` and the trainings in
whole numbers have the rest, of which a tenth (as in the command) takes the epoch. Each row has the accuracy on the
images that judge, with the weights of the best epoch and with those of the last. With --test, both commands are typed
without options instead, and what they say of the test images is kept.

    python -m benchmarks.truenorth_default [--quick] [--seeds N,...] [--only NAME ...] [--code CODE] [--test]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import ROOT
from benchmarks.options import finish, parsed, parser, say
from rheobase import data, neurons
from rheobase.chip.voting import voting
from rheobase.cli.deploying import job
from rheobase.cli.deploying.options import Options
from rheobase.learning import Recipe, Trainer
from rheobase.learning.training.callbacks import Callback
from rheobase.learning.training.random_state import seeded
from rheobase.nn import Sequential
from rheobase.runs.model import Model
from rheobase.runs.network import build
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task

JUDGE = 0.25  # of the training images
# of `rheobase train`: its default, and that of docs/deploy.md
CODES: dict[str, dict[str, Any]] = {"rate": {}, "thermometer": {"encoder": "thermometer", "steps": 6}}
FIXED: dict[str, Any] = {
    "software": (),
    "votes": 8,
    "whole": 1,
    "inputs": None,
    "epochs": 40,
    "lr": 0.002,
    "validation": 0.1,
    "limit": None,
}
# what each differs in from a threshold of 4 with all that is fixed; the default was the best of the first three
TRIED: dict[str, dict[str, Any]] = {
    "threshold 4": {},
    "threshold 8": {"thresholds": (8,)},
    "threshold 16": {"thresholds": (16,)},
    "threshold 2": {"thresholds": (2,)},
    "lr 0.005": {"lr": 0.005},
    "lr 0.01": {"lr": 0.01},
    "fresh weights": {"start": "fresh"},
    "votes start as the readout": {"start": "readout"},
    "five values": {"whole": 2},
    "votes 16": {"votes": 16},
    "80 epochs": {"epochs": 80},
}


class Last(Callback):
    """Keeps the weights of the last epoch."""

    def __init__(self, net: torch.nn.Module):
        self.net, self.weights = net, dict[str, Any]()

    def on_epoch(self, history: Any) -> None:
        self.weights = deepcopy(self.net.state_dict())


def fit(net: Sequential, rule: Recipe, encoder: Any, train: Any, validation: Any) -> tuple[float, dict[str, Any]]:
    """The best accuracy on validation, and the weights of the last epoch; net has those of the best."""
    last = Last(net)
    history = Trainer(rule, accelerator="cpu", callbacks=[last]).fit(
        net, encoder=encoder, train=train, validation=validation
    )
    net.eval()
    best = history.best
    return 0.0 if best is None else 100 * float(best.validation_accuracy or 0.0), last.weights


def trained(known: data.Dataset, code: str, seed: int, epochs: int | None) -> tuple[Model, Any]:
    """A run of `rheobase train --neuron IF` on these images."""
    given: dict[str, Any] = {f.name: None for f in fields(Settings)}
    given |= {"neuron": "IF", "data": "digits", "seed": seed, "epochs": epochs, "device": "cpu"} | CODES[code]
    settings = Settings.resolve(given, known)
    task = Task.of(known)
    with seeded(seed, torch.device("cpu")):
        net = build(settings, task)
    encoder = settings.encode(task)
    fit(net, settings.recipe(), encoder, *known.split(settings.validation, seed=seed))
    return Model(Path("if-digits"), settings, task, net), encoder


def start_of(model: Model, options: Options, start: str | None) -> Sequential:
    """The network in whole numbers before it is trained."""
    if start is None:
        return job.twin(model, options, options.tried[0])
    net = model.network
    with seeded(model.settings.seed + 1, torch.device("cpu")):
        if start == "fresh":
            net = build(model.settings, model.task)
        else:
            net = voting(net, options.votes, lambda many, dt: neurons.IF(many, dt=dt), start=True)
    other = Model(model.folder, model.settings, model.task, net)
    # votes that are there already need no others
    return job.twin(other, replace(options, votes=options.votes if start == "fresh" else 0), options.tried[0])


def judged(code: str, seed: int, tried: dict[str, dict[str, Any]], epochs: int | None) -> list[dict[str, Any]]:
    """A row for full precision and for each that is tried."""
    whole = data.load("digits")
    fitted, judge = whole.split(JUDGE, seed=100 + seed)
    known = replace(whole, x_train=fitted[0], y_train=fitted[1], x_test=judge[0], y_test=judge[1])
    model, encoder = trained(known, code, seed, epochs)
    train, validation = known.split(FIXED["validation"], seed=seed)

    def accuracy(net: Sequential, rule: Recipe) -> float:
        net.eval()
        return 100 * Trainer(rule, accelerator="cpu").test(net, encoder=encoder, test=judge).accuracy

    own, at = model.settings.recipe(), {"code": code, "seed": seed}
    rows = [{**at, "tried": "full precision", "best": accuracy(model.network, own)}]
    say(str(rows[-1]))
    for name, other in tried.items():
        given: dict[str, Any] = {"thresholds": (4,), **FIXED, **other}
        start = given.pop("start", None)
        given["epochs"] = given["epochs"] if epochs is None else epochs
        options = Options(**given)
        net, rule = start_of(model, options, start), job.recipe(model, options)
        value, last = fit(net, rule, encoder, train, validation)
        row = {**at, "tried": name, "validation": value, "best": accuracy(net, rule)}
        net.load_state_dict(last)
        rows.append({**row, "last": accuracy(net, rule)})
        say(str(rows[-1]))
    return rows


def tested(code: str, seed: int, quick: bool) -> dict[str, Any]:
    """Both commands as they are, and what the certificate says of the test images."""

    def typed(*words: str) -> None:
        few = ["--epochs", "1"] if quick else []
        subprocess.run([sys.executable, "-m", "rheobase", *words, *few], check=True, stdout=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory() as place:
        run, told = str(Path(place) / "if-digits"), Path(place) / "told.json"
        own = [word for name, value in CODES[code].items() for word in (f"--{name}", str(value))]
        typed("train", "--neuron", "IF", "--data", "digits", *own, "--seed", str(seed), "--out", place)
        typed("deploy", run, "--chip", "truenorth", "--json", str(told))
        held = json.loads(told.read_text())
    certificate = held["certificate"]
    row = {
        "code": code,
        "seed": seed,
        "samples": certificate["samples"],
        "same_predictions": certificate["same_predictions"],
        "validation": held["validation"],
        "v_threshold": held["v_threshold"],
        "options": held["options"],
        **held["accuracy"],
    }
    say(str(row))
    return row


def main() -> None:
    more = parser(__doc__)
    more.add_argument("--test", action="store_true", help="the test images, with the defaults of the commands alone")
    more.add_argument("--seeds", default="0,1,2")
    more.add_argument("--code", default="rate", choices=CODES, help="of the spikes: rate (60 steps), thermometer (6)")
    more.add_argument("--only", nargs="+", choices=TRIED, help="some of what is tried (default: all)")
    options = parsed(more)
    torch.set_num_threads(1)
    epochs = 1 if options.quick else None
    tried = {name: TRIED[name] for name in options.only or TRIED}
    seeds = [0] if options.quick else [int(word) for word in options.seeds.split(",")]
    part = "test" if options.test else "judged"
    rows = list[dict[str, Any]]()
    for seed in seeds:
        code = options.code
        rows += [tested(code, seed, options.quick)] if options.test else judged(code, seed, tried, epochs)
    path = options.json or ROOT / "benchmarks" / "results" / "truenorth_default.json"
    # read at the end: seeds may be under way at a time; rows of other seeds, or of what was not tried here, stay
    earlier: dict[str, Any] = json.loads(path.read_text()) if path.exists() and not options.quick else {}
    made = {key(row) for row in rows}
    rows += [row for row in earlier.get(part, []) if key(row) not in made]
    kept = {name: earlier[name] for name in ("judged", "test") if name in earlier}
    found = {**kept, part: sorted(rows, key=key)}
    finish("truenorth_default", options, {"judge": JUDGE, "fixed": FIXED, **found})


def key(row: dict[str, Any]) -> tuple[str, int, int]:
    """The order of rows: by code, by seed, then as in `TRIED`, full precision first."""
    return row["code"], row["seed"], [*TRIED].index(row["tried"]) if row.get("tried") in TRIED else -1


if __name__ == "__main__":
    main()
