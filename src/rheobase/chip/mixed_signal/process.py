"""What a process of manufacture does to weights and neurons, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError

Line = tuple[float, float, float, float]  # a, b, low, high: a ln(g) + b, from low to high


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How conductances fall and fluctuate with the time t after they were programmed, in seconds.

        g(t) = g(0) ((t + t_0) / t_0)^-nu,   nu = |mean(g) + deviation(g) z|
        then g(t) (1 + q(g) sqrt(ln((t + t_0 + t_read) / (2 t_read))) z'),   q(g) = min(flicker / g^exponent, most)

    with z, z' standard normal, one for each device, and g in units of the largest conductance. `mean` and `deviation`
    are (a, b, low, high): a ln(g) + b, cut to [low, high], of the conductance that was aimed at.

    Raises: `ParameterError` for times that are not above 0, a t_0 below t_read, and numbers that are not finite.

    Reference: Nandakumar et al., ICECS (2019), doi 10.1109/ICECS46596.2019.8964852; Joshi et al., Nat. Commun. 11, 2473
    (2020), doi 10.1038/s41467-020-16108-9.
    """

    mean: Line
    deviation: Line
    t_0: float = 20.0
    t_read: float = 250e-9
    flicker: float = 0.0
    exponent: float = 0.0
    most: float = 1.0
    compensated: bool = True  # a layer's outputs are scaled by the mean weight it has lost

    def __post_init__(self) -> None:
        for name in ("t_0", "t_read"):
            if not is_number(getattr(self, name), above=0):
                _refuse("Drift", name, getattr(self, name), "seconds, more than 0", "t_0=20.0, t_read=250e-9")
        if self.t_0 < self.t_read:
            expected = f"at least t_read = {self.t_read:g}, so that the logarithm is not below 0"
            _refuse("Drift", "t_0", self.t_0, expected, "t_0=20.0, t_read=250e-9")
        if not isinstance(self.compensated, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            _refuse("Drift", "compensated", self.compensated, "True or False", "it is True by default")
        for name in ("flicker", "exponent", "most"):
            if not is_number(getattr(self, name), least=0):
                _refuse("Drift", name, getattr(self, name), "a finite number >= 0", "0.0 is none")
        for name in ("mean", "deviation"):
            line = getattr(self, name)
            if not isinstance(line, tuple) or len(line) != 4 or not all(map(is_number, line)) or line[2] > line[3]:
                _refuse("Drift", name, line, "(a, b, low, high), low <= high", "(0.0, 0.05, 0.0, 1.0) is 0.05 for all")


@dataclass(frozen=True, kw_only=True)
class Process:
    """How a die differs from the network that was meant. The default changes nothing.

    A weight w is the difference of two conductances, of which one is meant to be 0; the largest conductance, 1, stands
    for `range`. Of every device, in this order:

        aimed at   g* = |w| / range, at most 1, on the nearest of `levels` levels from 0 to 1
        found      g = max(0, g* + s(g*) z),   s(g) = sum_k mismatch[k] g^k,   z standard normal
        later      as `drift` says
        stuck      0 with the chance stuck[0], 1 with the chance stuck[1]
        read       read_noise z at every step and synapse, anew: of a sum, read_noise range |x| z

    levels      conductances that a device can be programmed to, 0 and the largest included; None: any
    mismatch    coefficients of the polynomial s; a number m stands for (0, m), a share of the conductance itself
    cells       for constants of neurons, by name or pattern ("tau_*"), their coefficient of variation over neurons; a
                name counts before a pattern, and the first of several patterns
    read_noise  of a device, in units of the largest conductance
    drift       None: conductances stay
    stuck       shares of devices that stay at 0, and at the largest conductance
    range       the largest weight, in the units of weights: beyond, `dies` refuses and `aware` clips. None: the largest
                of each layer, as a gain behind each array gives it
    source      where the numbers are from

    Constants of neurons are multiplied by log-normal numbers of mean 1; of `v_threshold` its distance to `v_leak` is.

    Raises: `ParameterError` for a number outside what it means.

    >>> Process(levels=16, mismatch=0.2, cells={"tau_*": 0.2}).coefficients
    (0.0, 0.2)
    """

    levels: int | None = None
    mismatch: float | tuple[float, ...] = 0.0
    cells: Mapping[str, float] = field(default_factory=dict)
    read_noise: float = 0.0
    drift: Drift | None = None
    stuck: tuple[float, float] = (0.0, 0.0)
    range: float | None = None
    name: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if self.levels is not None and not is_whole(self.levels, 2, 1 << 16):
            self._refuse("levels", "a whole number from 2 to 65536, or None", "16 levels are 4 bits and a sign")
        alone = is_number(self.mismatch, least=0)
        several = isinstance(self.mismatch, tuple) and len(self.mismatch) > 0 and all(map(is_number, self.mismatch))
        if not alone and not several:
            self._refuse("mismatch", "a number >= 0, or a tuple of coefficients", "mismatch=0.2 is a fifth of a weight")
        if not isinstance(self.cells, Mapping):
            self._refuse("cells", "a mapping of constants to shares", 'cells={"tau_*": 0.2, "v_threshold": 0.2}')
        for name, share in self.cells.items():
            if not isinstance(name, str) or not is_number(share, least=0, most=2):
                self._refuse("cells", "names with shares from 0 to 2", 'cells={"tau_*": 0.2, "v_threshold": 0.2}')
        # its own, which no one else changes
        object.__setattr__(self, "cells", dict(self.cells))
        if not is_number(self.read_noise, least=0):
            self._refuse("read_noise", "a finite number >= 0", "0.01 is a hundredth of the largest conductance")
        if self.drift is not None and not isinstance(self.drift, Drift):
            self._refuse("drift", "a Drift, or None", 'named("pcm").drift is one')
        pair = isinstance(self.stuck, tuple) and len(self.stuck) == 2
        if not pair or not all(is_number(s, least=0, most=1) for s in self.stuck) or sum(self.stuck) > 1:
            self._refuse("stuck", "(share at 0, share at 1), at most 1 together", "stuck=(0.01, 0.01)")
        if self.range is not None and not is_number(self.range, above=0):
            self._refuse("range", "a finite number > 0, or None", "None takes the largest weight of each layer")

    @property
    def coefficients(self) -> tuple[float, ...]:
        """Those of the polynomial s(g)."""
        return self.mismatch if isinstance(self.mismatch, tuple) else (0.0, float(self.mismatch))

    def scaled(self, factor: float) -> Process:
        """The process with so many times the mismatch, of weights and cells, the read noise and the stuck devices.

        Levels, range and drift stay. Raises: `ParameterError` for a negative factor, or shares beyond what there is.
        """
        if not is_number(factor, least=0):
            raise ParameterError("Process.scaled", f"factor={factor!r}", "a finite number >= 0", "1.0 changes nothing")
        return replace(
            self,
            mismatch=tuple(factor * c for c in self.coefficients),
            read_noise=factor * self.read_noise,
            cells={name: factor * share for name, share in self.cells.items()},
            stuck=(factor * self.stuck[0], factor * self.stuck[1]),
        )

    def as_json(self) -> dict[str, Any]:
        """All numbers, as values of JSON."""
        drift = (
            None
            if self.drift is None
            else {k: list(v) if isinstance(v, tuple) else v for k, v in vars(self.drift).items()}
        )
        return {
            **vars(self),
            "mismatch": list(self.coefficients),
            "cells": dict(self.cells),
            "drift": drift,
            "stuck": list(self.stuck),
        }

    def _refuse(self, name: str, expected: str, remedy: str) -> None:
        _refuse("Process", name, getattr(self, name), expected, remedy)


def _refuse(owner: str, name: str, given: object, expected: str, remedy: str) -> None:
    raise ParameterError(owner, f"{name}={given!r}", expected, remedy)
