"""A trained network is used: read from its folder, asked about samples, tested again, wherever the folder lies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import rheobase
from rheobase import errors
from rheobase.cli.app import app
from rheobase.data import digits
from rheobase.data.events import StoredEvents
from rheobase.runs.model import Model
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task

RUNS = {
    "lif": ["--neuron", "LIF"],
    "src": ["--neuron", "SRC", "--encoder", "latency"],
    "recurrent": ["--neuron", "AdLIF", "--recurrent", "--encoder", "direct", "--loss", "max"],
    "adex": ["--neuron", "AdEx", "--precision", "64-true"],
    # with pictures, which most of the time of such a small run goes to
    "no-hidden-layer": ["--neuron", "LIF", "--hidden", "none", "--seed", "7"],
}


def called(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("runs")
    for name, options in RUNS.items():
        small = ["--data", "digits", "--hidden", "8", "--epochs", "1", "--steps", "6", "--limit", "90"]
        with pytest.MonkeyPatch.context() as patch:
            if name != "no-hidden-layer":
                patch.setattr("rheobase.cli.training.report.pictures", lambda outcome: [])
            done = called("train", *small, *options, "--name", name, "--out", out)
        assert done.exit_code == 0, done.output
    return {name: out / name for name in RUNS}


@pytest.mark.parametrize("name", RUNS)
def test_evaluate_is_the_report(name: str, runs: dict[str, Path]) -> None:
    then = json.loads((runs[name] / "result.json").read_text())["test"]
    assert rheobase.load(runs[name]).evaluate().as_json() == then
    done = called("evaluate", runs[name])
    assert done.exit_code == 0
    assert "the same figures" in done.output


@pytest.mark.parametrize("name", RUNS)
def test_predictions_are_those_of_the_test(name: str, runs: dict[str, Path], tmp_path: Path) -> None:
    """In another folder, from a file, in Python and by the command: the same bits, and the accuracy of the report."""
    moved = tmp_path / "elsewhere"
    shutil.copytree(runs[name], moved)
    data = digits().limited(90)
    here, there = rheobase.load(runs[name]).predict(data.x_test), Model.read(moved).predict(data.x_test)
    assert torch.equal(here.scores, there.scores)
    assert torch.equal(here.label, here.scores.argmax(-1))
    then = json.loads((runs[name] / "result.json").read_text())["test"]
    assert float((here.label == data.y_test).double().mean()) == then["accuracy"]
    np.savez_compressed(tmp_path / "new.npz", x=data.x_test.numpy())
    done = called(
        "predict", moved, "--data", tmp_path / "new.npz", "--out", tmp_path / "p.csv", "--json", tmp_path / "p.json"
    )
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "p.json").read_text())
    assert found["predictions"] == here.names
    assert torch.equal(torch.tensor(found["scores"], dtype=here.scores.dtype), here.scores)
    lines = (tmp_path / "p.csv").read_text().splitlines()
    assert len(lines) == len(here) + 1
    assert lines[1].split(",")[:2] == ["0", here.names[0]]


def test_a_result_that_is_none(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["lif"], tmp_path / "run")
    (tmp_path / "run" / "result.json").write_text("[]")
    done = called("evaluate", tmp_path / "run")
    assert done.exit_code == 2
    assert "no test in it" in " ".join(done.output.split())
    (tmp_path / "run" / "result.json").unlink()
    assert called("evaluate", tmp_path / "run").exit_code == 0


def test_the_network_is_an_ordinary_one(runs: dict[str, Path]) -> None:
    model = rheobase.load(runs["lif"])
    assert isinstance(model.network, rheobase.nn.Sequential)
    before = torch.get_rng_state()
    out, _ = model.network(model.encoder()(digits().x_test[:3], seed=0))
    assert out.shape == (6, 3, 10)
    assert not model.network.training
    assert torch.equal(before, torch.get_rng_state())
    assert repr(model).endswith("LIF, 8x8 to 10 classes)")


def test_a_run_that_says_nothing_of_its_task() -> None:
    """One of before: its data tell."""
    assert Model.read(Path(__file__).parents[1] / "house" / "saved" / "run").evaluate().accuracy == 0.109375


def test_files_of_samples(runs: dict[str, Path], tmp_path: Path) -> None:
    x = (255 * digits().x_test[:4]).round().to(torch.uint8).numpy()
    np.save(tmp_path / "x.npy", x)
    assert called("predict", runs["lif"], "--data", tmp_path / "x.npy").exit_code == 0
    assert called("predict", runs["lif"], "--data", "digits").exit_code == 0


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.array([{"a": 1}], dtype=object), "cannot be read"),
        (np.zeros((2, 5, 5), np.float32), "expected (n, 8, 8)"),
        (np.full((2, 8, 8), 7.0), "values of x from 7 to 7"),
        (np.full((2, 8, 8), np.nan), "NaN or infinity in sample 0"),
        (np.zeros((2, 8, 8), np.int64), "uint8 pixels"),
        (np.zeros((0, 8, 8), np.float32), "samples (0, 8, 8)"),
    ],
)
def test_samples_that_do_not_fit(array: np.ndarray, says: str, runs: dict[str, Path], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    done = called("predict", runs["lif"], "--data", tmp_path / "x.npy", "--out", tmp_path / "p.csv")
    assert done.exit_code == 2
    assert says in " ".join(done.output.split())
    assert "pickle=True" not in done.output
    assert not (tmp_path / "p.csv").exists()


def test_folders_that_hold_no_model(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(errors.CheckpointError, match=r"config\.json"):
        rheobase.load(tmp_path)
    for broken, says in (({"name": 3}, "no task"), ({"settings": {}}, "no settings")):
        folder = tmp_path / says.replace(" ", "")
        shutil.copytree(runs["lif"], folder)
        content = json.loads((folder / "config.json").read_text())
        content["notes"] = {**content["notes"], **({"task": broken} if "name" in broken else broken)}
        del content["notes"]["checksum"]  # as in runs of before
        (folder / "config.json").write_text(json.dumps(content))
        with pytest.raises(errors.CheckpointError, match=says):
            rheobase.load(folder)
    (tmp_path / "weightless").mkdir()
    shutil.copy(runs["lif"] / "config.json", tmp_path / "weightless")
    with pytest.raises(errors.CheckpointError, match=r"last\.json"):
        rheobase.load(tmp_path / "weightless")


def test_settings_that_somebody_changed(runs: dict[str, Path], tmp_path: Path) -> None:
    """What decides the numbers is refused; where the data lie and what runs the network may be changed."""
    shutil.copytree(runs["lif"], tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    whole = path.read_text()

    def change(of: str, name: str, value: object) -> None:
        content = json.loads(whole)
        content["notes"][of][name] = value
        path.write_text(json.dumps(content))

    changes = {"gain": 0.5, "hidden": [10**12], "steps": 7}
    for of, name, value in [("settings", *one) for one in changes.items()] + [("task", "classes", ["a"] * 10)]:
        change(of, name, value)
        with pytest.raises(errors.CheckpointError, match="its own checksum does not fit"):
            rheobase.load(tmp_path / "run")
    change("settings", "threads", 2)
    assert rheobase.load(tmp_path / "run").settings.threads == 2


def test_a_run_that_lost_the_weights_of_its_best_epoch(runs: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(runs["lif"], tmp_path / "run")
    (tmp_path / "run" / "best.json").unlink()
    with pytest.raises(errors.CheckpointError, match=r"best\.json: got no such file"):
        rheobase.load(tmp_path / "run")


def test_events_are_asked_about_as_events() -> None:
    """A network of events takes recordings, and no images."""
    g = torch.Generator().manual_seed(0)
    unit, t = torch.randint(0, 6, (40,), generator=g), torch.randint(0, 9000, (40,), generator=g)
    events = StoredEvents({"unit": unit.numpy(), "t": t.numpy(), "offsets": [0, 10, 40]}, (6,), "here")
    given = json.loads((Path(__file__).parents[1] / "house" / "saved" / "run" / "config.json").read_text())
    settings = Settings.from_json({**given["notes"]["settings"], "encoder": "binary"}, "here")
    task = Task("toy", (6,), ("a", "b"), 9.0)
    assert Task.from_json(json.loads(json.dumps(task.as_json())), "here") == task
    from rheobase.runs.network import build

    model = Model(Path("toy"), settings, task, build(settings, task).eval())
    assert len(model.predict(events)) == 2
    with pytest.raises(errors.ParameterError, match="recordings of events"):
        model.predict(torch.zeros(2, 6))
    with pytest.raises(errors.ShapeError, match="events of shape"):
        model.predict(StoredEvents({"unit": [0], "t": [1], "offsets": [0, 1]}, (7,), "here"))
