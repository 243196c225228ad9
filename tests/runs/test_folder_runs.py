"""Runs on a user's own folders: said before the first epoch, tested again to the digit, asked about other files."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import rheobase
from rheobase.cli.app import app
from rheobase.errors import DataError

SMALL = ("--neuron", "LIF", "--hidden", "8", "--epochs", "9", "--steps", "20", "--batch", "8", "--device", "cpu")


def called(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def make_images(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for k in range(40):
        pixels = rng.integers(0, 60, (6, 5), dtype=np.uint8)
        pixels[:, 3 * (k % 2) : 2 + 3 * (k % 2)] += 150
        path = folder / ("left", "right")[k % 2] / f"{'abcd'[k // 10]}_{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


def make_events(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for k in range(40):
        path = folder / ("left", "right")[k % 2] / f"{'abcd'[k // 10]}_{k}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        x = rng.integers(0, 8, 200) // 2 + 4 * (k % 2)
        np.savez(path, x=x, y=rng.integers(0, 6, 200), p=rng.integers(0, 2, 200), t=np.arange(200) * 50 + 1000)
    return folder


def make_sounds(folder: Path) -> Path:
    from scipy.io import wavfile

    rng = np.random.default_rng(0)
    for k in range(40):
        path = folder / ("left", "right")[k % 2] / f"{'abcd'[k // 10]}_{k}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        time = np.arange(800 + 40 * (k % 7)) / 8000
        wave = 0.3 * np.sin(2 * np.pi * (400, 1200)[k % 2] * time) + 0.02 * rng.standard_normal(len(time))
        wavfile.write(path, 8000, (wave * 32_767).astype(np.int16))
    return folder


MAKERS = {
    "images": (make_images, ("--size", "4x4")),
    "events": (make_events, ("--size", "4x3", "--sensor", "8x6")),
    "sounds": (
        make_sounds,
        ("--bands", "6", "--pattern", "/(?P<person>[a-z])_", "--leave-out", "b,c", "--gain", "2.5"),
    ),
    "groups": (make_images, ("--pattern", "/(?P<person>[a-z])_", "--leave-out", "b")),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path, str]]:
    """For each kind: the folder of the data, that of the run, and what was said of them."""
    out = dict[str, tuple[Path, Path, str]]()
    for name, (make, options) in MAKERS.items():
        place = tmp_path_factory.mktemp(name)
        done = called(
            "train", "--data", make(place / "data"), *SMALL, *options, "--name", "run", "--out", place, "--lr", 0.05
        )
        assert done.exit_code == 0, done.output
        out[name] = (place / "data", place / "run", done.stderr)
    return out


@pytest.mark.parametrize("name", MAKERS)
def test_what_was_found_is_said_before_the_first_epoch(name: str, made: dict[str, tuple[Path, Path, str]]) -> None:
    said = made[name][2]
    before = said[: said.index("epoch 1/9")]
    assert "40 files" in before
    assert "test part: " in before
    assert "code: " in before
    if name == "images":
        assert "4x4 pixels, grey (by --size)" in before
    if name == "events":
        assert "a camera of 8x6 pixels (--sensor)" in before
    if name == "sounds":
        assert "6 gammatone bands from 50 to 3600 Hz" in before
        assert "test part: 20 of 40 files, person b, c" in before
    if name == "groups":
        assert "test part: 10 of 40 files, person b" in before


@pytest.mark.parametrize("name", MAKERS)
def test_evaluate_is_the_report(name: str, made: dict[str, tuple[Path, Path, str]]) -> None:
    run = made[name][1]
    then = json.loads((run / "result.json").read_text())["test"]
    assert rheobase.load(run).evaluate().as_json() == then
    done = called("evaluate", run)
    assert "the same figures" in done.output, done.output
    assert then["accuracy"] > 0.6


@pytest.mark.parametrize("name", MAKERS)
def test_predictions_of_files(name: str, made: dict[str, tuple[Path, Path, str]], tmp_path: Path) -> None:
    data, run, _ = made[name]
    done = called("predict", run, "--data", data, "--out", tmp_path / "p.csv")
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader((tmp_path / "p.csv").read_text().splitlines()))
    assert len(rows) == 40
    right = [row["class"] == row["sample"].split("/")[0] for row in rows]
    assert sum(right) > 24
    model = rheobase.load(run)
    found = model.predict(str(data))
    assert found.names == [row["class"] for row in rows]
    assert list(found.sources) == [row["sample"] for row in rows]
    file = data / rows[3]["sample"]
    assert model.predict(file).sources == (file.name,)


def test_a_file_that_a_network_cannot_take(made: dict[str, tuple[Path, Path, str]], tmp_path: Path) -> None:
    images, run, _ = made["groups"]
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "b.txt").touch()
    with pytest.raises(DataError, match=r"b\.txt: is no file of images"):
        rheobase.load(run).predict(tmp_path)
    (tmp_path / "b.txt").unlink()
    with pytest.raises(DataError, match=r"9x9 pixels where the network takes 5x6 and rgb where the network takes grey"):
        rheobase.load(run).predict(tmp_path)
    with pytest.raises(DataError, match=r"is no file of events"):
        rheobase.load(made["events"][1]).predict(images)
    from scipy.io import wavfile

    (tmp_path / "wav").mkdir()
    wavfile.write(tmp_path / "wav" / "low.wav", 4000, np.zeros(400, np.int16))
    wavfile.write(tmp_path / "wav" / "two.wav", 8000, np.zeros((400, 2), np.int16))
    with pytest.raises(DataError, match=r"low\.wav: 4000 Hz, which has nothing of what 8000 Hz holds") as caught:
        rheobase.load(made["sounds"][1]).predict(tmp_path / "wav")
    assert "two.wav: 2 channels" in str(caught.value)
    with pytest.raises(DataError, match="is no file of audio"):
        rheobase.load(made["sounds"][1]).predict(images)
    np.savez(tmp_path / "far.npz", x=[8], y=[0], p=[1], t=[0])
    with pytest.raises(DataError, match="1 events outside the sensor"):
        rheobase.load(made["events"][1]).predict(tmp_path / "far.npz")


def test_recordings_whose_times_have_another_unit_are_refused(
    made: dict[str, tuple[Path, Path, str]], tmp_path: Path
) -> None:
    """In ms all events lie in the first frame, in ns all but the first are left out: the network would see neither."""
    model, rng = rheobase.load(made["events"][1]), np.random.default_rng(0)
    places = {"x": rng.integers(0, 8, 200), "y": rng.integers(0, 6, 200), "p": rng.integers(0, 2, 200)}
    for name, t in (("ms", np.arange(200) // 20), ("ns", np.arange(200) * 50_000)):
        np.savez(tmp_path / f"{name}.npz", **places, t=t)
        with pytest.raises(DataError, match=r"recordings of .*expected about 9\.951 ms.*t counts us in whole numbers"):
            model.predict(tmp_path / f"{name}.npz")
    np.savez(tmp_path / "long.npz", **places, t=np.arange(200) * 100)
    assert model.predict(tmp_path / "long.npz").notes[-1].endswith("last longer than 9.951 ms: the rest is left out")
    assert "the rest is left out" in called("predict", made["events"][1], "--data", tmp_path / "long.npz").output


def test_a_folder_that_has_changed_is_not_tested_again(made: dict[str, tuple[Path, Path, str]], tmp_path: Path) -> None:
    place = make_images(tmp_path / "data")
    assert called("train", "--data", place, *SMALL, "--name", "run", "--out", tmp_path).exit_code == 0
    # of the same name and size, with other pixels; the first files are back for what follows
    raw = tmp_path / "raw"
    for file in place.rglob("*.png"):
        (raw / file.parent.name).mkdir(parents=True, exist_ok=True)
        Image.open(file).save(raw / file.parent.name / f"{file.stem}.bmp")
    assert called("train", "--data", raw, *SMALL, "--name", "of-raw", "--out", tmp_path).exit_code == 0
    assert rheobase.load(tmp_path / "of-raw").evaluate().samples == 8
    file = next((raw / "left").iterdir())
    pixels = np.asarray(Image.open(file))
    Image.fromarray(255 - pixels).save(file)
    with pytest.raises(DataError, match="files that have changed since the training"):
        rheobase.load(tmp_path / "of-raw").evaluate()
    # a run that is gone on with would end with their test
    (tmp_path / "of-raw" / "result.json").unlink()
    assert "files that have changed" in called("train", "--resume", tmp_path / "of-raw").stderr
    # a run of before says nothing of what is in them
    config = json.loads((tmp_path / "of-raw" / "config.json").read_text())
    config["notes"]["digest"] = config["notes"]["digest"].partition(":")[0]
    (tmp_path / "of-raw" / "config.json").write_text(json.dumps(config))
    assert rheobase.load(tmp_path / "of-raw").evaluate().samples == 8
    (place / "right" / "a_1.png").rename(place / "right" / "0.png")
    with pytest.raises(DataError, match="files that have changed since the training"):
        rheobase.load(tmp_path / "run").evaluate()
    assert "files that have changed" in called("evaluate", tmp_path / "run").stderr


@pytest.mark.parametrize("name", ["events", "sounds"])
def test_the_command_in_the_report_makes_the_run_again(
    name: str, made: dict[str, tuple[Path, Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import html

    run = made[name][1]
    monkeypatch.setattr("rheobase.cli.training.report.pictures", lambda outcome: [])
    page = html.unescape((run / "report.html").read_text())
    words = shlex.split(page.partition("<pre><code>")[2].partition("</code>")[0])
    assert called(*words[1:]).exit_code == 0
    once, again = (json.loads((run.parent / name / "result.json").read_text())["test"] for name in ("run", "run-2"))
    assert once == again


def test_a_run_of_before_has_no_reading(made: dict[str, tuple[Path, Path, str]], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(made["groups"][1], tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    del config["notes"]["settings"]["reading"], config["notes"]["checksum"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert rheobase.load(tmp_path / "run").settings.reading.given == {}
    assert torch.is_tensor(rheobase.load(tmp_path / "run").predict(made["groups"][0]).scores)


def test_all_that_is_wrong_is_one_line_before_a_folder_is_made(tmp_path: Path) -> None:
    place = make_images(tmp_path / "data")
    (place / "left" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (place / "right" / "none.png").touch()
    Image.new("L", (30, 30)).save(place / "right" / "large.png")
    done = called("train", "--data", place, *SMALL, "--out", tmp_path / "runs")
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    for words in ("3 problems", "left/torn.png", "right/none.png", "right/large.png: 30x30", "--size 5x6", "Remedy"):
        assert words in line, words
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--size", "big"), "--size: got big"),
        (("--bands", "8"), "--bands"),
        (("--mono",), "--mono"),
        (("--readout-tau", "0"), "--readout-tau: got 0"),
        (("--leave-out", "a"), "a pattern that gives each file its group"),
        (("--pattern", "(?P<person>x)"), "is not found in its path"),
    ],
)
def test_choices_that_do_not_fit_are_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = called("train", "--data", make_images(tmp_path / "data"), *SMALL, *words, "--out", tmp_path / "runs")
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_choices_of_reading_are_refused_for_a_run_that_goes_on(made: dict[str, tuple[Path, Path, str]]) -> None:
    done = called("train", "--resume", made["images"][1], "--size", "3x3")
    assert (done.exit_code, "--size" in done.stderr) == (2, True)
