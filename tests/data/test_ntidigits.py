"""N-TIDIGITS18: a miniature of its HDF5 file."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from rheobase.data import EventFrames, load, ntidigits
from rheobase.errors import DataError

TRAIN = ("man-ae-a-1", "man-ae-b-z", "woman-bo-a-o", "woman-bo-b-9", "man-ae-a-12z", "woman-ae-a-z")
TEST = ("man-cy-a-3", "man-cy-b-o")


def write(path: Path, train: tuple[str, ...] = TRAIN, **changed: object) -> Path:
    """Recording k of a part has k + 1 events 10 ms apart at the channel 10 k."""
    with h5py.File(path, "w") as file:
        for part, names in (("train", train), ("test", TEST)):
            file[f"{part}_labels"] = np.array([name.encode() for name in names])
            for k, name in enumerate(names):
                file[f"{part}_timestamps/{name}"] = (0.0051 + 0.01 * np.arange(k + 1)).astype(np.float32)
                file[f"{part}_addresses/{name}"] = np.full(k + 1, 10.0 * k, np.float32)
        for key, value in changed.items():
            del file[key]
            if value is not None:
                file[key] = value
    return path


def test_a_miniature(tmp_path: Path) -> None:
    (tmp_path / "ntidigits").mkdir()
    write(tmp_path / "ntidigits" / "n-tidigits.hdf5")
    data = load("ntidigits", tmp_path)
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([1, 0, 9, 0], [3])
    assert data.classes == tuple("0123456789")
    # speakers of one name are told apart by gender
    assert data.groups.names == ("man-ae", "man-cy", "woman-ae", "woman-bo")
    assert data.groups.train.tolist() == [0, 0, 3, 2]
    assert data.sample_shape == (64,)
    out = EventFrames(250, bin_ms=5.0, channels=32)(data.x_train)
    expected = torch.zeros(250, 4, 32)
    for b, k in enumerate((0, 1, 3, 5)):
        expected[1 : 2 * k + 2 : 2, b, 5 * k] = 1
    assert torch.equal(out, expected)


def test_oh_is_an_eleventh_class(tmp_path: Path) -> None:
    write(tmp_path / "n-tidigits.hdf5")
    data = ntidigits(tmp_path, oh=True)
    assert (data.y_train.tolist(), data.y_test.tolist()) == ([1, 0, 10, 9, 0], [3, 10])
    assert data.classes == (*"0123456789", "oh")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train_labels": None}, "no data set 'train_labels'"),
        ({"test_timestamps/man-cy-a-3": None}, "no data set 'test_timestamps/man-cy-a-3'"),
        ({"test_addresses/man-cy-a-3": np.array([64])}, "addresses from 64"),
        ({"test_addresses/man-cy-a-3": np.array([np.nan])}, "addresses from nan"),
        ({"test_addresses/man-cy-a-3": np.zeros(2)}, "1 times of dtype float32 and 2 addresses"),
        ({"test_timestamps/man-cy-a-3": np.array([-1.0])}, "t from -1"),
        ({"test_timestamps/man-cy-a-3": np.array([1])}, "times of dtype int64"),
        ({"test_labels": np.array([b"man-cy-a"])}, "test_labels with 'man-cy-a'"),
        ({"test_labels": np.array([b"man-cy-a-12"])}, "no single digit among the 1"),
        ({"test_labels": np.array([3, 4])}, "test_labels with '3'"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    write(tmp_path / "n-tidigits.hdf5", **changed)
    with pytest.raises(DataError, match=said):
        ntidigits(tmp_path)


def test_missing_and_truncated_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no n-tidigits\.hdf5"):
        ntidigits(tmp_path)
    path = write(tmp_path / "n-tidigits.hdf5")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match="cannot be read"):
        ntidigits(tmp_path)
