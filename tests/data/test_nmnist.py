"""Event recordings: both layouts of N-MNIST, the frames made of them, and training on them. Files are synthetic."""

from __future__ import annotations

import copy
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from rheobase.cli import app
from rheobase.data import EventDataset, EventFrames, Shifted, load, nmnist
from rheobase.data.events import EventFiles, StoredEvents, read_bin
from rheobase.errors import CheckpointError, DataError, DTypeError, InputError, ParameterError, ShapeError
from rheobase.learning.training.samples import Samples, described
from rheobase.learning.training.snapshot import check_same_run

Recording = list[tuple[int, int, int, int]]  # x, y, p, t (us)


def draw(count: int, seed: int = 0) -> list[Recording]:
    """Recordings of other lengths, one of them empty; the digit k makes events in row k alone."""
    rng = np.random.default_rng(seed)
    found: list[Recording] = []
    for k in range(count):
        n = 0 if k == 3 else int(rng.integers(20, 60))
        t = np.sort(rng.integers(0, 310_000, n))
        found.append([(int(rng.integers(34)), k % 10, int(rng.integers(2)), int(when)) for when in t])
    return found


def as_npz(path: Path, made: list[Recording], **changed: np.ndarray) -> Path:
    flat = np.array([event for recording in made for event in recording])
    arrays = {
        "x": flat[:, 0].astype(np.uint8),
        "y": flat[:, 1].astype(np.uint8),
        "p": flat[:, 2].astype(np.uint8),
        "t": flat[:, 3].astype(np.uint32),
        "offsets": np.cumsum([0, *map(len, made)]),
        "label": np.arange(len(made)).astype(np.uint8) % 10,
    }
    np.savez_compressed(path, **(arrays | changed))
    return path


def as_bytes(recording: Recording) -> bytes:
    """40 bits an event, the highest first: 8 of x, 8 of y, 1 of p, 23 of t."""
    return b"".join((x << 32 | y << 24 | p << 23 | t).to_bytes(5, "big") for x, y, p, t in recording)


def as_folder(folder: Path, made: list[Recording], part: str) -> None:
    for k, recording in enumerate(made):
        file = folder / part / str(k % 10) / f"{k:05}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(as_bytes(recording))


def by_hand(recording: Recording, steps: int, bin_us: int) -> torch.Tensor:
    frames = torch.zeros(steps, 2, 34, 34)
    for x, y, p, t in recording:
        if t // bin_us < steps:
            frames[t // bin_us, p, y, x] += 1
    return frames


@pytest.fixture
def made() -> list[Recording]:
    return draw(60)


@pytest.fixture
def npz(tmp_path: Path, made: list[Recording]) -> Path:
    return as_npz(tmp_path / "few_train.npz", made)


def test_the_two_layouts_give_the_same(tmp_path: Path, npz: Path, made: list[Recording]) -> None:
    as_folder(tmp_path / "bins", made, "Train")
    one, other = nmnist(npz).x_train._among, nmnist(tmp_path / "bins").x_train._among
    assert isinstance(one, StoredEvents)
    assert isinstance(other, EventFiles)
    # files come by class, those of the .npz as they lie
    order = torch.argsort(torch.arange(60) % 10, stable=True)
    for k in range(60):
        stored, read = one.take(order[k : k + 1].numpy()), other.take(np.array([k]))
        assert len(stored.t) == len(made[int(order[k])])
        assert all(np.array_equal(a, b) for a, b in zip(stored, read, strict=True))
    assert np.array_equal(one[order].sizes(), other.sizes())


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("steps", "bin_ms"), [(7, 50.0), (100, 1.0), (1, 400.0), (31, 7)])
def test_frames(npz: Path, made: list[Recording], steps: int, bin_ms: float, binary: bool) -> None:
    data = nmnist(npz)
    frames = EventFrames(steps, bin_ms=bin_ms, binary=binary)
    x = data.x_train[torch.tensor([5, 0, 20, 5])]
    out = frames(x, seed=3, index=torch.arange(4))
    assert out.dtype == torch.float32
    for b, k in enumerate(x._at.tolist()):
        expected = by_hand(made[k], steps, round(1000 * bin_ms))
        assert torch.equal(out[:, b], expected.clamp(max=1) if binary else expected)
    assert binary or bin_ms != 400.0 or out.max() > 1


def test_an_event_on_the_edge_of_a_bin(tmp_path: Path) -> None:
    """Of the first pixel, so that what is too late would fall on the first place behind the end."""
    events: Recording = [(0, 0, 0, t) for t in (0, 2999, 3000, 5999, 6000, 8999, 9000)]
    path = as_npz(tmp_path / "edge_train.npz", [events] * 20)
    out = EventFrames(3, bin_ms=3.0)(nmnist(path).x_train[4:5])
    assert out[:, 0, 0, 0, 0].tolist() == [2, 2, 2]
    assert out.sum() == 6


def test_times_that_go_on(tmp_path: Path) -> None:
    """An event at y = 240 is none: it moves all that follow by 2^13 us."""
    path = tmp_path / "one.bin"
    path.write_bytes(as_bytes([(1, 2, 1, 100), (0, 240, 0, 0), (3, 4, 0, 50), (0, 240, 0, 0), (5, 6, 1, 7)]))
    address, t = read_bin(path, (2, 34, 34))
    assert t.tolist() == [100, 50 + 2**13, 7 + 2**14]
    assert address.tolist() == [(34 + 2) * 34 + 1, 4 * 34 + 3, (34 + 6) * 34 + 5]


def test_cut_by_class_where_there_is_no_test_part(npz: Path) -> None:
    data = nmnist(npz)
    assert (len(data.y_train), len(data.y_test)) == (48, 12)
    assert set(torch.bincount(data.y_test).tolist()) <= {1, 2}
    assert sorted([*data.x_train._at.tolist(), *data.x_test._at.tolist()]) == list(range(60))
    assert np.array_equal(data.y_test, data.x_test._at % 10)
    assert nmnist(npz).x_test.fingerprint() == data.x_test.fingerprint()
    assert nmnist(npz, seed=1).x_test.fingerprint() != data.x_test.fingerprint()
    assert len(nmnist(npz, test=0.5).y_test) == 30
    for share in (0.0, 1.0, 0.001):
        with pytest.raises(ParameterError, match="test="):
            nmnist(npz, test=share)


@pytest.mark.parametrize("layout", ["npz", "bins"])
def test_a_test_part_is_taken_as_it_is(tmp_path: Path, made: list[Recording], layout: str) -> None:
    held = draw(20, seed=1)
    folder = tmp_path / "nmnist"
    folder.mkdir()
    if layout == "npz":
        as_npz(folder / "a_train.npz", made)
        as_npz(folder / "a_test.npz", held)
    else:
        as_folder(folder, made, "Train")
        as_folder(folder, held, "Test")
    data = load("nmnist", tmp_path)
    assert isinstance(data, EventDataset)
    assert (len(data.y_train), len(data.y_test)) == (60, 20)
    out = EventFrames(31, bin_ms=10.0)(data.x_test)
    for b in range(20):
        # the row is the digit
        assert torch.equal(out[:, b, :, int(data.y_test[b])], out[:, b].sum(2))
    k = int(data.y_test.eq(7).nonzero()[0])
    assert torch.equal(out[:, k], by_hand(held[7], 31, 10_000))


def test_a_data_set_like_others(npz: Path) -> None:
    data = load("nmnist", npz, limit=20)
    assert (len(data.y_train), len(data.y_test), data.input_size, data.sample_shape) == (20, 12, 2312, (2, 34, 34))
    (x, y), (x_held, y_held) = data.split(0.1, seed=0)
    assert (len(x), len(x_held)) == (18, 2)
    assert np.array_equal(y, x._at % 10)
    assert np.array_equal(y_held, x_held._at % 10)
    assert "20 training and 12 test samples" in repr(data)
    frames = EventFrames(4, bin_ms=75.0)
    assert repr(pickle.loads(pickle.dumps(frames))) == repr(copy.deepcopy(frames)) == repr(frames)


def test_files_are_read_only_when_asked_for(tmp_path: Path, made: list[Recording]) -> None:
    as_folder(tmp_path, made, "Train")
    data = nmnist(tmp_path)
    events, frames = data.x_train._among, EventFrames(4, bin_ms=75.0)
    events.files[4].write_bytes(b"1234")
    frames(events[torch.tensor([3, 5])])
    with pytest.raises(DataError, match="4 bytes"):
        frames(events[4:5])
    events.files[4].unlink()
    with pytest.raises(DataError, match="cannot be read"):
        events[4:5].take()
    events.files[5].write_bytes(as_bytes([(34, 0, 0, 0)]))
    with pytest.raises(DataError, match="x = 34"):
        events[5:6].take()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"x": np.full(9, 3, np.uint8)}, "lengths"),
        ({"offsets": np.array([0, 5, 3, 9])}, "offsets from"),
        ({"offsets": np.array([0, 5, 7])}, "one label"),
        ({"t": np.zeros((9, 1), np.uint32)}, "t of shape"),
        ({"p": np.full(10, 0.5)}, "p of shape"),
        ({"p": np.full(10, 2)}, "p from 2 to 2"),
        ({"y": np.full(10, 34)}, "y from 34"),
        ({"t": np.full(10, -1)}, "t from -1"),
        ({"label": np.array([0, 1, 10])}, "labels of"),
        ({"label": np.array([0.0, 1.0, 2.0])}, "label of dtype"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, changed: dict[str, np.ndarray], said: str) -> None:
    path = as_npz(tmp_path / "bad.npz", [[(1, 1, 0, 10)] * n for n in (5, 2, 3)], **changed)
    with pytest.raises(DataError, match=said):
        nmnist(path, test=0.4)


def test_missing_data_say_where_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, npz: Path) -> None:
    for place in (tmp_path / "nowhere", tmp_path / "empty"):
        with pytest.raises(DataError, match=r"10\.17632/468j46mzdv\.1"):
            load("nmnist", place, download=True)
    monkeypatch.setenv("RHEOBASE_DATA", str(tmp_path))
    assert len(load("nmnist").y_train) == 48
    as_npz(tmp_path / "other_train.npz", draw(20))
    with pytest.raises(DataError, match=r"2 files that end in train\.npz"):
        load("nmnist")
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be read"):
        nmnist(tmp_path / "broken.npz")


def test_bad_arguments(npz: Path) -> None:
    data = nmnist(npz)
    for steps, bin_ms in ((0, 1.0), (2.5, 1.0), (3, 0.0), (3, float("nan")), (3, True)):
        with pytest.raises(ParameterError):
            EventFrames(steps, bin_ms=bin_ms)
    for x in (torch.rand(3, 2), torch.arange(3), [[1, 2]], data.x_test[:0]):
        with pytest.raises(DTypeError, match="recordings of events"):
            EventFrames(3, bin_ms=1.0)(x)
    for x in (torch.rand(12, 2, 34, 34), data.x_test[:0]):
        with pytest.raises(DataError, match="x_test"):
            EventDataset("bad", data.x_train, data.y_train, x, data.y_test, data.classes, duration_ms=300.0)
    for index in (torch.tensor([12]), torch.tensor([-13]), torch.tensor([True]), torch.tensor([[0]]), 3, [0, 1], 0.5):
        with pytest.raises(InputError, match=r"12 recordings.*index"):
            data.x_test[index]


def test_recordings_of_two_sources(npz: Path, made: list[Recording]) -> None:
    """Chosen, chained and chosen again, they are what their places say, and a checkpoint tells them apart."""
    data = nmnist(npz)
    both = data.x_test[:3] + data.x_train
    order = torch.tensor([7, 0, 50, 2, 7])
    origin = np.concatenate([data.x_test._at[:3], data.x_train._at])[order]
    assert both[order].take().counts.tolist() == [len(made[k]) for k in origin] == both.sizes()[order].tolist()
    assert torch.equal(EventFrames(3, bin_ms=90.0)(both)[:, order], EventFrames(3, bin_ms=90.0)(both[order]))
    prints = [str(x.fingerprint()) for x in (both, both[order], data.x_test, data.x_train, data.x_train[:-1])]
    assert len(set(prints)) == len(prints)
    assert both[order].fingerprint() == (data.x_test[:3] + data.x_train)[order].fingerprint()
    with pytest.raises(ShapeError, match="one camera"):
        both + StoredEvents({"unit": [0], "t": [0], "offsets": [0, 1]}, (1,), "here")


def test_train_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[Recording]) -> None:
    monkeypatch.chdir(tmp_path)
    as_folder(tmp_path / "nmnist", made, "Train")
    given = ("train", "--neuron", "SRC", "--data", "nmnist", "--data-dir", str(tmp_path), "--steps", "6")
    small = ("--epochs", "12", "--hidden", "none", "--batch", "16", "--device", "cpu", "--threads", "1", "--name", "a")
    result = CliRunner().invoke(app, [*given, *small], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    content = json.loads(Path("runs/a/result.json").read_text())
    assert content["settings"]["encoder"] == "binary"
    assert content["parameters"] == 2312 * 100 + 100
    # the digit is the row: what learns is soon far from chance
    assert content["test"]["accuracy"] > 0.5
    assert "One sample on its way" in Path("runs/a/report.html").read_text()


def test_an_encoder_of_other_samples_is_refused(tmp_path: Path, npz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words, said in (
        (("--data", "nmnist", "--data-dir", str(npz), "--encoder", "rate"), "an encoder of events"),
        (("--data", "digits", "--encoder", "counts"), "an encoder of images"),
        (("--data", "nmnist", "--data-dir", str(npz), "--steps", "0"), "steps=0"),
    ):
        result = CliRunner().invoke(app, ["train", "--neuron", "SRC", *words])
        assert result.exit_code == 2
        assert said in result.stderr


def shared() -> Path:
    named = os.environ.get("RHEOBASE_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.mark.skipif(not (shared() / "nmnist_small").is_dir(), reason="no nmnist_small/ in RHEOBASE_DATA")
def test_the_real_recordings() -> None:
    """800 recordings of the training part: their number of events and of each digit are those of its README."""
    data = nmnist(shared() / "nmnist_small")
    assert (data.x_train + data.x_test).sizes().sum() == 3_281_009
    labels = torch.cat([data.y_train, data.y_test])
    assert torch.bincount(labels).tolist() == [79, 98, 81, 73, 81, 72, 73, 86, 73, 84]
    assert (len(data.y_train), len(data.y_test)) == (640, 160)
    out = EventFrames(320, bin_ms=1.0)(data.x_test[:50])
    assert out.sum() == data.x_test[:50].sizes().sum()
    # the camera moves three times: each third has its share of the events
    thirds = out[:300].sum((1, 2, 3, 4)).view(3, 100).sum(1) / out.sum()
    assert bool((thirds > 0.25).all())


@pytest.mark.skipif(not (shared() / "event_file_samples").is_dir(), reason="no event_file_samples/ in RHEOBASE_DATA")
def test_a_real_file() -> None:
    address, t = read_bin(shared() / "event_file_samples" / "sample_nmnist.bin", (2, 34, 34))
    assert len(t) == 21_625 // 5
    assert bool((np.diff(t.astype(np.int64)) >= 0).all())
    assert 300_000 < t[-1] < 320_000
    assert len(np.unique(address)) > 200


def test_a_run_of_before_is_resumed(npz: Path) -> None:
    """It wrote x as rows of numbers and sizes, and the recordings into the words of the encoder."""
    x = nmnist(npz).x_train
    rows = torch.stack([torch.from_numpy(x._at), torch.from_numpy(x.sizes())], 1)
    labels = torch.zeros(len(x), dtype=torch.int64)
    assert Samples("train", x, labels).fingerprint() == Samples("train", rows, labels).fingerprint()
    now = described(Shifted(EventFrames(4, bin_ms=75.0, binary=True), pixels=1))
    before = now.replace("steps", "events=StoredEvents(60 recordings, 1200 events, (2, 34, 34)), steps", 1)
    check_same_run("a run", {"encoder": before}, {"encoder": now})
    with pytest.raises(CheckpointError, match="encoder"):
        check_same_run("a run", {"encoder": before.replace("75", "50")}, {"encoder": now})
