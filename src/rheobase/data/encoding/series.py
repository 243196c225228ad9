"""From time series to sequences over their own time: currents, threshold crossings, Gaussian receptive fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.data.encoding.checks import FLOATS, check_index, check_integer, check_seed
from rheobase.errors import DTypeError, InputError, ParameterError, ShapeError


def lengths_of(x: Any, owner: str = "series") -> Tensor:
    """The steps of each series, (batch,) int64: x (batch, time, channels) holds NaN after the end of a series.

    **Raises**: DTypeError and ShapeError for another x; InputError for a series without a step, or with NaN or infinity
    before its end, naming it.

    >>> x = torch.tensor([[[1.0], [2.0]], [[3.0], [float("nan")]]])
    >>> lengths_of(x).tolist()
    [2, 1]
    """
    if not isinstance(x, Tensor) or x.dtype not in FLOATS:
        given = f"x of dtype {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise DTypeError(owner, given, "a floating tensor (batch, time, channels)", "torch.as_tensor(x).float()")
    if x.dim() != 3 or not x.numel():
        remedy = "one series as x[None], one channel as x[..., None]"
        raise ShapeError(owner, f"x of shape {tuple(x.shape)}", "(batch, time, channels), each at least 1", remedy)
    step = torch.arange(1, x.shape[1] + 1, device=x.device)
    lengths = (~x.isnan().all(2) * step).amax(1)
    bad = ~x.isfinite() & (step <= lengths.clamp(min=1)[:, None])[..., None]
    if bool(bad.any()):
        sample, at, channel = bad.nonzero()[0].tolist()
        given = f"{x[sample, at, channel].item()} in sample {sample}, step {at}, channel {channel}"
        more = int(bad.flatten(1).any(1).sum()) - 1
        given += f", and the like in {more} more" if more else ""
        raise InputError(owner, given, "finite numbers; NaN only after the end of a series", "repair or drop them")
    return lengths


class SeriesCode(Protocol):
    """What turns series into sequences: x (batch, time, channels) -> (time, batch, channels * per_channel)."""

    @property
    def per_channel(self) -> int:
        """Outputs for each channel."""
        ...

    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Encode the batch; zero after the end of a series."""
        ...

    def lengths(self, x: Tensor) -> Tensor:
        """The steps of each sequence, (batch,) int64."""
        ...


def _checked(code: SeriesCode, x: Tensor, seed: int, index: Tensor | None) -> Tensor:
    """x (time, batch, channels), zero after the end of a series."""
    lengths_of(x, repr(code))
    check_seed(code, seed)
    check_index(code, index, x)
    return x.nan_to_num(nan=0.0).transpose(0, 1)


@dataclass(frozen=True)
class Currents:
    """Direct current over a series' own time: channel c at step t is the current of input c at step t.

    **Shapes**: x (batch, time, channels), NaN after the end of a series -> (time, batch, channels), there 0. Gradients
    flow back to x.

    **Raises**: DTypeError, ShapeError and InputError for x; ParameterError for a seed.

    >>> x = torch.tensor([[[1.0], [-2.0]], [[3.0], [float("nan")]]])
    >>> Currents()(x)[..., 0].T.tolist(), Currents().lengths(x).tolist()
    ([[1.0, -2.0], [3.0, 0.0]], [2, 1])
    """

    per_channel = 1

    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Currents (time, batch, channels). Nothing is random: seed and index have no effect."""
        return _checked(self, x, seed, index)

    def lengths(self, x: Tensor) -> Tensor:
        """The steps of each sequence, (batch,) int64."""
        return lengths_of(x, repr(self))


@dataclass(frozen=True)
class Slope:
    """Direct current of each channel and of its slope, the change since the step before.

        value[t] = x[t],   slope[t] = weight (x[t] - x[t-1]) / scale

    `scale` is the usual change of each channel: `Scaling.of` takes it from the training samples. What tells classes
    apart is often a small change on top of a large, slow one, which the value alone hides. The weight was found by
    cross-validation on training parts (docs/own_data.md).

    **Shapes**: x (batch, time, channels), NaN after the end of a series -> (time, batch, 2 channels): the value of
    every channel, then the slope of every channel, which is 0 at the first step; 0 after the end. Gradients flow back.

    **Raises**: ParameterError for scales that are not positive; DTypeError, ShapeError and InputError for x, also for
    another number of channels.

    >>> x = torch.tensor([1.0, 3.0, 2.0]).view(1, 3, 1)
    >>> Slope((2.0,), weight=1.0)(x).squeeze(1).T.tolist()
    [[1.0, 3.0, 2.0], [0.0, 1.0, -0.5]]
    """

    scale: tuple[float, ...]
    weight: float = field(default=0.4, kw_only=True)
    per_channel = 2

    def __post_init__(self) -> None:
        if not self.scale or not all(is_number(value, above=0) for value in self.scale):
            given, remedy = f"scale={self.scale!r}", "Scaling.of(x).slope of the samples that are trained on"
            raise ParameterError("Slope", given, "a finite number > 0 for each channel", remedy)
        if not is_number(self.weight, above=0):
            given = f"weight={self.weight!r}"
            raise ParameterError("Slope", given, "a finite number > 0", "1 gives value and slope one size")

    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Currents (time, batch, 2 channels). Nothing is random: seed and index have no effect."""
        given = _checked(self, x, seed, index)
        if given.shape[-1] != len(self.scale):
            remedy = "give the channels that it was made for"
            raise ShapeError(repr(self), f"series with {given.shape[-1]} channels", f"{len(self.scale)}", remedy)
        slope = torch.zeros_like(given)
        scale = torch.tensor(self.scale, dtype=given.dtype, device=given.device)
        slope[1:] = self.weight * (given[1:] - given[:-1]) / scale
        after = torch.arange(len(given), device=x.device)[:, None] >= self.lengths(x)
        return torch.cat([given, slope.masked_fill(after[..., None], 0.0)], -1)

    def lengths(self, x: Tensor) -> Tensor:
        """The steps of each sequence, (batch,) int64."""
        return lengths_of(x, repr(self))


@dataclass(frozen=True)
class Delta:
    """Delta code, or send-on-delta (Miskowicz, 2006): a spike for each threshold that a channel rises or falls by.

        n[t] = floor(|x[t] - level[t-1]| / threshold),   level[t] = level[t-1] + sign(x[t] - level[t-1]) n[t] threshold

    Each channel has an input for rising and one for falling: n[t] on the one, 0 on the other. The level starts at 0, so
    the first step says where a series begins; afterwards the level is never a threshold or more away from x.

    **Shapes**: x (batch, time, channels), NaN after the end of a series -> counts (time, batch, 2 channels): rising of
    every channel, then falling of every channel. No gradient.

    **Raises**: ParameterError for a threshold that is not positive; DTypeError, ShapeError and InputError for x.

    **Numerics**: a step of several thresholds is a count of several spikes in that step.

    **Differs from the paper**: the level is moved by whole thresholds, not to the value that was sent, so that the sum
    of the spikes gives the series back to within a threshold; the level starts at 0, not at x[0].

    **Reference**: Miskowicz, Sensors 6, 49-63 (2006), doi 10.3390/s6010049.

    >>> x = torch.tensor([0.0, 1.0, 2.5, 2.4, 0.4]).view(1, 5, 1)
    >>> Delta(1.0)(x).squeeze(1).T.tolist()
    [[0.0, 1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]]
    """

    threshold: float
    per_channel = 2

    def __post_init__(self) -> None:
        if not is_number(self.threshold, above=0):
            given, remedy = f"threshold={self.threshold!r}", "0.25 is a quarter of a standard deviation of scaled data"
            raise ParameterError("Delta", given, "a finite number > 0, in the units of the series", remedy)

    @torch.no_grad()
    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Counts of spikes (time, batch, 2 channels). Nothing is random: seed and index have no effect."""
        given = _checked(self, x, seed, index)
        level = torch.zeros_like(given[0])
        moves = torch.empty_like(given)
        for move, value in zip(moves, given, strict=True):
            torch.trunc((value - level) / self.threshold, out=move)
            level = level + move * self.threshold
        after = torch.arange(len(given), device=x.device)[:, None] >= self.lengths(x)
        moves.masked_fill_(after[..., None], 0.0)
        return torch.cat([torch.where(moves > 0, moves, 0.0), torch.where(moves < 0, -moves, 0.0)], -1)

    def lengths(self, x: Tensor) -> Tensor:
        """The steps of each sequence, (batch,) int64."""
        return lengths_of(x, repr(self))


@dataclass(frozen=True)
class Population:
    """Population code by Gaussian receptive fields (Bohte, Kok & La Poutre, 2002): each channel has `fields` inputs.

        r_i = exp(-(x - C_i)^2 / (2 sigma^2)),   C_i = low + (2 i - 3) / 2 width,   i = 1 ... fields
        sigma = width / 1.5,   width = (high - low) / (fields - 2)

    **Shapes**: x (batch, time, channels), NaN after the end of a series -> (time, batch, channels * fields), in (0, 1];
    input c * fields + i - 1 is field i of channel c; 0 after the end. Gradients flow back to x.

    **Raises**: ParameterError for fewer than 3 fields or an empty range; DTypeError, ShapeError and InputError for x.

    **Differs from the paper**: a response is a current at its step of the series; the paper codes one value, and turns
    its responses into the times of single spikes.

    **Reference**: Bohte, Kok & La Poutre, Neurocomputing 48, 17-37 (2002), doi 10.1016/S0925-2312(01)00658-0, sect. 4.

    >>> code = Population(4, low=0.0, high=1.0)
    >>> [round(r, 3) for r in code(torch.tensor([[[0.25]]])).flatten().tolist()]
    [0.325, 1.0, 0.325, 0.011]
    """

    fields: int
    low: float = field(default=-2.0, kw_only=True)
    high: float = field(default=2.0, kw_only=True)

    def __post_init__(self) -> None:
        check_integer("Population", "fields", self.fields, 3, None, "8 fields are usual")
        if not (is_number(self.low) and is_number(self.high) and self.low < self.high):
            given = f"low={self.low!r}, high={self.high!r}"
            raise ParameterError("Population", given, "finite numbers low < high", "-2 and 2 fit scaled data")

    @property
    def per_channel(self) -> int:
        """Outputs for each channel."""
        return self.fields

    @property
    def centres(self) -> Tensor:
        """The value that each field answers most to, (fields,)."""
        width = (self.high - self.low) / (self.fields - 2)
        return self.low + (torch.arange(self.fields) - 0.5) * width

    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Responses (time, batch, channels * fields). Nothing is random: seed and index have no effect."""
        given = _checked(self, x, seed, index)
        sigma = (self.high - self.low) / (self.fields - 2) / 1.5
        apart = given[..., None] - self.centres.to(given)
        out = torch.exp(-apart.square() / (2 * sigma**2)).flatten(2)
        after = torch.arange(len(given), device=x.device)[:, None] >= self.lengths(x)
        return out.masked_fill(after[..., None], 0.0)

    def lengths(self, x: Tensor) -> Tensor:
        """The steps of each sequence, (batch,) int64."""
        return lengths_of(x, repr(self))
