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

    **Shapes**: x, `Events`: a batch of recordings -> (steps, batch, *x.frame_shape), or (steps, batch, channels),
    float32, on the CPU. Nothing is random: seed and index have no effect.

    **Raises**: ParameterError for steps, bin_ms, channels or a seed out of range, and for channels that do not divide
    the units of x; DTypeError for x; ShapeError for units that are to be moved; DataError for a recording that cannot
    be read.

    >>> from rheobase.data.events import StoredEvents
    >>> x = StoredEvents(
    ...     {"x": [0, 1, 0], "y": [0, 0, 0], "p": [0, 0, 0], "t": [0, 2999, 3000], "offsets": [0, 3]}, (1, 1, 2), "here"
    ... )
    >>> EventFrames(2, bin_ms=3.0)(x).tolist()
    [[[[[1.0, 1.0]]]], [[[[1.0, 0.0]]]]]
    >>> x = StoredEvents({"unit": [0, 4, 5], "t": [0, 1, 2], "offsets": [0, 3]}, (10,), "here")
    >>> EventFrames(1, bin_ms=3.0, channels=2)(x).tolist()
    [[[2.0, 1.0]]]
    """

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
            check_integer("EventFrames", "channels", self.channels, 1, None, "give a divisor of the units")

    def frame_shape(self, x: Events) -> tuple[int, ...]:
        """Shape of one frame: that of the recordings x, or (channels,). Raises: `ParameterError`."""
        if self.channels is None:
            return x.frame_shape
        if len(x.frame_shape) != 1:
            given = f"channels={self.channels} for events of shape {x.frame_shape}"
            raise ParameterError("EventFrames", given, "events of shape (units,)", "leave channels out for a camera")
        (units,) = x.frame_shape
        if units % self.channels:
            near = min((n for n in range(1, units + 1) if units % n == 0), key=lambda n: abs(n - (self.channels or 1)))
            given, expected = f"channels={self.channels}", f"a divisor of {units} units"
            raise ParameterError("EventFrames", given, expected, f"try {near}")
        return (self.channels,)

    @torch.no_grad()
    def __call__(
        self, x: Events, *, seed: int = 0, index: Tensor | None = None, moved: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Frames (steps, batch, *frame_shape(x)).

        `moved` (each (batch,), in pixels) moves the events of a recording down and to the right; those that leave the
        frame are lost (see `Shifted`).
        """
        check_seed(self, seed)
        if not isinstance(x, Events) or not len(x):
            given = "no recordings" if isinstance(x, Events) else type(x).__name__
            raise DTypeError(repr(self), given, "recordings of events", "pass some of x of a data set: data.x_test[:8]")
        if moved is not None and len(x.frame_shape) < 2:
            given = f"events of shape {x.frame_shape} to move"
            raise ShapeError(repr(self), given, "(..., height, width)", "leave Shifted out for events of units")
        frame = self.frame_shape(x)
        places = self._places(x, math.prod(frame), moved)
        shape = (self.steps, len(x), *frame)
        # numpy's zeros come untouched from the system, in large pages: several times faster than torch.zeros here
        frames = np.zeros(math.prod(shape), np.float32)
        if self.binary:
            frames[places] = 1.0
        else:
            np.add.at(frames, places, np.float32(1.0))
        return torch.from_numpy(frames).view(shape)

    def _places(self, x: Events, cells: int, moved: tuple[Tensor, Tensor] | None) -> np.ndarray:
        """Where in the flat output, of so many cells a frame, each event counts."""
        counts, address, t = x.take()
        if self.channels is not None:
            address = address // (x.frame_shape[0] // self.channels)
        places = (t / (1000.0 * self.bin_ms)).astype(np.int64)  # the step
        places *= len(x) * cells
        places += address
        places += np.repeat(np.arange(len(x)) * cells, counts)
        # the step is the slowest axis: what is too late lies behind the end
        seen = places < self.steps * len(x) * cells
        if moved is not None:
            height, width = x.frame_shape[-2:]
            down, right = (np.repeat(pixels.cpu().numpy(), counts) for pixels in moved)
            row, column = address // width % height + down, address % width + right
            seen &= (row >= 0) & (row < height) & (column >= 0) & (column < width)
            places += down * width + right
        return places[seen]
