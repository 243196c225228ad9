"""What is done to a series before it is encoded: steps put together, and each channel brought to one scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.data.encoding.checks import check_integer
from rheobase.data.encoding.series import SeriesCode, lengths_of
from rheobase.errors import ParameterError, ShapeError


@dataclass(frozen=True)
class Scaling:
    """The mean and the standard deviation of each channel, in the units of the data, and the usual size of its slope.

    `of` takes them from the samples that are trained on, over all steps that these have. `slope` is the root mean
    square of the change from a step to the next, in standard deviations of the channel, once every `bin` steps are one;
    () where it is not known. A channel that is constant there gets a deviation and a slope of 1: it becomes 0, and
    stays told from what it was not.

    >>> Scaling.of(torch.tensor([[[1.0, 5.0], [3.0, 5.0]]]))
    Scaling(mean=(2.0, 5.0), std=(1.0, 1.0), slope=(2.0, 1.0))
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    slope: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        sizes = {len(self.mean), len(self.std), len(self.slope) or len(self.mean)}
        if len(sizes) > 1 or not all(value > 0 for value in self.std + self.slope):
            given = f"{len(self.mean)} means and deviations {self.std}"
            raise ParameterError("Scaling", given, "a positive deviation for each mean", "Scaling.of(x)")

    @classmethod
    def of(cls, x: Tensor, bin: int = 1) -> Scaling:
        """That of x (samples, time, channels), NaN after the end of a series. Raises what `lengths_of` does."""
        lengths = lengths_of(x)
        seen = x[torch.arange(x.shape[1]) < lengths[:, None]].double()  # (all steps, channels)
        mean, std = seen.mean(0), seen.std(0, correction=0)
        flat = std <= 1e-7 * mean.abs().clamp(min=1e-30)
        std = torch.where(flat, 1.0, std)
        changes = binned(x, bin).double().diff(dim=1).flatten(0, 1)
        slope = changes.square().nanmean(0).sqrt() / std  # NaN where every series has one step
        slope = torch.where(flat | ~(slope > 1e-7), 1.0, slope)
        return cls(*(tuple(values.tolist()) for values in (mean, std, slope)))


@dataclass(frozen=True)
class Scaled:
    """An encoder of series, after each channel is scaled, and the mean of every `bin` steps has become one step.

        x -> gain (x - mean) / std

    The last step of a series is the mean of what is left. `gain` is the current of one standard deviation where the
    code gives currents, and multiplies the output of others.

    **Shapes**: x (batch, time, channels), NaN after the end of a series -> (ceil(time / bin), batch, features), or
    as long as the code makes it.

    **Raises**: ShapeError for another number of channels, and what the encoder raises.

    >>> from rheobase.data.encoding.series import Currents
    >>> code = Scaled(Currents(), Scaling((1.0,), (2.0,)), bin=2)
    >>> x = torch.tensor([1.0, 5.0, 3.0, float("nan")]).view(1, 4, 1)
    >>> code(x).flatten().tolist(), code.lengths(x).tolist()
    ([1.0, 1.0], [2])
    """

    code: SeriesCode
    scaling: Scaling
    bin: int = 1
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_integer("Scaled", "bin", self.bin, 1, None, "give the number of steps that become one")

    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Sequence (steps, batch, features)."""
        channels = len(self.scaling.mean)
        lengths_of(x, repr(self))
        if x.shape[2] != channels:
            given = f"series with {x.shape[2]} channels"
            raise ShapeError(repr(self), given, f"{channels}, as it was made for", "give the same channels")
        mean, std = (torch.tensor(values, dtype=torch.float64) for values in (self.scaling.mean, self.scaling.std))
        scaled = ((x.double() - mean.to(x.device)) / std.to(x.device)).to(x.dtype)
        out = self.code(binned(scaled, self.bin), seed=seed, index=index)
        return out if self.gain == 1.0 else self.gain * out

    def lengths(self, x: Tensor) -> Tensor:
        """The steps of each sequence, (batch,) int64."""
        lengths_of(x, repr(self))
        return self.code.lengths(binned(x, self.bin))


def binned(x: Tensor, size: int) -> Tensor:
    """x (batch, time, channels) with the mean of every `size` steps as one; NaN where a bin has no step.

    >>> binned(torch.arange(5.0).view(1, 5, 1), 2).flatten().tolist()
    [0.5, 2.5, 4.0]
    """
    if size == 1:
        return x
    missing = -x.shape[1] % size
    whole = torch.nn.functional.pad(x, (0, 0, 0, missing), value=torch.nan)
    return whole.unflatten(1, (-1, size)).nanmean(2)
