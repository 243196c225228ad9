"""`rheobase fit`: from a file to a page, numbers and a neuron that can be loaded; and what it refuses."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import Result

import rheobase
from rheobase import neurons, stimuli
from rheobase.cli.fitting import job, page
from rheobase.cli.fitting.quantities import series_of, two
from rheobase.errors import CheckpointError, DataError, DeclarationError, ParameterError
from rheobase.learning import FitCallback, FitStep

DT = 0.25
TRUE = dict(c_mem=150.0, g_leak=10.0, v_leak=-70.0, v_reset=-60.0, v_threshold=-48.0, tau_refrac=2.0)
EDGES = ("v_leak", "v_threshold")
QUICK = ("--forced", 20, "--free", 2, "--generations", 30, "--population", 16, "--time-limit", "none")
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a cell whose parameters are known, in volts and nanoamperes."""
    current = torch.stack([stimuli.noise(200.0, 150.0, tau=5.0, seed=k).sample(600.0, DT) for k in range(3)])
    spikes, _, rec = neurons.GLIF1(1, dt=DT, **TRUE)(current.T[..., None], record=("v",))
    v = torch.where(spikes > 0, 40.0, rec.v.clamp(max=-11.0))[..., 0].T
    path = tmp_path_factory.mktemp("data") / "cell.npz"
    np.savez(path, v_V=v.numpy() / 1e3, i_nA=current.numpy() / 1e3, dt_ms=DT)
    return path


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without the pictures of all sweeps, which take most of the time."""
    monkeypatch.setattr(page, "all_sweeps", lambda fitted: [])


def test_the_parameters_that_made_a_recording_are_found(run: Run, cell: Path, plain: None) -> None:
    longer = ("--forced", 60, "--free", 3, "--generations", 120, "--population", 32, "--time-limit", "none")
    result = run(
        "fit", "GLIF1", cell, *longer, "--learn", "c_mem,g_leak,v_leak,v_threshold,v_reset", "--json", "x.json"
    )
    assert result.exit_code == 0, result.output
    found = json.loads(Path("x.json").read_text())
    assert found["gamma"] > 0.95
    for name, spread in (("c_mem", 15.0), ("g_leak", 1.0), ("v_leak", 1.5), ("v_threshold", 1.5)):
        assert found["parameters"][name]["value"] == pytest.approx(TRUE[name], abs=spread), name
        assert found["parameters"][name]["edge"] is None


def test_a_run_leaves_a_page_numbers_and_a_neuron(run: Run, cell: Path) -> None:
    result = run("fit", "GLIF1", cell, *QUICK, "--name", "mine", "--json", "mine.json")
    assert result.exit_code == 0, result.output
    folder = Path("runs/mine")
    assert {path.name for path in folder.iterdir()} == {"config.json", "fitted.toml", "report.html", "result.json"}
    found = json.loads(Path("mine.json").read_text())
    assert found == json.loads((folder / "result.json").read_text())
    html = (folder / "report.html").read_text()
    assert html.index("<h1>") < html.index("with a Gamma of") < html.index("<figure>") < html.index("<h2>")
    assert html.count("<figure>") == 2
    titles = ("Parameters", "Features side by side", "What to try next", "Every sweep", "The fitted neuron")
    assert all(f">{title}</h2>" in html for title in titles)
    assert "'v_V' in V; current: 'i_nA' in nA" in result.stderr
    assert all(" pF" in line for line in result.stdout.splitlines() if line.strip().startswith("c_mem "))


def test_the_neuron_that_is_loaded_is_the_one_that_was_fitted(run: Run, cell: Path, plain: None) -> None:
    run("fit", "GLIF1", cell, *QUICK, "--name", "mine", "--json", "mine.json")
    found = json.loads(Path("mine.json").read_text())
    neuron = neurons.GLIF1.named("runs/mine/fitted.toml", 1, dt=DT)
    current = torch.from_numpy(1e3 * np.load(cell)["i_nA"]).float()
    spikes, *_ = neuron(current.T[..., None])
    assert spikes.sum((0, 2)).tolist() == [sweep["fit"]["spikes"] for sweep in found["sweeps"]]
    shown = run("simulate", "GLIF1", "--set", "runs/mine/fitted.toml", "--current", "300pA", "--json", "sim.json")
    assert shown.exit_code == 0, shown.output
    assert (
        f"c_mem={found['parameters']['c_mem']['value']:.4g}"[:10] in json.loads(Path("sim.json").read_text())["neuron"]
    )


def test_a_fit_is_no_network_and_says_how_it_is_loaded(run: Run, cell: Path, plain: None) -> None:
    run("fit", "GLIF1", cell, *QUICK, "--generations", 1, "--name", "mine")
    with pytest.raises(CheckpointError, match=r"a fit of one neuron.*GLIF1.named\(.*fitted.toml"):
        rheobase.load("runs/mine")


def test_a_set_of_another_neuron_or_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fitted.toml"
    with pytest.raises(DataError, match="no such file"):
        neurons.AdEx.named(path, 1)
    path.write_text('neuron = "GLIF1"\nsource = "x"\n[fitted]\nmeaning = "x"\n')
    with pytest.raises(DataError, match=r"a set of GLIF1; expected a set of AdEx"):
        neurons.AdEx.named(path, 1)
    path.write_text('source = "x"\n')
    with pytest.raises(DataError, match="0 sets"):
        neurons.AdEx.named(str(path), 1)
    path.write_text('source = "x"\nfitted = 3\n')
    with pytest.raises(DeclarationError, match="a table"):
        neurons.AdEx.named(str(path), 1)


def test_the_same_command_gives_the_same_figures(run: Run, cell: Path, plain: None) -> None:
    found: list[Any] = []
    for name in ("one", "two", "other"):
        run("fit", "GLIF1", cell, *QUICK, "--seed", int(name == "other"), "--name", name, "--json", "x.json")
        found.append({**json.loads(Path("x.json").read_text()), "seconds": 0.0, "seed": 0})
    assert found[0] == found[1]
    assert found[0]["parameters"] != found[2]["parameters"]
    texts = [Path(f"runs/{name}/fitted.toml").read_text() for name in ("one", "two")]
    assert texts[0] == texts[1]


def test_ctrl_c_keeps_the_best_so_far(run: Run, cell: Path, plain: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Impatient(FitCallback):
        def on_step(self, step: FitStep) -> None:
            if step.stage == "evolve":
                raise KeyboardInterrupt

    monkeypatch.setattr(job, "_progress", Impatient)
    result = run("fit", "GLIF1", cell, *QUICK, "--name", "mine")
    assert result.exit_code == 130
    assert "interrupted; this is the best so far" in result.stderr
    assert json.loads(Path("runs/mine/result.json").read_text())["ended"] == "Ctrl-C"
    assert "Interrupted: this is the best so far." in Path("runs/mine/report.html").read_text()
    assert neurons.GLIF1.named("runs/mine/fitted.toml", 1, dt=DT).c_mem.item() > 0.0


def test_the_clock_ends_a_search_and_the_page_has_what_repeats_it(run: Run, cell: Path, plain: None) -> None:
    run("fit", "GLIF1", cell, "--time-limit", "1s", "--population", 16, "--name", "a", "--json", "a.json")
    first = json.loads(Path("a.json").read_text())
    assert first["ended"] == "time limit"
    steps = [word for key, count in first["steps"].items() for word in (f"--{key}", str(count))]
    again = run(
        "fit", "GLIF1", cell, *steps, "--population", 16, "--time-limit", "none", "--name", "b", "--json", "b.json"
    )
    assert again.exit_code == 0
    second = json.loads(Path("b.json").read_text())
    assert second["parameters"] == first["parameters"]
    assert " ".join(steps) in Path("runs/a/report.html").read_text()


def test_an_edge_is_warned_of_and_a_wider_range_is_named(
    run: Run, cell: Path, plain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # so wide that every value is at an edge
    monkeypatch.setattr(sys.modules["rheobase.learning.fitting.result"], "EDGE", 0.5)
    words = ("--learn", "v_leak,v_threshold", "--range", "v_leak=-71:-65", "--name", "edge", "--json", "x.json")
    result = run("fit", "GLIF1", cell, *QUICK, *words)
    assert result.exit_code == 0, result.output
    side = json.loads(Path("x.json").read_text())["parameters"]["v_leak"]["edge"]
    assert f" mV, at the {side} edge" in result.stdout
    assert {"low": "--range v_leak=-77:-65", "high": "--range v_leak=-71:-59"}[side] in result.stdout
    html = Path("runs/edge/report.html").read_text()
    assert any(f"{a}, {b} stand at edges of their ranges" in html for a, b in (EDGES, EDGES[::-1]))
    assert f">at the {side} edge</td>" in html


WRONG = {
    "no such file": (["AdEx", "none.npz"], "No such file"),
    "no range": (["GLIF1", "CELL", "--range", "c_mem=5"], "LOW:HIGH"),
    "no time": (["GLIF1", "CELL", "--time-limit", "0"], "a time above 0, or none"),
    "no parameter": (["GLIF1", "CELL", "--learn", "c_men"], "c_mem"),
    "no sweep": (["GLIF1", "CELL", "--sweeps", "7"], "numbers from 0 to 2"),
    "no spike": (["GLIF1", "CELL", "--level", "200mV"], "no spike: the potential reaches 40 mV"),
    "other unit": (["GLIF1", "CELL", "--units", "mV,nA"], "a potential of at most"),
    "another neuron": (["GLIF9", "CELL"], "GLIF1"),
    "a junction of a cell": (["GLIF1", "CELL", "--junction", "60mV"], "30 mV at most to either side of 0"),
    "a junction in amperes": (["GLIF1", "CELL", "--junction", "14pA"], "a number in mV"),
    "no junction": (["GLIF1", "CELL", "--junction", "nanmV"], "a finite number, in mV"),
    "an electrode in volts": (["GLIF1", "CELL", "--series", "50mV"], "a number in GOhm"),
    "an electrode below 0": (["GLIF1", "CELL", "--series=-5:50MOhm"], "0 <= LOW < HIGH"),
    "an electrode turned round": (["GLIF1", "CELL", "--series", "150:50MOhm"], "0 <= LOW < HIGH"),
    "no electrode": (["GLIF1", "CELL", "--series", "0"], "HIGH from 1 to 1000 MOhm"),
    "an electrode in ohms": (["GLIF1", "CELL", "--series", "50Ohm"], "HIGH from 1 to 1000 MOhm"),
    "three electrodes": (["GLIF1", "CELL", "--series", "1:2:3"], "LOW:HIGH"),
    "half an electrode": (["GLIF1", "CELL", "--series", ":50MOhm"], "a finite number"),
    "a neuron without v": (["Theta", "CELL", "--scale", "0.1:1", "--series", "50MOhm"], "a neuron with the state v"),
    "no spikes at all": (["LI", "CELL", "--scale", "0.1:1"], "spikes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(refused: Callable[..., str], cell: Path, case: str) -> None:
    words, said = WRONG[case]
    assert said in refused("fit", *[str(cell) if word == "CELL" else word for word in words])


def test_a_remedy_is_in_the_words_of_the_command_line(refused: Callable[..., str], cell: Path) -> None:
    said = refused("fit", "GLIF1", str(cell), "--units", "mV,nA")
    assert 'if the unit is wrong, --units "V,pA" overrules it' in said
    assert "--units: got 'mV,furlong'" in refused("fit", "GLIF1", str(cell), "--units", "mV,furlong")


def test_a_neuron_in_other_units_finds_its_scale(run: Run, cell: Path, plain: None) -> None:
    result = run("fit", "LIF", cell, *QUICK, "--name", "lif", "--json", "x.json")
    assert result.exit_code == 0, result.output
    found = json.loads(Path("x.json").read_text())
    assert found["gamma"] > 0.3
    text = Path("runs/lif/fitted.toml").read_text()
    assert f"# input = {found['readout']['input_scale']:.6g} x current in pA" in text
    assert "# potential in mV = " in text
    assert neurons.LIF.named("runs/lif/fitted.toml", 1, dt=DT).dt == DT


def test_electrode_and_junction_are_fitted_told_and_repeated(run: Run, cell: Path, plain: None) -> None:
    """What was added to the potential of a cell is found again."""
    data = np.load(cell)
    np.savez("seen.npz", v_V=data["v_V"] + 0.014 + 1e-3 * 30.0 * data["i_nA"], i_nA=data["i_nA"], dt_ms=DT)
    learn = ("--learn", "c_mem,g_leak,v_leak,v_threshold,v_reset")
    words = (*learn, "--series", "60MOhm", "--junction", "14mV", "--level", "-6mV")
    result = run("fit", "GLIF1", "seen.npz", *QUICK, *words, "--name", "mine", "--json", "x.json")
    assert result.exit_code == 0, result.output
    found, html = json.loads(Path("x.json").read_text()), Path("runs/mine/report.html").read_text()
    assert found["junction_mV"] == 14.0
    assert found["level_mV"] == -20.0
    assert found["parameters"]["r_series"]["range"] == [0.0, 0.06]
    assert found["readout"]["r_series"] == pytest.approx(0.03, abs=0.006)
    assert found["parameters"]["v_leak"]["value"] == pytest.approx(-70.0, abs=3.0)  # the junction is 14
    told = "junction potential: 14 mV taken off what was recorded, so spikes are counted at -20 mV"
    assert told in " ".join(result.stderr.split())
    assert told in html
    electrode = f"{found['readout']['r_series']:.6g} x current in pA"
    assert f"# recorded potential in mV = v + {electrode} + 14" in Path("runs/mine/fitted.toml").read_text()
    written = re.search(r"rheobase fit GLIF1 [^<]*", html)
    assert written is not None
    again = shlex.split(written[0])[1:]
    assert "--series=0.0GOhm:0.06GOhm" in again
    assert run(*again, "--overwrite").exit_code == 0
    assert {**json.loads(Path("runs/mine/result.json").read_text()), "seconds": 0.0} == {**found, "seconds": 0.0}


ENDS = {
    "50MOhm": (0.0, 0.05),
    "50": (0.0, 0.05),
    "10:150": (0.01, 0.15),
    "0.01:0.15GOhm": (0.01, 0.15),
    "10MOhm:0.15GOhm": (0.01, 0.15),
    "20000 kOhm": (0.0, 0.02),
}


@pytest.mark.parametrize("text", ENDS)
def test_an_electrode_is_typed_with_one_unit_or_two(text: str) -> None:
    assert series_of(text) == pytest.approx(ENDS[text])


def test_errors_of_a_named_set_on_the_command_line(refused: Callable[..., str]) -> None:
    assert "no such file" in refused("simulate", "AdEx", "--set", "none.toml", "--current", "1")


def test_noise_that_crosses_the_level_of_spikes_is_passed_by(run: Run, cell: Path, tmp_path: Path, plain: None) -> None:
    data = np.load(cell)
    v = data["v_V"].copy()
    quiet = np.flatnonzero(v[0] < -0.012)[300:340]
    v[0, quiet[::2]] = -0.0095
    np.savez(tmp_path / "noisy.npz", v_V=v, i_nA=data["i_nA"], dt_ms=DT)
    result = run("fit", "GLIF1", tmp_path / "noisy.npz", *QUICK, "--learn", "c_mem", "--json", "x.json")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("x.json").read_text())["level_mV"] == 0.0
    with pytest.raises(ParameterError):
        two("1", "--scale", "1")
