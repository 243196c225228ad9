"""`rheobase deploy --chip fixed-point`: what it writes, chooses and refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from rheobase.cli import app

CHIP = ("--chip", "fixed-point")


def typed(*words: object) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a run of SRC neurons that is deployed."""
    from rheobase.cli.training import report as page

    folder, here = tmp_path_factory.mktemp("place"), Path.cwd()
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "pictures", lambda outcome: [])
        typed(
            "train",
            "--neuron",
            "SRC",
            "--data",
            "digits",
            "--limit",
            80,
            "--epochs",
            1,
            "--hidden",
            12,
            "--steps",
            6,
            "--device",
            "cpu",
        )
        typed("deploy", "src-digits", *CHIP, "--weight-bits", "6,4", "--limit", 9, "--json", "d.json")
    yield folder
    os.chdir(here)


def test_what_it_writes(place: Path) -> None:
    folder = place / "runs/src-digits/fixed-point"
    held = json.loads((folder / "certificate.json").read_text())
    assert held == json.loads((place / "d.json").read_text())
    certificate = held["certificate"]
    assert certificate["samples"] == certificate["same_outputs"] == certificate["same_predictions"] == 9
    assert held["predictions"]["chip"] == held["predictions"]["software"]
    right = np.mean(np.array(held["predictions"]["chip"]) == held["predictions"]["true"])
    assert held["accuracy"]["in integers"] == pytest.approx(right)
    tried = {bits: held["validation"][str(bits)] for bits in (6, 4)}
    best = max(tried.values())
    error = (best * (1 - best) / held["validation_samples"]) ** 0.5
    assert held["weight_bits"] == min(bits for bits, value in tried.items() if value >= best - error)
    assert [layer["neuron"] for layer in held["layers"]] == ["FixedSRC", "FixedSRC", "FixedLeakySum"]
    assert held["layers"][0]["changes"]["alpha"] > 0
    page = (folder / "report.html").read_text()
    assert "Bits of a weight" in page
    assert "energy is not computed" in page


def test_trained_on_in_the_published_form(place: Path) -> None:
    words = ("deploy", "src-digits", *CHIP, "--form", "fpga", "--epochs", 1, "--limit", 5, "--out", "fpga")
    typed(*words)
    held = json.loads(Path("fpga/certificate.json").read_text())
    assert [layer["neuron"] for layer in held["layers"]] == ["FpgaSRC", "FpgaSRC", "FixedLeakySum"]
    assert held["certificate"]["same_outputs"] == 5
    # the same again is there
    assert "epoch" not in typed(*words).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--weight-bits", "1"), "--weight-bits: got '1'"),
        (("--weight-bits", ""), "--weight-bits: got ''"),
        (("--lr", "0.1"), "--lr: got 0.1 for fixed-point; expected --epochs as well"),
        (("--form", "asic"), "--form: got 'asic'"),
        (("--votes", "3"), "--votes: got 3 for fixed-point"),
        (("--weight-bits", "5"), "holds a deployment with other settings"),
    ],
)
def test_what_is_refused(place: Path, words: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, ["deploy", "src-digits", *CHIP, *words], catch_exceptions=False)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_damaged_certificate_is_no_checkpoint(place: Path) -> None:
    """Of the folder of a deployment; what helps is said, and does."""
    folder = place / "runs/src-digits/fixed-point"
    path = folder / "certificate.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    result = CliRunner().invoke(app, ["deploy", "src-digits", *CHIP, "--limit", "9"], catch_exceptions=False)
    assert result.exit_code == 2
    assert f"{path.relative_to(place)}: got text that is no JSON" in result.stderr
    assert "Remedy: --out another, and all that is in" in result.stderr
    assert "trains nothing again that is in" in result.stderr
    typed("deploy", "src-digits", *CHIP, "--weight-bits", "6,4", "--limit", 9, "--overwrite")
    assert json.loads(path.read_bytes()) == json.loads(whole)


def test_it_has_no_cores_to_be_shown(place: Path) -> None:
    result = CliRunner().invoke(app, ["map", "runs/src-digits/fixed-point"], catch_exceptions=False)
    assert result.exit_code == 2
    assert "in fixed point there are no cores" in result.stderr
