"""Data that several papers' parts are tried on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both files of spoken digits: the digit k is heard in the units around 70 k."""
    folder = tmp_path_factory.mktemp("data") / "spoken_digits"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 20)):
        times = np.sort(rng.integers(0, 15000, (count, 50))).ravel()
        label = np.arange(count) % 10
        units = [70 * k + rng.integers(0, 60, 50) for k in label]
        np.savez(
            folder / f"fsdd_cochlea_{part}.npz",
            times=times.astype("u2"),
            units=np.concatenate(units).astype("u2"),
            offsets=50 * np.arange(count + 1),
            label=label.astype("u1"),
            speaker=np.array(["ann", "bob"])[np.arange(count) // 10 % 2],
            time_unit_s=np.float64(5e-5),
        )
    return folder.parent
