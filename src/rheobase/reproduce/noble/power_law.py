"""How an error falls with samples seen and parameters, and what that says further on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rheobase.reproduce.scores import student


@dataclass(frozen=True)
class PowerLaw:
    """error = scale samples^-a parameters^-b, by least squares of the logarithms.

    exponents   a and b
    halves      half of the 95 % interval of each
    """

    exponents: tuple[float, float]
    halves: tuple[float, float]
    _fit: tuple[float, np.ndarray, np.ndarray, int]  # noise, coefficients, covariance without the noise, freedom

    @property
    def falls(self) -> bool:
        """Whether the error falls with samples at all: its exponent is above 0 by more than its interval."""
        return self.exponents[0] > self.halves[0]

    def at(self, samples: float, parameters: float) -> tuple[float, float, float]:
        """The error there, and the ends of the 95 % interval in which one more training would be."""
        noise, coefficients, spread, freedom = self._fit
        x = _row(samples, parameters)
        middle = float(x @ coefficients)
        half = student(freedom) * noise * math.sqrt(1.0 + float(x @ spread @ x))
        return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def power_law(samples: Sequence[float], parameters: Sequence[float], errors: Sequence[float]) -> PowerLaw | None:
    """Of trainings; None of fewer than four, or where all have the same number of samples or of parameters.

    >>> law = power_law([1e3, 4e3, 1e3, 4e3], [1e4, 1e4, 9e4, 9e4], [8.0, 4.0, 8.0, 4.0])
    >>> [round(x, 6) + 0.0 for x in law.exponents], [round(x, 3) for x in law.at(64e3, 1e6)]
    ([0.5, 0.0], [1.0, 1.0, 1.0])
    """
    x = np.stack([_row(*pair) for pair in zip(samples, parameters, strict=True)])
    if len(x) < 4 or np.linalg.matrix_rank(x) < 3:
        return None
    y = np.log(np.asarray(errors, dtype=np.float64))
    coefficients = np.linalg.lstsq(x, y, rcond=None)[0]
    freedom = len(x) - 3
    noise = math.sqrt(float(np.square(y - x @ coefficients).sum()) / freedom)
    spread = np.linalg.inv(x.T @ x)
    halves = student(freedom) * noise * np.sqrt(np.diag(spread))
    return PowerLaw(
        (-float(coefficients[1]), -float(coefficients[2])),
        (float(halves[1]), float(halves[2])),
        (noise, coefficients, spread, freedom),
    )


def _row(samples: float, parameters: float) -> np.ndarray:
    return np.array([1.0, math.log(samples), math.log(parameters)])


__all__ = ["PowerLaw", "power_law"]
