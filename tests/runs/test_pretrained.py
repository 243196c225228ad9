"""Networks that come with the package: whole, small, free of code, and as good as their cards say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import rheobase
from rheobase import errors
from rheobase.cli.app import app
from rheobase.data import digits
from rheobase.runs.pretrained import HERE, SAID, card, names

MOST = 2_000_000  # bytes of all of them, in the wheel


def called(*words: Any) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("name", names())
def test_each_is_whole(name: str) -> None:
    model, one = rheobase.load(name), card(name)
    assert model.card == one
    assert all(len(getattr(one, field)) > 2 for field in SAID)
    assert one.command.endswith(f"--name {name}")
    assert one.parameters == sum(p.numel() for p in model.network.parameters())
    assert {path.suffix for path in (HERE / name).iterdir()} == {".json", ".safetensors"}
    # nothing of the machine that trained it
    assert model.settings.data_dir is None
    x = torch.rand(2, *model.task.sample_shape)
    if model.task.duration_ms is None:
        assert len(model.predict(x)) == 2


def test_all_together_are_small() -> None:
    assert len(names()) >= 4
    assert sum(card(name).size for name in names()) < MOST


@pytest.mark.parametrize("name", [name for name in names() if name.endswith("-digits") and "spoken" not in name])
def test_the_card_is_the_test(name: str) -> None:
    """Of the data that come with scikit-learn; `benchmarks.pretrained --check` does it for all."""
    found = rheobase.load(name).evaluate()
    one = card(name)
    assert (found.accuracy, found.samples) == (one.accuracy, one.samples)
    then = json.loads((HERE / name / "result.json").read_text())["test"]
    assert found.confusion.tolist() == then["confusion"]
    assert found.loss == pytest.approx(then["loss"], rel=1e-4)  # another processor sums in another order


def test_a_folder_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(HERE / "lif-digits", tmp_path / "src-digits")
    assert rheobase.load("src-digits").settings.neuron == "SRC"
    monkeypatch.chdir(tmp_path)
    found = rheobase.load("src-digits")
    assert found.settings.neuron == "LIF"
    assert found.card is None
    monkeypatch.setenv("HOME", str(tmp_path))
    assert rheobase.load("~/src-digits").settings.neuron == "LIF"


def test_a_name_that_there_is_not() -> None:
    with pytest.raises(errors.CheckpointError, match=r"did you mean 'src-digits'\? Known: .*lif-digits.*src-mnist"):
        rheobase.load("src-digit")
    done = called("evaluate", "no/such/folder")
    assert done.exit_code == 2
    assert "lif-digits" in done.output


def test_they_are_listed(tmp_path: Path) -> None:
    done = called("list", "--pretrained", "--json", tmp_path / "a.json")
    assert done.exit_code == 0, done.output
    listed = json.loads((tmp_path / "a.json").read_text())["pretrained"]
    assert [one["name"] for one in listed] == names()
    shown = " ".join(done.output.split())
    for name in names():
        assert card(name).figure in shown
        assert "CC BY" in card(name).licence or card(name).licence == "MIT"


def test_one_is_asked_by_name() -> None:
    found = rheobase.load("src-digits").predict(digits().x_test[:5])
    assert found.names == [str(int(k)) for k in digits().y_test[:5]]
