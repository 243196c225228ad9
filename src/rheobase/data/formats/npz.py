"""Reader of .npz files: named arrays, never pickled objects."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.files import FAILURES, why
from rheobase.memory import check_room

_NPY = b"\x93NUMPY"


def read_npy(path: Path, remedy: str) -> np.ndarray:
    """The array of a .npy file. **Raises**: DataError, also for pickled objects."""
    if not path.is_file():
        raise DataError(str(path), "no such file", "a .npy file", remedy)
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except FAILURES as error:
        raise DataError(str(path), f"a file that cannot be read ({why(error)})", "a whole .npy file", remedy) from error


def names_of(path: Path) -> tuple[str, ...]:
    """The names of the arrays in a .npz file; () for what is none."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist())
    except FAILURES:
        return ()


def check_room_for_arrays(path: Path, keys: Sequence[str], for_a_value: int) -> None:
    """Raise `DataError` where the arrays of a .npz or .npy do not fit into memory, by what their headers say.

    `for_a_value` are the bytes that are taken for a value beside those of the array itself.
    """
    headers = list[Any]()
    if not path.is_file():
        return  # a device may have no end
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                headers.append(_header(file))
        else:
            with zipfile.ZipFile(path) as archive:
                for name in {f"{key}.npy" for key in keys} & set(archive.namelist()):
                    with archive.open(name) as file:
                        headers.append(_header(file))
    except FAILURES:
        return  # what is wrong with a file is told by what reads it
    needs = sum(math.prod(shape) * (dtype.itemsize + for_a_value) for shape, _, dtype in headers)
    values = sum(math.prod(shape) for shape, _, _ in headers)
    check_room(str(path), f"arrays of {values:.3g} values", needs, "take fewer samples")


def _header(file: Any) -> Any:
    """Shape, order and type of an array, without its values."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


def read_npz(path: Path, keys: Sequence[str], remedy: str) -> dict[str, np.ndarray]:
    """The arrays of these names in a .npz file; `remedy` says how to write one that has them.

    **Raises**: DataError naming the key that is missing or corrupt.
    """
    arrays: dict[str, np.ndarray] = {}
    key = "the file"
    if path.exists() and not path.is_file():
        # a device may have no end
        raise DataError(str(path), "no file that can be read twice", "a whole .npz file of plain arrays", remedy)
    try:
        # np.load given a path leaves the file open where it refuses it, so the file is opened here.
        with path.open("rb") as file:
            if file.read(len(_NPY)) == _NPY:
                raise DataError(str(path), "a single array", "a .npz file", remedy)
            if not zipfile.is_zipfile(file):
                # which numpy takes for a pickle
                given = "a file that cannot be read (no zip archive, or a part of one)"
                raise DataError(str(path), given, "a whole .npz file", remedy)
            file.seek(0)
            archive: Any = np.load(file, allow_pickle=False)
            for key in keys:
                if key not in archive.files:
                    given = f"no key {key!r} among {', '.join(archive.files) or 'none'}"
                    raise DataError(str(path), given, ", ".join(keys), remedy)
                found = archive[key]
                if not isinstance(found, np.ndarray):
                    raise DataError(str(path), f"{key} that is no array", "plain arrays", remedy)
                arrays[key] = found
    except DataError:
        raise
    except FAILURES as error:
        given = f"{key} that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a whole .npz file of plain arrays", remedy) from error
    return arrays
