"""`rheobase deploy` used wrongly: refused before anything is trained or written; and what is said of a bad result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from rheobase.chip.wiring_notes import load
from rheobase.cli import app

SMALL = ("--data", "digits", "--limit", 80, "--epochs", 1, "--hidden", 64, "--steps", 3, "--device", "cpu")
QUICK = ("--epochs", 1, "--threshold", "2", "--limit", 4)


def typed(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from rheobase.cli.training import report as page

    folder = tmp_path_factory.mktemp("misuse")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "pictures", lambda outcome: [])
        result = typed("train", "--neuron", "IF", *SMALL, "--encoder", "thermometer", "--out", folder)
    assert result.exit_code == 0, result.output
    return folder / "if-digits"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--software", "LI"), "layer 3 (Linear) as the last of the chip"),
        (("--software", "4"), "--software 3 as well"),
        (("--lr", "0"), "learning_rate = 0.0"),
        (("--lr", "nan"), "learning_rate = nan"),
        (("--software", "3", "--software", "LI", "--votes", "4"), "--votes: got 4, and no readout"),
    ],
)
def test_nothing_is_trained_or_written(run: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    out = tmp_path / "out"
    result = typed("deploy", run, *QUICK, *words, "--out", out)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line
    assert not out.exists()


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_the_page_of_a_run_is_not_written_over(run: Path, more: tuple[str, ...]) -> None:
    before = (run / "report.html").read_bytes()
    result = typed("deploy", run, *QUICK, *more, "--out", run)
    assert result.exit_code == 2
    assert "which holds something else" in result.stderr
    assert (run / "report.html").read_bytes() == before
    assert not (run / "work").exists()


def test_samples_do_not_go_past_layers_that_were_in_software(run: Path, tmp_path: Path) -> None:
    """The chip reads 64 spikes of a hidden layer here, and a sample has 64 values as well."""
    out = tmp_path / "out"
    result = typed("deploy", run, *QUICK, "--votes", 2, "--software", 1, "--software", 2, "--out", out)
    assert result.exit_code == 0, result.output
    stored = load(out / "chip.safetensors")
    assert stored is not None
    assert stored.n_inputs == 64
    result = typed("emulate", out, "--samples", 2)
    assert result.exit_code == 2, result.output
    assert "says of no data how they become its spikes" in result.stderr


def test_what_was_left_by_more_than_chance_is_said_with_what_to_try(run: Path, tmp_path: Path) -> None:
    from rheobase.cli.deploying.job import Outcome
    from rheobase.cli.deploying.options import Options
    from rheobase.cli.deploying.page import advice, warnings
    from rheobase.runs.model import Model

    class Fake:
        predicted = torch.tensor([1] * 90 + [0] * 10)
        samples, same_predictions, silent = 100, 100, 0

    options = Options(
        software=(), votes=8, whole=1, thresholds=(2,), inputs=None, epochs=3, lr=0.1, validation=0.1, limit=None
    )
    report: Any = Fake()
    nothing: Any = None
    truth = torch.ones(100, dtype=torch.int64)

    def outcome(right: int) -> Outcome:
        plain = torch.tensor([1] * right + [0] * (100 - right))
        held = (nothing, nothing, report, truth, right / 100, plain, nothing)
        return Outcome(Model.read(run), options, {2: 1.0}, 2, *held)

    lost = outcome(100)
    assert lost.error_of_loss == pytest.approx((0.1 * 0.9 / 100) ** 0.5)
    (line,) = advice(lost)
    for words in ("10.0 points are lost", "--whole 2", "--votes 16", "--epochs 6", "--software 3", "validation"):
        assert words in line
    assert "--threshold" not in line
    assert warnings(lost) == []
    report.silent = 60
    assert "What may lose less: --threshold 1, or --whole 2" in advice(lost)[0]
    (line,) = warnings(lost)
    assert line.startswith("no spike leaves the chip in 60 of 100 samples")
    report.silent = 1
    assert warnings(lost) == [], "one of a hundred may have nothing to say"
    assert advice(outcome(90)) == []
    assert advice(outcome(91)) == [], "one sample of a hundred is not told from chance"


def test_only_counts_are_voted_by(run: Path, tmp_path: Path) -> None:
    """A prediction of another rule than the run's is not made up."""
    import dataclasses

    import numpy as np

    from rheobase.cli.deploying.stored import opened, voted

    out = tmp_path / "out"
    assert typed("deploy", run, *QUICK, "--votes", 2, "--out", out, "--json", tmp_path / "d.json").exit_code == 0
    held = json.loads((tmp_path / "d.json").read_text())
    assert 0 <= held["accuracy"]["standard error of what is lost"] <= 0.5
    plain = np.array(held["predictions"]["full precision"])
    assert held["accuracy"]["full precision"] == pytest.approx(np.mean(plain == held["predictions"]["true"]))
    assert (out / "whole.json").exists()
    result = typed("emulate", out, "--samples", 360)
    assert result.exit_code == 2
    assert "--samples: got 360; expected up to 80, the test samples of digits" in result.stderr
    stored = opened(str(out))
    counts = np.eye(20, dtype=np.int64)[13]
    assert voted(stored, counts) == 3
    assert stored.wired is not None
    facts = {**stored.wired.facts, "loss": "LastCrossEntropy"}
    assert voted(dataclasses.replace(stored, wired=dataclasses.replace(stored.wired, facts=facts)), counts) is None
