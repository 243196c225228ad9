"""The stimuli of the published data set: steps of current whose amplitudes follow a skew normal distribution."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.checks import is_number, is_whole
from rheobase.errors import DataError, ParameterError


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How traces are made; by default as published (Ghafourpour et al., 2025, sec. 2 and app. D.1). Times in ms.

    A run settles for `settle` without current, then records `before` more without it, a step of `duration`, and
    `after` without current; of the trace every `keep`-th sample is kept, behind a low pass. A window of the data set
    begins `early` before the step at most; where it begins may be drawn anew in each epoch (`Windows`).

    amplitudes  least and largest in nA, between which the skew normal (`location`, `scale`, `skew`) is cut off

    The paper gives the range, a mode between 0 and 0.05 nA and a heavier tail of positive amplitudes; location, scale
    and skew are chosen here to have these.

    Raises: `ParameterError`.
    """

    dt: float = 0.02
    keep: int = 3
    settle: float = 170.0
    before: float = 30.0
    duration: float = 400.0
    after: float = 115.0
    early: float = 15.0
    amplitudes: tuple[float, float] = (-0.11, 0.28)
    location: float = -0.03
    scale: float = 0.11
    skew: float = 4.0

    def __post_init__(self) -> None:
        for name in ("dt", "before", "duration", "after", "scale"):
            if not is_number(getattr(self, name), above=0):
                self._refuse(name, "a finite number > 0")
        for name in ("settle", "early"):
            if not is_number(getattr(self, name), least=0):
                self._refuse(name, "a finite number >= 0")
        if not is_whole(self.keep, 1):
            self._refuse("keep", "a whole number > 0")
        if len(self.amplitudes) != 2 or not -math.inf < self.amplitudes[0] < self.amplitudes[1] < math.inf:
            self._refuse("amplitudes", "two finite numbers in nA, the smaller one first")
        if self.early > self.before:
            self._refuse("early", f"at most before = {self.before:g}")
        for name in ("settle", "before", "duration", "after", "early"):
            steps = getattr(self, name) / self.dt
            if abs(steps - round(steps)) > 1e-6:
                self._refuse(name, f"a multiple of dt = {self.dt:g}")

    def _refuse(self, name: str, expected: str) -> None:
        raise ParameterError("Protocol", f"{name} = {getattr(self, name)!r}", expected, "Protocol() is as published")

    @property
    def window(self) -> int:
        """Samples of a window: 8583 as published."""
        return int((self.duration + self.after) / self.dt + 1e-6) // self.keep

    @property
    def sample(self) -> float:
        """Time between two samples in ms: 0.06 as published."""
        return self.keep * self.dt

    @property
    def recorded(self) -> int:
        """Samples of a whole trace, `before` included."""
        return int((self.before + self.duration + self.after) / self.dt + 1e-6) // self.keep

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Amplitudes in nA, (count,) in float64: of the skew normal those that lie within the range.

        >>> drawn = Protocol().draw(1000, torch.Generator().manual_seed(0))
        >>> bool((drawn > -0.11).all() and (drawn < 0.28).all()), 0.0 < float(drawn.median()) < 0.08
        (True, True)
        """
        low, high = self.amplitudes
        delta = self.skew / math.sqrt(1.0 + self.skew**2)
        found, kept = list[Tensor](), 0
        while kept < count:
            u, v = torch.randn(2, 2 * count + 16, generator=generator, dtype=torch.float64)
            x = self.location + self.scale * (delta * u.abs() + math.sqrt(1.0 - delta**2) * v)
            found.append(x[(x > low) & (x < high)])
            kept += len(found[-1])
        return torch.cat(found)[:count]

    def step(self, first: int, stop: int, amplitudes: Tensor) -> Tensor:
        """The current in the steps from `first` to before `stop` of the run behind `settle`, (time, *amplitudes)."""
        t = (torch.arange(first, stop, dtype=torch.float64) + 0.5) * self.dt
        on = ((t >= self.before) & (t < self.before + self.duration)).to(amplitudes.dtype)
        return on.view(-1, *(1,) * amplitudes.dim()) * amplitudes

    def sampled(self, start: int, amplitudes: Tensor, count: int | None = None) -> Tensor:
        """The stimulus of a window, or `count` samples, from sample `start` of the trace on, (time, *amplitudes)."""
        samples = torch.arange(self.window if count is None else count, dtype=torch.float64)
        t = (start + samples + 0.5) * self.sample
        on = ((t >= self.before) & (t < self.before + self.duration)).to(amplitudes.dtype)
        return on.view(-1, *(1,) * amplitudes.dim()) * amplitudes

    @property
    def usual_start(self) -> int:
        """Where a window begins, in samples, if it is not drawn: `early` before the step."""
        return round((self.before - self.early) / self.sample)

    def as_json(self) -> dict[str, Any]:
        """The settings, as values of JSON."""
        return {**asdict(self), "amplitudes": list(self.amplitudes)}

    @classmethod
    def from_json(cls, given: dict[str, Any], owner: str) -> Protocol:
        """What `as_json` gave, read from `owner`. Raises: `DataError` where that is no protocol.

        >>> Protocol.from_json(Protocol(keep=6).as_json(), "manifest.json") == Protocol(keep=6)
        True
        """
        try:
            settings: dict[str, Any] = {**given, "amplitudes": tuple(given["amplitudes"])}
            return cls(**settings)
        except (KeyError, TypeError, ParameterError) as error:
            what = error.args[0] if error.args else type(error).__name__
            expected = "the settings of a Protocol"
            raise DataError(owner, f"a protocol that is none ({what})", expected, "make the data set anew") from error


__all__ = ["Protocol"]
