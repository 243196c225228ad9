"""`rheobase deploy`, `map` and `emulate`: from a small run to a chip, what they write, and what they refuse."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from rheobase.chip import truenorth
from rheobase.chip.truenorth import Configuration, Emulator, TrueNorth
from rheobase.cli import app, deploy, emulate, show_chip

QUICK = ("--epochs", 1, "--threshold", "2,3", "--votes", 2, "--limit", 6)
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with runs of IF and LIF neurons, the first of which is deployed."""
    from rheobase.cli.training import report as page

    folder, here = tmp_path_factory.mktemp("place"), Path.cwd()
    os.chdir(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "pictures", lambda outcome: [])
        for kind in ("IF", "LIF"):
            typed(
                "train",
                "--neuron",
                kind,
                "--data",
                "digits",
                "--limit",
                80,
                "--epochs",
                1,
                "--hidden",
                12,
                "--steps",
                3,
                "--encoder",
                "thermometer",
                "--device",
                "cpu",
            )
        typed("deploy", "if-digits", *QUICK, "--json", "d.json")
    yield folder
    os.chdir(here)


def typed(*words: object) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def copy(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, in a folder that a test may change."""
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_a_deployment_writes(place: Path) -> None:
    folder = place / "runs/if-digits/truenorth"
    held = json.loads((folder / "certificate.json").read_text())
    assert held == json.loads((place / "d.json").read_text())
    certificate = held["certificate"]
    assert (certificate["samples"], certificate["same_predictions"], certificate["same_spikes"]) == (6, 6, 6)
    predictions = held["predictions"]
    assert predictions["chip"] == predictions["software"]
    assert len(predictions["true"]) == 6
    right = np.mean(np.array(predictions["chip"]) == predictions["true"])
    assert held["accuracy"]["on the chip"] == pytest.approx(right)
    tried = held["validation"]
    assert set(tried) == {"2", "3"}
    assert tried[str(held["v_threshold"])] == max(tried.values())
    assert held["joules"]["own"] < held["joules"]["with its cores at rest"] < held["joules"]["whole chip"]
    assert certificate["n_cores"] >= 2
    assert certificate["software"] == ["layer 0 (Flatten)", "layer 5 (GroupReadout)"]
    page = (folder / "report.html").read_text()
    assert "6 of 6 predictions are those of the network in whole numbers" in page
    assert "not measured" in page
    assert 'href="chip.safetensors"' in page
    assert truenorth.load(folder / "chip.safetensors").n_synapses > 0


def test_the_same_command_trains_nothing_again_and_another_one_is_told(copy: Path) -> None:
    before = (copy / "runs/if-digits/truenorth/whole.json").read_text()
    result = typed("deploy", "if-digits", *QUICK)
    assert "epoch" not in result.stderr
    assert (copy / "runs/if-digits/truenorth/whole.json").read_text() == before
    other = CliRunner().invoke(app, ["deploy", "if-digits", "--threshold", "2"])
    assert other.exit_code == 2
    assert "holds a deployment with other settings" in other.stderr
    assert "--overwrite" in other.stderr


def test_an_interruption_loses_no_training(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rheobase.cli.deploying import job

    given = list[torch.dtype]()

    def stop(net: object, chip: object, x: Any, **more: object) -> None:
        given.append(next(iter(x)).dtype)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job.chip, "deploy", stop)
        result = CliRunner().invoke(app, ["deploy", "if-digits", *map(str, QUICK)])
    assert result.exit_code == 130
    assert "the same command goes on from runs/if-digits/truenorth/work" in result.stderr
    held = json.loads((copy / "runs/if-digits/truenorth/certificate.json").read_text())
    assert held["certificate"]["samples"] == 6, "what stood there is still there"
    assert given == [torch.bool], "spikes of test samples take a byte each"


def test_the_readout_may_stay_in_software(copy: Path) -> None:
    words = ("deploy", "if-digits", "--software", "3", "--software", "LI", "--threshold", 2, "--epochs", 1)
    typed(*words, "--limit", 3, "--out", "hybrid", "--json", "h.json")
    held = json.loads(Path("h.json").read_text())["certificate"]
    assert held["software"] == ["layer 0 (Flatten)", "layer 3 (Linear)", "layer 4 (LI)"]
    assert held["same_predictions"] == held["same_spikes"] == 3
    # what the host makes of the spikes is not in the file, and no class is said
    typed("emulate", "hybrid", "--json", "e.json")
    assert json.loads(Path("e.json").read_text())["predictions"] == [None]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lif-digits",), r"layer 2 \(LIF\) cannot be put on it \(its leak is a share"),
        (("src-digits",), r"layer 2 \(SRC\) cannot be put on it"),
        (("if-digits", "--chip", "lohi"), "--chip: got 'lohi'; expected one of truenorth, loihi.*mean 'loihi'"),
        (("if-digits", "--threshold", "2,,3"), "--threshold: got '2,,3'"),
        (("if-digits", "--weight-bits", "4"), "--weight-bits: got 4 for truenorth"),
        (("if-digits", "--chip", "loihi", "--inputs", "64"), "--inputs: got 64 for loihi"),
        (("if-digits", "--chip", "loihi", "--weight-bits", "1"), "--weight-bits: got '1'"),
        (("src-digits", "--chip", "loihi"), "layer 2, SRC"),
        (("if-digits", "--threshold", "0"), "--threshold: got '0'"),
        (("if-digits", "--software", "7", "--out", "x"), "software: got '7'"),
        (("nothing",), "RUN: got 'nothing'"),
    ],
)
def test_what_is_refused_before_any_work(copy: Path, words: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(app, ["deploy", *words], catch_exceptions=False)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    import re

    assert re.search(said, line), line
    assert "Remedy: " in line
    assert not (copy / "runs/lif-digits/truenorth").exists()


def test_the_limit_that_is_broken_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a core had 32 axons, of which a layer of digits takes 64."""
    from rheobase.cli.deploying import targets

    monkeypatch.setattr(targets, "AXONS", 32)
    result = CliRunner().invoke(app, ["deploy", "if-digits", "--out", "x"], catch_exceptions=False)
    assert result.exit_code == 2
    assert "neurons of layer 1 (Linear) read 64 inputs, more than the 32 axons of a core" in result.stderr
    assert "--inputs 128" in result.stderr
    assert not Path("x").exists()


def test_a_map(place: Path, tmp_path: Path) -> None:
    picture, numbers = tmp_path / "chip.png", tmp_path / "m.json"
    result = typed("map", "if-digits", "--plot", picture, "--json", numbers)
    held = json.loads(numbers.read_text())
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert held["traffic of"] == "the first test sample"
    assert held["hops"] == sum(map(sum, [*held["links"]["along x"], *held["links"]["along y"]]))
    assert held["cores in use"] == sum(held["layers"].values()) == len(held["fullest"])
    shown = " ".join(result.stdout.split())
    assert "layer 1 (Linear)" in shown
    assert f"{max(one['axons'] for one in held['fullest'])} of 256 axons" in shown


def test_a_chip_on_samples_of_its_data(place: Path, tmp_path: Path) -> None:
    """The predictions are those of the certificate; the spikes are in the file."""
    out, numbers = tmp_path / "out.npz", tmp_path / "e.json"
    typed("emulate", "runs/if-digits/truenorth", "--samples", 6, "--out", out, "--json", numbers)
    held, certificate = json.loads(numbers.read_text()), json.loads((place / "d.json").read_text())
    assert held["predictions"] == [str(k) for k in certificate["predictions"]["chip"]]
    assert held["right"] == round(6 * certificate["accuracy"]["on the chip"])
    assert held["hops"] == pytest.approx(6 * certificate["certificate"]["hops"])
    with np.load(out) as spikes:
        assert len(spikes["tick"]) == held["host"]
        assert set(spikes["sample"].tolist()) <= set(range(6))
    assert held["ticks_per_second"] > 0


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """A configuration without wiring, in the file chip.safetensors: neurons that repeat their axon, to the host."""
    monkeypatch.chdir(tmp_path)
    net = Configuration(TrueNorth(cores=(1, 1)), crossbar=np.eye(256, dtype=int)[None], s=1, alpha=1, target=-2)
    truenorth.save(net, "chip.safetensors")
    return net


def test_a_configuration_alone(counting: Configuration) -> None:
    tick, axon = np.array([0, 0, 3]), np.array([5, 7, 5])
    np.savez("in.npz", tick=tick, core=0 * tick, axon=axon)
    Path("in.csv").write_text("tick,core,axon\n0,0,5\n0,0,7\n3,0,5\n")
    expected = Emulator(counting).run(10, (tick, 0 * tick, axon)).spikes
    for given in ("in.npz", "in.csv"):
        typed("emulate", "chip.safetensors", "--spikes", given, "--out", "out.npz", "--json", "e.json")
        with np.load("out.npz") as held:
            assert held["neuron"].tolist() == expected.neuron.tolist() == [5, 7, 5]
            assert held["tick"].tolist() == expected.tick.tolist()
    typed("emulate", "chip.safetensors", "--rate", 100, "--ticks", 200, "--json", "e.json")
    assert 80 < json.loads(Path("e.json").read_text())["rate"] < 120
    typed("emulate", "chip.safetensors", "--json", "e.json")
    held = json.loads(Path("e.json").read_text())
    assert (held["ticks"], held["spikes"], held["driven by"]) == (1000, 0, "nothing from outside")
    typed("map", "chip.safetensors", "--json", "m.json", "--plot", "m.png")
    assert json.loads(Path("m.json").read_text())["fullest"][0]["axons"] == 256


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("emulate", "nothing"), "expected a configuration, or the folder of a run"),
        (("emulate", "broken.safetensors"), "what cannot be read"),
        (("emulate", "chip.safetensors", "--samples", "2"), "says of no data how they become its spikes"),
        (("emulate", "chip.safetensors", "--samples", "2", "--rate", "3"), "expected one of them"),
        (("emulate", "chip.safetensors", "--spikes", "broken.npz"), "tick, core and axon"),
        (("emulate", "chip.safetensors", "--spikes", "far.npz"), r"core\[0\] = 9 of inputs"),
        (("emulate", "chip.safetensors", "--spikes", "far.npz", "--ticks", "5"), "--ticks 5 with samples or spikes"),
        (("emulate", "chip.safetensors", "--out", "a.csv"), "ends in .npz"),
        (("map", "chip.safetensors", "--plot", "a.jpg"), ".png"),
        (("map", "nothing"), "rheobase deploy RUN --chip truenorth"),
    ],
)
def test_what_emulate_and_map_refuse(counting: Configuration, words: tuple[str, ...], said: str) -> None:
    import re

    raw = Path("chip.safetensors").read_bytes()
    Path("broken.safetensors").write_bytes(raw[: len(raw) // 2])
    Path("broken.npz").write_bytes(b"no archive")
    np.savez("far.npz", tick=np.array([0]), core=np.array([9]), axon=np.array([0]))
    result = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert re.search(said, line), line
    assert "Remedy: " in line


@pytest.mark.parametrize("command", [deploy, emulate, show_chip], ids=lambda module: module.__name__)
def test_the_examples_of_the_help_can_be_typed(command: Any, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with the small run in the place of those that it names; of training, no more than whether it would begin."""
    from rheobase.cli.deploying import flow, job

    for name in ("if-mnist", "cubalif-digits"):
        shutil.copytree("runs/if-digits", f"runs/{name}")
    truenorth.save(Configuration(TrueNorth(cores=(1, 1)), leak=1, alpha=9, target=-2), "chip.safetensors")
    np.savez("in.npz", tick=np.array([0]), core=np.array([0]), axon=np.array([0]))
    begun = list[Any]()
    # of no kind of neuron that the small run has; tests/cli/test_deploy_fixed_point.py has one that can go there
    shutil.copytree("runs/if-digits", "runs/src-digits")

    def begin(what: Any, model: Any, options: Any, *more: Any, **others: Any) -> None:
        begun.append(options if what is flow.FIXED_POINT else job.check(model, options))

    monkeypatch.setattr(flow, "go", begin)
    many = 0
    for line in command.EXAMPLES.splitlines():
        for part in line.partition("   (")[0].split(";"):
            words = part.split()
            if words[:1] == ["rheobase"] and words[1] != "train":
                typed(*words[1:])
                many += 1
    assert many >= 2
    assert len(begun) == (many if command is deploy else 0)
