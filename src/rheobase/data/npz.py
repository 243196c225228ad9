"""Reader of .npz files: named arrays, never pickled objects."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rheobase.errors import DataError


def read_npz(path: Path, keys: Sequence[str], remedy: str) -> dict[str, np.ndarray]:
    """The arrays of these names in a .npz file; `remedy` says how to write one that has them.

    **Raises**: DataError naming the key that is missing or corrupt.
    """
    arrays: dict[str, np.ndarray] = {}
    key = "the file"
    try:
        # np.load given a path leaves the file open where it refuses it, so the file is opened here.
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(str(path), "a single array", "a .npz file", remedy)
            for key in keys:
                if key not in archive.files:
                    given = f"no key {key!r} among {', '.join(archive.files) or 'none'}"
                    raise DataError(str(path), given, ", ".join(keys), remedy)
                arrays[key] = archive[key]
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        given = f"{key} that cannot be read ({error})"
        raise DataError(str(path), given, "a whole .npz file of plain arrays", remedy) from error
    return arrays
