"""CIFAR-10 in both of its published forms, and the small part of it. Files are miniatures."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase.data import load
from rheobase.data.sets.cifar10 import cifar10, cifar10_subset
from rheobase.errors import DataError

NAMES = (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch")


def drawn(count: int = 4) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    return {name: (rng.integers(0, 256, (count, 3072), dtype=np.uint8), rng.integers(0, 10, count)) for name in NAMES}


def write(folder: Path, *, binary: bool) -> Path:
    folder.mkdir(parents=True)
    for name, (x, y) in drawn().items():
        if binary:
            (folder / f"{name}.bin").write_bytes(np.column_stack([y.astype(np.uint8), x]).tobytes())
        else:
            content = {b"batch_label": b"of a test", b"data": x, b"labels": y.tolist()}
            (folder / name).write_bytes(pickle.dumps(content, protocol=3))
    return folder


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("inside", ["cifar10", "cifar-10-batches-py", ""])
def test_files_as_published(inside: str, binary: bool, tmp_path: Path) -> None:
    write(tmp_path / (inside or "mine"), binary=binary)
    data = load("cifar10", tmp_path / ("" if inside else "mine"))
    made = drawn()
    x, y = made["data_batch_2"]
    assert data.x_train.shape == (20, 3, 32, 32)
    assert data.x_test.shape == (4, 3, 32, 32)
    assert torch.equal(data.y_train[4:8], torch.from_numpy(y))
    # red, green, blue; rows one after the other
    assert float(data.x_train[5, 1, 2, 3]) == pytest.approx(x[1, 1024 + 2 * 32 + 3] / 255)
    assert data.classes[0] == "airplane"


def test_pickles_call_nothing(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'called'}",)

    folder = write(tmp_path / "cifar10", binary=False)
    (folder / "data_batch_3").write_bytes(pickle.dumps({b"data": Evil()}))
    with pytest.raises(DataError, match="system is no part of an array"):
        cifar10(tmp_path)
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80\x03", pickle.dumps({b"data": 3}), pickle.dumps([1]), pickle.dumps({b"data": np.zeros((2, 5))})],
)
def test_damaged_pickles(content: bytes, tmp_path: Path) -> None:
    folder = write(tmp_path / "cifar10", binary=False)
    (folder / "test_batch").write_bytes(content)
    with pytest.raises(DataError, match="test_batch"):
        cifar10(tmp_path)


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "cifar10", binary=True)
    (folder / "data_batch_4.bin").write_bytes(b"\x00" * 3000)
    with pytest.raises(DataError, match="3073 bytes"):
        cifar10(tmp_path)
    (folder / "data_batch_4.bin").unlink()
    with pytest.raises(DataError, match=r"no data_batch_4.bin .*no download here"):
        cifar10(tmp_path)


def test_labels_and_images_that_do_not_fit(tmp_path: Path) -> None:
    folder = write(tmp_path / "cifar10", binary=False)
    content = {b"data": drawn()["test_batch"][0], b"labels": [1, 2]}
    (folder / "test_batch").write_bytes(pickle.dumps(content, protocol=3))
    with pytest.raises(DataError, match="one label per image"):
        cifar10(tmp_path)


def test_the_subset(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    y = np.arange(6, dtype=np.uint8)
    (tmp_path / "cifar10_subset").mkdir()
    path = tmp_path / "cifar10_subset" / "cifar10_subset.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    data = load("cifar10_subset", tmp_path)
    assert data.x_train.shape == (6, 3, 32, 32)
    assert float(data.x_train[4, 2, 10, 20]) == pytest.approx(x[4, 10, 20, 2] / 255)
    np.savez(path, x_train=x[..., 0], y_train=y, x_test=x[:2], y_test=y[:2])
    with pytest.raises(DataError, match="height, width, 3"):
        cifar10_subset(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"no cifar10_subset.npz"):
        cifar10_subset(tmp_path)


def test_the_real_subset(real: Callable[[str], Path]) -> None:
    data = load("cifar10_subset", real("cifar10_subset").parent)
    assert (len(data.y_train), len(data.y_test)) == (4000, 500)
    # the first labels of the published files: a frog and two trucks; a cat and two ships
    assert [data.classes[k] for k in data.y_train[:3]] == ["frog", "truck", "truck"]
    assert [data.classes[k] for k in data.y_test[:3]] == ["cat", "ship", "ship"]
