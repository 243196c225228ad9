"""Readers of events that are stored as named arrays x, y, p and t: .npz, .npy, HDF5, and text with a header line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.data.formats.hdf5 import open_hdf5
from rheobase.data.formats.header import number
from rheobase.data.formats.npz import read_npz
from rheobase.data.formats.recording import Recording
from rheobase.errors import DataError, ParameterError, nearest
from rheobase.files import FAILURES, why
from rheobase.problems import Problems
from rheobase.text_files import check_room_for_text, read_text

NAMES = ("x", "y", "p", "t")
_WRITE = "write it with np.savez_compressed(path, x=, y=, p=, t=), t in us"
_PLACES = ("", "events", "CD/events")  # of data sets in HDF5: as they are, as DSEC and as Prophesee lay them
_LONGEST_S = 86_400.0
_BYTES_A_WORD = 140  # of text, while it is read; measured


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


def read_events_text(path: Path, columns: Mapping[str, str] = {}) -> Recording:
    """The events of a text file, a line each, separated by commas or blanks.

    Its first line names the columns x, y, p and t, in any order, or `columns` says which they are: by their names, or
    by their numbers from 0 where no line names them.

    **Raises**: DataError with all lines that cannot be read; and for columns that nothing tells: no order is the usual
    one. ParameterError for a column that is not there.
    """
    check_room_for_text(path, ", \t", _BYTES_A_WORD)
    lines = read_text(path).splitlines()
    sign = "," if lines and "," in lines[0] else None
    rows = [(at, line.split(sign)) for at, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise DataError(str(path), "no line", "events, a line each", "get the file again")
    head = [word.strip().lower() for word in lines[rows[0][0] - 1].lstrip("# ").split(sign)]
    headed = any(math.isnan(number(word)) for word in head)
    named = head if headed else [str(k) for k in range(len(head))]
    taken = {name: columns.get(name, name) for name in NAMES}
    for name, column in columns.items():
        if column.lower() not in named:
            raise ParameterError("--columns", f"{name}={column}", f"a column of {path}", nearest(column, named))
    missing = [name for name in NAMES if taken[name].lower() not in named]
    if missing:
        given = f"the first line {lines[rows[0][0] - 1][:40]!r}, which does not name {', '.join(missing)}"
        remedy = "--columns x=0,y=1,p=2,t=3, say, tells which column is which; or add a line of names"
        raise DataError(str(path), given, "columns x, y, p and t", remedy)
    problems = Problems(str(path), "mend or drop these lines")
    place = [named.index(taken[name].lower()) for name in NAMES]
    values = np.zeros((len(rows) - headed, len(NAMES)), np.int64)
    for out, (line, words) in zip(values, rows[headed:], strict=True):
        if len(words) != len(named):
            problems.add(f"{len(words)} values for {len(named)} columns", f"line {line}")
            continue
        try:
            out[:] = [int(words[k]) for k in place]
        except (ValueError, OverflowError):
            problems.add("x, y, p or t that is no whole number (t in us)", f"line {line}")
    problems.tell("whole numbers, t in us")
    return from_arrays(dict(zip(NAMES, values.T, strict=True)), path, None)


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
