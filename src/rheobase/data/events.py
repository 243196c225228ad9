"""Recordings of events: in memory, or read from files as they are asked for."""

from __future__ import annotations

import abc
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from rheobase.errors import DataError, InputError, ShapeError

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


class Events(abc.ABC):
    """Recordings of events, in order: what x is in a data set of events, as a tensor is in one of images.

    `len(x)` counts them and `x[index]` are some of them: by a tensor of places, a mask or a slice. It reads nothing;
    an encoder (`EventFrames`) does, by `take`. `a + b` are those of `a`, then those of `b`, of frames of one shape.

    frame_shape   (polarities, height, width) of a camera, polarity 1 is brighter; or (units,)

    >>> x = StoredEvents({"unit": [3, 1, 2], "t": [5, 9, 7], "offsets": [0, 2, 3]}, (4,), "here")
    >>> x[torch.tensor([1, 0, 1])], len(x + x)
    (3 of StoredEvents(2 recordings, 3 events, (4,)), 4)
    >>> x[torch.tensor([1, 0, 1])].take().counts.tolist()
    [1, 2, 1]
    """

    frame_shape: tuple[int, ...]

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def sizes(self) -> np.ndarray:
        """The size of each recording in events, exact or not; a checkpoint recognises its recordings by it."""

    @abc.abstractmethod
    def take(self, places: np.ndarray | None = None) -> Taken:
        """The events of the recordings at these places, int64; by default of all."""

    def __getitem__(self, index: Tensor | slice) -> Events:
        """Some of the recordings. Raises: `InputError` for an index that is no tensor or slice, or out of range."""
        return _Some(self, _places(index, len(self)))

    def __add__(self, other: Events) -> Events:
        """Raises: `ShapeError` for frames of two shapes."""
        if self.frame_shape != other.frame_shape:
            given, expected = f"frames of shape {other.frame_shape}", f"{self.frame_shape}, as in the first"
            raise ShapeError("recordings put together", given, expected, "put recordings of one camera together")
        return _Chain(self, other)

    def fingerprint(self) -> dict[str, Any]:
        """What tells these recordings from others, read from none of them: their places and sizes, by a CRC."""
        rows = np.stack([self._origin(), self.sizes()], 1)
        return {"shape": list(rows.shape), "dtype": "int64", "crc32": zlib.crc32(rows.tobytes())}

    def _origin(self) -> np.ndarray:
        """The place of each recording among those that they were chosen from."""
        return np.arange(len(self))


class _Some(Events):
    """Recordings chosen among others."""

    def __init__(self, among: Events, places: np.ndarray):
        self._among, self._at = among, places
        if isinstance(among, _Some):
            self._among, self._at = among._among, among._at[places]
        self.frame_shape = among.frame_shape

    def __len__(self) -> int:
        return len(self._at)

    def sizes(self) -> np.ndarray:
        return self._among.sizes()[self._at]

    def take(self, places: np.ndarray | None = None) -> Taken:
        return self._among.take(self._at if places is None else self._at[places])

    def _origin(self) -> np.ndarray:
        return self._among._origin()[self._at]

    def __repr__(self) -> str:
        return f"{len(self)} of {self._among!r}"


class _Chain(Events):
    """The recordings of one, then those of another."""

    def __init__(self, first: Events, second: Events):
        self._parts, self.frame_shape = (first, second), first.frame_shape

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    def sizes(self) -> np.ndarray:
        return np.concatenate([part.sizes() for part in self._parts])

    def take(self, places: np.ndarray | None = None) -> Taken:
        (first, second), places = self._parts, np.arange(len(self)) if places is None else places
        n = len(first)
        # one by one: their order is that of the places, whichever part they lie in
        each = [first.take(at) if at[0] < n else second.take(at - n) for at in places[:, None]]
        return Taken(*(np.concatenate([getattr(one, name) for one in each]) for name in Taken._fields))

    def _origin(self) -> np.ndarray:
        return np.concatenate([part._origin() for part in self._parts])

    def __repr__(self) -> str:
        return " + ".join(map(repr, self._parts))


def _places(index: Tensor | slice, count: int) -> np.ndarray:
    """A tensor of places, a mask or a slice as places from 0 to below `count`, int64."""
    every = torch.arange(count)
    if isinstance(index, slice):
        return every[index].numpy()
    if isinstance(index, Tensor) and index.dim() == 1 and not index.is_floating_point():
        at = index.cpu() if index.dtype == torch.bool else index.cpu().long()
        if len(at) == count if at.dtype == torch.bool else bool(((at >= -count) & (at < count)).all()):
            return every[at].numpy()
    given = f"{tuple(index.shape)} {index.dtype}" if isinstance(index, Tensor) else repr(index)
    expected = f"a slice, a mask ({count},), or places below {count} in a tensor with one axis"
    raise InputError(f"{count} recordings", f"an index {given}", expected, "x[torch.tensor([0, 1])], or x[:2]")


def axes(shape: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the coordinates of an event.

    >>> axes((2, 34, 34)), axes((700,))
    (('p', 'y', 'x'), ('unit',))
    """
    return ("p", "y", "x") if len(shape) == 3 else ("unit",)


class StoredEvents(Events):
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
        self.frame_shape = shape
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

    def take(self, places: np.ndarray | None = None) -> Taken:
        if places is None:
            return Taken(np.diff(self._offsets), self._address, self._in_us(self._t))
        first, last = self._offsets[places], self._offsets[places + 1]
        pieces = [slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        address = np.concatenate([self._address[piece] for piece in pieces])
        return Taken(last - first, address, self._in_us(np.concatenate([self._t[piece] for piece in pieces])))

    def _in_us(self, t: np.ndarray) -> np.ndarray:
        if t.dtype.kind == "f":
            return (t.astype(np.float64) * 1e6).astype(np.uint32)
        return t if self._tick_us == 1 else t * np.uint32(self._tick_us)

    def __repr__(self) -> str:
        return f"StoredEvents({len(self)} recordings, {len(self._t)} events, {self.frame_shape})"


class EventFiles(Events):
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
        self.files, self.frame_shape = tuple(files), shape
        self._read, self._event_bytes = read or read_bin, event_bytes

    def __len__(self) -> int:
        return len(self.files)

    def sizes(self) -> np.ndarray:
        """Of each file, in events; a header counts as some."""
        try:
            return np.array([file.stat().st_size // self._event_bytes for file in self.files], dtype=np.int64)
        except OSError as error:
            raise DataError(str(error.filename), f"{error.strerror}", "a readable file", "check its rights") from error

    def take(self, places: np.ndarray | None = None) -> Taken:
        files = self.files if places is None else [self.files[k] for k in places.tolist()]
        return taken([self._read(file, self.frame_shape) for file in files])

    def __repr__(self) -> str:
        return f"EventFiles({len(self)} recordings, {self.frame_shape})"


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
