"""SHD and SSC: miniatures of their HDF5 files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from rheobase.data import EventFrames, load, shd, ssc
from rheobase.errors import DataError
from tests.data.heidelberg_files import write, write_both


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_both(tmp_path / "shd")


def test_shd(folder: Path) -> None:
    data = load("shd", folder.parent)
    assert (len(data.y_train), len(data.y_test), data.input_size) == (40, 22, 700)
    assert (data.classes[0], data.classes[19], data.groups.kind) == ("zero", "neun", "speaker")
    assert data.groups.names == tuple(map(str, range(12)))
    assert torch.equal(data.groups.train, torch.arange(40) % 12)
    assert data.y_test.tolist() == [k % 20 for k in range(22)]
    assert data.x_train._among._t.dtype == np.float16
    out = EventFrames(250, bin_ms=4.0, channels=140)(data.x_test)
    for b, (times, units) in enumerate(write(folder / "again.h5", 22, 20, seed=1)):
        expected = torch.zeros(250, 140)
        for t, unit in zip(times.astype(np.float64), units, strict=True):
            if t < 1:
                expected[int(t * 250), unit // 5] += 1
        assert torch.equal(out[:, b], expected)


def test_ssc_keeps_the_published_cut(tmp_path: Path) -> None:
    for part, count in (("train", 70), ("valid", 35), ("test", 36)):
        write(tmp_path / f"ssc_{part}.h5", count, 35, seed=count)
    data = ssc(tmp_path)
    assert (len(data.y_train), len(data.y_test), data.classes[34]) == (105, 36, "word34")
    (x, _), (x_held, y_held) = data.by_group("valid")
    assert x._at.tolist() == list(range(70))
    assert x_held._at.tolist() == list(range(70, 105))
    assert torch.equal(y_held, torch.arange(35))
    with h5py.File(tmp_path / "ssc_train.h5", "a") as file:
        del file["extra/keys"]
    assert ssc(tmp_path).classes == tuple(map(str, range(35)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": None}, "no data set 'labels' among extra, spikes"),
        ({"spikes/times": None}, "no data set 'spikes/times'"),
        ({"spikes": None}, "no data set 'spikes/times'"),
        ({"spikes": np.zeros(3)}, "no data set 'spikes/times'"),
        ({"extra/speaker": None}, "no data set 'extra/speaker'"),
        ({"extra/speaker": np.zeros(3, np.uint16)}, r"groups of shape \(3,\) for 22"),
        ({"spikes/times": np.zeros((22, 4), np.float16)}, "spikes/times of shape"),
        ({"labels": np.zeros(22)}, "labels of dtype float64"),
        ({"labels": np.full(22, 20)}, "labels of y_test from 20 to 20"),
        ({"labels": np.arange(3)}, "23 offsets"),
    ],
)
def test_files_that_do_not_fit(folder: Path, changed: dict[str, object], said: str) -> None:
    write(folder / "shd_test.h5", 22, 20, **changed)
    with pytest.raises(DataError, match=said):
        shd(folder)


def test_spikes_that_do_not_fit(folder: Path) -> None:
    with h5py.File(folder / "shd_test.h5", "a") as file:
        file["spikes/units"][3] = np.array([1, 2, 700], np.uint16)
    with pytest.raises(DataError, match="a time in seconds and a unit for each spike"):
        shd(folder)
    with h5py.File(folder / "shd_test.h5", "a") as file:
        file["spikes/times"][3] = np.array([0.1, 0.2, 0.3], np.float16)
    with pytest.raises(DataError, match="unit from 0 to 700"):
        shd(folder)


def test_missing_packed_and_truncated_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "shd_test.h5"
    whole = file.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", b"no HDF5"):
        file.write_bytes(broken)
        with pytest.raises(DataError, match="cannot be read"):
            shd(folder)
    file.rename(folder / "shd_test.h5.zip")
    with pytest.raises(DataError, match=r"shd_test\.h5\.zip, still packed.*1503a5064faa34311c398fb0a1ed0a6f"):
        shd(folder)
    with pytest.raises(DataError, match=r"no ssc_train\.h5 in .*zenkelab"):
        load("ssc", folder)
    file.write_bytes(whole)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match="pip install h5py"):
        shd(folder)


def test_a_real_file_of_another_kind(folder: Path, real: Callable[[str], Path]) -> None:
    (folder / "shd_train.h5").write_bytes((real("event_file_samples") / "sample_stmnist.mat").read_bytes())
    with pytest.raises(DataError, match=r"cannot be read|no data set"):
        shd(folder)
