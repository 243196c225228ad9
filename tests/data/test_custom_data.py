from __future__ import annotations

import gzip
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase.data import Reading, load
from rheobase.errors import DataError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def test_folder_and_npz_agree(tmp_path, toy, toy_folder):
    a, b = load(toy_folder), load(str(save(tmp_path / "toy.npz", toy)))
    for part in ("x_train", "y_train", "x_test", "y_test"):
        assert torch.equal(getattr(a, part), getattr(b, part))
    assert torch.equal(a.x_train, torch.tensor(toy["x_train"]).float() / 255)
    assert a.classes == ("0", "1", "2")
    assert a.input_size == 20


def test_float_and_bool_images_are_taken_as_they_are(tmp_path, toy):
    toy["x_train"], toy["x_test"] = toy["x_train"] / 255.0, toy["x_test"] > 100
    data = load(save(tmp_path / "toy.npz", toy), reading=Reading(kind="images"))
    assert data.x_train.dtype == torch.float32
    np.testing.assert_allclose(data.x_train, toy["x_train"], rtol=1e-6)
    assert data.x_test.unique().tolist() == [0, 1]


def test_colour_images_from_shared_data(shared_data):
    data = load(shared_data / "cifar10_subset" / "cifar10_subset.npz")
    assert data.x_train.shape == (4000, 32, 32, 3)
    assert data.input_size == 3072
    assert len(data.classes) == 10


def nan_pixel(toy):
    toy["x_test"] = toy["x_test"] / 255.0
    toy["x_test"][2, 0, 0] = np.nan


def change(key, value):
    def apply(toy):
        toy[key] = value(toy[key])

    return apply


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda toy: toy.pop("y_test"), "no key 'y_test' among x_train, y_train, x_test;"),
        (
            lambda toy: toy.update(X_train=toy.pop("x_train")),
            "no key 'x_train' among y_train, x_test, y_test, X_train;",
        ),
        (nan_pixel, "1 images of x_test, the first is number 2"),
        (change("x_test", lambda x: x[:, :3]), r"x_test with samples of shape \(3, 4\)"),
        (change("x_train", lambda x: x[:11]), "11 images in x_train and 12 labels"),
        (change("y_train", lambda y: y.astype("f4")), "y_train of dtype float32"),
        (change("y_train", lambda y: y.astype("U1")), "y_train of dtype <U1"),
        (change("y_train", lambda y: np.eye(3, dtype=np.int64)[y]), r"y_train of shape \(12, 3\)"),
        (change("y_train", lambda y: y + 1), "y_train with labels 1, 2, 3"),
        (change("y_train", lambda y: y.astype("i8") - 1), "y_train with labels -1, 0, 1"),
        (change("y_test", lambda y: y + 1), "y_test from 1 to 3"),
        (change("x_train", lambda x: x.astype("i8")), "x_train of dtype int64"),
        (change("x_train", lambda x: x.astype("f4")), "pixels of x_train from 0 to 255|from .* to 25"),
        (change("x_train", lambda x: x.astype("c8")), "complex64"),
        (change("x_test", lambda x: x[:0]), r"x_test of shape \(0, 5, 4\)"),
        (change("x_train", lambda x: x.astype(object)), "x_train that cannot be read"),
    ],
)
def test_bad_npz(tmp_path, toy, spoil, words):
    spoil(toy)
    with pytest.raises(DataError, match=words) as caught:
        load(save(tmp_path / "mine.npz", toy), reading=Reading(kind="images"))
    assert "mine.npz" in caught.value.obj
    assert caught.value.remedy


def test_one_class_is_nothing_to_learn(tmp_path, toy):
    with pytest.raises(DataError, match=r"toy\.npz: got one class alone in y_train"):
        load(save(tmp_path / "toy.npz", toy | {"y_train": 0 * toy["y_train"], "y_test": 0 * toy["y_test"]}))


def test_all_that_is_wrong_with_arrays_is_told_at_once(tmp_path, toy):
    spoilt = {"x_test": toy["x_test"].astype("int32"), "y_train": toy["y_train"] / 2}
    with pytest.raises(DataError, match=r"2 problems: y_train of dtype float64, .*x_test of dtype int32, "):
        load(save(tmp_path / "toy.npz", toy | spoilt), reading=Reading(kind="images"))


def test_truncated_npz(tmp_path, toy):
    whole = save(tmp_path / "whole.npz", toy).read_bytes()
    cut = tmp_path / "cut.npz"
    for length in range(0, len(whole), 37):
        cut.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.npz"):
            load(cut)


def test_npz_with_a_damaged_member(tmp_path, toy):
    whole = bytearray(save(tmp_path / "whole.npz", toy).read_bytes())
    with zipfile.ZipFile(tmp_path / "whole.npz") as archive:
        at = archive.getinfo("x_test.npy").header_offset + 60
    whole[at : at + 40] = bytes(40)
    (tmp_path / "bad.npz").write_bytes(bytes(whole))
    with pytest.raises(DataError, match="x_test that cannot be read"):
        load(tmp_path / "bad.npz")


def test_not_an_npz(tmp_path):
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"one\.npy"):
        load(tmp_path / "one.npy")
    (tmp_path / "notes.npz").write_text("not an archive")
    with pytest.raises(DataError, match=r"notes\.npz"):
        load(tmp_path / "notes.npz")


def test_folder_with_a_missing_file(toy_folder):
    (toy_folder / LABELS).unlink()
    with pytest.raises(DataError, match=f"no {LABELS}"):
        load(toy_folder)


def test_folder_with_a_truncated_gz(toy_folder):
    path = toy_folder / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="truncated or corrupt gzip"):
        load(toy_folder)


def test_folder_with_a_wrong_magic_number(toy_folder):
    (toy_folder / f"{IMAGES}.gz").write_bytes(gzip.compress(b"GIF89a and more"))
    with pytest.raises(DataError, match="magic number 0x47494638"):
        load(toy_folder)


def test_folder_whose_counts_differ(toy_folder, toy, idx_bytes):
    (toy_folder / LABELS).write_bytes(idx_bytes(toy["y_train"][:-1]))
    with pytest.raises(DataError, match="12 images in x_train and 11 labels in y_train"):
        load(toy_folder)


def test_folder_with_float_labels(toy_folder, toy, idx_bytes):
    (toy_folder / LABELS).write_bytes(idx_bytes(toy["y_train"].astype("f4")))
    with pytest.raises(DataError, match="y_train of dtype float32"):
        load(toy_folder)


# --- files that could run code ------------------------------------------------------------------------------------

ADVICE = ("allow_pickle", "unsafe", "pickle.load", "weights_only", "trust")


class Code:
    """What a pickle could name: it is called where the file is read."""

    def __reduce__(self):
        return open, ("was-run", "w")


def pickled(path, toy):
    path.write_bytes(pickle.dumps(Code()))


def objects(path, toy):
    np.savez(path, **{**toy, "x_train": np.array([Code()], dtype=object)})


def raw_member(path, toy):
    np.savez(path, **toy)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more", pickle.dumps(Code()))


def pickled_member(path, toy):
    np.savez(path, **{k: v for k, v in toy.items() if k != "x_train"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x_train", pickle.dumps(Code()))


def text(path, toy):
    path.write_text("x,y\n1,2\n")


@pytest.mark.parametrize("made", [pickled, objects, pickled_member, text])
def test_nobody_is_told_to_load_a_file_in_an_unsafe_way(tmp_path, toy, monkeypatch, made):
    monkeypatch.chdir(tmp_path)
    made(tmp_path / "mine.npz", toy)
    with pytest.raises(DataError) as caught:
        load(tmp_path / "mine.npz")
    assert not any(word in str(caught.value) for word in ADVICE)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no /dev/zero")
def test_a_device_without_an_end_is_not_read():
    with pytest.raises(DataError, match="/dev/zero: got no file"):
        load("/dev/zero")


def test_what_else_lies_in_an_archive_is_not_looked_at(tmp_path, toy, monkeypatch):
    monkeypatch.chdir(tmp_path)
    raw_member(tmp_path / "mine.npz", toy)
    assert len(load(tmp_path / "mine.npz").y_train) == 12
    assert not (tmp_path / "was-run").exists()


def test_a_damaged_archive_is_told_as_one(tmp_path, toy):
    """Bytes changed at random: read all the same, or refused as data."""
    whole = save(tmp_path / "whole.npz", toy).read_bytes()
    rng, told = np.random.default_rng(0), []
    for _ in range(300):
        spoilt = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 6)):
            spoilt[at] = rng.integers(256)
        (tmp_path / "mine.npz").write_bytes(spoilt)
        try:
            load(tmp_path / "mine.npz")
        except DataError as refused:
            told.append(str(refused))
    assert len(told) > 100
    assert not [line for line in told if any(word in line for word in ADVICE)]
