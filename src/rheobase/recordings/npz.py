"""Arrays in a .npz file."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rheobase.errors import DataError
from rheobase.recordings.arrays import sweeps_of
from rheobase.recordings.sweeps import Stored


def load(path: Path) -> tuple[str, Sequence[Stored]]:
    """The sweeps. Raises `DataError`, for pickled arrays too: they could run any code."""
    arrays: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as held, np.load(held, allow_pickle=False) as file:
            for name in file.files:
                arrays[name] = file[name]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(str(path), f"what NumPy cannot read: {error}", "arrays of numbers", "write it again") from error
    units = {name.removesuffix("_unit"): str(value) for name, value in arrays.items() if name.endswith("_unit")}
    return "npz", sweeps_of(path, arrays, units)
