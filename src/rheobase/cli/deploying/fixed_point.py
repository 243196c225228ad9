"""A run in fixed point: rounded, perhaps trained on through the rounding, and held against integers bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase.chip.fixed_point import Certificate, Report, certify, compare, quantise
from rheobase.cli.deploying.job import WORK, facts, trained
from rheobase.cli.deploying.options import FIXED_POINT, FixedOptions
from rheobase.data import Dataset, Watch
from rheobase.errors import NotRepresentable
from rheobase.jobs import Unit, run, store
from rheobase.learning import save_weights
from rheobase.learning.training.samples import Samples
from rheobase.nn import Sequential
from rheobase.runs.model import Model
from rheobase.runs.threads import threads

WEIGHTS = "fixed.json"
SOME, AT_ONCE = 200, 250  # training samples whose ranges are seen; samples that are held at a time


@dataclass(frozen=True)
class FixedOutcome:
    """What came of it. Accuracies are shares: `tried` of validation samples, the others of the same test samples."""

    model: Model
    options: FixedOptions
    tried: Mapping[int, float]
    float_validation: float
    validated: int  # samples
    weight_bits: int
    net: Sequential
    layers: Report
    certificate: Certificate
    truth: Tensor
    plain_predicted: Tensor

    def accuracy(self, predicted: Tensor) -> float:
        """The share of test samples that predictions have right."""
        return float((predicted == self.truth).float().mean())

    @property
    def lost(self) -> float:
        """Of the accuracy of the float network, on test samples."""
        return self.accuracy(self.plain_predicted) - self.accuracy(self.certificate.predicted)

    @property
    def error_of_loss(self) -> float:
        """The standard error of what is lost, of pairs: what it would vary by with other test samples."""
        pair = ((one == self.truth).double() for one in (self.plain_predicted, self.certificate.predicted))
        before, after = pair
        return float((before - after).std(correction=0)) / len(self.truth) ** 0.5

    def as_json(self) -> dict[str, Any]:
        """All numbers, with the predictions of every sample."""
        held = self.certificate
        each = {
            "chip": held.predicted,
            "software": held.wanted,
            "full precision": self.plain_predicted,
            "true": self.truth,
        }
        return {
            "run": str(self.model.folder), "chip": FIXED_POINT, "options": self.options.as_json(),
            "of": facts(self.model),
            "validation": {"float": self.float_validation, **{str(k): v for k, v in self.tried.items()}},
            "validation_samples": self.validated, "weight_bits": self.weight_bits,
            "accuracy": {"full precision": self.accuracy(self.plain_predicted),
                         "in fixed point": self.accuracy(held.wanted), "in integers": self.accuracy(held.predicted),
                         "lost": self.lost, "standard error of what is lost": self.error_of_loss},
            "certificate": {"samples": held.samples, "same_outputs": held.same_outputs,
                            "same_predictions": held.same_predictions, "overflows": held.overflows},
            "layers": self.layers.as_json(),
            "predictions": {name: value.tolist() for name, value in each.items()},
        }  # fmt: skip


def check(model: Model, options: FixedOptions) -> None:
    """Refuse what no data would make fit. Raises: `NotRepresentable`, `ParameterError`."""
    if model.task.scaling is not None:
        given, remedy = "time series, which come as values", "train on images or events"
        raise NotRepresentable("deploy", given, "samples that become spikes", remedy)
    silence = torch.zeros(2, 1, *model.task.sample_shape)
    for bits in options.weight_bits:
        _rounded(model, options, bits, silence)


def deployed(model: Model, data: Dataset, options: FixedOptions, folder: Path, *, watch: Watch) -> FixedOutcome:
    """Round for each number of bits (and train), take the fewest that validation allows, and look at the test samples.

    Stored training is not repeated.

    Raises: `InputError` for samples that do not become spikes, `TrainingInterrupted` after Ctrl-C, `StorageError`.
    """
    check(model, options)
    settings = model.settings
    encoder = settings.encode(model.task)
    train, validation = data.split(options.validation, seed=settings.seed)
    few = torch.arange(min(SOME, len(train[1])))
    some = Samples.of("training", train, encoder).encoded(encoder, few, settings.seed).sequence
    rule = replace(settings.recipe(), epochs=max(1, options.epochs), learning_rate=options.lr, schedule="cosine")
    predict, held = rule.criterion.predict, Samples.of("validation", validation, encoder)

    @torch.no_grad()
    def accuracy(net: Sequential) -> float:
        right = 0
        for index in torch.arange(len(held)).split(AT_ONCE):
            part = held.encoded(encoder, index, settings.seed)
            right += int((predict(net(part.sequence)[0]) == validation[1][index]).sum())
        return right / len(held)

    def unit(bits: int) -> Unit:
        chosen = {k: v for k, v in options.as_json().items() if k not in ("weight_bits", "limit")}
        identity = {**chosen, "bits": bits, "of": facts(model)}

        def work() -> dict[str, Any]:
            net, _ = _rounded(model, options, bits, some)
            if options.epochs:
                at = folder / WORK / f"bits-{bits}-{store.key(identity)[:8]}"
                return trained(model, at, net, rule, encoder, train, validation)
            return {"validation": accuracy(net), **{f"weights/{k}": v for k, v in net.state_dict().items()}}

        return Unit(f"bits-{bits}", work, {}, identity)

    with threads(settings.threads):
        found = {done.unit.name: done.result for done in run([unit(b) for b in options.weight_bits], folder / WORK)}
        tried = {bits: float(found[f"bits-{bits}"]["validation"]) for bits in options.weight_bits}
        plain = accuracy(model.network)
        bits = fewest(tried, len(held))
        net, rounded = _rounded(model, options, bits, some)
        kept = found[f"bits-{bits}"]
        net.load_state_dict({k.removeprefix("weights/"): torch.as_tensor(v) for k, v in kept.items() if "/" in k})
        certificate, truth, own = _tested(model, data, options, encoder, net.eval(), predict, watch)
        layers = compare(model.network, net, some, rounded=rounded)
    return FixedOutcome(model, options, tried, plain, len(held), bits, net, layers, certificate, truth, own)


def fewest(tried: Mapping[int, float], samples: int) -> int:
    """The fewest bits whose accuracy is no more than a standard error below the best.

    >>> fewest({8: 0.95, 5: 0.94, 3: 0.80}, 100)
    5
    """
    best = max(tried.values())
    error = (best * (1 - best) / samples) ** 0.5
    return min(bits for bits, value in tried.items() if value >= best - error)


def _rounded(model: Model, options: FixedOptions, bits: int, x: Tensor) -> tuple[Sequential, Report]:
    return quantise(model.network, x, weight_bits=bits, form=options.form, allow=("functions", "cell"))


@torch.no_grad()
def _tested(
    model: Model, data: Dataset, options: FixedOptions, encoder: Any, net: Sequential, predict: Any, watch: Watch
) -> tuple[Certificate, Tensor, Tensor]:
    """The certificate on test samples, their classes, and what the float network says of them."""
    samples = Samples.of("test", (data.x_test, data.y_test), encoder)
    many = len(samples) if options.limit is None else min(options.limit, len(samples))
    parts, own = list[Certificate](), list[Tensor]()
    for index in torch.arange(many).split(AT_ONCE):
        x = samples.encoded(encoder, index, model.settings.seed).sequence
        parts.append(certify(net, x, predict=predict))
        own.append(predict(model.network(x)[0]))
        watch("test samples", int(index[-1]) + 1, many)
    certificate = Certificate(
        sum(part.samples for part in parts),
        sum(part.same_outputs for part in parts),
        sum(part.same_predictions for part in parts),
        sum(part.overflows for part in parts),
        torch.cat([part.predicted for part in parts]),
        torch.cat([part.wanted for part in parts]),
    )
    return certificate, data.y_test[:many], torch.cat(own)


def save(outcome: FixedOutcome, folder: Path) -> Path:
    """Write the weights. Raises `StorageError`."""
    notes = {"options": outcome.options.as_json(), "weight_bits": outcome.weight_bits, "of": facts(outcome.model)}
    save_weights(folder / WEIGHTS, outcome.net, notes)
    return folder / WEIGHTS
