"""A run on a chip: its network trained once more in whole numbers, mapped, and compared sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase import chip
from rheobase.chip import Deployed, Report, wiring_notes
from rheobase.chip.parts import parts_of
from rheobase.cli.deploying.options import Options
from rheobase.cli.deploying.targets import target_of
from rheobase.cli.training.progress import progress
from rheobase.data import Dataset, Watch
from rheobase.errors import CheckpointError, NotRepresentable, ParameterError
from rheobase.jobs import Unit, run, store
from rheobase.json_files import read_json
from rheobase.learning import Recipe, SumCrossEntropy, Trainer, save_weights
from rheobase.learning.training.random_state import seeded
from rheobase.learning.training.run import LAST
from rheobase.learning.training.samples import Samples
from rheobase.nn import Flatten, Sequential
from rheobase.nn.quantise import kind_of
from rheobase.runs.folder import weights_of
from rheobase.runs.model import Model
from rheobase.runs.threads import threads

CHIP, CERTIFICATE, WEIGHTS, WORK = "chip.safetensors", "certificate.json", "whole.json", "work"
SOME = 64  # training samples, by which fresh weights are scaled
AT_ONCE = 500  # test samples that are encoded at a time
NARROW = 8.0  # spikes of a class that are a score of 1 in training


@dataclass(frozen=True)
class Outcome:
    """What came of it. Accuracies are shares of the same test samples."""

    model: Model
    options: Options
    tried: Mapping[int, float]  # the validation accuracy of each threshold, or number of bits
    chosen: int
    net: Sequential
    deployed: Deployed
    report: Report
    truth: Tensor
    plain: float
    plain_predicted: Tensor
    example: Tensor  # the spikes that one test sample sends to the chip, (time, inputs)

    def accuracy(self, predicted: Tensor | None) -> float:
        """The share of test samples that predictions have right."""
        return 0.0 if predicted is None else float((predicted == self.truth).float().mean())

    @property
    def error_of_loss(self) -> float:
        """The standard error of the accuracy that is lost, of pairs: what it would vary by with other test samples."""
        before = (self.plain_predicted == self.truth).double()
        after = before if self.report.predicted is None else (self.report.predicted == self.truth).double()
        return float((before - after).std(correction=0)) / len(self.truth) ** 0.5

    @property
    def last_linear(self) -> int:
        """The number of the last layer of synapses."""
        return max(k for k, part in enumerate(self.model.network.layers) if isinstance(part, torch.nn.Linear))

    def as_json(self) -> dict[str, Any]:
        """All numbers, with the predictions of every sample."""
        report = self.report
        each = {
            "chip": report.predicted,
            "software": report.wanted,
            "full precision": self.plain_predicted,
            "true": self.truth,
        }
        return {
            "run": str(self.model.folder), "chip": self.options.chip, "options": self.options.as_json(),
            "of": facts(self.model), "validation": {str(k): v for k, v in self.tried.items()},
            target_of(self.options).word: self.chosen,
            "accuracy": {"full precision": self.plain, "whole numbers": self.accuracy(report.wanted),
                         "on the chip": self.accuracy(report.predicted),
                         "standard error of what is lost": self.error_of_loss},
            "certificate": report.as_json(),
            "joules": {name: None if span is None else span.nominal for name, span in (
                ("own", report.own_energy), ("with its cores at rest", report.shared_energy),
                ("whole chip", None if report.bill is None else report.bill.total))},
            "seconds": report.seconds,
            "predictions": {name: [] if value is None else value.tolist() for name, value in each.items()},
        }  # fmt: skip


def facts(model: Model) -> dict[str, Any]:
    """What tells one trained network from another."""
    return {"settings": model.settings.as_json(), "weights": read_json(weights_of(model.folder))["sha256"]}


def check(model: Model, options: Options) -> Sequential:
    """The network in whole numbers before it is trained; refuses what no training would make fit.

    Raises: `NotRepresentable` with the layers, or the limit and the neurons that break it; `ParameterError`.
    """
    if model.task.scaling is not None:
        given, remedy = "time series, which come as values", "train on images or events"
        raise NotRepresentable("deploy", given, "samples that become spikes", remedy)
    target = target_of(options)
    net = twin(model, options, options.tried[0])
    parts = parts_of(net, options.software, owner=target.name)
    if isinstance(parts.chip[-1], torch.nn.Linear):
        number = parts.first + len(parts.chip) - 1
        given = f"layer {number} (Linear) as the last of the chip, without the neurons that it feeds"
        remedy = f"--software {number} as well, which leaves its synapses in software with them"
        raise NotRepresentable(target.name, given, "neurons at the end of the chip, which spike", remedy)
    target.check(parts, options)
    recipe(model, options)  # what it refuses, it refuses here
    return net


def twin(model: Model, options: Options, value: int, x: Tensor | None = None) -> Sequential:
    """The network of a run in whole numbers, before it is trained, with this threshold or number of bits."""
    with seeded(model.settings.seed, torch.device("cpu")):
        return target_of(options).twin(model, options, value, x)


def recipe(model: Model, options: Options) -> Recipe:
    """How the network in whole numbers is trained: as the run was, but for what the options and votes change."""
    settings = model.settings
    own = replace(settings.recipe(), epochs=options.epochs, learning_rate=options.lr, schedule="cosine")
    if not options.votes:
        return own
    return replace(own, loss=SumCrossEntropy(temperature=max(1.0, options.votes * settings.steps / NARROW)))


def deployed(model: Model, data: Dataset, options: Options, folder: Path, *, watch: Watch) -> Outcome:
    """Train for each threshold (or number of bits), take the best by validation, and put it on the chip.

    Stored training is not repeated.

    Raises: `TrainingInterrupted` after Ctrl-C, `NotRepresentable` for a limit of the chip, `StorageError`.
    """
    check(model, options)
    settings = model.settings
    encoder = settings.encode(model.task)
    train, validation = data.split(options.validation, seed=settings.seed)

    def fit(at: Path, net: Sequential, rule: Recipe) -> dict[str, Any]:
        return trained(model, at, net, rule, encoder, train, validation)

    target, few = target_of(options), torch.arange(min(SOME, len(train[1])))
    some = Samples.of("training", train, encoder).encoded(encoder, few, settings.seed).sequence
    units = [_unit(model, options, value, folder, some, fit) for value in options.tried]
    with threads(settings.threads):
        found = {done.unit.name: done.result for done in run(units, folder / WORK)}
        tried = {v: float(found[target.named(v)]["validation"]) for v in options.tried}
        best = max(tried, key=lambda v: tried[v])
        net = twin(model, options, best, some)
        held = found[target.named(best)]
        net.load_state_dict({k.removeprefix("weights/"): torch.as_tensor(v) for k, v in held.items() if "/" in k})
        net.eval()
        x = Streamed.of(model, data, options, encoder)
        many, own = len(x), _predicted(model, x)
        truth = data.y_test[:many]
        plain = float((own == truth).float().mean())
        rule = recipe(model, options).criterion
        on_chip, report = chip.deploy(
            net,
            target.chip,
            x,
            software=options.software,
            predict=rule.predict,
            progress=lambda done: watch("samples on the chip", done, many),
        )
    from rheobase.chip.deployment import entering

    example = entering(on_chip.parts, on_chip.n_inputs, next(iter(x))[:, :1])[:, 0]
    return Outcome(model, options, tried, best, net, on_chip, report, truth, plain, own, example)


def _unit(
    model: Model, options: Options, value: int, folder: Path, some: Tensor, fit: Callable[..., dict[str, Any]]
) -> Unit:
    target = target_of(options)
    name, given = target.named(value), options.as_json()
    left_out = (target.listed, "limit")
    identity = {**{k: v for k, v in given.items() if k not in left_out}, target.word: value, "of": facts(model)}
    net = twin(model, options, value, some)
    identity |= target.identity(net)
    at = folder / WORK / f"{name}-{store.key(identity)[:8]}"
    return Unit(name, lambda: fit(at, net, recipe(model, options)), {}, identity)


def trained(
    model: Model, at: Path, net: Sequential, rule: Recipe, encoder: Any, train: Any, validation: Any
) -> dict[str, Any]:
    """Train a network, or resume its training: the validation accuracy and the weights of its best epoch."""
    settings = model.settings
    trainer = Trainer(
        rule,
        folder=at,
        accelerator=settings.device,
        devices=1,
        precision=settings.precision,
        callbacks=[progress(rule.epochs)],
    )
    history = trainer.fit(net, encoder=encoder, train=train, validation=validation, resume=(at / LAST).exists())
    best = history.best
    if best is None:  # for the type checker: there is always a validated epoch
        raise CheckpointError(str(at), "no epoch in it", "a training", "remove the folder, and deploy again")
    return {
        "validation": best.validation_accuracy,
        **{f"weights/{name}": value for name, value in net.cpu().state_dict().items()},
    }


@dataclass(frozen=True)
class Streamed:
    """The first test samples as the run's test codes them, (time, samples, ...), some at a time.

    They are coded when they are asked for, so that a test set of any size takes the memory of one part. Spikes are bool
    where they go on the chip as they are (`direct`).
    """

    samples: Samples
    encoder: Any
    seed: int
    many: int
    direct: bool

    @classmethod
    def of(cls, model: Model, data: Dataset, options: Options, encoder: Any) -> Streamed:
        """The test samples of a run."""
        samples = Samples.of("test", (data.x_test, data.y_test), encoder)
        many = len(samples) if options.limit is None else min(options.limit, len(samples))
        before = parts_of(model.network, options.software).before
        direct = before is None or all(kind_of(layer) is Flatten for layer in before.layers)
        return cls(samples, encoder, model.settings.seed, many, direct)

    def __len__(self) -> int:
        return self.many

    def __iter__(self) -> Iterator[Tensor]:
        for index in torch.arange(self.many).split(AT_ONCE):
            x = self.samples.encoded(self.encoder, index, self.seed).sequence
            yield x.bool() if self.direct and bool(((x == 0) | (x == 1)).all()) else x


@torch.no_grad()
def _predicted(model: Model, x: Streamed) -> Tensor:
    """The predictions of the run's own network for the same samples, (samples,)."""
    rule = model.settings.recipe().criterion

    def numbers(part: Tensor) -> Tensor:
        return part.to(torch.get_default_dtype()) if part.dtype == torch.bool else part

    return torch.cat([rule.predict(model.network(numbers(part))[0]) for part in x])


def save_chip(outcome: Outcome, folder: Path) -> Path:
    """Write the weights, and the configuration of the chip with its wiring and the code of its samples.

    Raises: `StorageError`.
    """
    model = outcome.model
    word = target_of(outcome.options).word
    notes = {"options": outcome.options.as_json(), word: outcome.chosen, "of": facts(model)}
    save_weights(folder / WEIGHTS, outcome.net, notes)
    kept = {
        "run": str(model.folder),
        "settings": model.settings.as_json(),
        "task": model.task.as_json(),
        "classes": list(model.classes),
        "software": list(outcome.report.software),
        "votes": outcome.options.votes,
        "first": outcome.deployed.parts.first,
        "loss": type(recipe(model, outcome.options).criterion).__name__,
    }
    wiring_notes.save(outcome.deployed, folder / CHIP, kept)
    return folder / CHIP


def check_folder(folder: Path, model: Model, options: Any, *, overwrite: bool) -> None:
    """Raise `ParameterError` for a folder that holds another deployment, or something else."""
    path = folder / CERTIFICATE
    own = any((folder / name).exists() for name in (CERTIFICATE, CHIP, WORK))
    if folder.is_dir() and not own and any(folder.iterdir()):
        # a report.html of a run would be written over, say
        given = f"{folder}, which holds something else"
        expected, remedy = "a new folder, or one of a deployment", f"--out {folder}/{options.chip}"
        raise ParameterError("deploy --out", given, expected, remedy)
    if overwrite or not path.is_file():
        return
    remedy = (
        f"--out another, and all that is in {folder} stays; --overwrite, if it was of these settings, writes the "
        f"certificate and {CHIP} again, and trains nothing again that is in {folder / WORK}"
    )
    held = read_json(path, remedy=remedy)
    wanted = {"options": options.as_json(), "of": facts(model)}
    if not isinstance(held, dict) or {name: held.get(name) for name in wanted} != wanted:
        given = f"{folder}, which holds a deployment with other settings"
        raise ParameterError("deploy --out", given, "a folder of its own", "--out another, or --overwrite")
