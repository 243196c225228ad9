from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import rheobase
from rheobase import nn
from rheobase.cli.app import app
from rheobase.data import Dataset, Reading, SeriesDataset, digits, load
from rheobase.errors import DataError, ParameterError
from rheobase.runs.network import build, memory_of
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task


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
    assert model.task.scaling is not None
    assert model.task.scaling.std[0] > 100
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


def table(path: Path, step: float, *, columns: tuple[str, ...] = ("ax", "ay"), label: bool = True) -> Path:
    rng = np.random.default_rng(0)
    rows = [",".join(["id", "time", *columns, *(["label"] if label else [])])]
    for k in range(30):
        for t in range(8):
            held = {"ax": rng.normal() + 3.0 * (k % 2), "ay": rng.normal() + 100.0}
            values = [f"{held[name]:.6f}" for name in columns]
            rows.append(",".join([str(k), f"{t * step:g}", *values, *(["ab"[k % 2]] if label else [])]))
    path.write_text("\n".join(rows) + "\n")
    return path


def test_tables_are_asked_about_as_they_were_trained_on(tmp_path: Path) -> None:
    command = ["train", "--neuron", "LIF", "--data", f"{table(tmp_path / 'a.csv', 2.0)}", "--out", f"{tmp_path}"]
    done = CliRunner().invoke(app, [*command, "--name", "run", "--epochs", "2", "--hidden", "4"])
    assert done.exit_code == 0, done.output
    model = rheobase.load(tmp_path / "run")
    assert model.task.step == 2.0
    found = model.predict(table(tmp_path / "b.csv", 2.0, label=False))
    assert torch.equal(found.scores, model.predict(tmp_path / "a.csv").scores)
    assert any("columns: id id, time time, channels ax ay" in note for note in found.notes)
    # half as many steps in the same time, or another unit, would be another series
    for step in (4.0, 0.002):
        with pytest.raises(DataError, match=f"rows that are {step:g} apart in time, and not 2"):
            model.predict(table(tmp_path / "c.csv", step))
    said = CliRunner().invoke(app, ["predict", f"{tmp_path}/run", "--data", f"{tmp_path}/b.csv"])
    assert "channels ax ay" in said.output
    # by their names, whatever their order; another name is no channel of the network
    wanted = model.predict(tmp_path / "b.csv").scores
    mixed = (tmp_path / "b.csv").read_text().splitlines()
    swapped = [",".join([*row.split(",")[:2], *row.split(",")[:1:-1]]) for row in mixed]
    (tmp_path / "d.csv").write_text("\n".join(swapped))
    assert torch.equal(model.predict(tmp_path / "d.csv").scores, wanted)
    with pytest.raises(ParameterError, match="got ay; expected a column of"):
        model.predict(table(tmp_path / "e.csv", 2.0, columns=("ax",)))
    # samples of another floating type are those of the training
    x = model.load_data().x_test
    for kind in (torch.float64, torch.bfloat16):
        given = x.to(kind)
        assert torch.equal(model.predict(given).scores, model.predict(given.float()).scores)
    # a run of before says no step, and takes any
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    del config["notes"]["task"]["step"], config["notes"]["checksum"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    assert len(rheobase.load(tmp_path / "run").predict(table(tmp_path / "c.csv", 4.0))) == 30


def test_lines_without_names_keep_their_first_value_where_it_is_no_label(tmp_path: Path) -> None:
    """A table of `class, values`: asked about with and without the class, it says the same."""
    g = np.random.default_rng(0)
    rows = [[k % 2, *np.round(g.normal(size=6) + 3 * (k % 2), 3)] for k in range(30)]
    for name, first in (("a.csv", 0), ("values.csv", 1), ("short.csv", 2)):
        (tmp_path / name).write_text("\n".join(",".join(map(str, row[first:])) for row in rows))
    command = ["train", "--neuron", "LIF", "--data", f"{tmp_path / 'a.csv'}", "--out", f"{tmp_path}"]
    done = CliRunner().invoke(app, [*command, "--name", "run", "--epochs", "1", "--hidden", "4"])
    assert done.exit_code == 0, done.output
    assert "the first value is the label" in done.output
    model = rheobase.load(tmp_path / "run")
    assert model.task.longest == 6
    with_label, without = model.predict(tmp_path / "a.csv"), model.predict(tmp_path / "values.csv")
    assert torch.equal(with_label.scores, without.scores)
    assert any("no line of names, and no label" in note for note in without.notes)
    with pytest.raises(DataError, match="lines of 5 values without names; expected 6 values, as the training had"):
        model.predict(tmp_path / "short.csv")
    assert CliRunner().invoke(app, ["evaluate", f"{tmp_path}/run"]).exit_code == 0


def test_a_test_table_of_another_step_is_refused(tmp_path: Path) -> None:
    table(tmp_path / "a_TRAIN.csv", 2.0)
    table(tmp_path / "a_TEST.csv", 2.1)
    assert load(tmp_path / "a_TRAIN.csv").step == 2.0  # type: ignore[attr-defined]
    table(tmp_path / "a_TEST.csv", 1.0)
    with pytest.raises(DataError, match=r"a_TEST\.csv has rows that are 1 apart in time, and not 2 as in a_TRAIN\.csv"):
        load(tmp_path / "a_TRAIN.csv")


def test_data_of_other_channels_or_frames_are_not_tested(tmp_path: Path) -> None:
    command = ["train", "--neuron", "LIF", "--data", f"{table(tmp_path / 'a.csv', 2.0)}", "--out", f"{tmp_path}"]
    done = CliRunner().invoke(app, [*command, "--name", "run", "--epochs", "1", "--hidden", "4"])
    assert done.exit_code == 0, done.output
    model = rheobase.load(tmp_path / "run")
    assert model.task.channels == ("ax", "ay")
    assert Task.from_json(json.loads(json.dumps(model.task.as_json())), "here") == model.task
    swapped = load(table(tmp_path / "b.csv", 2.0, columns=("ay", "ax")))
    with pytest.raises(DataError, match=r"the channels ay, ax; expected the channels ax, ay, in this order"):
        model.evaluate(swapped)
    with pytest.raises(DataError, match="rows that are 1 apart in time"):
        model.evaluate(load(table(tmp_path / "c.csv", 1.0)))
    in_order = load(tmp_path / "b.csv", reading=Reading(columns="channels=ax,ay"))
    assert model.evaluate(in_order).samples == len(in_order.y_test)
    # channels without names go by their numbers
    held = model.load_data()
    assert isinstance(held, SeriesDataset)
    assert model.evaluate(replace(held, channels=("0", "1"))).loss == model.evaluate().loss


def test_lengths_of_recordings_tell_the_unit_of_their_times() -> None:
    frames = Task("toy", (2, 6, 8), ("a", "b"), 10.0)
    for ms, fits in ((10.0, True), (0.5, True), (999.0, True), (0.01, False), (10_000.0, False)):
        assert (frames.unlike(Task("other", (2, 6, 8), ("a", "b"), ms), 20) is None) == fits
