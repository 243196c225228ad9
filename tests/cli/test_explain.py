"""`rheobase explain RUN` and `rheobase bench RUN`: a trained network, measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase.cli.bench import LOOP
from rheobase.cli.bench_network import step_of
from rheobase.runs.batch import DENSITY, batch_of
from rheobase.runs.model import Model

TINY = ("--limit", 40, "--epochs", 1, "--steps", 8, "--hidden", 12, "--batch", 10, "--device", "cpu")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `mine` on the digits, and `series`, whose data are gone."""
    from typer.testing import CliRunner

    from rheobase.cli import app
    from rheobase.cli.training import report as page

    folder = tmp_path_factory.mktemp("trained")
    x = np.random.default_rng(0).normal(size=(40, 12, 2)).astype("float32")
    np.savez(folder / "data.npz", x=x, y=np.arange(40) % 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(page, "pictures", lambda outcome: [])
        for data, name, code in (("digits", "mine", "rate"), ("data.npz", "series", "direct")):
            words = ["train", "--neuron", "LIF", "--data", data, *TINY, "--name", name, "--encoder", code]
            result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
            assert result.exit_code == 0, result.output
    (folder / "data.npz").unlink()
    return folder


@pytest.fixture
def here(run, trained: Path) -> Path:
    shutil.copytree(trained / "runs", "runs")
    return Path.cwd()


@pytest.mark.usefixtures("here")
def test_a_run_by_its_name_or_folder_is_explained(run) -> None:
    result = run("explain", "mine", "--seconds", 0, "--json", "e.json", "--html", "e.html")
    assert result.exit_code == 0, result.stderr
    content = json.loads(Path("e.json").read_text())
    assert [layer["label"] for layer in content["layers"]] == [
        "0: Flatten",
        "1: Linear",
        "2: LIF",
        "3: Linear",
        "4: LI",
    ]
    assert content["whole"]["shape"] == [8, 10, 8, 8]
    assert content["whole"]["training"] is True
    assert content["data"] == "the first 10 test samples of digits"
    for text in ("2: LIF", "llvm: one fused kernel (2, 4)", "whole network"):
        assert text in result.stdout
        assert text in Path("e.html").read_text()
    again = run("explain", "runs/mine", "--seconds", 0, "--batch", 3, "--json", "f.json")
    assert again.exit_code == 0
    other = json.loads(Path("f.json").read_text())
    assert other["whole"]["shape"] == [8, 3, 8, 8]
    assert other["layers"][1]["parameters"] == 64 * 12 + 12


@pytest.mark.usefixtures("here")
def test_a_run_is_timed_against_the_plain_loop(run) -> None:
    before = Model.read("runs/mine").network.state_dict()
    result = run("bench", "mine", "--seconds", 0, "--json", "b.json")
    assert result.exit_code == 0, result.stderr
    content = json.loads(Path("b.json").read_text())
    assert [row["what"] for row in content["rows"]] == ["forward", "training step"]
    for row in content["rows"]:
        assert row["rounds"] >= 3
        assert row["lower_quartile"] <= row["times_faster"] <= row["upper_quartile"]
    assert (content["same_class"], content["samples"]) == (10, 10)
    assert content["largest_difference"] < 1e-5
    assert content["machine"]["threads"] == content["machine"]["threads"]
    assert content["shape"] == [8, 10, 8, 8]
    for text in (LOOP, "training step", "10 of 10 samples get the same class from both", "quartiles"):
        assert text in result.stdout
    after = Model.read("runs/mine").network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_steps_that_are_timed_are_all_the_same_step(trained: Path) -> None:
    model = Model.read(trained / "runs" / "mine")
    step = step_of(model, batch_of(model), "auto")
    assert step() == step() == step()


@pytest.mark.usefixtures("here")
def test_what_is_missing_is_said_and_random(run) -> None:
    result = run("explain", "series", "--seconds", 0, "--json", "e.json")
    assert result.exit_code == 0, result.stderr
    assert "random samples of the shape of" in result.stdout
    assert json.loads(Path("e.json").read_text())["whole"]["shape"][1:] == [10, 2]
    given = batch_of(Model.read("runs/series"), 200)
    # scaled as in the training: the mean of two values of N(0, 1), times the gain
    assert float(given.coded.sequence.std()) == pytest.approx(3.0 / 2**0.5, rel=0.1)


def test_random_events_are_sparse(trained: Path) -> None:
    from dataclasses import replace

    model = Model.read(trained / "runs" / "series")
    model.task = replace(model.task, duration_ms=100.0, scaling=None, longest=None, sample_shape=(2, 4, 4))
    frames = batch_of(model, 50).coded.sequence
    assert set(frames.unique().tolist()) == {0.0, 1.0}
    assert float(frames.mean()) == pytest.approx(DENSITY, rel=0.2)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", ["explain", "bench"])
def test_no_such_run(refused, command: str) -> None:
    assert "did you mean 'mine'" in refused(command, "mines")
    Path("runs/else").mkdir()
    assert "else" in refused(command, "runs/else")
    Path("runs").rename("elsewhere")
    assert "rheobase train --neuron SRC --data digits makes one" in refused(command, "mines")


@pytest.mark.usefixtures("here")
def test_help_of_bench_names_both(run) -> None:
    text = run("bench", "--help").stdout
    assert "rheobase bench runs/lif-digits" in text
    assert "neurons" in text
    assert run("bench", "network", "mine", "--seconds", 0).exit_code == 0, "the long form"
