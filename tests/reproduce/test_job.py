from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
import torch
from rich.console import Console

from rheobase.errors import CheckpointError, ParameterError
from rheobase.jobs import Here
from rheobase.learning import Concern
from rheobase.learning.training.history import EpochRecord, History
from rheobase.reproduce import Bars, Job, Lines


def job(folder, **options):
    return Job({"epochs": 2}, folder, identity={"part": "p"}, **options)


def test_a_unit_is_what_it_was_with_arrays_tensors_and_words(tmp_path):
    given = {"mean": 0.1, "names": ["a"], "w": torch.ones(2, 3), "n": np.array([1, 2], dtype=np.uint8), "facts": None}
    first = job(tmp_path).unit("u", lambda: given, a=1)
    second = job(tmp_path).unit("u", pytest.fail, a=1)
    for got in (first, second):
        assert got.keys() == given.keys()
        assert (got["mean"], got["names"], got["facts"]) == (0.1, ["a"], None)
        assert got["w"].dtype == np.float32
        assert np.array_equal(got["w"], np.ones((2, 3)))
        assert np.array_equal(got["n"], [1, 2])


@pytest.mark.parametrize(
    ("options", "settings"), [({"seed": 1}, {"a": 1}), ({}, {"a": 2}), ({"fresh": True}, {"a": 1})]
)
def test_a_unit_of_other_settings_is_done_again(tmp_path, options, settings):
    job(tmp_path).unit("u", lambda: {"x": 1}, a=1)
    assert job(tmp_path, **options).unit("u", lambda: {"x": 2}, **settings) == {"x": 2}


def test_seconds_of_stored_units_count(tmp_path):
    job(tmp_path).unit("u", lambda: {"x": 1})
    later = job(tmp_path)
    later.unit("u", pytest.fail)
    assert later.stored_seconds > 0


def test_what_a_unit_was_made_on_is_kept(tmp_path):
    job(tmp_path, on=Here("an old machine")).unit("u", lambda: {"x": 1})
    later = job(tmp_path, on=Here("a new one"))
    later.unit("u", pytest.fail)
    assert later.used == {"an old machine"}
    later.unit("v", lambda: {"x": 1})
    assert later.used == {"an old machine", "a new one"}


@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_names_of_units_name_files(tmp_path, name):
    with pytest.raises(ParameterError, match="can name a file"):
        job(tmp_path).unit(name, dict)


def test_a_name_is_given_once(tmp_path):
    one = job(tmp_path)
    one.unit("u", dict)
    with pytest.raises(ParameterError, match="again"):
        one.unit("u", dict)


@pytest.mark.parametrize("value", [object(), float("nan")])
def test_a_result_that_cannot_be_stored_is_refused(tmp_path, value):
    with pytest.raises(ParameterError, match="convert it first"):
        job(tmp_path).unit("u", lambda: {"x": value})
    assert not (tmp_path / "units").exists()


def test_a_damaged_unit_is_named(tmp_path):
    job(tmp_path).unit("u", dict)
    (tmp_path / "units" / "u.npz").write_bytes(b"PK")
    with pytest.raises(CheckpointError, match=r"u\.npz"):
        job(tmp_path).unit("u", dict)


def test_an_unknown_setting_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ParameterError, match="did you mean 'epochs'"):
        job(tmp_path)["epoch"]


def test_progress_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("rheobase.progress.SECONDS_BETWEEN_LINES", 0.0)
    said = []
    one = job(tmp_path, watcher=Lines(said.append))
    assert list(one.track(["a", "b"], "letters")) == ["a", "b"]
    assert said == ["  letters: 1/2", "  letters: 2/2"]
    bar = one.training("a network")
    bar.on_start(type("Run", (), {"epochs": 2, "batches": 5, "done": 1, "position": 0})())
    epoch = EpochRecord(
        epoch=1, loss=0.5, accuracy=0.75, validation_loss=None, validation_accuracy=None, learning_rate=0.1, seconds=1.0
    )
    bar.on_epoch(History((epoch,)))
    bar.on_batch(type("Batch", (), {"step": 6})())
    assert said[2:] == ["  a network: 5/10", "  a network: 6/10 loss 0.500, train 75.0 %"]
    bar.on_concern(Concern(kind="silent", epoch=0, layer="layer 2 (LIF)", given="no spike", remedy="lower v_threshold"))
    assert said[4:] == ["  warning: a network, layer 2 (LIF): no spike; lower v_threshold"]


def test_bars_say_where_it_is(tmp_path):
    text = StringIO()
    bars = Bars(Console(file=text, force_terminal=True, width=100))
    bars.begin("before any part", 1)
    bars.part("Depth", 1, 2, stored=False)
    list(job(tmp_path, watcher=bars).track(["a", "b"], "letters"))
    bars.part("Plain", 2, 2, stored=True)
    bars.warn("layer 2 is silent")
    bars.end()
    bars.end()
    for words in ("Depth", "letters", "2/2", "Plain", "warning: layer 2 is silent"):
        assert words in text.getvalue()
