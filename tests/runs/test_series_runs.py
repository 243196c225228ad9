from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import rheobase
from rheobase import nn
from rheobase.cli.app import app
from rheobase.data import Dataset, SeriesDataset, digits
from rheobase.errors import DataError, ParameterError
from rheobase.runs.network import build, memory_of
from rheobase.runs.settings import Settings


def test_series_are_trained_tested_and_asked_about(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.normal(size=(60, 12, 2)) * 50 + 300 * y[:, None, None]
    lengths = rng.integers(6, 13, 60)
    np.savez(tmp_path / "a.npz", x=x, y=y, lengths=lengths)
    command = ["train", "--neuron", "LIF", "--data", f"{tmp_path}/a.npz", "--out", f"{tmp_path}", "--name", "run"]
    done = CliRunner().invoke(app, [*command, "--epochs", "12", "--hidden", "16"])
    assert done.exit_code == 0, done.output
    assert "each channel scaled" in done.output
    readout = rheobase.load(tmp_path / "run").network[-1]
    assert float(readout.tau_mem) == 60.0
    # 12 steps are few: all of them stay for 10 more
    assert "12 steps, and 10 after the end, in which the last 12 stay" in " ".join(done.output.split())
    assert tuple(rheobase.load(tmp_path / "run").network[1].weight.shape) == (16, 12 * 2 * 2)
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    model = rheobase.load(tmp_path / "run")
    test = model.evaluate()
    assert (test.accuracy, test.loss) == (result["test"]["accuracy"], result["test"]["loss"])
    assert test.accuracy > 0.9
    held = model.load_data()
    assert model.predict(held.x_test).label.eq(held.y_test).double().mean() == pytest.approx(test.accuracy)
    assert len(model.predict(tmp_path / "a.npz")) == 60
    # the scaling is that of the samples that are trained on: in the units of the data
    assert model.task.scaling is not None and model.task.scaling.std[0] > 100
    # data that moved are found where one says that they lie, and nowhere else
    (tmp_path / "there").mkdir()
    (tmp_path / "a.npz").rename(tmp_path / "there" / "a.npz")
    with pytest.raises(DataError, match=r"no such file or folder.*--data-dir FOLDER, with a\.npz in it"):
        model.evaluate()
    assert model.evaluate(model.load_data(tmp_path / "there")).loss == test.loss


def resolved(data: Dataset, **given: Any) -> Settings:
    names = [f.name for f in fields(Settings) if f.name != "reading"]
    return Settings.resolve({**dict.fromkeys(names), "neuron": "LIF", "data": data.name, **given}, data)


def test_series_are_held_where_no_steps_are_put_together() -> None:
    def toy(steps: int) -> SeriesDataset:
        x, y = torch.randn(8, steps, 2, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 2
        return SeriesDataset("toy", x, y, x, y, ("left", "right"), channels=("x", "y"))

    short, long = toy(50), toy(51)
    assert [resolved(short).hold, resolved(long).hold, resolved(long, hold=5).hold] == [10, 0, 5]
    assert resolved(short).encode(short)(short.x_test).shape == (60, 8, 50 * 4)
    # a run of before says nothing of it: its network has the delay line, its series end where they end
    content = resolved(short).as_json()
    del content["hold"]
    before = Settings.from_json(content, "here")
    assert isinstance(build(before, short)[1], nn.DelayLine)
    assert before.encode(short)(short.x_test).shape == (50, 8, 4)
    assert memory_of(resolved(short), short) > memory_of(before, short)
    with pytest.raises(ParameterError, match="--hold: got 5, and images; expected time series"):
        resolved(digits(), hold=5)
    with pytest.raises(ParameterError, match="steps=-1"):
        resolved(short, hold=-1)
