"""`rheobase fit` of a cell with a shape: from a file of parameters to another one; and going on where it stopped."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import Result

from rheobase import stimuli
from rheobase.cells import from_allen
from rheobase.cli.fitting import job, page
from rheobase.learning import FitCallback, FitStep
from tests.cli.test_simulate_cells import SWC, model

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


def test_a_fit_leaves_a_page_and_a_cell_that_is_read_again(run: Run, files: None) -> None:
    result = run("fit", *HERE, *QUICK, "--name", "mine", "--json", "x.json")
    assert result.exit_code == 0, result.output
    folder, found = Path("runs/mine"), read("x.json")
    assert {each.name for each in folder.iterdir()} == {"config.json", "fitted.json", "report.html", "result.json"}
    assert found["neuron"] == "fit.json"
    assert found["diverged"] == 0
    assert found["hold_out"]["sweeps"] == [1]
    assert found["score"] < 0.5
    assert found["as_it_was"]["fitted"]["gamma"] < found["gamma"]
    html = (folder / "report.html").read_text("utf-8")
    titles = ("Parameters", "Features side by side", "What to try next", "Every sweep", "The fitted cell")
    assert all(f">{title}</h2>" in html for title in titles)
    assert "as it was, held out" in html
    # the command of the page reads the file, and so does the reader
    cell = from_allen(folder / "fitted.json", "cell.swc", dt=DT, axon="none", threshold=-10.0)
    for name, one in found["parameters"].items():
        assert cell.values()[name].item() == pytest.approx(one["value"], rel=1e-6), name
    assert cell.values()["dend.Pas.g"].item() == pytest.approx(1e-4)
    with torch.no_grad():
        spikes, _ = cell(torch.from_numpy(np.load("steps.npz")["i_nA"].T.copy()))
    assert spikes.sum(0).tolist() == [sweep["fit"]["spikes"] for sweep in found["sweeps"]]
    words = ("runs/mine/fitted.json", "--morphology", "cell.swc", "--axon", "none", "--current", "0.3nA", "--stop", 20)
    assert run("simulate", *words).exit_code == 0
    assert f"rheobase simulate {' '.join(words[:5])} --current" in html


@pytest.mark.parametrize("after", [1, 4])
def test_an_interrupted_fit_goes_on_to_the_same_numbers(
    run: Run, files: None, plain: None, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    assert run("fit", *HERE, *QUICK, "--name", "whole").exit_code == 0
    with monkeypatch.context() as patch:
        patch.setattr(job, "_progress", lambda: CtrlC(after))
        stopped = run("fit", *HERE, *QUICK, "--name", "cut")
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
