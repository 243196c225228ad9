"""Reader of HDF5 files: every fault of the file is one DataError."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.errors import DataError
from rheobase.files import why

_AGAIN = "get the file again, and unpack it whole"


@contextmanager
def open_hdf5(path: Path) -> Generator[Any]:
    """The open h5py.File. What cannot be read while it is open raises DataError.

    **Raises**: DataError without h5py, or for a file that is missing, truncated or of another format.
    """
    try:
        import h5py
    except ImportError as error:
        given = f"no h5py ({error})"
        raise DataError(str(path), given, "the package that reads HDF5", "pip install h5py") from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a whole HDF5 file", _AGAIN) from error


def read_array(file: Any, key: str, path: Path) -> np.ndarray:
    """The whole data set `key` of an open file.

    **Raises**: DataError where there is none.
    """
    return np.asarray(_find(file, key, path)[()])


def read_ragged(file: Any, key: str, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a data set whose rows differ in length, one after the other, and the length of each.

    **Raises**: DataError where there is none, or it is of another form.
    """
    import h5py

    found = _find(file, key, path)
    base = h5py.check_vlen_dtype(found.dtype)
    if base is None or base is str or len(found.shape) != 1:
        given = f"{key} of shape {found.shape} and dtype {found.dtype}"
        raise DataError(str(path), given, "rows of numbers, each of its own length", _AGAIN)
    rows = found[()]
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    return np.concatenate([np.empty(0, base), *rows]), lengths


def _find(file: Any, key: str, path: Path) -> Any:
    import h5py

    found = file.get(key)
    if not isinstance(found, h5py.Dataset):
        given = f"no data set {key!r} among {', '.join(file) or 'none'}"
        raise DataError(str(path), given, f"a file with {key}", "check that it is the published file")
    return found
