"""The sag of a potential under a current below 0, and the loss that teaches it (Ghafourpour et al., 2025)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rheobase.checks import is_number
from rheobase.errors import InputError, ParameterError, ShapeError
from rheobase.learning import RelativeLp
from rheobase.operator.samples import Samples

TENTHS = 10  # the steady potential is the mean over the last one of so many parts of the stimulus
SHARPNESS = 50.0  # 1/mV, of the soft minimum in the paper
PUBLISHED = 25.0 / 64.0  # the paper has 25 beside a sum over batches of 64; here it stands beside a mean


def sag(v: Tensor, current: Tensor, *, sharpness: float = SHARPNESS) -> Tensor:
    """How far a potential lies at the end of a stimulus above its minimum during the stimulus, in mV.

        sag = mean v[t] over b - (b - a)/10 <= t < b,  less  sum_t w[t] v[t] over a <= t <= b
        w = softmax(-sharpness v),    a and b the first and the last step whose current is not 0

    `sharpness` is in 1/mV: the soft minimum lies above the true one by at most log(b - a + 1) / sharpness. With
    `math.inf` it is the true one, and the sag is eFEL's `sag_amplitude` (of a stimulus from a to b).

    Shapes: v in mV and current, (time, batch); the result (batch,).

    Raises: `ShapeError`; `InputError` for a stimulus of less than 11 steps; `ParameterError`
    for a sharpness that is not above 0.

    Reference: Ghafourpour et al., NOBLE, arXiv 2506.04536 (2025), whose code calls the sharpness a temperature.

    >>> v, current = torch.full((12, 1), -70.0), torch.zeros(12, 1)
    >>> current[:11], v[:11], v[3] = -0.1, -75.0, -77.0
    >>> sag(v, current), sag(v, current, sharpness=math.inf)
    (tensor([2.]), tensor([2.]))
    """
    if not (sharpness == math.inf or is_number(sharpness, above=0)):
        given, remedy = f"sharpness = {sharpness!r}", "50.0 is as published, math.inf takes the true minimum"
        raise ParameterError("sag", given, "a number > 0 in 1/mV", remedy)
    if v.shape != current.shape or v.dim() != 2 or 0 in v.shape:
        given = f"v {tuple(v.shape)} and current {tuple(current.shape)}"
        raise ShapeError("sag", given, "both (time, batch), none of them 0", "put time first")
    on, steps = current != 0, torch.arange(len(v), device=v.device)[:, None]
    first, last = on.to(torch.uint8).argmax(0), len(v) - 1 - on.flip(0).to(torch.uint8).argmax(0)
    short = ~on.any(0) | (last - first < TENTHS)
    if bool(short.any()):
        given = f"a stimulus of less than {TENTHS + 1} steps in sample {int(short.nonzero()[0, 0])}"
        raise InputError("sag", given, "one that has a last tenth", "leave such samples out, or take smaller steps")
    end = (TENTHS * (last - steps) <= last - first) & (steps < last)
    steady = torch.where(end, v, 0.0).sum(0) / end.sum(0)
    during = (steps >= first) & (steps <= last)
    if sharpness == math.inf:
        return steady - torch.where(during, v, torch.inf).amin(0)
    weight = torch.where(during, -sharpness * v, -torch.inf).softmax(0)
    return steady - (weight * v).sum(0)


def hyperpolarised(current: Tensor) -> Tensor:
    """Which samples have a current below 0 and none above it, (time, batch) to (batch,) bool: those that have a sag.

    >>> hyperpolarised(torch.tensor([[0.0, 0.0, 0.0], [-0.1, 0.1, 0.0]]))
    tensor([ True, False, False])
    """
    return (current <= 0).all(0) & (current < 0).any(0)


@dataclass(frozen=True, kw_only=True)
class SagLoss:
    """The relative error of the sag over a batch, as NOBLE is fine-tuned by it.

        sum over the batch of (sag(out) - sag(target))^2  /  ( sum over the batch of sag(target)^2 + eps )

    Samples whose current is not `hyperpolarised` do not count, and a batch without any has no error: 0.

    Shapes: out and target in mV and current, (time, batch); the loss is a scalar. eps in mV^2.

    Raises: what `sag` raises, `ParameterError` for an eps below 0.

    Reference: Ghafourpour et al., NOBLE, arXiv 2506.04536 (2025), whose code leaves out the root of its equation.

    >>> current, target = torch.full((11, 1), -0.1), torch.full((11, 1), -75.0)
    >>> target[3], out = -77.0, torch.full((11, 1), -75.0)
    >>> round(float(SagLoss()(out, target, current)), 4), float(SagLoss()(target, target, current))
    (1.0, 0.0)
    """

    sharpness: float = SHARPNESS
    eps: float = 1e-8

    def __post_init__(self) -> None:
        if not is_number(self.eps, least=0):
            raise ParameterError("SagLoss", f"eps = {self.eps!r}", "a finite number >= 0 in mV^2", "leave it out")

    def __call__(self, out: Tensor, target: Tensor, current: Tensor) -> Tensor:
        if out.shape != target.shape:
            given = f"out {tuple(out.shape)} and target {tuple(target.shape)}"
            raise ShapeError("SagLoss", given, "one shape", "put time first in both")
        which = hyperpolarised(current)
        if not bool(which.any()):
            return 0.0 * out.sum()
        made, wanted = (sag(v[:, which], current[:, which], sharpness=self.sharpness) for v in (out, target))
        return (made - wanted).square().sum() / (wanted.square().sum() + self.eps)


class LearnsPotential(nn.Module):
    """What learns a potential: by the relative error in the norm of order 4, and beside it, if asked, by its sag.

        |v - v*|_4 / |v*|_4 + sag_weight SagLoss(v, v*),    `sag_weight` 0 until it is set

    To fine-tune what was trained: set it, and call `train` once more. The paper's weight is `PUBLISHED`, 25/64: its
    code has 25 beside a sum over batches of 64, and here the first term is a mean over the batch.

    Raises: `ParameterError` for a weight below 0.
    """

    _sag_weight = 0.0

    @property
    def sag_weight(self) -> float:
        """Of the error of the sag in the objective."""
        return self._sag_weight

    @sag_weight.setter
    def sag_weight(self, weight: float) -> None:
        if not is_number(weight, least=0):
            given, remedy = f"sag_weight = {weight!r}", f"{PUBLISHED:g} is as published, 0 is without"
            raise ParameterError(type(self).__name__, given, "a finite number >= 0", remedy)
        self._sag_weight = float(weight)

    def of_potential(self, v: Tensor, batch: Samples) -> Tensor:
        """The part of an objective that is of the potential v (time, batch) in mV."""
        found = RelativeLp()(v, batch.v)
        return found + self.sag_weight * SagLoss()(v, batch.v, batch.current) if self.sag_weight else found


__all__ = ["PUBLISHED", "LearnsPotential", "SagLoss", "hyperpolarised", "sag"]
