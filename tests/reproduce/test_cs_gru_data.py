"""The paper's network on the five kinds of data that it names, from files of their formats to an epoch of training."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase.data.sets.cifar10_dvs import CLASSES
from rheobase.data.sets.mnist import FILES
from rheobase.learning import MaxCrossEntropy, Recipe, Trainer
from rheobase.reproduce.cs_gru.costs import counted
from rheobase.reproduce.cs_gru.inputs import task
from rheobase.reproduce.cs_gru.networks import network
from rheobase.reproduce.job import Job
from rheobase.reproduce.training import fresh
from tests.data import test_heidelberg, test_ntidigits
from tests.data.conftest import to_idx
from tests.data.test_aedat import HEAD_3, as_aedat2, draw, packet


def mnist(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rng = root / "mnist", np.random.default_rng(0)
    folder.mkdir()
    sums = {}
    for part, name in FILES.items():
        values = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8) if part[0] == "x" else np.arange(20) % 10
        raw = to_idx(values.astype(np.uint8))
        (folder / name).write_bytes(raw)
        sums[part] = hashlib.sha256(raw).hexdigest()
    module = importlib.import_module("rheobase.data.sets.mnist")
    monkeypatch.setattr(module, "MNIST", dataclasses.replace(module.MNIST, sha256=sums))


def ntidigits(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "ntidigits").mkdir()
    test_ntidigits.write(root / "ntidigits" / "n-tidigits.hdf5")


def shd(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "shd").mkdir()
    for seed, part in enumerate(("train", "test")):
        test_heidelberg.write(root / "shd" / f"shd_{part}.h5", 20, 20, seed=seed)


def dvs_gesture(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = root / "DvsGesture"
    folder.mkdir()
    for part, name in (("train", "user01_lab"), ("test", "user24_lab")):
        (folder / f"trials_to_{part}.txt").write_text(f"{name}.aedat\n")
        (folder / f"{name}.aedat").write_bytes(HEAD_3 + packet(draw(400, 6_000_000)))
        (folder / f"{name}_labels.csv").write_text(
            "class,startTime_usec,endTime_usec\n4,0,3000000\n11,3000000,6000000\n"
        )


def cifar10_dvs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for k, name in enumerate(CLASSES):
        folder = root / "cifar10_dvs" / name
        folder.mkdir(parents=True)
        for n in range(3):
            (folder / f"cifar10_{name}_{n}.aedat").write_bytes(as_aedat2(draw(200, 1_300_000, seed=3 * k + n)))


KINDS: dict[str, tuple[Callable[[Path, pytest.MonkeyPatch], None], tuple[int, ...], int]] = {
    # frames that enter the network: those of the paper, and the classes
    "mnist": (mnist, (10, 28, 28), 10),
    "ntidigits": (ntidigits, (250, 64), 10),
    "shd": (shd, (250, 700), 20),
    "dvs_gesture": (dvs_gesture, (16, 2, 128, 128), 11),
    "cifar10_dvs": (cifar10_dvs, (10, 2, 128, 128), 10),
}


@pytest.mark.parametrize("name", KINDS)
def test_from_files_to_an_epoch(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, frames, classes = KINDS[name]
    write(tmp_path, monkeypatch)
    on, read = task(Job({}, tmp_path / "out", identity={}, data=tmp_path), name, limit=4)
    assert on.classes == classes
    x = on.encoder(on.data.x_test[:1], seed=0)
    assert (x.shape[0], *x.shape[2:]) == frames
    net = fresh(lambda: network("CS-GRU", read.image, classes, channels=2, front=read.front, gain=8.0), 0)
    before = {k: p.detach().clone() for k, p in net.named_parameters()}
    trainer = Trainer(Recipe(epochs=1, batch_size=2, loss=MaxCrossEntropy()), accelerator="cpu")
    history = trainer.fit(net, encoder=on.encoder, train=(on.data.x_train, on.data.y_train))
    assert np.isfinite(history[-1].loss)
    assert all(torch.isfinite(p).all() for p in net.parameters())
    moved = [k for k, p in net.named_parameters() if not torch.equal(p, before[k])]
    assert set(moved) >= {k for k in before if "weight" in k}, "weights that training does not reach"
    found = trainer.test(net, encoder=on.encoder, test=(on.data.x_test, on.data.y_test))
    assert found.confusion.shape == (classes, classes)
    cost = counted(net, on, 1)
    assert cost["spikes"] > 0
    assert cost["multiply_accumulates"] > 0
