"""A user's own folders: what lies in them, which files test, and all that can be wrong, told at once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rheobase.data import Reading, load
from rheobase.errors import DataError, ParameterError
from rheobase.runs import defaults

GREY = np.arange(20, dtype=np.uint8).reshape(5, 4)


def image(path, pixels=GREY, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **how)
    return path


@pytest.fixture
def pets(tmp_path):
    """Ten cats and ten dogs of four people, 5 x 4 pixels."""
    for k in range(20):
        image(tmp_path / "pets" / ("cat", "dog")[k % 2] / f"{('ann', 'bob', 'eve', 'joe')[k // 5]}_{k}.png", GREY + k)
    return tmp_path / "pets"


def refused(folder, **reading):
    with pytest.raises(DataError) as caught:
        load(folder, reading=Reading(**reading))
    return str(caught.value)


def test_classes_are_folders_and_a_fifth_tests(pets):
    data = load(pets)
    assert data.classes == ("cat", "dog")
    assert data.sample_shape == (5, 4)
    assert (len(data.y_train), data.y_test.bincount().tolist()) == (16, [2, 2])
    first = {
        round(255 * float(x[0, 0])): int(y)
        for part in ("train", "test")
        for x, y in zip(getattr(data, f"x_{part}"), getattr(data, f"y_{part}"), strict=True)
    }
    assert first == {k: k % 2 for k in range(20)}
    assert any("4 of 20 files, a share of 0.2 by class, seed 0" in note for note in data.notes)
    assert any("4x5 pixels, grey" in note for note in data.notes)
    again, other = load(pets), load(pets, reading=Reading(split_seed=1))
    assert torch.equal(again.x_test, data.x_test)
    assert not torch.equal(other.x_test, data.x_test)
    assert len(load(pets, reading=Reading(test_share=0.5)).y_test) == 10


def test_folders_train_and_test_are_taken_as_such(pets, tmp_path):
    for part in ("Train", "test"):
        (tmp_path / "own" / part).mkdir(parents=True)
    for name in ("cat", "dog"):
        (pets / name).rename(tmp_path / "own" / "Train" / name)
        image(tmp_path / "own" / "test" / name / "a.png")
    data = load(tmp_path / "own")
    assert (len(data.y_train), data.y_test.tolist()) == (20, [0, 1])
    assert any("by the folders train and test" in note for note in data.notes)
    with pytest.raises(ParameterError, match="--test-share"):
        load(tmp_path / "own", reading=Reading(test_share=0.3))


def test_copies_of_training_files_in_the_test_part_are_told(pets):
    assert not any("caution" in note for note in load(pets).notes)
    for k in range(4):
        image(pets / "cat" / f"copy_{k}.png", GREY)
    note = next(note for note in load(pets, reading=Reading(test_share=0.4)).notes if "caution" in note)
    assert "test files have the content of training files: cat/" in note


def test_contents_are_read_once_for_copies_and_digest(pets, monkeypatch):
    image(pets / "cat" / "copy.png", GREY)
    summed = list[str]()

    def counted(file, kind, of=hashlib.file_digest):
        summed.append(file.name)
        return of(file, kind)

    files = sorted(pets.rglob("*.png"))
    # the second part is what runs of before wrote too
    sums = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)
    monkeypatch.setattr(hashlib, "file_digest", counted)
    monkeypatch.setattr(Path, "read_bytes", lambda file: pytest.fail(f"{file} is read for a sum of its own"))
    said = load(pets).digest
    assert sorted(summed) == [str(file) for file in files]
    assert said is not None
    assert said.partition(":")[2] == hashlib.sha256(sums).hexdigest()


def test_links_are_followed_and_a_link_back_up_is_no_loop(pets, tmp_path):
    (pets / "emu").symlink_to(tmp_path / "birds")
    for k in range(3):
        image(tmp_path / "birds" / f"{k}.png")
    (tmp_path / "birds" / "up").symlink_to(pets)
    assert load(pets).classes == ("cat", "dog", "emu")


def test_a_class_may_be_called_train(pets):
    (pets / "cat").rename(pets / "train")
    assert "where train is a class" in refused(pets)
    assert load(pets, reading=Reading(pattern="^(?P<label>[^/]+)/")).classes == ("dog", "train")


def test_groups_are_whole_in_one_part(pets):
    data = load(pets, reading=Reading(pattern="(?P<person>[a-z]+)_"))
    assert data.groups is not None
    assert data.groups.kind == "person"
    assert not set(data.groups.train.tolist()) & set(data.groups.test.tolist())
    assert len(set(data.groups.test.tolist())) == 1
    assert any("1 of 4 by person" in note for note in data.notes)
    left = load(pets, reading=Reading(pattern="(?P<person>[a-z]+)_", leave_out="ann,joe"))
    assert (len(left.y_train), len(left.y_test)) == (10, 10)
    again = load(pets, reading=Reading(pattern="(?P<person>[a-z]+)_", leave_out="bob")).leave_out("eve")
    assert len(again.y_test) == 5
    with pytest.raises(ParameterError, match="did you mean 'bob'"):
        load(pets, reading=Reading(pattern="(?P<person>[a-z]+)_", leave_out="bbo"))


def test_whole_groups_validate(pets, gestures):
    for folder, pattern, kind in ((pets, "(?P<person>[a-z]+)_", "person"), (gestures, r"(?P<take>\d)[.]npz", "take")):
        data = load(folder, reading=Reading(pattern=pattern))
        for seed in range(3):
            held, how = data.held_back(0.3, seed)
            of = [set(data.groups.train[part].tolist()) for part in (held, ~held)]
            assert of[0]
            assert not of[0] & of[1]
            assert f" by {kind}: {data.groups.names[min(of[0])]}" in how
            (_, y), (_, y_held) = data.split(0.3, seed)
            assert torch.equal(y_held, data.y_train[held])
            assert len(y) + len(y_held) == len(data.y_train)


def test_where_no_group_can_be_held_back_it_is_told(pets):
    data = load(pets, reading=Reading(pattern="(?P<person>[a-z]+)_", leave_out="ann,bob,eve"))
    held, how = data.held_back(0.2)
    assert int(held.sum()) == 1
    assert how == (
        "1 of 5 training samples, by class; caution: by no person, because without it a class would have no "
        "training sample"
    )


def test_a_pattern_gives_the_class_of_a_flat_folder(tmp_path):
    for k in range(20):
        image(tmp_path / "flat" / f"{k % 3}_{'ab'[k % 2]}_{k}.png")
    (tmp_path / "flat" / "README.md").touch()
    data = load(tmp_path / "flat", reading=Reading(pattern=r"(?P<label>\d)_(?P<speaker>[a-z])_"))
    assert data.classes == ("0", "1", "2")
    assert data.groups is not None
    assert "left aside: README.md" in data.notes
    assert "lies in no class folder" in refused(tmp_path / "flat")
    assert "is not found in its path" in refused(tmp_path / "flat", pattern=r"(?P<label>[abc])\d")


def test_classes_are_sorted_by_number(tmp_path):
    for name in ("10", "9", "1"):
        for k in range(3):
            image(tmp_path / "n" / name / f"{k}.png")
    assert load(tmp_path / "n").classes == ("1", "9", "10")


def test_what_systems_leave_behind_is_passed_over(pets):
    (pets / ".DS_Store").write_bytes(b"x")
    (pets / "cat" / "Thumbs.db").write_bytes(b"x")
    (pets / ".git").mkdir()
    assert load(pets).classes == ("cat", "dog")


def test_all_problems_are_told_at_once(pets):
    (pets / "cat" / "torn.png").write_bytes((pets / "cat" / "ann_0.png").read_bytes()[:50])
    (pets / "cat" / "none.png").touch()
    image(pets / "dog" / "large.png", np.zeros((9, 9), np.uint8))
    image(pets / "dog" / "colour.png", np.zeros((5, 4, 3), np.uint8))
    image(pets / "dog" / "glass.png", np.zeros((5, 4, 4), np.uint8))
    (pets / "dog" / "list.xlsx").touch()
    (pets / "bird").mkdir()
    image(pets / "deep" / "er" / "a.png")
    said = refused(pets)
    for words in (
        "8 problems",
        "cat/torn.png: an image that cannot be decoded",
        "cat/none.png: an empty file of 0 bytes",
        "dog/large.png: 9x9 pixels where most have 4x5 (--size 4x5 resizes all)",
        "dog/colour.png: rgb where most have grey (--colour grey",
        "dog/glass.png: transparent pixels",
        "dog/list.xlsx: has the suffix .xlsx",
        "bird: an empty class folder",
        "deep/er/a.png: lies deeper than",
    ):
        assert words in said, words


def test_size_and_colour_bring_images_together(pets):
    image(pets / "dog" / "large.png", np.full((50, 40, 3), 77, np.uint8))
    data = load(pets, reading=Reading(size="2x3", colour="grey"))
    assert data.sample_shape == (3, 2)
    assert load(pets, reading=Reading(size="4x5", colour="rgb")).sample_shape == (5, 4, 3)
    whole = torch.cat([data.x_train, data.x_test])
    assert any(torch.allclose(x, torch.full((3, 2), 77 / 255)) for x in whole)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: [p.unlink() for p in (f / "cat").iterdir()], "one class alone, dog"),
        (lambda f: (f / "dog" / "a.wav").touch(), "several kinds"),
        (lambda f: (f / "dog" / "a.bin").touch(), "several kinds"),
        (lambda f: (f / "train").mkdir(), "the folders cat, dog, train"),
        (lambda f: [p.rename(p.with_suffix(".doc")) for p in f.rglob("*.png")], "20 .doc: no kind of data"),
    ],
)
def test_a_folder_of_no_use(pets, spoil, said):
    spoil(pets)
    assert said in refused(pets)


def test_a_class_without_a_training_file(pets):
    image(pets / "emu" / "kim_1.png")
    said = refused(pets, pattern="(?P<person>[a-z]+)_", leave_out="kim")
    assert "no training file of class emu" in said


def test_an_empty_folder(tmp_path):
    assert "no files in it" in refused(tmp_path)


@pytest.mark.parametrize(
    ("mode", "pixels", "value"),
    [
        ("16 bits", np.full((5, 4), 32768, np.uint16), 32768 / 65535),
        ("bits", np.ones((5, 4), bool), 1.0),
        ("grey", np.full((5, 4), 51, np.uint8), 0.2),
    ],
)
def test_depths_of_pixels(tmp_path, mode, pixels, value):
    for k in range(4):
        image(tmp_path / mode / "ab"[k % 2] / f"{k}.png", pixels)
    data = load(tmp_path / mode, reading=Reading(test_share=0.5))
    assert data.x_train.flatten().tolist() == pytest.approx([value] * 40)


def test_several_pictures_in_a_file_and_other_colour_spaces(tmp_path):
    frames = [Image.fromarray(GREY), Image.fromarray(GREY + 1)]
    for name in ("a", "b"):
        (tmp_path / "g" / name).mkdir(parents=True)
        frames[0].save(tmp_path / "g" / name / "1.tif", save_all=True, append_images=frames[1:])
        Image.new("CMYK", (4, 5)).save(tmp_path / "g" / name / "2.tif")
        Image.new("F", (4, 5)).save(tmp_path / "g" / name / "3.tif")
    said = refused(tmp_path / "g")
    assert "a/1.tif, b/1.tif: 2 pictures in one file" in said
    assert "a/2.tif, b/2.tif: an image of colour space CMYK" in said
    assert "whose range is unknown" in said


def recording(path, n=50, side=8, **more):
    rng = np.random.default_rng(len(path.name))
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {"x": rng.integers(0, side, n), "y": rng.integers(0, side, n), "p": rng.integers(0, 2, n)}
    arrays["x"][:1], arrays["y"][:1] = side - 1, side - 1
    np.savez(path, **(arrays | {"t": 1_000_000 + np.arange(n) * 100} | more))


@pytest.fixture
def gestures(tmp_path):
    for k in range(12):
        recording(tmp_path / "g" / "ab"[k % 2] / f"{k}.npz")
    return tmp_path / "g"


def test_recordings_of_events(gestures):
    data = load(gestures)
    assert data.sample_shape == (2, 8, 8)
    assert data.duration_ms == pytest.approx(4.901)
    assert int(data.x_train._among.take(np.array([0])).t.min()) == 0
    assert "a camera of 8x8 pixels (the largest address; --sensor names it)" in data.notes
    small = load(gestures, reading=Reading(size="4x2", duration=2.0))
    assert (small.sample_shape, small.duration_ms) == ((2, 2, 4), 2.0)
    assert any("of 12 longer ones the rest is left out" in note for note in small.notes)
    whole, pooled = data.x_train._among.take(), small.x_train._among.take()
    p, y, x = np.unravel_index(whole.address, (2, 8, 8))
    assert np.array_equal(pooled.address, np.ravel_multi_index((p, y // 4, x // 2), (2, 2, 4)))


def test_recordings_in_text(tmp_path):
    for k in range(10):
        path = tmp_path / "t" / "ab"[k % 2] / f"{k}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{at},{at % 8},{at % 4},{at % 2}\n" for at in range(20)))
    assert "tells which column is which" in refused(tmp_path / "t")
    data = load(tmp_path / "t", reading=Reading(columns="t=0,x=1,y=2,p=3"))
    assert data.sample_shape == (2, 4, 8)
    with pytest.raises(ParameterError, match="label= for events; expected columns for x, y, p, t"):
        load(tmp_path / "t", reading=Reading(columns="t=0,x=1,y=2,p=3,label=3"))


def test_problems_of_recordings(gestures):
    recording(gestures / "a" / "other.npz", width=9, height=9)
    recording(gestures / "a" / "most.npz", side=20)
    recording(gestures / "b" / "none.npz", n=0)
    recording(gestures / "b" / "long.npz", t=np.arange(50) * 100_000_000)
    np.savez(gestures / "b" / "odd.npz", x=np.array([None], dtype=object))
    said = refused(gestures)
    for words in (
        "a/most.npz: events outside the 9x9 pixels",
        "b/none.npz: no events in it",
        "b/long.npz: lasts 82 minutes",
        "b/odd.npz",
    ):
        assert words in said, words
    said = refused(gestures, sensor="8x8")
    assert "a/most.npz: " in said
    assert "events outside the sensor" in said
    with pytest.raises(ParameterError, match="did you mean 'dvs128'"):
        load(gestures, reading=Reading(sensor="dsv128"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "28"},
        {"size": "0x3"},
        {"colour": "red"},
        {"duration": 0},
        {"test_share": 1},
        {"split_seed": -1},
        {"pattern": "("},
        {"pattern": "abc"},
        {"pattern": "(?P<a>.)(?P<b>.)"},
    ],
    ids=str,
)
def test_choices_that_none_can_have(wrong):
    with pytest.raises(ParameterError, match=f"--{next(iter(wrong)).replace('_', '-')}"):
        Reading(**wrong)


def test_choices_that_mean_nothing_for_the_data(pets, gestures, tmp_path):
    with pytest.raises(ParameterError, match="--duration"):
        load(pets, reading=Reading(duration=3))
    with pytest.raises(ParameterError, match="--colour"):
        load(gestures, reading=Reading(colour="grey"))
    with pytest.raises(ParameterError, match="--size, --test-share"):
        load("digits", reading=Reading(size="3x3", test_share=0.1))
    np.savez(tmp_path / "a.npz", x_train=np.zeros((4, 2)))
    with pytest.raises(ParameterError, match="--size"):
        load(tmp_path / "a.npz", reading=Reading(size="3x3"))


def test_what_the_help_says_is_what_is_done():
    from rheobase.data.folders import reading

    assert (defaults.TEST_SHARE, defaults.SPLIT_SEED) == (reading.TEST_SHARE, reading.SPLIT_SEED)
