"""Spoken digits as spikes: miniatures of their files, and the real ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase.data import EventDataset, EventFrames, load, spoken_digits
from rheobase.errors import DataError

SPEAKERS = ("george", "theo")


def write(folder: Path, part: str, count: int, **changed: object) -> None:
    """Recording k has k spikes of the unit 60 * digit, 1 ms apart."""
    arrays = {
        "times": np.concatenate([20 * np.arange(k) for k in range(count)]).astype(np.uint16),
        "units": np.concatenate([np.full(k, 60 * (k % 10)) for k in range(count)]).astype(np.uint16),
        "offsets": np.cumsum([0, *range(count)]),
        "label": np.arange(count).astype(np.uint8) % 10,
        "speaker": np.array([SPEAKERS[k // 10 % 2] for k in range(count)]),
        "time_unit_s": np.float64(5e-5),
        "index": np.zeros(count, np.uint8),
    }
    kept = {name: value for name, value in (arrays | changed).items() if value is not None}
    np.savez_compressed(folder / f"fsdd_cochlea_{part}.npz", **kept)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fsdd_cochlea_spikes"
    made.mkdir()
    write(made, "train", 40)
    write(made, "test", 20)
    return made


def test_a_miniature(folder: Path) -> None:
    data = load("spoken_digits", folder.parent)
    assert isinstance(data, EventDataset)
    assert (len(data.y_train), len(data.y_test), data.input_size, len(data.classes)) == (40, 20, 700, 10)
    assert data.groups is not None
    assert data.groups.names == SPEAKERS
    assert "spoken_digits" in repr(data)
    out = EventFrames(4, bin_ms=10.0, channels=70)(data.x_train)
    for k in range(40):
        expected = torch.zeros(4, 70)
        expected[:, 6 * (k % 10)] = torch.bincount(torch.arange(k) // 10, minlength=4)
        assert torch.equal(out[:, k], expected)
    # the test part follows the training part
    assert torch.equal(EventFrames(4, bin_ms=10.0, channels=70)(data.x_test), out[:, :20])
    assert len(data.by_group("theo")[1][0]) == 20
    assert len(data.leave_out("theo").y_test) == 30
    assert len(load("spoken_digits", folder, limit=10).y_train) == 10


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"speaker": None}, "no key 'speaker'"),
        ({"units": np.full(190, 700)}, "unit from 0 to 700"),
        ({"times": np.zeros(190)}, "times of dtype float64"),
        ({"times": np.zeros(189, np.uint16)}, "lengths"),
        ({"times": np.zeros((190, 1), np.uint16)}, "t of shape"),
        ({"speaker": np.zeros(20)}, "speaker of dtype float64"),
        ({"speaker": np.array(["a"])}, r"groups of shape \(1,\)"),
        ({"label": np.arange(20)}, "labels of y_test from 0 to 19"),
        ({"label": np.arange(19) % 10}, "21 offsets"),
        ({"offsets": np.zeros(())}, "offsets of shape"),
        ({"offsets": np.zeros(0, np.int64)}, "offsets of shape"),
        ({"offsets": np.full(21, 189)}, "offsets from"),
        ({"time_unit_s": np.float64(3e-7)}, "time_unit_s of 3e-07"),
        ({"time_unit_s": np.zeros(2)}, "time_unit_s"),
        ({"time_unit_s": np.float64(1e-4)}, "time_unit_s of 50 us to train and 100 us to test"),
    ],
)
def test_files_that_do_not_fit(folder: Path, changed: dict[str, object], said: str) -> None:
    write(folder, "test", 20, **changed)
    with pytest.raises(DataError, match=said):
        spoken_digits(folder)


def test_missing_and_truncated_files(folder: Path, tmp_path: Path) -> None:
    file = folder / "fsdd_cochlea_test.npz"
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(DataError, match="cannot be read"):
        spoken_digits(folder)
    file.unlink()
    with pytest.raises(DataError, match=r"no fsdd_cochlea_test.npz in .*Remedy: get both files"):
        spoken_digits(folder)
    with pytest.raises(DataError, match=r"no fsdd_cochlea_train\.npz and no fsdd_cochlea_test\.npz"):
        spoken_digits(tmp_path / "nowhere")


def test_the_real_recordings(real: Callable[[str], Path]) -> None:
    """Their numbers are those of their README; a linear map of coarse frames knows digits of other recordings."""
    data = spoken_digits(real("fsdd_cochlea_spikes"))
    assert (len(data.y_train), len(data.y_test)) == (2250, 250)
    assert data.groups is not None
    assert data.groups.names == ("george", "jackson", "lucas", "nicolas", "theo")
    assert data.groups.train.bincount().tolist() == [450] * 5
    assert (data.y_train.bincount().tolist(), data.y_test.bincount().tolist()) == ([225] * 10, [25] * 10)
    assert data.x_train.sizes().sum() + data.x_test.sizes().sum() == 9_374_117 + 1_058_586
    whole = EventFrames(1, bin_ms=data.duration_ms, channels=35)(data.x_test)
    assert whole.sum() > 0.999 * data.x_test.sizes().sum()
    frames = EventFrames(8, bin_ms=100.0, channels=35)
    x, held = (frames(part).transpose(0, 1).flatten(1).log1p() for part in (data.x_train, data.x_test))
    target = torch.nn.functional.one_hot(data.y_train, 10).float()
    weight = torch.linalg.solve(x.T @ x + 100 * torch.eye(x.shape[1]), x.T @ target)
    right = (held @ weight).argmax(1) == data.y_test
    assert right.float().mean() > 0.5
    assert len(data.leave_out("theo").y_test) == 500
