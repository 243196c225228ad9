"""What one does with a trained run beyond asking it: export, watch, interrupt; and what is refused."""

from __future__ import annotations

import io
import json
import pickle
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

import rheobase
from rheobase import errors, interop
from rheobase.cli import evaluate, export, list_neurons, predict, watching
from rheobase.cli.app import app
from rheobase.data import digits
from rheobase.runs import model as models
from rheobase.runs.pretrained import HERE
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task


def called(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


def line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose code draws nothing, on images."""
    out = tmp_path_factory.mktemp("runs")
    words = "train --neuron IF --recurrent --data digits --encoder direct --steps 30 --hidden 20 --limit 200 --epochs 4"
    done = called(*words.split(), "--name", "run", "--out", out)
    assert done.exit_code == 0, done.output
    return out / "run"


def test_the_file_and_its_description_are_enough(recurrent: Path, tmp_path: Path) -> None:
    """Samples to classes by onnxruntime and NumPy alone, as FILE.json says: those of `predict`."""
    done = called("export", recurrent, "--to", "onnx", "--out", tmp_path / "net.onnx", "--json", tmp_path / "a.json")
    assert done.exit_code == 0, done.output
    said = json.loads((tmp_path / "net.onnx.json").read_text())
    assert json.loads((tmp_path / "a.json").read_text()) == {"run": str(recurrent), **said}
    assert said["tried"]["same"]
    assert said["encoding"]["says"] == "direct code of 30 steps: the values at every step"
    assert said["output"]["score"] == "the sum of out over its steps"
    x = digits().x_test[:50]
    sequence = np.repeat(x.numpy()[None], said["encoding"]["steps"], 0)
    session = onnxruntime.InferenceSession(str(tmp_path / said["file"]), providers=["CPUExecutionProvider"])
    (out,) = session.run([said["output"]["name"]], {said["input"]["name"]: sequence})
    named = [said["output"]["classes"][k] for k in out.sum(0).argmax(-1)]
    model = rheobase.load(recurrent)
    assert named == model.predict(x).names
    found = interop.run_onnx(tmp_path / "net.onnx", model.network, torch.from_numpy(sequence))
    assert found.spikes > 500
    assert found.differing == 0


def test_spikes_that_differ_are_told(recurrent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = interop.Agreement(spikes=100, differing=3, deviation=0.0, layers=4)
    monkeypatch.setattr("rheobase.runs.export.run_onnx", lambda *_: one)
    done = called("export", recurrent, "--to", "onnx", "--out", tmp_path / "net.onnx")
    assert done.exit_code == 0
    assert "3 differ" in line(done.output)
    assert "with --float64" in line(done.output)
    assert not json.loads((tmp_path / "net.onnx.json").read_text())["tried"]["same"]


def test_what_an_export_does_not_know(recurrent: Path, tmp_path: Path) -> None:
    model = rheobase.load(recurrent)
    with pytest.raises(errors.ParameterError, match="Known: nir, onnx, torch"):
        model.export(tmp_path / "net", to="tflite")
    with pytest.raises(errors.ParameterError, match="dtype"):
        model.export(tmp_path / "net.pt2", to="torch", dtype=torch.float64)
    assert called("export", recurrent, "--to", "onnx", "--out", tmp_path).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_without_the_extra_it_says_which(recurrent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(errors.BackendUnavailable, match=r"rheobase\[onnx\]"):
        rheobase.load(recurrent).export(tmp_path / "net.onnx", to="onnx")


SERIES = Task("s", (3,), ("a", "b"), None, 40, rheobase.data.Scaling((0.0,) * 3, (1.0,) * 3))
KINDS = {
    "series": (SERIES, {"encoder": "population", "steps": 20, "taps": 5}, (24,), "8 Gaussian fields a channel"),
    "events": (
        Task("e", (2, 5, 5), ("a", "b"), 30.0),
        {"encoder": "binary", "steps": 6},
        (2, 5, 5),
        "6 frames of 5 ms",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_data_say_their_own_code(kind: str, tmp_path: Path) -> None:
    task, own, sizes, says = KINDS[kind]
    config = json.loads((HERE / "lif-digits" / "config.json").read_text())
    settings = Settings.from_json({**config["notes"]["settings"], **own}, "here")
    net = models.build(settings, task).eval()
    made = models.Model(Path("toy"), settings, task, net).export(tmp_path / "net.onnx", to="onnx")
    assert made.content["input"]["axes"] == ["time", "batch", *sizes]
    assert says in made.content["encoding"]["says"]
    assert "--" not in made.content["encoding"]["says"]
    assert made.same


def commands(examples: str) -> list[str]:
    """The examples of a help text that need no data of the reader's."""
    found = [text.partition("  ")[0].strip() for text in examples.splitlines()]
    return [text for text in found if text.startswith("rheobase") and ("src-digits" in text or "list" in text)]


EXAMPLES = [text for page in (evaluate, predict, export, list_neurons) for text in commands(page.EXAMPLES)]


@pytest.mark.parametrize("command", EXAMPLES)
def test_examples_of_the_help_run_as_they_stand(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("new.npy", digits().x_test[:3].numpy())
    done = called(*shlex.split(command)[1:])
    assert done.exit_code == 0, done.output


def test_every_command_has_such_an_example() -> None:
    assert {text.split()[1] for text in EXAMPLES} == {"evaluate", "predict", "export", "list"}


def test_long_work_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = called("predict", "lif-digits", "--data", "digits")
    assert "samples:" not in quiet.output
    monkeypatch.setattr(watching, "SECONDS_BEFORE", 0.0)
    for words in (("evaluate", "lif-digits"), ("predict", "lif-digits", "--data", "digits")):
        done = called(*words)
        assert "samples: 64 of 359" in done.stderr
        assert "samples:" not in done.stdout


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "SECONDS_BEFORE", 0.0)
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", screen)
    with watching.Watching() as watch:
        for k in range(4):
            watch("samples", k, 3)
    assert "samples" in screen.getvalue()
    assert "3/3" in screen.getvalue()


def test_an_interrupted_prediction_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.csv").write_text("of yesterday")
    calls: list[int] = []

    def stopped(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*given)

    original = models.run_network
    monkeypatch.setattr(models, "run_network", stopped)
    done = called(
        "predict", "lif-digits", "--data", "digits", "--out", tmp_path / "p.csv", "--json", tmp_path / "p.json"
    )
    assert done.exit_code == 130
    assert "interrupted" in done.output
    assert (tmp_path / "p.csv").read_text() == "of yesterday"
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


def test_an_interrupted_evaluation_ends_in_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("rheobase.learning.training.evaluate.run_network", stopped)
    done = called("evaluate", "lif-digits")
    assert (done.exit_code, done.output.strip()) == (130, "interrupted")


def pickles(folder: Path) -> list[Path]:
    """Files with Python objects, as they are called and as they are not."""
    torch.save({"weight": torch.ones(2)}, folder / "model.pt")
    (folder / "model.pkl").write_bytes(pickle.dumps([1, 2]))
    shutil.copy(folder / "model.pt", folder / "model.json")
    return [folder / name for name in ("model.pt", "model.pkl", "model.json")]


@pytest.mark.parametrize("command", ["evaluate", "predict", "export"])
def test_pickled_files_are_refused_and_no_unsafe_way_is_named(command: str, tmp_path: Path) -> None:
    more = {"predict": ["--data", "digits"], "export": ["--to", "onnx", "--out", tmp_path / "net.onnx"], "evaluate": []}
    for file in pickles(tmp_path):
        done = called(command, file, *more[command])
        said = line(done.output)
        assert done.exit_code == 2
        assert "a file with Python objects (a pickle), which is not read" in said
        assert not any(word in said for word in ("weights_only", "allow_pickle", "unsafe", "trust"))


def test_a_pickle_in_a_run_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(HERE / "lif-digits", folder)
    weights = next(folder.glob("*.safetensors"))
    torch.save({"weight": torch.ones(2)}, weights)
    with pytest.raises(errors.CheckpointError, match="SHA-256") as told:
        rheobase.load(folder)
    assert "weights_only" not in str(told.value)


def test_a_file_of_a_run_is_no_run() -> None:
    with pytest.raises(errors.CheckpointError, match=r"got a file; .*is it .*lif-digits\?"):
        rheobase.load(HERE / "lif-digits" / "best.json")


def test_a_run_of_another_version_says_what_differs(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(HERE / "lif-digits", folder)
    content = json.loads((folder / "config.json").read_text())
    settings = content["notes"]["settings"]
    del settings["gain"]
    settings["horizon"] = 3
    content["notes"]["rheobase"] = "9.9"
    (folder / "config.json").write_text(json.dumps(content))
    with pytest.raises(errors.CheckpointError, match=r"\(no gain, also horizon\), which rheobase 9\.9 wrote; this is "):
        rheobase.load(folder)
    checkpoint = json.loads((HERE / "lif-digits" / "best.json").read_text())
    (folder / "best.json").write_text(json.dumps(checkpoint | {"version": 2}))
    (folder / "config.json").write_text((HERE / "lif-digits" / "config.json").read_text())
    with pytest.raises(errors.CheckpointError, match="read it with the rheobase that wrote it"):
        rheobase.load(folder)


def test_a_run_notes_the_version_that_made_it(recurrent: Path) -> None:
    assert json.loads((recurrent / "config.json").read_text())["notes"]["rheobase"] == rheobase.__version__
