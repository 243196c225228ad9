"""Losses: cross-entropies over time, a relative error of sequences, and a penalty on rates outside a band."""

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
    """What the trainer asks of a loss: a scalar to minimise, and the class that an output predicts.

    `lengths` (batch,) are the steps of each sample: what comes after them is not read. It is given only where samples
    end before the last step.

    >>> loss: Loss = MeanCrossEntropy()
    >>> loss.predict(torch.tensor([[[0.1, 0.9]], [[0.3, 0.2]]]))
    tensor([1])
    """

    def __call__(self, out: Tensor, target: Tensor, lengths: Tensor | None = None) -> Tensor:
        """out (time, batch, classes), target (batch,) int64; a scalar, the mean over the batch."""
        ...

    def predict(self, out: Tensor, lengths: Tensor | None = None) -> Tensor:
        """out (time, batch, classes); the classes, (batch,) int64."""
        ...


@dataclass(frozen=True, kw_only=True)
class CrossEntropy(abc.ABC):
    """Cross-entropy of one score per class, drawn from a network's output over time. Abstract.

    Shapes: out (time, batch, classes); target (batch,) integers; the loss is a scalar, the mean over the
    batch. Half-precision outputs are summed in float32. The output is divided by `temperature` first: above 1
    for a readout whose outputs are large, so that a sample that is right by a small margin still has a gradient.
    `lengths` (batch,), the steps of each sample, ends a sample before the last step: outputs after its end have no part
    in its score.

    Raises: `ShapeError` for another rank, an empty axis, labels that the classes do not cover, or lengths outside 1 to
    time;
    `DTypeError` for labels that are not integers; `ParameterError` for a label smoothing outside [0, 1) or a
    temperature that is not above 0.

    >>> isinstance(MeanCrossEntropy(label_smoothing=0.1), CrossEntropy)
    True
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
    def reduce(self, out: Tensor, lengths: Tensor | None) -> Tensor:
        """One score per class from a checked output, (time, batch, classes) -> (batch, classes)."""

    def scores(self, out: Tensor, lengths: Tensor | None = None) -> Tensor:
        """One score per class, (time, batch, classes) -> (batch, classes)."""
        out = self.tempered(out)
        check_lengths(type(self).__name__, lengths, out)
        return self.reduce(out, lengths)

    def tempered(self, out: Tensor) -> Tensor:
        """A checked output divided by the temperature, in float32 at least."""
        if out.dim() != 3 or 0 in out.shape:
            raise ShapeError(
                type(self).__name__,
                f"output of shape {tuple(out.shape)}",
                "(time, batch, classes), none of them 0",
                "end the network in a readout with one cell per class",
            )
        out = out.float() if out.dtype in (torch.float16, torch.bfloat16) else out
        return out if self.temperature == 1.0 else out / self.temperature

    def predict(self, out: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The class of the largest score, (time, batch, classes) -> (batch,) int64."""
        return self.scores(out, lengths).argmax(-1)

    def __call__(self, out: Tensor, target: Tensor, lengths: Tensor | None = None) -> Tensor:
        scores = self.scores(out, lengths)
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
            owner,
            f"labels from {low} to {high}",
            f"labels from 0 to {classes - 1}, one output per class",
            f"give the network {high + 1} outputs, or number the classes from 0",
        )


def check_lengths(owner: str, lengths: Tensor | None, out: Tensor) -> None:
    """Raise unless `lengths` is None or holds from 1 to time steps for each sample of out (time, batch, ...)."""
    if lengths is None:
        return
    steps, batch = out.shape[:2]
    fits = tuple(lengths.shape) == (batch,) and not lengths.is_floating_point() and lengths.dtype != torch.bool
    if not fits or int(lengths.min()) < 1 or int(lengths.max()) > steps:
        given = f"lengths of shape {tuple(lengths.shape)} and {lengths.dtype}"
        if fits:
            given = f"lengths from {int(lengths.min())} to {int(lengths.max())}"
        expected = f"integers of shape ({batch},), from 1 to {steps} steps"
        raise ShapeError(owner, given, expected, "give the number of steps of each sample")


def ended(out: Tensor, lengths: Tensor | None, value: float) -> Tensor:
    """out (time, batch, ...) with `value` in the steps after the end of a sample; as it is where none ends early.

    >>> ended(torch.ones(3, 2, 1), torch.tensor([1, 3]), 0.0)[..., 0].T.tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    if lengths is None:
        return out
    after = torch.arange(len(out), device=out.device)[:, None] >= lengths
    return out.masked_fill(after.view(*after.shape, *(1,) * (out.dim() - 2)), value)


def mean_over_time(out: Tensor, lengths: Tensor | None) -> Tensor:
    """The mean of out (time, batch, classes) over the steps of each sample, (batch, classes)."""
    return out.mean(0) if lengths is None else ended(out, lengths, 0.0).sum(0) / lengths[:, None]


@dataclass(frozen=True, kw_only=True)
class LastCrossEntropy(CrossEntropy):
    """The score is the output of the last step.

    >>> out = torch.tensor([[[9.0, 0.0]], [[0.0, 1.0]]])
    >>> LastCrossEntropy().predict(out)
    tensor([1])
    """

    def reduce(self, out: Tensor, lengths: Tensor | None) -> Tensor:
        return out[-1] if lengths is None else out[lengths - 1, torch.arange(len(lengths), device=out.device)]


@dataclass(frozen=True, kw_only=True)
class SumCrossEntropy(CrossEntropy):
    """The score is the sum of the output over time (a spike count, where the output spikes).

    >>> out = torch.tensor([[[9.0, 0.0]], [[0.0, 1.0]]])
    >>> SumCrossEntropy().predict(out)
    tensor([0])
    """

    def reduce(self, out: Tensor, lengths: Tensor | None) -> Tensor:
        return ended(out, lengths, 0.0).sum(0)


@dataclass(frozen=True, kw_only=True)
class MeanCrossEntropy(CrossEntropy):
    """The score is the mean of the output over time.

    >>> out = torch.tensor([[[9.0, 0.0]], [[0.0, 1.0]]])
    >>> MeanCrossEntropy().scores(out)
    tensor([[4.5000, 0.5000]])
    """

    def reduce(self, out: Tensor, lengths: Tensor | None) -> Tensor:
        return mean_over_time(out, lengths)


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

    def __call__(self, out: Tensor, target: Tensor, lengths: Tensor | None = None) -> Tensor:
        each = self.tempered(out)
        steps, batch, classes = each.shape
        check_target(type(self).__name__, target, batch, classes)
        check_lengths(type(self).__name__, lengths, each)
        if lengths is not None:
            return self._of_ended(each, target.long(), lengths)
        right = functional.cross_entropy(
            each.flatten(0, 1), target.long().repeat(steps), label_smoothing=self.label_smoothing
        )
        return (1.0 - self.lam) * right + self.lam * (each - self.phi).square().mean()

    def _of_ended(self, each: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        """The means over time of each sample, over the steps that it has."""
        steps, batch, _ = each.shape
        flat = functional.cross_entropy(
            each.flatten(0, 1), target.repeat(steps), label_smoothing=self.label_smoothing, reduction="none"
        )
        right = mean_over_time(flat.view(steps, batch, 1), lengths).mean()
        near = mean_over_time((each - self.phi).square(), lengths).mean()
        return (1.0 - self.lam) * right + self.lam * near


@dataclass(frozen=True, kw_only=True)
class MaxCrossEntropy(CrossEntropy):
    """The score is the largest output over time.

    >>> out = torch.tensor([[[2.0, 0.0]], [[0.0, 3.0]]])
    >>> MaxCrossEntropy().predict(out)
    tensor([1])
    """

    def reduce(self, out: Tensor, lengths: Tensor | None) -> Tensor:
        return ended(out, lengths, -math.inf).amax(0)


@dataclass(frozen=True, kw_only=True)
class MeanSoftmaxCrossEntropy(CrossEntropy):
    """The probability of a class is the mean over time of the output's softmax; the score is its logarithm.

    Papers that put the sum of softmaxes through a second softmax state another, flatter loss.

    >>> out = torch.tensor([[[0.0, 0.0]], [[0.0, 0.0]]])
    >>> round(float(MeanSoftmaxCrossEntropy()(out, torch.tensor([0]))), 4)
    0.6931
    """

    def reduce(self, out: Tensor, lengths: Tensor | None) -> Tensor:
        total = ended(out.log_softmax(-1), lengths, -math.inf).logsumexp(0)
        return total - (math.log(out.shape[0]) if lengths is None else lengths.to(out.dtype).log()[:, None])


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
class RelativeLp:
    """The relative error of sequences in the norm of order p, as neural operators are trained (Li et al., 2021).

        mean over the batch of ( sum_t |out - target|^p )^(1/p) / ( ( sum_t |target|^p )^(1/p) + eps )

    Shapes: out and target (time, batch); the loss is a scalar. It is for sequences and names no class, so it is no
    `Loss` of the `Trainer`.

    Raises: `ParameterError` for p < 1 or eps < 0; `ShapeError` for other shapes.

    Reference: Li et al., Fourier neural operator, arXiv 2010.08895 (2021); p = 4 is that of NOBLE, arXiv 2506.04536.

    >>> RelativeLp(p=2.0)(torch.tensor([[3.0], [0.0]]), torch.tensor([[0.0], [4.0]]))
    tensor(1.2500)
    """

    p: float = 4.0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        if not (1.0 <= self.p < math.inf and 0.0 <= self.eps < math.inf):
            given = f"p = {self.p}, eps = {self.eps}"
            raise ParameterError("RelativeLp", given, "p >= 1 and eps >= 0, finite", "p=4.0, eps=1e-8 are as published")

    def __call__(self, out: Tensor, target: Tensor) -> Tensor:
        if out.shape != target.shape or out.dim() != 2 or 0 in out.shape:
            given = f"out {tuple(out.shape)} and target {tuple(target.shape)}"
            raise ShapeError("RelativeLp", given, "both (time, batch), none of them 0", "put time first")
        error, size = (torch.linalg.vector_norm(x, self.p, dim=0) for x in (out - target, target))
        return (error / (size + self.eps)).mean()


@dataclass(frozen=True, kw_only=True)
class RateBand:
    """Penalty on every neuron whose mean output per step lies outside [low, high].

        strength * mean over neurons of (max(0, low - r)^2 + max(0, r - high)^2),   summed over layers

    r is the mean over time and batch: spikes per step, or the mean value of a graded cell. Several processes
    each see the mean of their own samples. With `lengths` (batch,) it is the mean over the steps that samples have.

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
                "RateBand",
                f"low = {self.low}, high = {self.high}",
                "0 <= low < high, in spikes per step",
                "RateBand(low=0.01, high=0.2) asks for 1 to 20 spikes in 100 steps",
            )
        if not (self.strength > 0 and math.isfinite(self.strength)):
            raise ParameterError(
                "RateBand", f"strength = {self.strength}", "a positive number", "leave the band out instead"
            )

    def __call__(self, outs: Sequence[Tensor], lengths: Tensor | None = None) -> Tensor:
        """The penalty of some layers, each (time, batch, *neurons)."""
        if not outs:
            raise ParameterError(
                "RateBand", "no layer that spikes", "at least one", "leave the band out, or add neurons"
            )
        return self.strength * torch.stack([self._outside(out, lengths) for out in outs]).sum()

    def _outside(self, out: Tensor, lengths: Tensor | None) -> Tensor:
        wide = out.float() if out.dtype in (torch.float16, torch.bfloat16) else out
        rate = wide.mean((0, 1)) if lengths is None else ended(wide, lengths, 0.0).sum((0, 1)) / lengths.sum()
        return ((self.low - rate).relu().square() + (rate - self.high).relu().square()).mean()
