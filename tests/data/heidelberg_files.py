"""Miniatures of the files of SHD and SSC."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np


def write(path: Path, count: int, classes: int, seed: int = 0, **changed: object) -> list[tuple[np.ndarray, ...]]:
    """The layout of compneuro.net: spikes/times and units of ragged rows, labels, extra/speaker and extra/keys."""
    rng = np.random.default_rng(seed)
    made = []
    for k in range(count):
        n = 0 if k == 1 else int(rng.integers(5, 30))
        made.append((np.sort(rng.random(n)).astype(np.float16), rng.integers(0, 700, n).astype(np.uint16)))
    with h5py.File(path, "w") as file:
        for name, dtype, column in (("times", np.float16, 0), ("units", np.uint16, 1)):
            rows = file.create_dataset(f"spikes/{name}", (count,), h5py.vlen_dtype(dtype))
            for k in range(count):
                rows[k] = made[k][column]
        file["labels"] = np.arange(count, dtype=np.uint16) % classes
        file["extra/speaker"] = np.arange(count, dtype=np.uint16) % 12
        file["extra/keys"] = np.array([f"word{k}".encode() for k in range(classes)])
        for key, value in changed.items():
            del file[key]
            if value is not None:
                file[key] = value
    return made


def write_both(folder: Path) -> Path:
    """shd_train.h5 and shd_test.h5 in a new folder."""
    folder.mkdir()
    write(folder / "shd_train.h5", 40, 20)
    write(folder / "shd_test.h5", 22, 20, seed=1)
    return folder
