"""From events to sequences: the events of each bin of time, counted pixel by pixel or unit by unit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.data.encoding.checks import check_integer, check_seed
from rheobase.data.events import Events
from rheobase.errors import DTypeError, ParameterError, ShapeError


@dataclass(frozen=True)
class EventFrames:
    """Frames of events: step k holds the events from k * bin_ms to (k + 1) * bin_ms of a recording.

    `binary` gives 1 where there is any event, in place of their number. Events after the last step are left out.
    `channels` puts neighbouring units together, in equal parts: 700 units in 140 channels of 5.

    **Shapes**: x (batch, 2) int64, rows of the data set -> (steps, batch, *events.shape), or (steps, batch, channels),
    float32, on the device of x. Nothing is random: seed and index have no effect.

    **Raises**: ParameterError for steps, bin_ms, channels or a seed out of range; DTypeError for x; ShapeError for
    units that are to be moved; DataError for a recording that cannot be read.

    >>> from rheobase.data.events import StoredEvents, recordings
    >>> events = StoredEvents(
    ...     {"x": [0, 1, 0], "y": [0, 0, 0], "p": [0, 0, 0], "t": [0, 2999, 3000], "offsets": [0, 3]}, (1, 1, 2), "here"
    ... )
    >>> EventFrames(events, 2, bin_ms=3.0)(recordings(events)).tolist()
    [[[[[1.0, 1.0]]]], [[[[1.0, 0.0]]]]]
    >>> units = StoredEvents({"unit": [0, 4, 5], "t": [0, 1, 2], "offsets": [0, 3]}, (10,), "here")
    >>> EventFrames(units, 1, bin_ms=3.0, channels=2)(recordings(units)).tolist()
    [[[2.0, 1.0]]]
    """

    events: Events
    steps: int
    bin_ms: float = field(kw_only=True)
    binary: bool = field(default=False, kw_only=True)
    channels: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_integer("EventFrames", "steps", self.steps, 1, None, "give the number of time steps of the output")
        if not is_number(self.bin_ms, above=0):
            remedy = "divide the length of a recording by the number of steps"
            raise ParameterError("EventFrames", f"bin_ms={self.bin_ms!r}", "a finite number of ms > 0", remedy)
        if self.channels is not None:
            self._check_channels(self.channels, self.events.shape)

    def _check_channels(self, channels: int, shape: tuple[int, ...]) -> None:
        if len(shape) != 1:
            given = f"channels={channels!r} for events of shape {shape}"
            raise ParameterError("EventFrames", given, "events of shape (units,)", "leave channels out for a camera")
        check_integer("EventFrames", "channels", channels, 1, shape[0], f"give a divisor of {shape[0]}")
        if shape[0] % channels:
            expected = f"a divisor of {shape[0]} units"
            divisors = [n for n in range(1, shape[0] + 1) if shape[0] % n == 0]
            near = min(divisors, key=lambda n: abs(n - channels))
            raise ParameterError("EventFrames", f"channels={channels}", expected, f"try {near}")

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of one frame: that of the events, or (channels,)."""
        return self.events.shape if self.channels is None else (self.channels,)

    @torch.no_grad()
    def __call__(
        self, x: Tensor, *, seed: int = 0, index: Tensor | None = None, moved: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Frames (steps, batch, *frame_shape).

        `moved` (each (batch,), in pixels) moves the events of a recording down and to the right; those that leave the
        frame are lost (see `Shifted`).
        """
        check_seed(self, seed)
        if not isinstance(x, Tensor) or x.dtype != torch.int64 or x.dim() != 2 or not len(x):
            given = f"x of shape {tuple(x.shape)} and {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
            raise DTypeError(repr(self), given, "int64 (batch, 2)", "pass rows of x of its data set")
        if moved is not None and len(self.events.shape) < 2:
            given = f"events of shape {self.events.shape} to move"
            raise ShapeError(repr(self), given, "(..., height, width)", "leave Shifted out for events of units")
        places = self._places(x[:, 0].cpu().numpy(), moved)
        shape = (self.steps, len(x), *self.frame_shape)
        if x.device.type != "cpu":
            out = torch.zeros(math.prod(shape), device=x.device)
            one = torch.ones((), device=x.device)
            return out.index_put_((torch.from_numpy(places).to(x.device),), one, accumulate=not self.binary).view(shape)
        # numpy's zeros come untouched from the system, in large pages: several times faster than torch.zeros here
        frames = np.zeros(math.prod(shape), np.float32)
        if self.binary:
            frames[places] = 1.0
        else:
            np.add.at(frames, places, np.float32(1.0))
        return torch.from_numpy(frames).view(shape)

    def _places(self, numbers: np.ndarray, moved: tuple[Tensor, Tensor] | None) -> np.ndarray:
        """Where in the flat output each event counts."""
        counts, address, t = self.events.take(numbers)
        if self.channels is not None:
            address = address // (self.events.shape[0] // self.channels)
        cells = math.prod(self.frame_shape)
        places = (t / (1000.0 * self.bin_ms)).astype(np.int64)  # the step
        places *= len(numbers) * cells
        places += address
        places += np.repeat(np.arange(len(numbers)) * cells, counts)
        # the step is the slowest axis: what is too late lies behind the end
        seen = places < self.steps * len(numbers) * cells
        if moved is not None:
            height, width = self.events.shape[-2:]
            down, right = (np.repeat(pixels.cpu().numpy(), counts) for pixels in moved)
            row, column = address // width % height + down, address % width + right
            seen &= (row >= 0) & (row < height) & (column >= 0) & (column < width)
            places += down * width + right
        return places[seen]
