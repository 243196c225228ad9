"""The training and the test part are of one kind, and what stands in both is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import rheobase
from rheobase.data import Reading, digits, load
from rheobase.data.series import SeriesDataset
from rheobase.errors import DataError

MEANS = {"ax": 0.0, "ay": 10.0, "az": -5.0}


def table(path: Path, channels: str, *, seed: int = 0, more: str = "") -> Path:
    """Twelve series of six steps, whose channels have means of their own; `more`: subject, part."""
    draw, lines = np.random.default_rng(seed), [f"id,t,{channels},label{more}"]
    beside = {"subject": lambda k: f"p{k % 3}", "part": lambda k: "train" if k < 8 else "test"}
    for k in range(12):
        own = "".join(f",{beside[name](k)}" for name in more.split(",")[1:])
        for t in range(6):
            values = ",".join(f"{MEANS[name] + draw.normal():.4f}" for name in channels.split(","))
            lines.append(f"s{seed}-{k},{t},{values},{'ab'[k % 2]}{own}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_channels_go_by_their_names(tmp_path: Path) -> None:
    """A test file with the same columns in another order was read in the order of its own."""
    table(tmp_path / "m_TEST.csv", "ay,ax", seed=1)
    data = load(table(tmp_path / "m_TRAIN.csv", "ax,ay"))
    assert isinstance(data, SeriesDataset)
    assert data.channels == ("ax", "ay")
    for x in (data.x_train, data.x_test):
        assert x.mean((0, 1)).tolist() == pytest.approx([0.0, 10.0], abs=0.5)


def test_other_channels_are_refused(tmp_path: Path) -> None:
    table(tmp_path / "m_TEST.csv", "ay,az", seed=1)
    with pytest.raises(DataError, match=r"m_TEST\.csv has the channels ay, az, where m_TRAIN\.csv has ax, ay"):
        load(table(tmp_path / "m_TRAIN.csv", "ax,ay"))


def test_groups_on_both_sides_are_told(tmp_path: Path) -> None:
    data = load(table(tmp_path / "a.csv", "ax,ay", more=",subject,part"))
    assert any("caution: the same subject trains and tests (p0, p1, p2)" in note for note in data.notes)
    apart = load(table(tmp_path / "b.csv", "ax,ay", more=",subject"))
    assert not any("caution" in note for note in apart.notes)
    table(tmp_path / "c_TEST.csv", "ax,ay", seed=1, more=",subject")
    beside = load(table(tmp_path / "c_TRAIN.csv", "ax,ay", more=",subject"))
    assert any("the same subject trains and tests" in note for note in beside.notes)


@pytest.mark.parametrize("kind", ["series", "images"])
def test_samples_on_both_sides_are_told(kind: str, tmp_path: Path) -> None:
    draw, y = np.random.default_rng(0), np.arange(12) % 2
    x = draw.normal(size=(12, 7, 3)) if kind == "series" else draw.integers(0, 255, (12, 8, 8), dtype=np.uint8)
    other = x[::-1].copy()
    other[1:] = other[1:] + 1
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=other, y_test=y)
    data = load(tmp_path / "a.npz")
    said = "caution: 1 of 12 test samples have the numbers of training samples, 1 of them in another class: 0 as 11"
    assert said in data.notes
    np.savez(tmp_path / "b.npz", x_train=x, y_train=y, x_test=other[1:], y_test=y[1:])
    assert not any("caution: " in note and "numbers" in note for note in load(tmp_path / "b.npz").notes)


def test_a_folder_of_speakers_in_both_parts(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="images need Pillow")
    draw = np.random.default_rng(0)
    for part, who in (("train", "ann"), ("train", "bob"), ("test", "ann")):
        for name in "ab":
            folder = tmp_path / part / name
            folder.mkdir(parents=True, exist_ok=True)
            image.fromarray(draw.integers(0, 255, (8, 8), dtype=np.uint8)).save(folder / f"{name}_{who}.png")
    data = load(tmp_path, reading=Reading(pattern=r"_(?P<speaker>[a-z]+)"))
    assert any("the same speaker trains and tests (ann)" in note for note in data.notes)


def test_other_classes_are_not_evaluated() -> None:
    """As many classes under other names, or in another order, gave the accuracy of a task that nobody set."""
    model, data = rheobase.load("lif-digits"), digits().limited(60)
    assert model.evaluate(data).samples == len(data.y_test)
    for classes in (data.classes[::-1], tuple("abcdefghij")):
        with pytest.raises(DataError, match=r"the classes 0, 1, 2.*in this order"):
            model.evaluate(replace(data, y_test=torch.flip(data.y_test, (0,)), classes=classes))
