"""Losses: cross-entropies over time, and a penalty on firing rates outside a band."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from rheobase.errors import DTypeError, ParameterError, ShapeError, nearest


class Loss(Protocol):
    """What the trainer asks of a loss: a scalar to minimise, and the class that an output predicts."""

    def __call__(self, out: Tensor, target: Tensor) -> Tensor:
        """out (time, batch, classes), target (batch,) int64; a scalar, the mean over the batch."""
        ...

    def predict(self, out: Tensor) -> Tensor:
        """out (time, batch, classes); the classes, (batch,) int64."""
        ...


@dataclass(frozen=True, kw_only=True)
class CrossEntropy(abc.ABC):
    """Cross-entropy of one score per class, drawn from a network's output over time. Abstract.

    Shapes: out (time, batch, classes); target (batch,) integers; the loss is a scalar, the mean over the
    batch. Half-precision outputs are summed in float32. The output is divided by `temperature` first: above 1
    for a readout whose outputs are large, so that a sample that is right by a small margin still has a gradient.

    Raises: `ShapeError` for another rank, an empty axis, or labels that the classes do not cover;
    `DTypeError` for labels that are not integers; `ParameterError` for a label smoothing outside [0, 1) or a
    temperature that is not above 0.
    """

    label_smoothing: float = 0.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.temperature < math.inf:
            given = f"temperature = {self.temperature}"
            raise ParameterError(type(self).__name__, given, "a finite number > 0", "1.0 changes nothing")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ParameterError(
                type(self).__name__,
                f"label_smoothing = {self.label_smoothing}",
                "a number in [0, 1)",
                "0.1 is usual",
            )

    @abc.abstractmethod
    def reduce(self, out: Tensor) -> Tensor:
        """One score per class from a checked output, (time, batch, classes) -> (batch, classes)."""

    def scores(self, out: Tensor) -> Tensor:
        """One score per class, (time, batch, classes) -> (batch, classes)."""
        return self.reduce(self.tempered(out))

    def tempered(self, out: Tensor) -> Tensor:
        """A checked output divided by the temperature, in float32 at least."""
        if out.dim() != 3 or 0 in out.shape:
            raise ShapeError(
                type(self).__name__, f"output of shape {tuple(out.shape)}",
                "(time, batch, classes), none of them 0",
                "end the network in a readout with one cell per class",
            )  # fmt: skip
        out = out.float() if out.dtype in (torch.float16, torch.bfloat16) else out
        return out if self.temperature == 1.0 else out / self.temperature

    def predict(self, out: Tensor) -> Tensor:
        """The class of the largest score, (time, batch, classes) -> (batch,) int64."""
        return self.scores(out).argmax(-1)

    def __call__(self, out: Tensor, target: Tensor) -> Tensor:
        scores = self.scores(out)
        check_target(type(self).__name__, target, *scores.shape)
        return functional.cross_entropy(scores, target.long(), label_smoothing=self.label_smoothing)


def check_target(owner: str, target: Tensor, batch: int, classes: int) -> None:
    """Raise unless `target` holds one class number for each sample."""
    if target.dtype == torch.bool or target.is_floating_point() or target.is_complex():
        raise DTypeError(owner, f"target of {target.dtype}", "integer class numbers", "convert it with target.long()")
    if tuple(target.shape) != (batch,):
        raise ShapeError(owner, f"target of shape {tuple(target.shape)}", f"({batch},)", "give one class per sample")
    low, high = (int(t) for t in target.aminmax())
    if low < 0 or high >= classes:
        raise ShapeError(
            owner, f"labels from {low} to {high}", f"labels from 0 to {classes - 1}, one output per class",
            f"give the network {high + 1} outputs, or number the classes from 0",
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LastCrossEntropy(CrossEntropy):
    """The score is the output of the last step.

    >>> out = torch.tensor([[[9.0, 0.0]], [[0.0, 1.0]]])
    >>> LastCrossEntropy().predict(out)
    tensor([1])
    """

    def reduce(self, out: Tensor) -> Tensor:
        return out[-1]


@dataclass(frozen=True, kw_only=True)
class SumCrossEntropy(CrossEntropy):
    """The score is the sum of the output over time (a spike count, where the output spikes).

    >>> out = torch.tensor([[[9.0, 0.0]], [[0.0, 1.0]]])
    >>> SumCrossEntropy().predict(out)
    tensor([0])
    """

    def reduce(self, out: Tensor) -> Tensor:
        return out.sum(0)


@dataclass(frozen=True, kw_only=True)
class MeanCrossEntropy(CrossEntropy):
    """The score is the mean of the output over time.

    >>> out = torch.tensor([[[9.0, 0.0]], [[0.0, 1.0]]])
    >>> MeanCrossEntropy().scores(out)
    tensor([[4.5000, 0.5000]])
    """

    def reduce(self, out: Tensor) -> Tensor:
        return out.mean(0)


@dataclass(frozen=True, kw_only=True)
class TemporalCrossEntropy(MeanCrossEntropy):
    """Temporal efficient training (Deng, Li, Zhang & Gu, 2022): every step is to be right, not their mean alone.

        L = (1 - lam) mean_t CE(O[t], y) + lam mean (O - phi)^2

    The second mean is over time, batch and classes: it keeps outputs near phi, the threshold of the neurons. Classes
    are predicted by the mean output, as `MeanCrossEntropy` does, whose loss is never above the first term.

    Raises: `ParameterError` for lam outside [0, 1], or phi that is not finite, beside those of `CrossEntropy`.

    Reference: Deng, Li, Zhang & Gu, ICLR (2022), arXiv 2202.11946, eq. 8 to 12; lam 1e-3 and phi 1 are their code's.

    >>> out = torch.tensor([[[9.0, 0.0]], [[0.0, 1.0]]])
    >>> loss = TemporalCrossEntropy(lam=0.0)
    >>> float(loss(out, torch.tensor([0]))) > float(MeanCrossEntropy()(out, torch.tensor([0])))
    True
    """

    lam: float = 1e-3
    phi: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.0 <= self.lam <= 1.0:
            raise ParameterError("TemporalCrossEntropy", f"lam = {self.lam}", "a number in [0, 1]", "1e-3 is usual")
        if not math.isfinite(self.phi):
            given = f"phi = {self.phi}"
            raise ParameterError("TemporalCrossEntropy", given, "a finite number", "the threshold of the neurons")

    def __call__(self, out: Tensor, target: Tensor) -> Tensor:
        each = self.tempered(out)
        steps, batch, classes = each.shape
        check_target(type(self).__name__, target, batch, classes)
        right = functional.cross_entropy(
            each.flatten(0, 1), target.long().repeat(steps), label_smoothing=self.label_smoothing
        )
        return (1.0 - self.lam) * right + self.lam * (each - self.phi).square().mean()


@dataclass(frozen=True, kw_only=True)
class MaxCrossEntropy(CrossEntropy):
    """The score is the largest output over time.

    >>> out = torch.tensor([[[2.0, 0.0]], [[0.0, 3.0]]])
    >>> MaxCrossEntropy().predict(out)
    tensor([1])
    """

    def reduce(self, out: Tensor) -> Tensor:
        return out.amax(0)


@dataclass(frozen=True, kw_only=True)
class MeanSoftmaxCrossEntropy(CrossEntropy):
    """The probability of a class is the mean over time of the output's softmax; the score is its logarithm.

    Papers that put the sum of softmaxes through a second softmax state another, flatter loss.

    >>> out = torch.tensor([[[0.0, 0.0]], [[0.0, 0.0]]])
    >>> round(float(MeanSoftmaxCrossEntropy()(out, torch.tensor([0]))), 4)
    0.6931
    """

    def reduce(self, out: Tensor) -> Tensor:
        return out.log_softmax(-1).logsumexp(0) - math.log(out.shape[0])


LOSSES: dict[str, type[CrossEntropy]] = {
    "last": LastCrossEntropy,
    "sum": SumCrossEntropy,
    "mean": MeanCrossEntropy,
    "max": MaxCrossEntropy,
    "mean-softmax": MeanSoftmaxCrossEntropy,
    "tet": TemporalCrossEntropy,
}


def loss(name: str, **options: Any) -> CrossEntropy:
    """The loss of that name.

    Raises: `ParameterError` for a name or an option that does not exist.

    >>> loss("sum", label_smoothing=0.1)
    SumCrossEntropy(label_smoothing=0.1, temperature=1.0)
    >>> loss("sun")
    Traceback (most recent call last):
        ...
    rheobase.errors.ParameterError: loss: got 'sun'; expected the name of a loss. Remedy: did you mean 'sum'? Known: last, max, mean, mean-softmax, sum, tet.
    """  # noqa: E501
    if name not in LOSSES:
        raise ParameterError("loss", repr(name), "the name of a loss", nearest(name, LOSSES))
    known = [f.name for f in fields(LOSSES[name])]
    for option in options:
        if option not in known:
            raise ParameterError(f"loss {name!r}", f"option {option!r}", "one that it has", nearest(option, known))
    return LOSSES[name](**options)


@dataclass(frozen=True, kw_only=True)
class RateBand:
    """Penalty on every neuron whose mean output per step lies outside [low, high].

        strength * mean over neurons of (max(0, low - r)^2 + max(0, r - high)^2),   summed over layers

    r is the mean over time and batch: spikes per step, or the mean value of a graded cell. Several processes
    each see the mean of their own samples.

    Raises: `ParameterError` for an empty band or a strength that is not positive.

    >>> silent = torch.zeros(10, 4, 3)
    >>> RateBand(low=0.1, high=0.5)([silent])
    tensor(0.0100)
    """

    low: float = 0.0
    high: float = 1.0
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.low < self.high or not math.isfinite(self.high):
            raise ParameterError(
                "RateBand", f"low = {self.low}, high = {self.high}", "0 <= low < high, in spikes per step",
                "RateBand(low=0.01, high=0.2) asks for 1 to 20 spikes in 100 steps",
            )  # fmt: skip
        if not (self.strength > 0 and math.isfinite(self.strength)):
            raise ParameterError(
                "RateBand", f"strength = {self.strength}", "a positive number", "leave the band out instead"
            )

    def __call__(self, outs: Sequence[Tensor]) -> Tensor:
        """The penalty of some layers, each (time, batch, *neurons)."""
        if not outs:
            raise ParameterError(
                "RateBand", "no layer that spikes", "at least one", "leave the band out, or add neurons"
            )
        return self.strength * torch.stack([self._outside(out) for out in outs]).sum()

    def _outside(self, out: Tensor) -> Tensor:
        rate = out.float().mean((0, 1)) if out.dtype in (torch.float16, torch.bfloat16) else out.mean((0, 1))
        return ((self.low - rate).relu().square() + (rate - self.high).relu().square()).mean()
