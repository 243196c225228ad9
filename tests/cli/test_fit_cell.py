"""`rheobase fit` of a cell with a shape: from a file of parameters to another one; and going on where it stopped."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import Result

import rheobase
from rheobase import stimuli
from rheobase.cells import Morphology, Place, from_allen
from rheobase.cli.fitting import job, page
from rheobase.cli.fitting.parameter_file import check_writable
from rheobase.cli.fitting.subjects import CellSubject
from rheobase.errors import CheckpointError
from rheobase.learning import FitCallback, FitStep
from tests.cli.test_simulate_cells import SWC, model

DOCS = Path(__file__).parents[2] / "docs" / "fitting.md"
DT = 0.1
TRUE = {"soma.NaTa_t.gbar": 0.4, "soma.Kv3_1.gbar": 0.3}
HERE = ("fit.json", "steps.npz", "--morphology", "cell.swc", "--axon", "none", "--dt", DT)
QUICK = ("--learn", ",".join(TRUE), "--forced", 2, "--generations", 4, "--population", 6, "--time-limit", "none")
Run = Callable[..., Result]


@pytest.fixture
def files(run: Run) -> None:
    """A model whose conductances are off, a shape, and the traces of the right one under three currents."""
    content = model(0.25)
    Path("true.json").write_text(json.dumps(model(TRUE["soma.NaTa_t.gbar"])), "utf-8")
    next(each for each in content["genome"] if each["name"] == "gbar_Kv3_1")["value"] = 0.5
    Path("fit.json").write_text(json.dumps(content), "utf-8")
    Path("cell.swc").write_text(SWC, "utf-8")
    current = torch.stack([stimuli.step(i, start=5.0, stop=25.0).sample(30.0, DT) for i in (0.2, 0.3, 0.4)])
    with torch.no_grad():
        _, _, rec = from_allen("true.json", "cell.swc", dt=DT, axon="none")(current.T.contiguous(), record=("soma",))
    np.savez("steps.npz", v_mV=rec["soma"].T.numpy(), i_nA=current.numpy(), dt_ms=DT)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without the pictures of all sweeps, which take most of the time."""
    monkeypatch.setattr(page, "all_sweeps", lambda fitted: [])


def read(path: str) -> dict[str, Any]:
    return json.loads(Path(path).read_text("utf-8"))


class CtrlC(FitCallback):
    """Ctrl-C after so many steps."""

    def __init__(self, after: int):
        self.after = after

    def on_step(self, step: FitStep) -> None:
        if step.step >= self.after:
            raise KeyboardInterrupt


def test_a_fit_leaves_a_page_and_a_cell_that_is_read_again(run: Run, files: None, plain: None) -> None:
    result = run("fit", *HERE, *QUICK, "--name", "mine", "--json", "x.json")
    assert result.exit_code == 0, result.output
    folder, found = Path("runs/mine"), read("x.json")
    assert {each.name for each in folder.iterdir()} == {"config.json", "fitted.json", "report.html", "result.json"}
    assert found["neuron"] == "fit.json"
    assert found["diverged"] == 0
    assert found["hold_out"]["sweeps"] == [1]
    assert found["score"] < 0.5
    assert found["as_it_was"]["fitted"]["v_error"] > 2.0 * found["fitted"]["v_error"]
    html = (folder / "report.html").read_text("utf-8")
    titles = ("Parameters", "Features side by side", "What to try next", "The fitted cell")
    assert all(f">{title}</h2>" in html for title in titles)
    assert "as it was, held out" in html
    for label, unit, key in (("trough behind", "mV", "trough"), ("height of", "mV", "height")):
        assert f"{label} spikes off" in result.stdout
        assert f"{label} spikes off ({unit})" in html
        assert min(found[part][key] for part in ("fitted", "held_out")) >= 0.0
    # the command of the page reads the file, and so does the reader
    cell = from_allen(folder / "fitted.json", "cell.swc", dt=DT, axon="none", threshold=-10.0)
    for name, one in found["parameters"].items():
        assert cell.values()[name].item() == pytest.approx(one["value"], rel=1e-6), name
    assert cell.values()["dend.Pas.g"].item() == pytest.approx(1e-4)
    with torch.no_grad():
        spikes, _ = cell(torch.from_numpy(np.load("steps.npz")["i_nA"].T.copy()))
    assert spikes.sum(0).tolist() == [sweep["fit"]["spikes"] for sweep in found["sweeps"]]
    with pytest.raises(CheckpointError, match=r"a fit of one cell.*from_allen"):
        rheobase.load("runs/mine")
    words = ("runs/mine/fitted.json", "--morphology", "cell.swc", "--axon", "none", "--current", "0.3nA", "--stop", 20)
    assert run("simulate", *words).exit_code == 0
    assert f"rheobase simulate {' '.join(words[:5])} --current" in html


def command_of(folder: str) -> list[str]:
    """The words of the command on a page, without its program."""
    found = re.search(r"rheobase fit fit\.json[^<]*", Path(folder, "report.html").read_text("utf-8"))
    assert found is not None
    return shlex.split(found[0])[1:]


def test_the_command_of_the_page_repeats_a_stage_that_was_cut_short(
    run: Run, files: None, plain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The electrode weakens over the steps that were planned, not over those that were done."""
    with monkeypatch.context() as patch:
        patch.setattr(job, "_progress", lambda: CtrlC(3))
        assert run("fit", *HERE, *QUICK, "--forced", 5, "--name", "cut").exit_code == 130
    words = command_of("runs/cut")
    assert words[words.index("--forced") :][:4] == ["--forced", "3", "--schedule", "5"]
    assert run(*words, "--name", "again").exit_code == 0
    cut, again = (read(f"runs/{name}/result.json")["parameters"] for name in ("cut", "again"))
    assert cut == again


def test_the_passive_stage_is_told_and_repeated(run: Run, files: None, plain: None) -> None:
    current = torch.stack([stimuli.step(i, start=5.0, stop=25.0).sample(30.0, DT) for i in (0.3, -0.1)])
    with torch.no_grad():
        _, _, rec = from_allen("true.json", "cell.swc", dt=DT, axon="none")(current.T.contiguous(), record=("soma",))
    np.savez("steps.npz", v_mV=rec["soma"].T.numpy(), i_nA=current.numpy(), dt_ms=DT)
    words = ("--learn", "soma.Pas.g,soma.NaTa_t.gbar", "--passive", 4, "--forced", 0, "--generations", 1)
    result = run("fit", *HERE, *QUICK[6:], *words, "--json", "x.json", "--name", "mine")
    assert result.exit_code == 0, result.output
    said, found = " ".join(result.stderr.split()), read("x.json")
    told = "first all is fitted to sweep 1, which has no spike, and what these identify of soma.Pas.g is then held"
    assert told in said
    one = ["soma.Pas.g"]
    stage = {"sweeps": [1], "reason": "", "searched": one, "held": one, "unidentifiable": [], "steps": 4}
    assert found["passive"] == stage
    assert "on sweep 1; held: soma.Pas.g" in " ".join(result.stdout.split())
    html = Path("runs/mine/report.html").read_text("utf-8")
    assert "held since the passive stage" in html
    assert "what these identify of leak" in html
    again = command_of("runs/mine")
    assert again[again.index("--passive") + 1] == "4"
    assert run(*again, "--overwrite").exit_code == 0
    repeated = read("runs/mine/result.json")
    assert {**repeated, "seconds": 0.0} == {**found, "seconds": 0.0}
    none = run("fit", *HERE, *QUICK[6:], *words, "--passive", 0, "--name", "none")
    assert "passive stage: none: it was not asked for" in " ".join(none.stderr.split())


@pytest.mark.parametrize("more", [(), ("--series", "60MOhm", "--junction", "14mV")], ids=["plain", "electrode"])
def test_an_interrupted_fit_goes_on_to_the_same_numbers(
    run: Run, files: None, plain: None, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    after = 4
    assert run("fit", *HERE, *QUICK, *more, "--name", "whole").exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(job, "_progress", lambda: CtrlC(after))
        stopped = run("fit", *HERE, *QUICK, *more, "--name", "cut")
    assert stopped.exit_code == 130
    assert read("runs/cut/result.json")["ended"] == "Ctrl-C"
    assert Path("runs/cut/fitted.json").is_file()
    told: list[int] = []

    class Seen(FitCallback):
        def on_step(self, step: FitStep) -> None:
            told.append(step.step)

    monkeypatch.setattr(job, "_progress", Seen)
    program, *words = shlex.split(stopped.stderr.partition("go on with: ")[2])
    assert program == "rheobase"
    assert run(*words).exit_code == 0
    assert told == list(range(after + 1, 7))
    one, other = read("runs/whole/result.json"), read("runs/cut/result.json")
    assert {**one, "seconds": 0.0} == {**other, "seconds": 0.0}
    assert not Path("runs/cut/search.journal").exists()
    assert ("r_series" in one["parameters"], one["junction_mV"]) == ((True, 14.0) if more else (False, 0.0))
    if more:
        facts = read("runs/cut/fitted.json")["rheobase"]
        assert (facts["r_series_GOhm"], facts["junction_mV"]) == (one["readout"]["r_series"], 14.0)
        assert f"recorded potential in mV = v + {one['readout']['r_series']:.6g} x current in pA + 14" in Path(
            "runs/cut/report.html"
        ).read_text("utf-8")


def test_the_commands_of_the_page_run(run: Run, files: None, plain: None, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("fit.json").write_text(json.dumps(model(0.25, "none")), "utf-8")
    section = DOCS.read_text("utf-8").partition("## A cell with a shape")[2].partition("\n## ")[0]
    first, resume, simulate = (shlex.split(x)[1:] for x in re.findall(r"^    (rheobase .*)$", section, re.MULTILINE))
    with monkeypatch.context() as patch:
        patch.setattr(job, "_progress", lambda: CtrlC(1))
        assert run(*first, "--dt", DT, *QUICK).exit_code == 130
    for words in (resume, simulate):
        result = run(*words)
        assert result.exit_code == 0, result.output
    assert read("runs/shaped/result.json")["ended"] == "generations"


def test_what_the_clock_ended_goes_on_with_more_time(run: Run, files: None, plain: None) -> None:
    words = ("fit", *HERE, *QUICK[:-1], "1us", "--generations", 3)
    assert run(*words, "--name", "mine").exit_code == 0
    assert read("runs/mine/result.json")["ended"] == "time limit"
    again = run("fit", "--resume", "runs/mine")
    assert again.exit_code == 2
    assert "a longer --time-limit" in again.stderr
    assert run("fit", "--resume", "runs/mine", "--time-limit", "none", "--json", "x.json").exit_code == 0
    found = read("x.json")
    assert found["ended"] == "generations"
    # the first stage had its share of a time that was too short, and keeps it
    assert found["steps"] == {"forced": 1, "free": 0, "generations": 3}
    done = run("fit", "--resume", "runs/mine")
    assert "a finished fit" in done.stderr
    other = run("fit", "--resume", "runs/mine", "--seed", 3)
    assert "a fit goes on as it began" in other.stderr


def test_a_diverging_candidate_is_dropped_and_counted(run: Run, files: None, plain: None) -> None:
    words = ("--range", "soma.Pas.e=-80:1e38", "--learn", "soma.Pas.e,soma.NaTa_t.gbar", "--forced", 0)
    result = run("fit", *HERE, *QUICK, *words, "--json", "x.json")
    assert result.exit_code == 0, result.output
    found = read("x.json")
    assert 0 < found["diverged"] < found["evaluations"] + 24
    assert found["score"] < 8.0
    assert "candidates, dropped" in result.stdout
    assert any("diverged: give narrower ranges" in line for line in found["try_next"])
    words = ("--range", "soma.Pas.e=1e37:1e38", *words[2:])
    nothing = run("fit", *HERE, *QUICK, *words)
    assert nothing.exit_code == 2
    assert "a potential that is none in each of" in nothing.stderr


def test_what_has_changed_is_not_gone_on_with(
    run: Run, files: None, plain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(job, "_progress", lambda: CtrlC(1))
        run("fit", *HERE, *QUICK, "--forced", 0, "--name", "cut")
    data = dict(np.load("steps.npz"))
    np.savez("steps.npz", **{**data, "v_mV": data["v_mV"] + 1.0})
    before = Path("runs/cut/search.journal").read_bytes()
    result = run("fit", "--resume", "runs/cut")
    assert result.exit_code == 2
    assert "the journal of another fit" in result.stderr
    assert Path("runs/cut/search.journal").read_bytes() == before
    assert Path("runs/cut/fitted.json").is_file()


WRONG = {
    "no shape": (HERE[:2], "fit.json without --morphology"),
    "no axon": ((*HERE[:4],), 'axon="stub"'),
    "unknown": ((*HERE, "--learn", "soma.NaTa_t.gba"), "soma.NaTa_t.gbar"),
    "range of another": ((*HERE, "--learn", "soma.Pas.g", "--range", "soma.Pas.e=-80:-60"), "a name in learn"),
    "not in a file": ((*HERE, "--learn", "soma.Kv3_1.e"), "parameters that a parameter file can hold"),
    "no such place": ((*HERE, "--at", "dend[7]"), "dend[7]"),
    "no place": ((*HERE, "--at", "(2)"), "--at 'dend[3](0.5)'"),
    "scale": ((*HERE, "--scale", "1:2"), "its current is in nA"),
    "free": ((*HERE, "--free", "3"), "it has no such stage"),
    "passive": (("AdEx", "steps.npz", "--passive", "3"), "--passive for AdEx, no cell"),
    "schedule": (("AdEx", "steps.npz", "--schedule", "3"), "--schedule for AdEx, no cell"),
    "units": ((*HERE, "--units", "V,nA"), "V"),
    "two": (("fit.json,true.json", *HERE[1:]), "one cell at a time"),
    "with a neuron": (("AdEx,fit.json", *HERE[1:]), "one cell at a time"),
    "a neuron": (("AdEx", *HERE[1:]), "--morphology for AdEx, a neuron"),
    "too many": ((*HERE, "--population", 10**9), "--population 16"),
    "no recording": (("fit.json",), "without a RECORDING"),
    "nothing": ((), "no NEURON"),
    "no folder": (("--resume", "runs/none"), "runs/none"),
    "no file": (("none.json", *HERE[1:]), "none.json"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(refused: Callable[..., str], files: None, case: str) -> None:
    words, said = WRONG[case]
    assert said in refused("fit", *words)
    assert not Path("runs").exists()


def test_a_conductance_of_nothing_needs_a_range(refused: Callable[..., str], files: None) -> None:
    content = model(0.0)
    Path("fit.json").write_text(json.dumps(content), "utf-8")
    assert "--range soma.NaTa_t.gbar=" in refused("fit", *HERE, "--learn", "soma.NaTa_t.gbar")


def test_every_parameter_of_a_file_comes_back(files: None) -> None:
    """Also what the file says of all sections at once, and what it does not say."""
    subject = CellSubject(Path("fit.json"), Path("cell.swc"), Morphology.read("cell.swc"), "none", Place())
    cell = subject.model(DT)
    names = [name for name in cell.values() if not name.endswith((".NaTa_t.e", ".Kv3_1.e"))]
    assert {"Ra.dend", "c_mem.soma", "dend.Pas.e", "soma.Kv3_1.gbar"} <= set(names)
    check_writable(subject, cell, names)
