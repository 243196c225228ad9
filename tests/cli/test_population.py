from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rheobase.cells import Population
from rheobase.errors import Diverged

pytest.importorskip("zarr", reason="the extra population is not installed")
SWC = "1 1 0 0 0 10 -1\n2 1 10 0 0 10 1\n3 3 20 0 0 1 2\n4 3 120 0 0 1 3\n"


def model(gbar):
    def value(section, name, x, mechanism=""):
        return {"section": section, "name": name, "value": x, "mechanism": mechanism}

    genome = [value(s, "g_pas", 1e-4) for s in ("soma", "dend")] + [value(s, "cm", 1.0) for s in ("soma", "dend")]
    genome += [value("soma", "gbar_NaTa_t", gbar, "NaTa_t"), value("soma", "gbar_Kv3_1", 0.3, "Kv3_1")]
    conditions = {"celsius": 34.0, "v_init": -70.0, "erev": [{"section": "soma", "ena": 50.0, "ek": -90.0}]}
    return json.dumps({"passive": [{"ra": 100.0, "e_pas": -70.0}], "conditions": [conditions], "genome": genome})


@pytest.fixture
def files(run):
    """Two models, their shape, and stimuli, in an empty folder."""
    Path("a.json").write_text(model(0.5))
    Path("b.json").write_text(model(0.8))
    Path("cell.swc").write_text(SWC)
    rows = [f"{0.1 * k:.1f},{0.2 * (k > 20)},{0.3 * (k > 20)}" for k in range(300)]
    Path("two.csv").write_text("\n".join(["time (ms),current 1 (nA),current 2 (nA)", *rows]))
    np.save("cube.npy", np.zeros((1, 1, 1)))
    np.save("nan.npy", np.array([0.1, np.nan]))
    np.save("two.npy", np.linspace(0.0, 0.3, 600).reshape(2, 300))


COMMON = ("--morphology", "cell.swc", "--axon", "whole", "--dt", 0.1, "--out", "out")
SHORT = ("--stimuli", "step:AMP:2:25", "--amplitudes", "-0.1:0.3:3", "--stop", 30)


def test_every_model_under_every_amplitude(run, files):
    words = ("population", "a.json", "b.json", *COMMON, *SHORT, "--record", "soma,dend(0.9)", "--every", 2)
    result = run(*words, "--plot", "p.svg", "--json", "a.json.out")
    assert result.exit_code == 0, result.output
    assert "Population(2 models, 3 stimuli, soma, dend(0.9), 30 ms)" in result.stdout
    assert "step:0.3:2:25" in result.stdout
    assert "2 of 2" in result.stdout
    assert Path("p.svg").read_text().startswith("<?xml")
    found, content = Population.open("out"), json.loads(Path("a.json.out").read_text())
    assert content["spikes"] == found.counts.tolist()
    assert found.counts[:, 0].sum() == 0
    assert found.counts[:, 2].min() > 0
    assert found.trace("a", "step:0.3:2:25", "dend(0.9)").shape == (150,)
    # by its name alone a model is found, and where it was typed from plays no part
    again = run(*words)
    assert again.exit_code == 0, again.output
    assert again.stdout.splitlines()[1:] == [line for line in result.stdout.splitlines()[1:] if "picture" not in line]


def test_files_of_several_currents(run, files):
    result = run(
        "population", "a.json", *COMMON, "--stimuli", "two.csv", "--stimuli", "two.npy", "--stimuli", "two.csv:0"
    )
    assert result.exit_code == 2
    assert "two.csv:0 twice" in result.stderr
    result = run("population", "a.json", *COMMON, "--stimuli", "two.csv", "--stimuli", "two.npy", "--stimuli", 0.1)
    assert result.exit_code == 0, result.output
    found = Population.open("out")
    assert found.stimuli == ("two.csv:0", "two.csv:1", "two.npy:0", "two.npy:1", "0.1")
    assert found.t_stop == pytest.approx(30.0)
    assert found.current[1, -1] == pytest.approx(0.3)
    assert np.allclose(found.current[2:4], np.load("two.npy"))


def test_ctrl_c_says_how_to_go_on(run, files, monkeypatch):
    def stop(*given, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("rheobase.cells.population", stop)
    result = run("population", "a.json", *COMMON, *SHORT)
    assert result.exit_code == 130
    assert "the same command goes on" in result.stderr


def test_what_diverges_is_one_line_and_the_rest_is_there(run, files, refused):
    words = ("--stimuli", 0.3, "--stimuli", "step:3e38:15", "--stop", 30)
    line = refused("population", "a.json", "b.json", *COMMON, *words)
    assert "a.json under step:3e38:15, and 1 more of 4 runs" in line
    assert "at soma[0](0.5) after 15." in line
    found = Population.open("out")
    assert len(found.trace("a", 0)) == 300
    with pytest.raises(Diverged):
        found.trace("b", 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.json", "a.json", *COMMON, *SHORT), "name each once"),
        (("nowhere.json", *COMMON, *SHORT), "nowhere.json: got No such file"),
        (("two.csv", *COMMON, *SHORT), "two.csv: got no such model"),
        (("a.json", *COMMON, "--stimuli", "step:AMP:2:25"), "--amplitudes beside AMP"),
        (("a.json", *COMMON, "--stimuli", 0.1, "--amplitudes", "0:1:3"), "a stimulus with AMP"),
        (("a.json", *COMMON, "--stimuli", "step:AMP:2", "--amplitudes", "0:1"), "a COUNT from 2"),
        (("a.json", *COMMON, "--stimuli", "step:AMP:2", "--amplitudes", "0:0:3"), "two ends that differ"),
        (("a.json", *COMMON, "--stimuli", "step:AMP:2", "--amplitudes", "0.1,0.1"), "step:0.1:2 twice"),
        (("a.json", *COMMON, "--stimuli", "step:1mV"), "in mV"),
        (("a.json", *COMMON, "--stimuli", "step:0.1:90", "--stop", 30), "a current that begins before --stop 30"),
        (("a.json", *COMMON, "--stimuli", "two.npy", "--stop", 10), "which lasts until 30 ms"),
        (("a.json", *COMMON, "--stimuli", "none.npy"), "none.npy: got no such file"),
        (("a.json", *COMMON, "--stimuli", "cube.npy"), "an array (1, 1, 1) of float64"),
        (("a.json", *COMMON, "--stimuli", "nan.npy"), "NaN or infinite"),
        (("a.json", *COMMON, *SHORT, "--every", 7), "divides 300 steps"),
        (("a.json", *COMMON, *SHORT, "--record", "axon"), "section 'axon'"),
        (("a.json", *COMMON, *SHORT, "--memory", "1kB"), "which one lane and its current take"),
        (("a.json", *COMMON, *SHORT, "--memory", "much"), "a size with one of"),
        (("a.json", *COMMON, *SHORT, "--dtype", "half"), "dtype 'half'"),
        (("a.json", *COMMON, *SHORT, "--start", "now"), "start = 'now'"),
        (("a.json", *COMMON, *SHORT, "--plot", "a.txt"), "a.txt"),
        (("a.json", *COMMON, *SHORT, "--plot", "cell.swc/a.png"), "cell.swc"),
        (("a.json", *COMMON, *SHORT, "--dask", "nowhere"), "no scheduler answers"),
    ],
)
def test_bad_input_is_one_clear_line(files, refused, words, said, monkeypatch):
    monkeypatch.setattr("rheobase.jobs.dask.PATIENCE", 0.2)
    assert said in refused("population", *words)
