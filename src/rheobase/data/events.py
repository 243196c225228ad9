"""Recordings of events: in memory or read from files as they are asked for, and the data set they make."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from rheobase.data.dataset import Dataset
from rheobase.errors import DataError

# A 40-bit event: x, y, then one bit of polarity and 23 bits of microseconds, the highest first.
_EVENT_BYTES = 5
# Not a pixel: the format's sign that time goes on by 2^13 us for all events that follow.
_TIME_GOES_ON, _TIME_STEP = 240, 1 << 13

Reader: TypeAlias = Callable[[Path, tuple[int, ...]], tuple[np.ndarray, np.ndarray]]
"""Reads a file: (path, shape of a frame) to addresses and times (us) of its events, each (events,)."""


class Taken(NamedTuple):
    """The events of some recordings, one recording after the other."""

    counts: np.ndarray  # (recordings,) events of each
    address: np.ndarray  # (events,) (polarity * height + y) * width + x, or the unit
    t: np.ndarray  # (events,) microseconds since the recording began


class Events(Protocol):
    """Numbered recordings. `shape` is (polarities, height, width) of a camera, polarity 1 is brighter; or (units,)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one frame."""
        ...

    def __len__(self) -> int: ...

    def sizes(self) -> np.ndarray:
        """The size of each recording in events, exact or not; a checkpoint recognises its recordings by it."""
        ...

    def take(self, numbers: np.ndarray) -> Taken:
        """The events of the recordings of these numbers."""
        ...


def axes(shape: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the coordinates of an event.

    >>> axes((2, 34, 34)), axes((700,))
    (('p', 'y', 'x'), ('unit',))
    """
    return ("p", "y", "x") if len(shape) == 3 else ("unit",)


class StoredEvents:
    """Recordings in memory.

    `arrays` hold the events of all recordings: p (0 or 1), y and x of a camera, or unit, and t, each (events,), and
    offsets (recordings + 1,); recording k has the events from offsets[k] to below offsets[k + 1]. t is integers that
    count `tick_us`, or floats in seconds. `source` names the recordings in errors.

    An event of up to 65,536 places takes 4 or 6 bytes: 2 of address, the smallest integer type that holds the places,
    and 2 of t where it is uint16 or float16, else 4 (8 for float64). Float times are rounded down to us when they are
    asked for, which moves no event across the edge of a bin of whole us.

    **Raises**: DataError for arrays that do not fit together, or events outside the shape.

    >>> stored = StoredEvents(
    ...     {"x": [3, 1], "y": [0, 2], "p": [1, 0], "t": [5, 9], "offsets": [0, 2]}, (2, 4, 4), "here"
    ... )
    >>> stored, stored.take(np.array([0])).address.tolist()
    (StoredEvents(1 recordings, 2 events, (2, 4, 4)), [19, 9])
    >>> units = StoredEvents({"unit": [699, 3], "t": [5, 9], "offsets": [0, 2]}, (700,), "here", tick_us=50)
    >>> units.take(np.array([0])).t.tolist()
    [250, 450]
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray | Sequence[int]],
        shape: tuple[int, ...],
        source: str,
        *,
        tick_us: int = 1,
    ) -> None:
        self.shape = shape
        held = {name: np.asarray(arrays[name]) for name in (*axes(shape), "t", "offsets")}
        _check_arrays(held, shape, source, tick_us)
        self._offsets = held["offsets"].astype(np.int64)
        first, *others = axes(shape)
        address = held[first].astype(np.min_scalar_type(math.prod(shape)))
        # in place and step by step: no array of all events wider than it must be
        for name, size in zip(others, shape[1:], strict=True):
            address *= size
            address += held[name].astype(address.dtype)
        as_given = held["t"].dtype == np.uint16 or held["t"].dtype.kind == "f"
        self._t = held["t"] if as_given else held["t"].astype(np.uint32, copy=False)
        self._address, self._tick_us = address, tick_us

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def sizes(self) -> np.ndarray:
        return np.diff(self._offsets)

    def take(self, numbers: np.ndarray) -> Taken:
        first, last = self._offsets[numbers], self._offsets[numbers + 1]
        pieces = [slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        address = np.concatenate([self._address[piece] for piece in pieces])
        return Taken(last - first, address, self._in_us(np.concatenate([self._t[piece] for piece in pieces])))

    def _in_us(self, t: np.ndarray) -> np.ndarray:
        if t.dtype.kind == "f":
            return (t.astype(np.float64) * 1e6).astype(np.uint32)
        return t if self._tick_us == 1 else t * np.uint32(self._tick_us)

    def __repr__(self) -> str:
        return f"StoredEvents({len(self)} recordings, {len(self._t)} events, {self.shape})"


class EventFiles:
    """Recordings in files, one each, read when they are asked for: .bin files of 40-bit events, or what `read` reads.

    **Raises**: DataError for a file that cannot be read, of another format, or with events outside the shape.
    """

    def __init__(
        self,
        files: Sequence[Path],
        shape: tuple[int, ...],
        *,
        read: Reader | None = None,
        event_bytes: int = _EVENT_BYTES,
    ) -> None:
        self.files, self.shape = tuple(files), shape
        self._read, self._event_bytes = read or read_bin, event_bytes

    def __len__(self) -> int:
        return len(self.files)

    def sizes(self) -> np.ndarray:
        """Of each file, in events; a header counts as some."""
        try:
            return np.array([file.stat().st_size // self._event_bytes for file in self.files], dtype=np.int64)
        except OSError as error:
            raise DataError(str(error.filename), f"{error.strerror}", "a readable file", "check its rights") from error

    def take(self, numbers: np.ndarray) -> Taken:
        return taken([self._read(self.files[k], self.shape) for k in numbers.tolist()])

    def __repr__(self) -> str:
        return f"EventFiles({len(self)} recordings, {self.shape})"


def taken(read: Sequence[tuple[np.ndarray, np.ndarray]]) -> Taken:
    """Concatenate recordings, each given as its (addresses, times)."""
    counts = np.array([len(t) for _, t in read], dtype=np.int64)
    return Taken(counts, np.concatenate([a for a, _ in read]), np.concatenate([t for _, t in read]))


def read_40_bit(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, y, p (1 brighter) and t (us) of the events in a file of 40-bit events, (events,) uint32 each.

    **Raises**: DataError.
    """
    try:
        raw = np.fromfile(path, np.uint8)
    except OSError as error:
        given = f"a file that cannot be read ({error.strerror})"
        raise DataError(str(path), given, "a file of 40-bit events", "check the path and its rights") from error
    if len(raw) % _EVENT_BYTES:
        raise DataError(str(path), f"{len(raw)} bytes", "a multiple of 5: 40-bit events", "get the file again")
    x, y, high, middle, low = raw.reshape(-1, _EVENT_BYTES).T.astype(np.uint32)
    t = (high & 0x7F) << 16 | middle << 8 | low
    goes_on = y == _TIME_GOES_ON
    if goes_on.any():
        t = (t + _TIME_STEP * goes_on.cumsum(dtype=np.uint32))[~goes_on]
        x, y, high = x[~goes_on], y[~goes_on], high[~goes_on]
    return x, y, high >> 7, t


def read_bin(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Addresses and times (us) of the events in a .bin file of 40-bit events.

    **Raises**: DataError.
    """
    x, y, p, t = read_40_bit(path)
    height, width = shape[-2:]
    if len(x) and (int(x.max()) >= width or int(y.max()) >= height):
        given = f"an event at x = {int(x.max())}, y = {int(y.max())}"
        raise DataError(str(path), given, f"x < {width} and y < {height}", "give recordings of this camera")
    return (p * height + y) * width + x, t


def _check_arrays(held: Mapping[str, np.ndarray], shape: tuple[int, ...], source: str, tick_us: int) -> None:
    for name, array in held.items():
        kinds = "iuf" if name == "t" else "iu"
        if array.ndim != 1 or array.dtype.kind not in kinds:
            given = f"{name} of shape {array.shape} and dtype {array.dtype}"
            expected = "integers, or seconds as floats, with one axis" if name == "t" else "integers with one axis"
            raise DataError(source, given, expected, "store the events of all recordings in a row")
    count, offsets = len(held["t"]), held["offsets"].astype(np.int64)
    lengths = {name: len(array) for name, array in held.items() if name != "offsets"}
    if len(set(lengths.values())) > 1:
        remedy = f"store {', '.join(axes(shape))} and t of every event"
        raise DataError(source, f"events of lengths {lengths}", "one length", remedy)
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != count or bool((np.diff(offsets) < 0).any()):
        given = f"offsets from {offsets[:1].tolist()} to {offsets[-1:].tolist()} for {count} events"
        expected = f"rising from 0 to {count}, one more than recordings"
        raise DataError(source, given, expected, "offsets = np.concatenate([[0], np.cumsum(events per recording)])")
    if not count:
        return
    # times must fit 32 bits once they are in us
    last = 2**32 / 1e6 if held["t"].dtype.kind == "f" else (1 << 32) // tick_us
    for name, size in (*zip(axes(shape), shape, strict=True), ("t", last)):
        low, high = held[name].min(), held[name].max()
        # turned round, so that NaN is refused
        if not (low >= 0 and high < size):
            given = f"{name} from {low} to {high}"
            expected = f"0 to below {size:g}" if name == "t" else f"0 to {size - 1}"
            raise DataError(source, given, expected, f"check what {name} is: events of shape {shape}")


@dataclass(frozen=True, eq=False, repr=False)
class EventDataset(Dataset):
    """Event recordings and labels. A sample is a number: `EventFrames` looks the events up and bins them.

    **Shapes**: x_train (n, 2) and x_test (m, 2), int64: the number of a recording in `events`, and its size.
    `sample_shape` is that of a frame, `events.shape`. Recordings last about `duration_ms`.

    **Raises**: DataError where numbers and events do not fit, or labels and classes.
    """

    events: Events
    duration_ms: float

    def _check_samples(self, x_name: str, x: Tensor) -> None:
        expected = f"int64 (n, 2): numbers from 0 to {len(self.events) - 1} and sizes"
        if x.dtype != torch.int64 or x.dim() != 2 or x.shape[1] != 2 or not len(x):
            given = f"{x_name} of shape {tuple(x.shape)} and dtype {x.dtype}"
            raise DataError(self._title, given, expected, "take rows of `recordings(events)`")
        if int(x[:, 0].min()) < 0 or int(x[:, 0].max()) >= len(self.events):
            given = f"recordings {int(x[:, 0].min())} to {int(x[:, 0].max())} in {x_name}"
            raise DataError(self._title, given, expected, "take rows of `recordings(events)`")

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one frame: (polarities, height, width), or (units,)."""
        return self.events.shape


def recordings(events: Events) -> Tensor:
    """One row for each recording: its number and its size. The samples of an `EventDataset` are rows of it."""
    return torch.from_numpy(np.stack([np.arange(len(events)), events.sizes()], 1))
