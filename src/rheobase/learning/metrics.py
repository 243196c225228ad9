"""Metrics of a network: accuracy, confusion matrix, numbers of spikes and parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rheobase.errors import InputError, ShapeError

CROSSING = 0.5


def accuracy(predicted: Tensor, target: Tensor) -> float:
    """The part of the samples whose class is right; both (samples,).

    >>> accuracy(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 2, 2]))
    0.75
    """
    _check_pairs("accuracy", predicted, target)
    return int((predicted == target).sum()) / target.numel()


def confusion_matrix(predicted: Tensor, target: Tensor, classes: int) -> Tensor:
    """How often each class (row) was taken for each class (column), (classes, classes) int64.

    >>> confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0]), 2)
    tensor([[1, 1],
            [0, 1]])
    """
    _check_pairs("confusion_matrix", predicted, target)
    low, high = (int(f(torch.cat([predicted, target]))) for f in (torch.min, torch.max))
    if low < 0 or high >= classes:
        raise ShapeError(
            "confusion_matrix",
            f"classes from {low} to {high}",
            f"0 to {classes - 1}",
            f"pass classes={high + 1}",
        )
    return torch.bincount(target * classes + predicted, minlength=classes * classes).view(classes, classes)


def onsets(out: Tensor) -> Tensor:
    """Where graded cells begin a spike, an upward crossing of 0.5: (time, ...) to bool of the same shape.

    >>> onsets(torch.tensor([0.0, 0.9, 0.7])).tolist()
    [False, True, False]
    """
    above = out >= CROSSING
    onset = above.clone()
    onset[1:] &= ~above[:-1]
    return onset


def count_spikes(out: Tensor, graded: bool) -> Tensor:
    """Spikes of a layer in each sample, (time, batch, *neurons) -> (batch,) int64.

    Where cells are `graded`, a spike is an upward crossing of 0.5, and before the first step they are below
    it. Otherwise the output itself is the number of spikes of a step.

    Raises: `ShapeError` for an output without time and batch; `InputError` for an output that is no number of
    spikes.

    >>> count_spikes(torch.tensor([0.0, 1.0, 1.0])[:, None, None], graded=False)
    tensor([2])
    >>> count_spikes(torch.tensor([0.0, 0.9, 0.7])[:, None, None], graded=True)
    tensor([1])
    """
    if out.dim() < 2:
        raise ShapeError(
            "count_spikes", f"output of shape {tuple(out.shape)}", "(time, batch, *neurons)", "keep both axes"
        )
    if graded:
        counted = onsets(out)
    else:
        counted = out.long()
        if not bool(((counted == out) & (out >= 0)).all()):
            raise InputError(
                "count_spikes",
                "an output with other values than 0, 1, 2...",
                "numbers of spikes",
                "pass graded=True for cells that give out values",
            )
    return counted.sum([axis for axis in range(out.dim()) if axis != 1])


def spikes_per_neuron(out: Tensor, graded: bool) -> Tensor:
    """Mean number of spikes of a neuron in each sample, (time, batch, *neurons) -> (batch,) float64.

    >>> spikes_per_neuron(torch.ones(5, 1, 8), graded=False)
    tensor([5.], dtype=torch.float64)
    """
    counted = count_spikes(out, graded)
    return counted.double() / max(1, out[0, 0].numel()) if out.shape[0] else counted.double()


def count_parameters(net: nn.Module) -> int:
    """The number of learnable parameters; a shared one counts once, a complex one as the two numbers that it is.

    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(p.numel() * (2 if p.is_complex() else 1) for p in net.parameters() if p.requires_grad)


def _check_pairs(owner: str, predicted: Tensor, target: Tensor) -> None:
    if predicted.dim() != 1 or predicted.shape != target.shape or not target.numel():
        raise ShapeError(
            owner,
            f"predicted {tuple(predicted.shape)} and target {tuple(target.shape)}",
            "(samples,) twice, not empty",
            "give one class per sample",
        )
