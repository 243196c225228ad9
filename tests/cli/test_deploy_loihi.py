"""`rheobase deploy --chip loihi`, `map`, `emulate` and `energy`: what they write, say, refuse and leave behind."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from rheobase.chip import loihi
from rheobase.cli import app

QUICK = ("--chip", "loihi", "--epochs", 1, "--votes", 2, "--limit", 6)
SMALL = ("--data", "digits", "--limit", 80, "--epochs", 1, "--hidden", 12, "--steps", 4, "--device", "cpu")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a run of CubaLIF neurons that was deployed."""
    from rheobase.cli.training import report as page

    folder, here = tmp_path_factory.mktemp("loihi"), Path.cwd()
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "pictures", lambda outcome: [])
        typed("train", "--neuron", "CubaLIF", *SMALL)
        typed("deploy", "cubalif-digits", *QUICK, "--weight-bits", "8,4", "--json", "d.json")
    yield folder
    os.chdir(here)


@pytest.fixture
def copy(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in a folder that a test may change."""
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(*words: object) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def refused(*words: object) -> str:
    """The one line of an error."""
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert "Remedy: " in line
    return line


def test_what_a_deployment_writes(place: Path) -> None:
    folder = place / "runs/cubalif-digits/loihi"
    held = json.loads((folder / "certificate.json").read_text())
    assert held == json.loads((place / "d.json").read_text())
    assert held["chip"] == "loihi"
    assert held["bits"] in (4, 8)
    assert set(held["validation"]) == {"4", "8"}
    certificate = held["certificate"]
    assert (certificate["samples"], certificate["same_predictions"], certificate["same_spikes"]) == (6, 6, 6)
    assert certificate["cores"] == {"layer 1 (Linear)": 1, "layer 3 (Linear)": 1}
    parts, joules = certificate["bill"]["parts"], held["joules"]
    assert joules["whole chip"] == pytest.approx(sum(part[1] for part in parts.values()))
    assert joules["whole chip"] - joules["own"] == pytest.approx(parts["static"][1])
    assert joules["with its cores at rest"] == pytest.approx(joules["own"] + 2 / 128 * parts["static"][1])
    page = (folder / "report.html").read_text()
    assert "6 of 6 predictions are those of the network in whole numbers" in page
    assert "on Loihi" in page
    assert "not measured" in page
    assert loihi.load(folder / "chip.safetensors").n_neurons == 12 + 20


def test_the_same_command_trains_nothing_again(copy: Path) -> None:
    before = (copy / "runs/cubalif-digits/loihi/whole.json").read_bytes()
    result = typed("deploy", "cubalif-digits", *QUICK, "--weight-bits", "8,4", "--json", "again.json")
    assert "epoch" not in result.stderr
    assert (copy / "runs/cubalif-digits/loihi/whole.json").read_bytes() == before
    assert json.loads(Path("again.json").read_text()) == json.loads(Path("d.json").read_text())
    assert "holds a deployment with other settings" in refused("deploy", "cubalif-digits", *QUICK)


def test_a_map_and_its_bars(place: Path, tmp_path: Path) -> None:
    picture, numbers = tmp_path / "chip.png", tmp_path / "m.json"
    result = typed("map", "cubalif-digits", "--plot", picture, "--json", numbers)
    assert picture.read_bytes().startswith(b"\x89PNG")
    held = json.loads(numbers.read_text())
    assert held["traffic of"] == "the first test sample"
    assert held["cores in use"] == 2 == len(held["fullest"])
    assert {one["compartments"] for one in held["fullest"]} == {12, 20}
    assert all(one["synapse_bits"] <= held["limits"]["synapse_bits"] for one in held["fullest"])
    assert held["spikes"] == sum(one["spikes"] for one in held["fullest"])
    shown = " ".join(result.stdout.split())
    assert "2 of 128 of a chip" in shown
    assert "20 of 1,024 of a core" in shown


def test_a_chip_on_samples_and_spikes(place: Path, tmp_path: Path) -> None:
    """The predictions are those of the certificate."""
    numbers, out = tmp_path / "e.json", tmp_path / "out.npz"
    typed("emulate", "cubalif-digits", "--samples", 6, "--json", numbers, "--out", out)
    held, certificate = json.loads(numbers.read_text()), json.loads((place / "d.json").read_text())
    assert held["predictions"] == [str(k) for k in certificate["predictions"]["chip"]]
    assert held["right"] == round(6 * certificate["accuracy"]["on the chip"])
    assert held["synaptic_events"] == pytest.approx(6 * certificate["certificate"]["synaptic_events"])
    with np.load(out) as spikes:
        assert len(spikes["tick"]) == held["host"]
    typed("emulate", "cubalif-digits", "--rate", 100, "--ticks", 50, "--json", numbers)
    assert json.loads(numbers.read_text())["spikes"] > 0
    np.savez(tmp_path / "in.npz", tick=np.arange(5), core=np.zeros(5, int), axon=np.arange(5))
    typed("emulate", "cubalif-digits", "--spikes", tmp_path / "in.npz", "--json", numbers)
    assert json.loads(numbers.read_text())["ticks"] == 4 + 64
    np.savez(tmp_path / "far.npz", tick=np.array([0]), core=np.array([9]), axon=np.array([0]))
    assert "core[0] = 9 of inputs" in refused("emulate", "cubalif-digits", "--spikes", tmp_path / "far.npz")


def test_a_run_on_two_chips_must_be_said(copy: Path) -> None:
    shutil.copytree("runs/cubalif-digits/loihi", "runs/cubalif-digits/truenorth")
    line = refused("map", "cubalif-digits")
    assert "several chips" in line
    assert "runs/cubalif-digits/loihi" in line
    typed("map", "runs/cubalif-digits/loihi", "--json", "m.json")


def test_ctrl_c_while_it_is_written_leaves_no_certificate_of_half(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a deployment are whole or not there, and the same command makes it whole."""
    from rheobase.cli.deploying import flow

    def stop(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    folder, words = (
        copy / "runs/cubalif-digits/loihi",
        ("deploy", "cubalif-digits", *map(str, QUICK), "--weight-bits", "8,4"),
    )
    with monkeypatch.context() as patch:
        patch.setattr(flow, "CORES", replace(flow.CORES, page=stop))
        result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 130
    assert "the same command goes on from runs/cubalif-digits/loihi/work" in result.stderr
    assert "Traceback" not in result.output
    assert not (folder / "certificate.json").exists(), "it would tell of files that are not there"
    assert loihi.load(folder / "chip.safetensors").n_neurons == 32
    assert not list(folder.glob("*.tmp*"))
    typed(*words)
    assert json.loads((folder / "certificate.json").read_text())["certificate"]["same_predictions"] == 6


@pytest.mark.parametrize("cut", [0, 1, 200])
@pytest.mark.parametrize("name", ["chip.safetensors", "certificate.json"])
def test_a_damaged_file_of_a_deployment_is_one_error(copy: Path, name: str, cut: int) -> None:
    path = copy / "runs/cubalif-digits/loihi" / name
    raw = path.read_bytes()
    path.write_bytes(raw[:cut])
    if name == "certificate.json":
        line = refused("deploy", "cubalif-digits", *QUICK, "--weight-bits", "8,4")
    else:
        line = refused("emulate", "cubalif-digits")
        assert refused("map", "cubalif-digits") == line
    assert name in line
    assert path.read_bytes() == raw[:cut]


def test_a_damaged_training_is_one_error_or_done_again(copy: Path) -> None:
    """Stored results of trainings: never taken when they were changed."""
    folder = copy / "runs/cubalif-digits/loihi"
    before = json.loads((folder / "certificate.json").read_text())
    stored = sorted(path for path in (folder / "work").rglob("*") if path.is_file() and "bits-8" in str(path))
    assert stored
    for path in stored:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = CliRunner().invoke(
        app, ["deploy", "cubalif-digits", *map(str, QUICK), "--weight-bits", "8,4", "--json", "again.json"]
    )
    assert "Traceback" not in result.output
    if result.exit_code == 0:
        assert json.loads(Path("again.json").read_text())["predictions"] == before["predictions"]
    else:
        assert result.exit_code == 2
        assert "Remedy: " in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--weight-bits", "8,,4"), "--weight-bits: got '8,,4'"),
        (("--weight-bits", ""), "--weight-bits: got ''"),
        (("--threshold", "4"), "--threshold: got 4 for loihi"),
        (("--software", "1"), "layer 2, CubaLIF without a layer of weights right before it"),
    ],
)
def test_what_is_refused(copy: Path, words: tuple[str, ...], said: str) -> None:
    import re

    assert re.search(said, refused("deploy", "cubalif-digits", "--chip", "loihi", *words, "--out", "x"))
    assert not Path("x").exists()


def test_energy_has_the_same_table(place: Path, tmp_path: Path) -> None:
    numbers = tmp_path / "e.json"
    result = typed("energy", "cubalif-digits", "--chip", "loihi", "--limit", 4, "--json", numbers)
    held = json.loads(numbers.read_text())["chip"]
    assert set(held["parts"]) == {"synaptic operations", "neuron updates", "spikes", "hops between tiles", "static"}
    assert "Loihi, 14 nm" in result.stdout
    assert held["total"][0] <= held["total"][1] <= held["total"][2]


def test_a_network_keeps_its_registers_and_learns_from_where_its_readout_was() -> None:
    """Voters that a readout makes silent are scaled until they spike; without samples they are as they come."""
    from rheobase import neurons, nn

    torch.manual_seed(0)
    net: Any = nn.Sequential(
        nn.Linear(10, 20), neurons.CubaLIF(20, dt=1.0, v_threshold=0.3), nn.Linear(20, 3), neurons.LI(3, dt=1.0)
    )
    net[2].weight.data *= 0.01
    x = (torch.rand(40, 5, 10) < 0.5).float()
    silent: Any
    scaled: Any
    silent, scaled = (loihi.prepared(net, votes=4, x=given) for given in (None, x))
    rates = [float(twin.outputs(x)[3].detach().mean()) for twin in (silent, scaled)]
    assert rates[0] < 0.02 <= rates[1] <= 0.2
    assert not torch.equal(net[2].weight, scaled[2].weight)
