"""Samples without labels, from a file: what a trained network is asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from rheobase.data.formats.arrays import images
from rheobase.data.formats.idx import read_idx
from rheobase.data.formats.npz import FAILURES, read_npz
from rheobase.errors import DataError
from rheobase.files import why

REMEDY = "write it with np.save(path, x) or np.savez_compressed(path, x=x)"


def read_samples(path: Path) -> Tensor:
    """Images (n, *sample), float32, from a .npy, a .npz with x, or an idx file, plain or .gz.

    Raises: `DataError` for a file that is none of these, or holds pickled objects. Values are checked by the encoder.
    """
    if not path.is_file():
        raise DataError(str(path), "no such file", "a .npy, .npz or idx file of samples", "check the path")
    return images(_array(path), str(path), "x")


def _array(path: Path) -> np.ndarray:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return read_npz(path, ("x",), REMEDY)["x"]
    if suffix != ".npy":
        return read_idx(path)
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except FAILURES as error:
        raise DataError(str(path), f"a file that cannot be read ({why(error)})", "a whole .npy file", REMEDY) from error
