"""Latent codes: the numbers that tell one model of a cell from another, scaled, and the range that was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.errors import OutOfRange, ParameterError, ShapeError

LOW, HIGH = 0.5, 3.5  # of a scaled feature, in the paper


@dataclass(frozen=True)
class Codes:
    """Features of models by name, scaled so that those of the training models span 0.5 to 3.5.

    `low` and `high` are the least and largest value of each feature over the training models; a feature that is the
    same in all of them is scaled to the middle.

    >>> codes = Codes.of(("s_thr", "I_thr"), torch.tensor([[742.9, 0.0139], [848.0, 0.0194]]))
    >>> codes.scaled(torch.tensor([795.45, 0.0194])).tolist()
    [2.0, 3.5]
    """

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, names: Sequence[str], training: Tensor) -> Codes:
        """From the features of the training models, (models, features). Raises: `ShapeError`, `ParameterError`."""
        names = checked_names("Codes", names)
        if training.dim() != 2 or training.shape[1] != len(names) or not len(training):
            given = f"features of shape {tuple(training.shape)}"
            raise ShapeError("Codes", given, f"(models, {len(names)})", "one row for each training model")
        if not bool(torch.isfinite(training).all()):
            raise ParameterError("Codes", "NaN or infinity among features", "finite numbers", "leave the model out")
        low, high = training.double().aminmax(dim=0)
        return cls(names, tuple(low.tolist()), tuple(high.tolist()))

    def scaled(self, features: Tensor) -> Tensor:
        """Features (..., features) on the scale of the training models. Raises: `ShapeError`."""
        low, high = self._ends(features)
        width = high - low
        share = torch.where(width > 0, (features.double() - low) / torch.where(width > 0, width, 1.0), 0.5)
        return (LOW + (HIGH - LOW) * share).to(features.dtype)

    def check(self, features: Tensor) -> None:
        """Raise `OutOfRange` for a feature outside the range of the training models."""
        low, high = self._ends(features)
        # what is stored in float32 may differ from an end in its last digit
        slack = 1e-6 * torch.maximum(low.abs(), high.abs())
        outside = (features.double() < low - slack) | (features.double() > high + slack)
        if bool(outside.any()):
            *_, k = outside.nonzero()[0].tolist()
            value = float(features[tuple(outside.nonzero()[0].tolist())])
            raise OutOfRange(
                "the code",
                f"{self.names[k]} = {value:g}",
                f"{self.low[k]:g} to {self.high[k]:g}, as trained",
                "check_range=False extrapolates, at your own risk",
            )

    def _ends(self, features: Tensor) -> tuple[Tensor, Tensor]:
        if not features.dim() or features.shape[-1] != len(self.names):
            given, expected = f"features of shape {tuple(features.shape)}", f"(..., {len(self.names)})"
            raise ShapeError("Codes", given, expected, f"in this order: {', '.join(self.names)}")
        ends = (torch.tensor(x, dtype=torch.float64, device=features.device) for x in (self.low, self.high))
        low, high = ends
        return low, high


def checked_range(owner: str, given: tuple[float, float] | None) -> tuple[float, float] | None:
    """The range of amplitudes (nA) that an operator or a stand-in is told, or none. Raises `ParameterError`."""
    if given is None:
        return None
    pair = isinstance(given, tuple | list) and len(given) == 2
    if not pair or not all(is_number(x) for x in given) or given[0] >= given[1]:
        expected = "two finite numbers in nA, the smaller one first"
        raise ParameterError(owner, f"amplitudes = {given!r}", expected, "Protocol().amplitudes, or None: no check")
    return (given[0], given[1])


def checked_names(owner: str, given: Codes | Sequence[str]) -> tuple[str, ...]:
    """The features of a code. Raises `ParameterError`."""
    names = given.names if isinstance(given, Codes) else given
    listed = isinstance(names, tuple | list) and all(isinstance(name, str) for name in names)
    if not listed or not names or len(set(names)) < len(names):
        expected = "Codes, or the names of the features, each once"
        raise ParameterError(owner, f"codes = {given!r}", expected, 'codes=("s_thr", "I_thr"), say')
    return tuple(names)


def check_amplitudes(current: Tensor, trained: tuple[float, float]) -> None:
    """Raise `OutOfRange` for a stimulus beyond the range of amplitudes (nA) that was trained; 0 is always in it."""
    low, high = min(trained[0], 0.0), max(trained[1], 0.0)
    slack = 1e-6 * max(-low, high)
    least, most = (float(x) for x in current.detach().aminmax())
    if least < low - slack or most > high + slack:
        value = least if least < low - slack else most
        raise OutOfRange(
            "the stimulus",
            f"{value:g} nA",
            f"{low:g} to {high:g} nA, as trained",
            "check_range=False extrapolates, at your own risk",
        )


__all__ = ["Codes", "check_amplitudes", "checked_names", "checked_range"]
