"""Memory is asked about before it is taken: by work, and by data before they are read."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from rheobase import memory
from rheobase.data import load
from rheobase.errors import DataError, ParameterError


def test_memory_is_checked_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "memory", lambda: 2**30)
    memory.check_memory("train", "--steps 5", 2**30, "take fewer")
    with pytest.raises(ParameterError, match=r"about 2 GiB; expected what fits into the 1 GiB"):
        memory.check_memory("train", "--steps 5", 2**31, "take fewer")
    monkeypatch.setattr(memory, "memory", lambda: None)
    memory.check_memory("train", "--steps 5", 2**80, "take fewer")


def test_the_limit_of_a_container_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole, limit = memory.memory(), tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_LIMITS", (limit,))
    for text, expected in (("max\n", whole), ("1048576\n", 2**20)):
        limit.write_text(text)
        assert memory.memory() == expected


def test_what_is_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, text in (
        ("max", "9000\n"),
        ("current", "5000\n"),
        ("stat", "anon 4000\ninactive_file 700\n"),
        ("meminfo", "MemTotal:  9 kB\nMemAvailable:    6 kB\n"),
    ):
        (tmp_path / name).write_text(text)
    for name, file in (("_LIMITS", "max"), ("_USED", "current"), ("_STATS", "stat")):
        monkeypatch.setattr(memory, name, (tmp_path / file,))
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    assert memory.free() == 9000 - 5000 + 700
    (tmp_path / "max").write_text("max\n")
    assert memory.free() == 6 * 1024
    (tmp_path / "meminfo").unlink()
    assert memory.free() == memory.memory()


def _pictures(folder: Path) -> Path:
    for k in range(10):
        (folder / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((20, 10), k, np.uint8)).save(folder / "ab"[k % 2] / f"{k}.png")
    return folder


def _sounds(folder: Path) -> Path:
    for k in range(10):
        (folder / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        wavfile.write(folder / "ab"[k % 2] / f"{k}.wav", 8000, np.full(4000, k, np.int16))
    return folder


def _recordings(folder: Path) -> Path:
    for k in range(10):
        (folder / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        t = np.arange(1000)
        np.savez(folder / "ab"[k % 2] / f"{k}.npz", x=t % 8, y=t % 7, p=t % 2, t=t)
    return folder


def _ts(folder: Path) -> Path:
    rows = "".join(f"{','.join(map(str, np.arange(100) + k))}:{'ab'[k % 2]}\n" for k in range(20))
    text = f"@univariate true\n@classLabel true a b\n@data\n{rows}"
    (folder / "a.ts.gz").write_bytes(gzip.compress(text.encode()))
    return folder / "a.ts.gz"


def _csv(folder: Path) -> Path:
    rows = [f"{k // 10},{k % 10},{k},{'ab'[k // 10 % 2]}" for k in range(400)]
    (folder / "a.csv").write_text("\n".join(["id,t,x,label", *rows]))
    return folder / "a.csv"


def _parquet(folder: Path) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    k = np.arange(400)
    parquet.write_table(pyarrow.table({"id": k // 10, "x": 1.0 * k, "label": k // 10 % 2}), folder / "a.parquet")
    return folder / "a.parquet"


def _arrays(folder: Path) -> Path:
    x = np.random.default_rng(0).normal(size=(20, 50, 3))
    np.savez_compressed(folder / "a.npz", x=x, y=np.arange(20) % 2)
    return folder / "a.npz"


def _npy(folder: Path) -> Path:
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(20, 50, 3)))
    np.save(folder / "y.npy", np.arange(20) % 2)
    return folder / "x.npy"


def _images(folder: Path) -> Path:
    x, y = np.zeros((20, 12, 12), np.uint8), np.arange(20) % 2
    np.savez_compressed(folder / "a.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("make", "said", "needs"),
    [
        (_pictures, "10 images of 10x20 pixels", 10 * 200 * 9),
        (_sounds, r"10 sounds of 7\.\d+e-05 GiB in files", 10 * 4000 * 8 * 1.6),
        (_recordings, r"10 recordings of about 1e\+04 events", 10_000 * 26),
        (_ts, r"about 2\.\d+e\+03 values in text", 2000 * 37),
        (_csv, r"about 1\.\d+e\+03 values in text", 1600 * 155),
        (_parquet, r"1\.2e\+03 cells", 1200 * 65),
        (_arrays, r"arrays of 3\.02e\+03 values", 3000 * 36),
        (_npy, r"arrays of 3e\+03 values", 3000 * 36),
        (_images, r"arrays of 5\.8e\+03 values", 40 * 144 * 5),
    ],
)
def test_data_that_do_not_fit_into_memory_are_refused_before_they_are_read(
    make: Callable[[Path], Path], said: str, needs: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path)
    monkeypatch.setattr(memory, "free", lambda: int(1.1 * needs))
    load(path)
    monkeypatch.setattr(memory, "free", lambda: int(0.9 * needs))
    with pytest.raises(DataError, match=rf"{said}, which take about .* GiB to be read; expected at most the .* GiB"):
        load(path)
