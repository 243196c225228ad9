"""Populations on disk: what stands there is what the cells do, whatever the chunks, and nothing done is lost."""

from __future__ import annotations

import errno
import functools
import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase import stimuli
from rheobase.cells import Conductance, Population, from_allen, population
from rheobase.cells.populations import lanes, layout, traces
from rheobase.cells.populations.layout import Layout
from rheobase.errors import BackendUnavailable, CheckpointError, DataError, Diverged, ParameterError, StorageError
from tests.cells.small_cells import MODELS, RECORD, STIMULI, alone, expected, firing, made

zarr = pytest.importorskip("zarr", reason="the extra population is not installed")
PVALB = Path(os.environ.get("RHEOBASE_DATA", "data")) / "pvalb_689331391"


@pytest.fixture
def small_chunks(monkeypatch):
    """Two models and one stimulus in a unit, 60 steps at a time."""
    monkeypatch.setattr(layout, "SEGMENT", 62)
    monkeypatch.setattr(layout, "MOST_LANES", 2)
    monkeypatch.setattr(
        Layout,
        "within",
        classmethod(
            lambda cls, memory, cell, n, steps, record, every, size: cls((cell.shape[0], n), 2, 1, steps, every, 60)
        ),
    )


def test_what_stands_there_is_what_the_cells_do(tmp_path, small_chunks):
    found = made(tmp_path)
    spikes, values = expected()
    assert found.layout.units == [(m, s) for m in (0, 2) for s in (0, 1, 2)]
    for name in RECORD:
        assert np.array_equal(found.traces(name)[:], values[name]), name
    assert spikes.sum() > 5
    for m in range(3):
        for s, stimulus in enumerate(STIMULI):
            assert np.array_equal(found.spikes(m, stimulus), (spikes[m, s].nonzero()[0] + 1) * 0.1)
            assert np.array_equal(found.trace(MODELS[m], s), values["soma"][m, s])
    assert np.array_equal(found.counts, spikes.sum(-1))
    assert found.trace(1, 2, "soma.Kv3_1.m").shape == (1, 100)
    assert found.time[:2] == pytest.approx([0.3, 0.6])
    assert found.current.shape == (3, 100)
    assert repr(found) == "Population(3 models, 3 stimuli, soma, dend(0.9), soma.Kv3_1.m, 30 ms)"


def test_the_chunks_change_nothing(tmp_path):
    found = made(tmp_path)
    assert found.layout.units == [(0, 0)]
    assert np.array_equal(found.traces()[:], expected()[1]["soma"])


def test_rates_are_those_of_mean_intervals(tmp_path):
    found = made(tmp_path)
    at = found.spikes("0.8", "0.3 nA")
    assert found.rates[2, 1] == pytest.approx(1000.0 / np.diff(at).mean())
    assert found.rates[0, 0] == 0.0


def test_others_read_the_arrays_with_axes_and_units(tmp_path):
    made(tmp_path)
    group = zarr.open_group(tmp_path / "traces.zarr", mode="r")
    assert group["soma"].metadata.dimension_names == ("model", "stimulus", "time")
    assert group["soma.Kv3_1.m"].metadata.dimension_names == ("model", "stimulus", "compartment", "time")
    assert [group[name].attrs["units"] for name in ("soma", "soma.Kv3_1.m", "time", "current")] == [
        "mV",
        "1",
        "ms",
        "nA",
    ]
    assert group.attrs["models"] == list(MODELS)
    assert (group.attrs["dt"], list(group.attrs["stimuli"])) == (0.1, list(STIMULI))
    assert group.attrs["version"]


def test_what_was_interrupted_goes_on_and_nothing_is_done_twice(tmp_path, small_chunks, monkeypatch):
    done, real = [], lanes._simulate

    def counted(folder, cell, given, first, *rest):
        if len(done) == 4:
            done.append("stopped")
            raise KeyboardInterrupt
        done.append(first)
        return real(folder, cell, given, first, *rest)

    monkeypatch.setattr(lanes, "_simulate", counted)
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path)
    part = Population.open(tmp_path)
    assert not part.complete
    assert "unfinished" in repr(part)
    assert (part.counts[2] == [part.counts[2, 0], -1, -1]).all()
    with pytest.raises(DataError, match=r"no run of 0\.8 under noise yet.*goes on"):
        part.trace("0.8", "noise")
    # the memory that was given decides the chunks of a new folder alone
    found = made(tmp_path, memory=1e8)
    assert sorted(at for at in done if at != "stopped") == found.layout.units
    assert np.array_equal(found.traces("soma")[:], expected()[1]["soma"])


def test_traces_that_are_gone_are_made_again(tmp_path):
    first = made(tmp_path).traces()[:]
    shutil.rmtree(tmp_path / "traces.zarr")
    assert np.array_equal(made(tmp_path).traces()[:], first)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"models": ("0.3", "0.5")}, r"models = \[\"0\.3\", \"0\.5\"\]; expected \[\"0\.3\", \"0\.5\", \"0\.8\"\]"),
        ({"given": {**STIMULI, "noise": stimuli.noise(0.2, 0.1, seed=1)}}, "stimuli"),
        ({"make": functools.partial(firing, dt=0.05), "every": 6}, "make"),
        ({"record": ("soma",)}, "record"),
        ({"dtype": "float64"}, 'dtype = "float64"; expected "float32"'),
        ({"t_stop": 27.0}, "steps = 270; expected 300"),
    ],
)
def test_a_folder_of_other_settings_is_refused_by_name(tmp_path, monkeypatch, changed, said):
    # nothing is computed for it
    monkeypatch.setattr(
        lanes,
        "_simulate",
        lambda *given: {
            "step": np.zeros(0, int),
            "model": np.zeros(0, int),
            "stimulus": np.zeros(0, int),
            "diverged": [],
            "implausible": [],
        },
    )
    made(tmp_path)
    with pytest.raises(ParameterError, match=said):
        made(tmp_path, **changed)


def test_a_changed_model_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "0.3").write_text("1")
    monkeypatch.chdir(tmp_path)
    made("out", models=["0.3"])
    (tmp_path / "0.3").write_text("2")
    with pytest.raises(ParameterError, match="files = "):
        made("out", models=["0.3"])
    make = functools.partial(scaled, g=[{"file": "0.3"}])
    made("other", make=make)
    (tmp_path / "0.3").write_text("3")
    with pytest.raises(ParameterError, match="files = "):
        made("other", make=make)


def test_a_run_that_leaves_the_numbers_is_named_and_all_others_stay(tmp_path, small_chunks):
    wild = {**STIMULI, "wild": stimuli.pulses(3e38, [15.0], width=0.1)}
    with pytest.raises(Diverged, match=r"at soma\(0\.5\) after 15\.[12] ms of 0\.3 under wild, and 2 more of 12 runs"):
        made(tmp_path, given=wild)
    found = Population.open(tmp_path)
    assert found.complete
    assert [(one.model, one.stimulus, one.place) for one in found.diverged] == [
        (m, "wild", "soma(0.5)") for m in MODELS
    ]
    assert np.array_equal(found.traces("soma")[:, :3], expected()[1]["soma"])
    with pytest.raises(Diverged, match=r"0\.5 under wild"):
        found.trace("0.5", "wild")
    with pytest.raises(Diverged, match=r"0\.5 under wild"):
        found.spikes("0.5", "wild")
    assert (found.counts[:, 3] == -1).all()
    assert np.isnan(found.rates[:, 3]).all()
    assert (found.counts[:, :3] >= 0).all()
    # what came before is there
    assert np.isfinite(found.traces()[1, 3, :49]).all()
    # and a second call says it again, and computes nothing
    with pytest.raises(Diverged, match="and 2 more"):
        made(tmp_path, given=wild, progress=lambda done, total: (done, total) == (8, 8) or pytest.fail("computed"))


def test_a_full_disk_says_what_is_kept_and_the_same_call_goes_on(tmp_path, small_chunks, monkeypatch):
    usage, real, written = namedtuple("usage", "free"), traces.write, []
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda path: usage(100))
        with pytest.raises(StorageError, match=r"0\.0001 MB of free space.*0 of 6 units are kept.*same command again"):
            made(tmp_path)

    def write(group, folder, name, at, values):
        written.append(name)
        if len(written) > 20:
            group = {name: Full()}
        real(group, folder, name, at, values)

    monkeypatch.setattr(traces, "write", write)
    with pytest.raises(StorageError, match=r"No space left.*1 of 6 units are kept"):
        made(tmp_path)
    monkeypatch.setattr(traces, "write", real)
    assert np.array_equal(made(tmp_path).traces("soma")[:], expected()[1]["soma"])


class Full:
    def __setitem__(self, at, values):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Maker:
    """Its method makes cells: nobody sees what the object holds."""

    def firing(self, models):
        return firing(models)


def test_arguments_that_are_not_told_again_are_refused_and_arrays_are_told_in_full(tmp_path):
    g = torch.linspace(0.0, 1.0, 2000)
    changed = g.clone()
    changed[1000] += 1e-6
    first, second = (functools.partial(scaled, g=one) for one in (g, changed))
    made(tmp_path, make=first)
    made(tmp_path, make=first)
    with pytest.raises(ParameterError, match="make = "):
        made(tmp_path, make=second)
    with pytest.raises(ParameterError, match="can be imported"):
        made(tmp_path / "a", make=Maker().firing)
    with pytest.raises(ParameterError, match="with g = <object object at"):
        made(tmp_path / "b", make=functools.partial(scaled, g=[object()]))


def scaled(models, g):
    return firing(models)


def test_lanes_fit_into_the_memory_that_is_given():
    cell = firing([str(k) for k in range(1000)])
    for memory, steps in ((3e6, 35750), (2e7, 35750), (1e9, 35750), (1e9, 20_000_000)):
        cut = Layout.within(memory, cell, 16, steps, 2, 5, 4)
        row, beside = layout.current_bytes(steps, 4)
        lane = layout.lane_bytes(cell, cut.segment, 2, 5, 4)
        assert beside + cut.stimuli * row + cut.models * cut.stimuli * lane <= memory
        assert 1 <= cut.models * cut.stimuli <= layout.MOST_LANES
        assert cut.segment % 5 == 0
    # of a long run the currents take most
    assert cut.stimuli == 3
    with pytest.raises(ParameterError, match="which one lane and its current take"):
        Layout.within(1e4, cell, 16, 35750, 2, 5, 4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"models": ()}, "a list of different models"),
        ({"models": ("0.3", "0.3")}, "name each once"),
        ({"models": "0.3"}, "a list of different models"),
        ({"given": {}}, "stimuli by name"),
        ({"given": {"a": 0.1}}, "stimuli by name"),
        ({"dtype": "float16"}, "dtype 'float16'"),
        ({"memory": 0}, "memory = 0"),
        ({"memory": 10.0}, "which one lane and its current take"),
        ({"threads": 0}, "threads = 0"),
        ({"every": 0}, "every = 0"),
        ({"every": 7}, "divides 300 steps"),
        ({"t_stop": 0.2}, "t_stop = 0.2"),
        ({"t_stop": float("nan")}, "t_stop = nan"),
        ({"record": ()}, "nothing to record"),
        ({"record": ("axon",)}, "section 'axon'"),
        ({"record": ("soma.Kv3_1.n",)}, "record 'soma.Kv3_1.n'"),
        ({"make": lambda models: firing(models)}, "can be imported"),
        ({"make": functools.partial(firing, MODELS)}, "arguments by keyword"),
        ({"make": alone}, "a Cell of shape"),
        ({"make": functools.partial(firing, inputs={"g": Conductance()})}, "a Current"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_written(tmp_path, options, said):
    with pytest.raises(ParameterError, match=said):
        made(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_without_zarr_the_remedy_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(BackendUnavailable, match=r"rheobase\[population\]"):
        made(tmp_path)


def test_folders_and_names_that_there_are_not(tmp_path):
    with pytest.raises(DataError, match="no population"):
        Population.open(tmp_path)
    found = made(tmp_path, models=["0.3"])
    with pytest.raises(ParameterError, match=r"did you mean '0\.3 nA'"):
        found.trace("0.3", "0.3nA")
    with pytest.raises(ParameterError, match="model 1"):
        found.spikes(1, 0)
    with pytest.raises(ParameterError, match="'dend'"):
        found.traces("dend")
    (tmp_path / "population.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"population\.json"):
        Population.open(tmp_path)


@pytest.mark.skipif(not PVALB.is_dir(), reason="no pvalb_689331391/ in RHEOBASE_DATA")
def test_two_published_models_follow_neuron(tmp_path):
    """The first 30 ms of the stored traces, before the current: what the start makes of them."""
    held, far = np.load(PVALB / "neuron_traces.npz"), "dend[3](0.970588)"
    make = functools.partial(from_allen, morphology=PVALB / "morphology.swc.gz", dt=0.02)
    models = [PVALB / f"{name}.json" for name in held["models"]]
    found = population(
        make,
        models,
        {"0.2 nA": stimuli.step(0.2, start=200.0)},
        tmp_path,
        t_stop=30.0,
        record=("soma", far, "soma.CaDynamics.ca"),
        every=5,
        dtype="float64",
    )
    for m, model in enumerate(held["models"]):
        assert np.abs(found.trace(str(model), 0) - held["v_soma_mV"][m, -1, 1:301]).max() < 1e-5
        assert np.abs(found.trace(str(model), 0, far) - held["v_dend_mV"][m, -1, 1:301]).max() < 1e-5
    assert found.traces("soma.CaDynamics.ca").attrs["units"] == "mM"
    stored = json.loads((tmp_path / "population.json").read_text())
    assert len(stored["files"]) == 3
