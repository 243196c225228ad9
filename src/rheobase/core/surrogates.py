"""Surrogate gradients: frozen objects with `derivative` and the `primitive` it is the derivative of.

A spike is 1 where its argument x (the distance to threshold, in the threshold's unit) is not negative. Its
true derivative is zero almost everywhere; a surrogate replaces it in the backward pass.

>>> import torch
>>> ATan(2.0).derivative(torch.tensor(0.0))
tensor(1.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import torch

from rheobase.errors import ParameterError


@runtime_checkable
class Surrogate(Protocol):
    """The interface of a surrogate: two pointwise functions of the distance to threshold.

    >>> isinstance(ATan(), Surrogate)
    True
    """

    def derivative(self, x: Any) -> Any:
        """The replacement for d spike / dx."""
        ...

    def primitive(self, x: Any) -> Any:
        """A function whose derivative is `derivative`: the spike of the smooth mode."""
        ...


class _Checked:
    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
                name = type(self).__name__
                raise ParameterError(
                    name, f"{field.name} = {value!r}", "a finite number > 0", f"{name}() has a default"
                )


@dataclass(frozen=True)
class ATan(_Checked):
    """derivative = alpha/2 / (1 + (pi/2 alpha x)^2); primitive = atan(pi/2 alpha x)/pi + 1/2 (Fang et al., 2021).

    >>> ATan().derivative(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0.0920, 1.0000, 0.0920])
    """

    alpha: float = 2.0

    def derivative(self, x: Any) -> Any:
        y = (0.5 * math.pi * self.alpha) * x
        return (0.5 * self.alpha) / (1.0 + y * y)

    def primitive(self, x: Any) -> Any:
        return torch.atan((0.5 * math.pi * self.alpha) * x) / math.pi + 0.5


@dataclass(frozen=True)
class FastSigmoid(_Checked):
    """derivative = scale / (1 + alpha |x|)^2; primitive = scale x / (1 + alpha |x|) (Zenke & Ganguli, 2018).

    >>> FastSigmoid().derivative(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0.0083, 1.0000, 0.0083])
    """

    alpha: float = 10.0
    scale: float = 1.0

    def derivative(self, x: Any) -> Any:
        y = 1.0 + self.alpha * torch.abs(x)
        return self.scale / (y * y)

    def primitive(self, x: Any) -> Any:
        return self.scale * x / (1.0 + self.alpha * torch.abs(x))


@dataclass(frozen=True)
class Sigmoid(_Checked):
    """derivative = alpha s (1 - s) with s = sigmoid(alpha x); primitive = s.

    >>> Sigmoid().derivative(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0.0707, 1.0000, 0.0707])
    """

    alpha: float = 4.0

    def derivative(self, x: Any) -> Any:
        s = torch.sigmoid(self.alpha * x)
        return self.alpha * s * (1.0 - s)

    def primitive(self, x: Any) -> Any:
        return torch.sigmoid(self.alpha * x)


@dataclass(frozen=True)
class Triangle(_Checked):
    """derivative = scale max(0, 1 - |x|/width)/width (Bellec et al., 2018: scale 0.3).

    >>> Triangle().derivative(torch.tensor([-0.5, 0.0, 2.0]))
    tensor([0.5000, 1.0000, 0.0000])
    """

    width: float = 1.0
    scale: float = 1.0

    def derivative(self, x: Any) -> Any:
        return (self.scale / self.width) * torch.relu(1.0 - torch.abs(x) / self.width)

    def primitive(self, x: Any) -> Any:
        y = torch.clamp(x / self.width, -1.0, 1.0)
        return self.scale * (0.5 + y - 0.5 * y * torch.abs(y))


@dataclass(frozen=True)
class Boxcar(_Checked):
    """derivative = height where -width/2 < x <= width/2, else 0 (Bittar & Garner, 2022: width 1, height 1).

    >>> Boxcar().derivative(torch.tensor([-1.0, 0.0, 0.25]))
    tensor([0., 1., 1.])
    """

    width: float = 1.0
    height: float = 1.0

    def derivative(self, x: Any) -> Any:
        half = 0.5 * self.width
        return self.height * ((x > -half) & (x <= half)).to(x.dtype)

    def primitive(self, x: Any) -> Any:
        half = 0.5 * self.width
        return self.height * (torch.clamp(x, -half, half) + half)


@dataclass(frozen=True)
class Gaussian(_Checked):
    """derivative = exp(-x^2 / (2 sigma^2)) / (sigma sqrt(2 pi)); primitive = the normal distribution function.

    >>> Gaussian().derivative(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0.1080, 0.7979, 0.1080])
    """

    sigma: float = 0.5

    def derivative(self, x: Any) -> Any:
        y = x / self.sigma
        return torch.exp(-0.5 * y * y) / (self.sigma * math.sqrt(2 * math.pi))

    def primitive(self, x: Any) -> Any:
        return 0.5 + 0.5 * torch.erf(x / (self.sigma * math.sqrt(2.0)))


@dataclass(frozen=True)
class Lorentzian(_Checked):
    """derivative = 1/(1 + gamma x^2); primitive = atan(sqrt(gamma) x)/sqrt(gamma) + 1/2 (Dampfhoffer et al., 2022).

    >>> Lorentzian().derivative(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0.0909, 1.0000, 0.0909])
    """

    gamma: float = 10.0

    def derivative(self, x: Any) -> Any:
        return 1.0 / (1.0 + self.gamma * x * x)

    def primitive(self, x: Any) -> Any:
        root = math.sqrt(self.gamma)
        return torch.atan(root * x) / root + 0.5


@dataclass(frozen=True)
class Slayer(_Checked):
    """derivative = scale alpha / (2 exp(alpha |x|)) (Shrestha & Orchard, 2018; Baronig et al.: alpha 5, scale 0.4).

    >>> Slayer().derivative(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([0.0067, 1.0000, 0.0067])
    """

    alpha: float = 5.0
    scale: float = 0.4

    def derivative(self, x: Any) -> Any:
        return (0.5 * self.scale * self.alpha) * torch.exp(-self.alpha * torch.abs(x))

    def primitive(self, x: Any) -> Any:
        tail = (0.5 * self.scale) * torch.exp(-self.alpha * torch.abs(x))
        return torch.where(x >= 0, self.scale - tail, tail)


@dataclass(frozen=True)
class StraightThrough(_Checked):
    """derivative = slope everywhere; primitive = slope x (Bengio et al., 2013).

    >>> StraightThrough().derivative(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([1., 1., 1.])
    """

    slope: float = 1.0

    def derivative(self, x: Any) -> Any:
        return self.slope + 0.0 * x

    def primitive(self, x: Any) -> Any:
        return self.slope * x


__all__ = [
    "ATan",
    "Boxcar",
    "FastSigmoid",
    "Gaussian",
    "Lorentzian",
    "Sigmoid",
    "Slayer",
    "StraightThrough",
    "Surrogate",
    "Triangle",
]
