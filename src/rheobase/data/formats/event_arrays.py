"""Readers of events that are stored as named arrays x, y, p and t: .npz, .npy, HDF5, and text with a header line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.data.formats.hdf5 import open_hdf5
from rheobase.data.formats.npz import FAILURES, read_npz
from rheobase.data.formats.recording import Recording
from rheobase.errors import DataError
from rheobase.files import why

NAMES = ("x", "y", "p", "t")
_WRITE = "write it with np.savez_compressed(path, x=, y=, p=, t=), t in us"
_PLACES = ("", "events", "CD/events")  # of data sets in HDF5: as they are, as DSEC and as Prophesee lay them
_LONGEST_S = 86_400.0


def read_events_npz(path: Path) -> Recording:
    """The events of a .npz with x, y, p (0 or 1) and t; the integers width and height say the camera's size, if there.

    **Raises**: DataError.
    """
    size = None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            has_size = {"width", "height"} <= set(archive.files)
    except FAILURES:
        has_size = False  # what is wrong is told by the reader below
    arrays = read_npz(path, (*NAMES, *(("width", "height") if has_size else ())), _WRITE)
    if has_size:
        size = _whole(arrays["width"], "width", path), _whole(arrays["height"], "height", path)
    return from_arrays(arrays, path, size)


def _whole(array: np.ndarray, name: str, path: Path) -> int:
    if array.size != 1 or array.dtype.kind not in "iu" or int(array.reshape(-1)[0]) < 1:
        raise DataError(str(path), f"{name} of {array.tolist()!r}", "one whole number of pixels", _WRITE)
    return int(array.reshape(-1)[0])


def read_events_npy(path: Path) -> Recording:
    """The events of a .npy: a structured array with the fields x, y, p and t.

    **Raises**: DataError.
    """
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except FAILURES as error:
        raise DataError(str(path), f"a file that cannot be read ({why(error)})", "a whole .npy file", _WRITE) from error
    return from_arrays(_fields(array, path), path, None)


def _fields(array: np.ndarray, path: Path) -> dict[str, np.ndarray]:
    if array.dtype.names is None or not set(NAMES) <= set(array.dtype.names):
        given = f"an array of shape {array.shape} and dtype {array.dtype}"
        raise DataError(str(path), given, f"fields named {', '.join(NAMES)}", _WRITE)
    return {name: array[name] for name in NAMES}


def read_events_hdf5(path: Path) -> Recording:
    """The events of an HDF5 file: data sets x, y, p and t at its top or in events, or one with these fields.

    **Raises**: DataError.
    """
    import h5py

    with open_hdf5(path) as file:
        for place in _PLACES:
            found: Any = file.get(place) if place else file
            if isinstance(found, h5py.Dataset):
                return from_arrays(_fields(found[()], path), path, _size(found, file))
            if isinstance(found, h5py.Group) and all(isinstance(found.get(name), h5py.Dataset) for name in NAMES):
                read: Any = found
                return from_arrays({name: np.asarray(read[name][()]) for name in NAMES}, path, _size(found, file))
        given = f"{', '.join(file) or 'nothing'} at its top"
    raise DataError(str(path), given, "x, y, p and t, at the top or in events", "store them so, or as .npz")


def _size(*holders: Any) -> tuple[int, int] | None:
    """The attributes width and height, where a file has them."""
    for holder in holders:
        if "width" in holder.attrs and "height" in holder.attrs:
            return int(holder.attrs["width"]), int(holder.attrs["height"])
    return None


def read_events_text(path: Path) -> Recording:
    """The events of a text file whose first line names its columns x, y, p and t, in any order, with commas or blanks.

    **Raises**: DataError, also for a file without that line: no order of columns is the usual one.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a text file of events", "check its path, rights and encoding") from error
    split = "," if lines and "," in lines[0] else None
    columns = [word.strip().lower() for word in (lines[0].lstrip("# ").split(split) if lines else [])]
    if not set(NAMES) <= set(columns):
        given = f"the first line {lines[0][:40]!r}" if lines else "an empty file"
        raise DataError(str(path), given, "the names of its columns: x,y,p,t in their order", "add that line")
    rows = [line.split(split) for line in lines[1:] if line.strip()]
    wrong = next((k for k, row in enumerate(rows, start=2) if len(row) != len(columns)), None)
    if wrong is not None:
        raise DataError(str(path), f"line {wrong} with another number of columns", f"{len(columns)}", "mend the line")
    arrays = dict[str, np.ndarray]()
    for name in NAMES:
        words = [row[columns.index(name)].strip() for row in rows]
        try:
            arrays[name] = np.array([int(word) for word in words], np.int64)
        except ValueError as error:
            given = f"{name} that is no whole number ({error})"
            raise DataError(str(path), given, "whole numbers, t in us", "convert the column") from error
    return from_arrays(arrays, path, None)


def from_arrays(arrays: Mapping[str, np.ndarray], path: Path, size: tuple[int, int] | None) -> Recording:
    """The recording of these arrays. t counts us, or is seconds as floats; p is 0 and 1, or -1 and 1, or bool.

    **Raises**: DataError for arrays that do not fit together.
    """
    lengths = {name: arrays[name].shape for name in NAMES}
    if len(set(lengths.values())) != 1 or len(lengths["t"]) != 1:
        raise DataError(str(path), f"arrays of shapes {lengths}", "one axis each, of one length", _WRITE)
    for name in NAMES:
        kinds = {"t": "iuf", "p": "iub"}.get(name, "iu")
        if arrays[name].dtype.kind not in kinds:
            raise DataError(str(path), f"{name} of dtype {arrays[name].dtype}", "whole numbers", _WRITE)
    p, t, notes = arrays["p"].astype(np.int64), arrays["t"], tuple[str, ...]()
    values = set(np.unique(p).tolist())
    if not (values <= {0, 1} or values <= {-1, 1}):
        raise DataError(str(path), f"p with the values {sorted(values)[:5]}", "0 and 1, or -1 and 1", _WRITE)
    if t.dtype.kind == "f":
        if len(t) and not (np.isfinite(t).all() and float(t.max() - t.min()) < _LONGEST_S):
            given = f"t as floats from {t.min():g} to {t.max():g}"
            raise DataError(str(path), given, "seconds, where they are floats", "store us as integers")
        t, notes = np.floor(t.astype(np.float64) * 1e6 + 0.5), ("times as floats, taken for seconds",)
    x, y = arrays["x"].astype(np.int64), arrays["y"].astype(np.int64)
    if len(x) and min(int(x.min()), int(y.min())) < 0:
        raise DataError(str(path), f"x from {x.min()} and y from {y.min()}", "coordinates from 0", _WRITE)
    return Recording(x, y, (p > 0).astype(np.int64), t.astype(np.int64), size, notes)
