"""Time series with labels: the data set, and what is known of it before it is encoded."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from rheobase.data.dataset import Dataset
from rheobase.data.encoding.series import lengths_of
from rheobase.data.groups import Groups
from rheobase.errors import DataError, InputError


@dataclass(frozen=True, eq=False, repr=False)
class SeriesDataset(Dataset):
    """Time series and labels. Values have the units of the data: an encoder scales them (`Scaled`).

    channels   their names
    notes      what a user should know of how the data were read, in sentences
    step       time from a step to the next, in the unit that the data have it in; None where they do not say it

    **Shapes**: x_train (n, time, channels) and x_test (m, time, channels), float32, with NaN after the end of a series;
    `sample_shape` is that of one step, (channels,). Where there are `groups`, `split` keeps each in one piece.

    **Raises**: DataError where the tensors do not fit each other, or NaN or infinity stands before an end.

    >>> x, y = torch.randn(20, 50, 3), torch.arange(20) % 2
    >>> SeriesDataset("toy", x, y, x, y, ("left", "right"), channels=("x", "y", "z"))
    SeriesDataset 'toy': 20 training and 20 test series of 50 steps and 3 channels, 2 classes
    """

    channels: tuple[str, ...] = field(kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    step: float | None = field(default=None, kw_only=True)

    def _check_samples(self, x_name: str, x: Tensor) -> None:
        if x.dtype != torch.float32 or x.dim() != 3 or not x.numel() or x.shape[2] != len(self.channels):
            given = f"{x_name} of shape {tuple(x.shape)} and dtype {x.dtype}"
            expected = f"float32 (n, time, {len(self.channels)}), one channel for each name"
            raise DataError(self._title, given, expected, "check how it was made")
        try:
            lengths = lengths_of(x)
        except InputError as error:
            raise DataError(f"{self._title}, {x_name}", error.given, error.expected, error.remedy) from None
        if not bool(lengths.all()):
            given = f"no step in sample {int((lengths == 0).nonzero()[0])} of {x_name}"
            raise DataError(self._title, given, "at least one step in each series", "drop it")

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one step."""
        return (len(self.channels),)

    @property
    def lengths(self) -> tuple[Tensor, Tensor]:
        """The steps of each training series, (n,), and of each test series, (m,)."""
        return lengths_of(self.x_train), lengths_of(self.x_test)

    @property
    def longest(self) -> int:
        """The most steps of a series."""
        return max(int(lengths.max()) for lengths in self.lengths)

    @property
    def _validates_by(self) -> Groups | None:
        return self.groups

    def __repr__(self) -> str:
        fewest = min(int(lengths.min()) for lengths in self.lengths)
        steps = f"{self.longest}" if fewest == self.longest else f"{fewest} to {self.longest}"
        return (
            f"SeriesDataset {self.name!r}: {len(self.y_train)} training and {len(self.y_test)} test series of "
            f"{steps} steps and {len(self.channels)} channel{'s' * (len(self.channels) > 1)}, "
            f"{len(self.classes)} classes"
        )
