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

KEYS = ("x", "x_test")
REMEDY = "write it with np.save(path, x) or np.savez_compressed(path, x=x)"


def read_samples(path: Path) -> Tensor:
    """Images (n, *sample), float32 in [0, 1], from a .npy, a .npz with x (or x_test), or an idx file, plain or .gz.

    Raises: `DataError` for a file that is none of these, holds pickled objects, or numbers outside [0, 1].
    """
    if not path.is_file():
        raise DataError(str(path), "no such file", "a .npy, .npz or idx file of samples", "check the path")
    array = _array(path)
    x = images(array, str(path), "x")
    low, high = (float(value) for value in x.aminmax()) if x.numel() else (0.0, 0.0)
    # turned round, so that NaN is refused
    if not (low >= 0.0 and high <= 1.0):
        expected = "finite numbers from 0 to 1, as in training"
        raise DataError(str(path), f"numbers from {low:g} to {high:g}", expected, "scale x as the training data were")
    return x


def _array(path: Path) -> np.ndarray:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        try:
            return read_npz(path, KEYS[:1], REMEDY)["x"]
        except DataError as error:
            if "no key" not in str(error):
                raise
        return read_npz(path, KEYS[1:], REMEDY)["x_test"]
    if suffix != ".npy":
        return read_idx(path)
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except FAILURES as error:
        raise DataError(str(path), f"a file that cannot be read ({why(error)})", "a whole .npy file", REMEDY) from error
