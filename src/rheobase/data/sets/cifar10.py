"""CIFAR-10: the published files, Python's or binary, and a small part of them for tests of whole pipelines."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.data.dataset import Dataset
from rheobase.data.formats.arrays import images, labels
from rheobase.data.formats.npz import read_npz
from rheobase.data.sets.cifar10_dvs import CLASSES
from rheobase.data.sets.folders import find_folder, how_to_point
from rheobase.errors import DataError
from rheobase.files import why

SHAPE = (3, 32, 32)
"""Colours (red, green, blue), height and width."""
FOLDERS = ("cifar10", "cifar-10-batches-py", "cifar-10-batches-bin")
SUBSET = "cifar10_subset.npz"

_TRAIN, _TEST = tuple(f"data_batch_{k}" for k in range(1, 6)), ("test_batch",)
_BYTES = 3 * 32 * 32
_KEYS = ("x_train", "y_train", "x_test", "y_test")
_WRITE = "write x_train and x_test (n, 32, 32, 3) uint8, y_train and y_test (n,) with np.savez_compressed"


def cifar10(data_dir: str | Path | None = None) -> Dataset:
    """CIFAR-10 (Krizhevsky, 2009): 50,000 training and 10,000 test images of 3 x 32 x 32 in 10 classes.

    data_dir (else the environment variable RHEOBASE_DATA, else the user's cache) is the folder of the published files,
    or one that holds it as `cifar10`, `cifar-10-batches-py` or `cifar-10-batches-bin`: data_batch_1 ... data_batch_5
    and test_batch (Python's pickles, of which arrays alone are read), or the same with .bin. In memory, 740 MB.

    Reference: Krizhevsky, Learning multiple layers of features from tiny images, University of Toronto (2009).

    **Raises**: DataError where files are missing or corrupt.
    """
    folder = find_folder(data_dir, FOLDERS)
    binary = (folder / f"{_TRAIN[0]}.bin").is_file()
    files = {name: folder / (f"{name}.bin" if binary else name) for name in (*_TRAIN, *_TEST)}
    missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        remedy = (
            "get the Python or the binary version from cs.toronto.edu/~kriz/cifar.html (there is no download here), "
            f"unpack it, and {how_to_point('cifar10')}"
        )
        expected = "data_batch_1 ... data_batch_5 and test_batch, all with .bin or all without"
        raise DataError("cifar10", f"no {', '.join(missing)} in {folder}", expected, remedy)
    parts: dict[str, Any] = {}
    for part, names in (("train", _TRAIN), ("test", _TEST)):
        rows = [_read(files[name], binary=binary) for name in names]
        where = f"cifar10, {folder}"
        parts[f"x_{part}"] = images(np.concatenate([x for x, _ in rows]).reshape(-1, *SHAPE), where, f"x_{part}")
        parts[f"y_{part}"] = labels(np.concatenate([y for _, y in rows]), where, f"y_{part}")
    return Dataset("cifar10", **parts, classes=CLASSES)


def cifar10_subset(data_dir: str | Path | None = None) -> Dataset:
    """The first 4,000 training and 500 test images of CIFAR-10: too few for an accuracy to be compared with a paper's.

    data_dir (else the environment variable RHEOBASE_DATA, else the user's cache) is the folder of cifar10_subset.npz,
    or one that holds it as `cifar10_subset`: x_train and x_test (n, 32, 32, 3) uint8, y_train and y_test (n,).

    **Raises**: DataError where the file is missing or corrupt.
    """
    path = find_folder(data_dir, ("cifar10_subset",)) / SUBSET
    if not path.is_file():
        remedy = f"{_WRITE}, and {how_to_point('cifar10_subset')}"
        raise DataError("cifar10_subset", f"no {SUBSET} in {path.parent}", "that file", remedy)
    held = read_npz(path, _KEYS, _WRITE)
    parts: dict[str, Any] = {}
    for name, array in held.items():
        if name.startswith("y"):
            parts[name] = labels(array, str(path), name)
        elif array.ndim != 4 or array.shape[3] != SHAPE[0]:
            raise DataError(str(path), f"{name} of shape {array.shape}", "(n, height, width, 3)", _WRITE)
        else:
            parts[name] = images(np.ascontiguousarray(array.transpose(0, 3, 1, 2)), str(path), name)
    return Dataset("cifar10_subset", **parts, classes=CLASSES)


def _read(path: Path, *, binary: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 3072), red before green before blue, and labels (n,) of one file."""
    remedy = "unpack the published archive again"
    if binary:
        rows = np.fromfile(path, np.uint8)
        if not len(rows) or len(rows) % (1 + _BYTES):
            given = f"{len(rows)} bytes"
            raise DataError(str(path), given, f"images of {1 + _BYTES} bytes, the label first", remedy)
        rows = rows.reshape(-1, 1 + _BYTES)
        return rows[:, 1:], rows[:, 0]
    try:
        with path.open("rb") as file:
            held = _Arrays(file, encoding="bytes").load()
        pixels, numbers = held[b"data"], np.asarray(held[b"labels"])
        shape = pixels.shape
    # a damaged pickle may fail in any of these ways
    except (
        pickle.UnpicklingError,
        EOFError,
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        AttributeError,
        MemoryError,
    ) as error:
        given = f"a file that cannot be read ({type(error).__name__}: {why(error)})"
        raise DataError(str(path), given, "a pickle of data and labels", remedy) from error
    if len(shape) != 2 or shape[1] != _BYTES:
        raise DataError(str(path), f"data of shape {shape}", f"(n, {_BYTES})", remedy)
    return pixels, numbers


_ALLOWED: dict[str, Any] = {
    # where numpy keeps this function depends on its version
    "_reconstruct": np.empty(0).__reduce__()[0],
    "ndarray": np.ndarray,
    "dtype": np.dtype,
}


class _Arrays(pickle.Unpickler):
    """Makes arrays, and nothing else: a pickle could name any function to be called."""

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] != "numpy" or name not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of an array")
        return _ALLOWED[name]
