"""`rheobase fit`: sweeps held out, and several neurons compared on one page."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import Result

import rheobase
from rheobase import neurons, stimuli
from rheobase.cli.fitting import compare, going, job, page
from rheobase.cli.fitting.settings import FitSettings
from rheobase.cli.fitting.subjects import NeuronSubject
from rheobase.errors import CheckpointError
from rheobase.json_files import write_json
from rheobase.learning import FitCallback, FitStep
from rheobase.plot import Picture, Rendered
from rheobase.recordings import read
from tests.cli.test_simulate_cells import written

DT = 0.25
TRUE = dict(c_mem=150.0, g_leak=10.0, v_leak=-70.0, v_reset=-60.0, v_threshold=-48.0, tau_refrac=2.0)
QUICK = ("--forced", 4, "--free", 1, "--generations", 6, "--population", 12, "--time-limit", "none")
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five sweeps of a cell whose parameters are known."""
    current = torch.stack([stimuli.noise(150.0 + 40.0 * k, 150.0, tau=5.0, seed=k).sample(400.0, DT) for k in range(5)])
    spikes, _, rec = neurons.GLIF1(1, dt=DT, **TRUE)(current.T[..., None], record=("v",))
    v = torch.where(spikes > 0, 40.0, rec.v.clamp(max=-11.0))[..., 0].T
    path = tmp_path_factory.mktemp("data") / "cell.npz"
    np.savez(path, v_mV=v.numpy(), i_pA=current.numpy(), dt_ms=DT)
    return path


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages whose pictures are not drawn, which takes most of the time."""
    monkeypatch.setattr(page, "all_sweeps", lambda fitted: [])
    monkeypatch.setattr(Picture, "rendered", lambda self: Rendered(self.title, self.caption, self.alt, b"", b""))


def test_a_fifth_is_held_out_and_its_errors_stand_beside(run: Run, cell: Path, plain: None) -> None:
    result = run("fit", "GLIF1", cell, *QUICK, "--name", "mine", "--json", "x.json")
    assert result.exit_code == 0, result.output
    assert "held out to test the fit: sweep 2 (1 of 5 currents with spikes)" in result.stderr
    found = json.loads(Path("x.json").read_text())
    assert found["hold_out"] == {"sweeps": [2], "reason": "1 of 5 currents with spikes"}
    assert (found["fitted"]["sweeps"], found["held_out"]["sweeps"]) == ([0, 1, 3, 4], [2])
    assert [sweep["sweep"] for sweep in found["sweeps"] if sweep["held_out"]] == [2]
    for key in ("gamma", "spikes", "first", "interval", "v_error"):
        assert key in found["held_out"]
        assert key in found["matched_lif"]["held_out"]
    line = next(line for line in result.stdout.splitlines() if line.strip().startswith("Gamma "))
    assert f"{found['fitted']['gamma']:.3f} fitted, {found['held_out']['gamma']:.3f} held out" in line
    html = Path("runs/mine/report.html").read_text()
    assert "that it was not fitted to with a Gamma of" in html
    assert all(f'<th class="number">{name}</th>' in html for name in ("fitted", "held out", "LIF, held out"))
    assert "2, held out</td>" in html


def test_sweeps_are_held_out_by_the_numbers_of_the_file(run: Run, cell: Path, plain: None) -> None:
    words = ("--sweeps", "1:5", "--hold-out", "4", "--learn", "c_mem", "--json", "x.json")
    assert run("fit", "GLIF1", cell, *QUICK, *words).exit_code == 0
    found = json.loads(Path("x.json").read_text())
    assert (found["hold_out"]["sweeps"], found["fitted"]["sweeps"]) == ([4], [1, 2, 3])


def test_one_sweep_says_that_there_is_no_test(run: Run, cell: Path, plain: None) -> None:
    result = run("fit", "GLIF1", cell, *QUICK, "--sweeps", "3", "--learn", "c_mem", "--name", "one", "--json", "x.json")
    assert result.exit_code == 0, result.output
    assert "no hold-out is possible: there is one sweep" in result.stderr
    assert json.loads(Path("x.json").read_text())["held_out"] is None
    assert "none was held out to test it" in Path("runs/one/report.html").read_text()


WRONG = {
    "no such sweep": (["GLIF1", "--hold-out", "9"], "numbers from 0 to 4"),
    "not read": (["GLIF1", "--sweeps", "0:3", "--hold-out", "0:4"], "0:4"),
    "left out": (["GLIF1", "--sweeps", "0,4", "--hold-out", "2"], "one of those that were read: 0, 4"),
    "all": (["GLIF1", "--hold-out", "0:5"], "a spike that is left to fit"),
    "no share": (["GLIF1", "--hold-out", "many%"], "a share, auto or none"),
    "too much": (["GLIF1", "--hold-out", "120%"], "between 0 and 1"),
    "of one": (["GLIF1", "--sweeps", "0", "--hold-out", "20%"], "several sweeps"),
    "twice": (["GLIF1,glif1"], "several different ones"),
    "none": ([","], "a neuron, or several"),
    "misspelt": (["GLIF1,GLIF33"], "GLIF3"),
    "no parameter of any": (["GLIF1,AdEx", "--learn", "c_men"], "c_mem"),
    "of one alone": (["GLIF1,AdEx", "--learn", "delta_T"], "one of GLIF1, too"),
    "no range of any": (["GLIF1,AdEx", "--range", "c_men=1:2"], "c_mem"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(refused: Callable[..., str], cell: Path, case: str) -> None:
    (name, *words), said = WRONG[case]
    assert said in refused("fit", name, str(cell), *words)


def test_several_neurons_are_compared_on_one_page(run: Run, cell: Path) -> None:
    words = ("--learn", "c_mem,v_threshold,v_T", "--range", "v_T=-60:-40", "--name", "both", "--json", "x.json")
    result = run("fit", "AdEx,glif1", cell, *QUICK, *words)
    assert result.exit_code == 0, result.output
    found = json.loads(Path("x.json").read_text())
    assert found == json.loads(Path("runs/both/result.json").read_text())
    fits = {one["neuron"]: one for one in found["fits"]}
    assert set(fits["AdEx"]["parameters"]) == {"c_mem", "v_T"}
    assert set(fits["GLIF1"]["parameters"]) == {"c_mem", "v_threshold"}
    gammas = [one["held_out"]["gamma"] for one in found["fits"]]
    assert gammas == sorted(gammas, reverse=True)
    best = found["fits"][0]["neuron"]
    html = Path("runs/both/report.html").read_text()
    said = f"{best} has the best Gamma on sweeps that none of them was fitted to: {gammas[0]:.2f}"
    assert said in html
    assert said in " ".join(result.stdout.split())
    assert html.index("<h1>") < html.index("has the best Gamma") < html.index("<figure>") < html.index("<h2>")
    for name in ("AdEx", "GLIF1"):
        assert f'href="{name}/report.html"' in html
        assert {p.name for p in Path(f"runs/both/{name}").iterdir()} == {
            "config.json",
            "fitted.toml",
            "report.html",
            "result.json",
        }
    assert neurons.GLIF1.named("runs/both/GLIF1/fitted.toml", 1, dt=DT).dt == DT
    with pytest.raises(CheckpointError, match=r"fits of several neurons.*AdEx.named\(.*AdEx/fitted.toml"):
        rheobase.load("runs/both")


def test_the_command_of_the_page_makes_it_again(run: Run, cell: Path, plain: None) -> None:
    words = ("--learn", "c_mem,v_threshold", "--name", "one", "--json", "x.json")
    run("fit", "GLIF1,AdEx", cell, *QUICK, *words)
    html = Path("runs/one/report.html").read_text()
    said = html.split("<pre><code>")[1].split("</code>")[0].split()
    assert said[:2] == ["rheobase", "fit"]
    again = run(*said[1:-2], "--name", "two", "--json", "y.json")
    assert again.exit_code == 0, again.output
    first, second = (json.loads(Path(name).read_text())["fits"] for name in ("x.json", "y.json"))
    assert [one["parameters"] for one in first] == [one["parameters"] for one in second]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ([("AdEx", 9, 0.80), ("LIF", 5, 0.79), ("GLIF1", 6, 0.795)], "LIF comes as near as 0.02 with 5, so prefer it."),
        ([("AdEx", 9, 0.80), ("LIF", 5, 0.70)], "None with fewer parameters comes nearer than 0.02."),
        ([("LIF", 5, 0.80), ("AdEx", 9, 0.79)], "None has fewer parameters."),
        ([("LIF", 5, 0.80), ("AdEx", 9, math.nan)], "(others: AdEx none)"),
    ],
)
def test_fewer_parameters_are_preferred_where_they_come_as_near(figures: Any, said: str) -> None:
    def fitted(name: str, count: int, gamma: float) -> Any:
        held = SimpleNamespace(gamma=gamma, delta=4.0)
        fit = SimpleNamespace(axes=[None] * count, held_out=held, fitted=held, silent=False)
        return SimpleNamespace(name=name, fit=fit)

    assert said in compare.summary([fitted(*one) for one in figures], [])


def test_ctrl_c_keeps_the_neurons_that_were_fitted(
    run: Run, cell: Path, plain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient(FitCallback):
        runs = 0

        def on_start(self, steps: int) -> None:
            Impatient.runs += 1

        def on_step(self, step: FitStep) -> None:
            if Impatient.runs == 2 and step.stage == "evolve":
                raise KeyboardInterrupt

    monkeypatch.setattr(job, "_progress", Impatient)
    result = run("fit", "GLIF1,AdEx,LIF", cell, *QUICK, "--name", "mine")
    assert result.exit_code == 130
    found = json.loads(Path("runs/mine/result.json").read_text())
    assert sorted(one["neuron"] for one in found["fits"]) == ["AdEx", "GLIF1"]
    assert found["not_fitted"] == ["LIF"]
    assert "Interrupted: LIF was not fitted." in Path("runs/mine/report.html").read_text()


@pytest.mark.parametrize("neuron", ["AdEx", "LIF"])
def test_ranges_and_starting_points_do_not_look_at_what_is_held_out(cell: Path, tmp_path: Path, neuron: str) -> None:
    data = dict(np.load(cell))
    changed = data["v_mV"].copy()
    changed[2] = np.where(changed[2] > 0.0, 40.0, changed[2] - 15.0)
    np.savez(
        tmp_path / "other.npz",
        v_mV=changed,
        i_pA=np.where(np.arange(5) == 2, 0.2, 1.0)[:, None] * data["i_pA"],
        dt_ms=DT,
    )
    kind = NeuronSubject(getattr(neurons, neuron))
    plans = [
        job.plan(FitSettings(neuron=neuron, file=str(path), hold_out=held), kind, read(path))
        for held in ("2", "none")
        for path in (cell, tmp_path / "other.npz")
    ]
    chosen = [(made.ranges, made.start, made.scale) for made in plans]
    assert chosen[0] == chosen[1]
    assert chosen[2] != chosen[3]


def test_the_examples_of_the_help_can_be_typed(run: Run, cell: Path, tmp_path: Path, monkeypatch: Any) -> None:
    data = np.load(cell)
    # as many sweeps as the examples name
    long = {name: np.concatenate([data[name]] * 3) for name in ("v_mV", "i_pA")}
    np.savez(tmp_path / "cell.npz", **long, dt_ms=DT)
    planned: list[str] = []

    def begun(made: job.Plan, folder: Path, json: Path | None) -> None:
        planned.append(folder.name)
        write_json(folder / "config.json", {"notes": {"fit": made.settings.located()}})

    written("none")
    monkeypatch.setattr(going, "_one", begun)
    monkeypatch.setattr(going, "_several", lambda made, folder, json: planned.append(folder.name))
    examples = [line.partition("   (")[0].split() for line in sys.modules["rheobase.cli.fit"].EXAMPLES.splitlines()]
    typed = [words[1:] for words in examples if words[:2] == ["rheobase", "fit"]]
    assert len(typed) > 4
    shown = run("fit", "--help")
    assert "Examples:" in shown.stdout
    for words in typed:
        is_file = [word.endswith((".abf", ".npz", ".ibw", ".csv")) for word in words]
        given = [str(tmp_path / "cell.npz") if file else word for word, file in zip(words, is_file, strict=True)]
        result = run(*given)
        assert result.exit_code == 0, result.output
    assert len(planned) == len(typed)
    assert planned[-2:] == ["shaped"] * 2
