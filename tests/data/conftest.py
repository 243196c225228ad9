from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def real_folder() -> Path:
    """The folder of real data: RHEOBASE_DATA, else ../shared/data beside the checkout."""
    named = os.environ.get("RHEOBASE_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def real() -> Callable[[str], Path]:
    """A folder of real data by name; skips where it is absent."""

    def find(name: str) -> Path:
        if not (real_folder() / name).is_dir():
            pytest.skip(f"no {name}/ in {real_folder()}; set RHEOBASE_DATA to a folder that holds it")
        return real_folder() / name

    return find


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data."""
    folder = real_folder()
    if not (folder / "mnist").is_dir():
        pytest.skip(f"no mnist/ in {folder}; set RHEOBASE_DATA to a folder that holds it")
    return folder


def to_idx(array: np.ndarray) -> bytes:
    code = IDX_CODES[array.dtype.str[1:]]
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return struct.pack(">HBB", 0, code, array.ndim) + shape + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def idx_bytes() -> Callable[[np.ndarray], bytes]:
    """Writes an array as idx, independently of the reader under test."""
    return to_idx


@pytest.fixture
def toy() -> dict[str, np.ndarray]:
    """Twelve training and six test images of 5 x 4 pixels, in three classes."""
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (12, 5, 4), dtype=np.uint8),
        "y_train": np.arange(12, dtype=np.uint8) % 3,
        "x_test": rng.integers(0, 256, (6, 5, 4), dtype=np.uint8),
        "y_test": np.arange(6, dtype=np.uint8) % 3,
    }


@pytest.fixture
def toy_folder(tmp_path: Path, toy: dict[str, np.ndarray]) -> Path:
    """The toy data as a folder of idx files, two of them gzipped."""
    folder = tmp_path / "toy"
    folder.mkdir()
    for name, array in zip(NAMES, toy.values(), strict=True):
        raw = to_idx(array)
        if "images" in name:
            (folder / f"{name}.gz").write_bytes(gzip.compress(raw))
        else:
            (folder / name).write_bytes(raw)
    return folder
