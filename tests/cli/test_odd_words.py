"""Whatever is typed, a command does its work or says in a sentence why not: no traceback, for any option of any."""

from __future__ import annotations

import copy
import functools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from rheobase import neurons, nn, plot
from rheobase.chip import truenorth
from rheobase.cli import app, gallery, reproduce, sweep, train, window
from rheobase.cli.deploying import flow
from rheobase.cli.fitting import going
from rheobase.cli.options import reported
from rheobase.interop import nir
from rheobase.interop.nir import file as nir_file
from rheobase.profiling import timing

LONG, MANY = "a" * 300, "9" * 5000
NUMBERS = ("0", "-1", "1.5", "1e39", "1e-50", "nan", "inf", "1e400", "1" + "0" * 30, "1e308", "100000000000")
PLACES = (".", "folder", "file", "file/below", "dangling", "circle", "~no-such-user/x", os.devnull, "/dev/zero")
FILES = ("broken.npz", "pickle.npz")
TEXTS = ("", "nope", "=", ",", "\n", "٣", "--", LONG, MANY)
ODD = (*NUMBERS, *PLACES, *FILES, *TEXTS)
# A number is a file's name like any other, and the command does all its work for each: two will do.
ODD_PATHS = ("0", "-1", *PLACES, *FILES, *TEXTS)

# words with which a command is quick and right; what takes long is cut off in the fixture below
BASES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("list",): (),
    ("show",): ("LIF", "--no-plot"),
    ("simulate",): ("LIF", "--current", "1", "--stop", "5"),
    ("sweep",): ("LIF", "--vary", "tau_mem=5:10:2", "--current", "1.5", "--duration", "5"),
    ("gallery",): ("LIF",),
    ("train",): ("--neuron", "LIF", "--data", "toy.npz", "--device", "cpu"),
    ("fit",): ("LIF", "cell.npz"),
    ("energy",): ("run", "--limit", "1"),
    ("dies",): ("run", "--process", "dynap-se2", "--dies", "2", "--limit", "2"),
    ("deploy",): ("run",),
    ("map",): ("chip.safetensors", "--ticks", "2"),
    ("emulate",): ("chip.safetensors", "--ticks", "2"),
    ("population",): ("file", "--morphology", "file", "--stimuli", "0.1", "--out", "cells"),
    ("predict",): ("run", "--data", "new.npy"),
    ("evaluate",): ("run",),
    ("reproduce",): ("src",),
    ("convert", "single-spike"): ("run", "--samples", "2"),
    ("convert", "multi-spike"): ("run", "--samples", "2"),
    ("export",): ("run", "--to", "nir", "--allow", "soft_reset", "--out", "x.nir"),
    ("import",): ("net.nir", "--out", "imported"),
    ("explain",): ("run", "--seconds", "0"),
    ("bench", "network"): ("run", "--seconds", "0", "--batch", "2"),
    ("bench", "neurons"): ("--neuron", "LIF", "--seconds", "0", "--steps", "2", "--batch", "1", "--size", "1"),
}


def commands(group: Any, name: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for word, command in group.commands.items():
        deeper = (*name, word)
        found |= commands(command, deeper) if hasattr(command, "commands") else {deeper: command}
    return found


COMMANDS = commands(typer.main.get_command(app))
OPTIONS = [
    (name, option.opts[0], ODD_PATHS if option.metavar in {"FILE", "FOLDER"} else ODD)
    for name, command in COMMANDS.items()
    for option in command.params
    if option.param_type_name == "option" and not option.is_flag and option.opts[0] != "--help"
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, a trained network, and what is odd to be given as a file."""
    folder = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    images = {"x_train": rng.random((40, 3, 3), np.float32), "x_test": rng.random((8, 3, 3), np.float32)}
    labels = {"y_train": np.arange(40) % 2, "y_test": np.arange(8) % 2}
    np.savez(folder / "toy.npz", **images, **labels)
    np.save(folder / "new.npy", images["x_test"])
    np.savez(folder / "pickle.npz", **{**images, "x_train": np.array([{}], dtype=object)}, **labels)
    v = np.where(np.arange(400) % 50 == 49, 40.0, -65.0)
    np.savez(folder / "cell.npz", v_mV=v, i_pA=np.where(np.arange(400) > 40, 100.0, 0.0), dt_ms=0.25)
    truenorth.save(truenorth.Configuration(truenorth.TrueNorth(cores=(1, 1))), folder / "chip.safetensors")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    nir.write(nn.Sequential(neurons.HardResetIF(2, dt=1.0)), folder / "net.nir")
    (folder / "folder").mkdir()
    (folder / "file").write_text("x")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "circle").symlink_to("circle")
    words = ("--epochs", "1", "--steps", "4", "--hidden", "3", "--name", "run", "--out", str(folder))
    data = ("--data", str(folder / "toy.npz"))
    made = CliRunner().invoke(app, ["train", "--neuron", "IF", *data, "--device", "cpu", *words])
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture(scope="module")
def read_once() -> Callable[[Path, int], Any]:
    """What another process reads of a file, where it finds something, is read once for all words."""
    read = functools.cache(nir_file._read_apart)
    return lambda path, size: copy.deepcopy(read(path.absolute(), size))


@pytest.fixture
def quick(place: Path, read_once: Callable[[Path, int], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """In that folder, and without the work that follows once all words are understood: no training, no picture."""

    def stop(*what: object, **more: object) -> None:
        raise typer.Exit

    monkeypatch.chdir(place)
    monkeypatch.setattr(train, "_go", stop)
    monkeypatch.setattr(flow, "go", stop)
    monkeypatch.setattr(going, "_fitted", stop)
    monkeypatch.setattr(gallery, "_draw", stop)
    monkeypatch.setattr(reproduce, "_run", stop)
    monkeypatch.setattr(plot, "png", lambda figure: b"")
    monkeypatch.setattr(nir_file, "_read_apart", read_once)
    monkeypatch.setattr(timing, "MOST_ROUNDS", timing.LEAST_ROUNDS)
    monkeypatch.setattr(window, "MOST_STEPS", 10_000)
    monkeypatch.setattr(sweep, "MOST_STEPS", 10_000)


def test_every_command_is_tried() -> None:
    assert set(BASES) == set(COMMANDS)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("name", "option", "odd"), OPTIONS, ids=[f"{'-'.join(name)}-{option}" for name, option, _ in OPTIONS]
)
def test_odd_values_of_options(run: Any, place: Path, name: tuple[str, ...], option: str, odd: tuple[str, ...]) -> None:
    for value in odd:
        os.chdir(place)
        # an option given twice counts as it was given last
        result = CliRunner().invoke(app, [*name, *BASES[name], option, value], catch_exceptions=False)
        assert result.exit_code in (0, 2), (value, result.output)
        assert "Traceback" not in result.output


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", [name for name, base in BASES.items() if base and not base[0].startswith("-")])
def test_odd_arguments(place: Path, name: tuple[str, ...]) -> None:
    for value in ODD:
        os.chdir(place)
        result = CliRunner().invoke(app, [*name, value, *BASES[name][1:]], catch_exceptions=False)
        assert result.exit_code in (0, 2), (value, result.output)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("simulate", "LIF", "--current", "1e39", "--stop", "5"), "at most 3.4e+38"),
        (("simulate", "LIF", "--current", "1", "--stop", "5", "--set", "tau_mem=1e300s"), "at most 3.4e+38"),
        (("simulate", "LIF", "--current", "1", "--dt", "1e-320"), "steps"),
        (("simulate", "LIF", "--current", "1", "--json", ""), "--json .: got a folder"),
        (("list", "--json", ""), "--json .: got a folder"),
        (("show", "LIF", "--no-plot", "--json", ""), "--json .: got a folder"),
        (("gallery", "LIF", "--out", ""), "--out .: got a folder"),
        (("gallery", "LIF", "--out", LONG), "File name too long"),
        (("train", "--neuron", "LIF", "--data", "digits", "--lr", "1e38"), "at most 1e+18"),
        (("train", "--neuron", "LIF", "--data", "digits", "--steps", "100000000"), "GiB of this machine"),
        (("train", "--neuron", "LIF", "--data", "digits", "--hidden", "100000000000"), "GiB of this machine"),
        (("train", "--neuron", "LIF", "--data", "digits", "--hidden", MANY), "sizes of layers"),
        (("train", "--neuron", "LIF", "--data", LONG), "File name too long"),
        (("train", "--neuron", "LIF", "--data", "digits", "--devices", "1" + "0" * 30), "a number of devices"),
        (("bench", "neurons", "--neuron", "LIF", "--size", "100000000000"), "GiB of this machine"),
        (("convert", "single-spike", LONG), "File name too long"),
    ],
)
def test_it_is_one_clear_line(refused: Any, words: tuple[str, ...], said: str) -> None:
    assert said in refused(*words)


# --- what the system refuses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "refuse",
    [
        lambda: torch.empty(2**60, dtype=torch.uint8),
        lambda: torch.empty(2**62, 2**62),
        lambda: np.empty(2**60, np.uint8),
        lambda: bytearray(2**62),
    ],
    ids=["torch", "torch, beyond a number", "numpy", "python"],
)
def test_no_memory_is_a_sentence(capsys: pytest.CaptureFixture[str], refuse: Any) -> None:
    with pytest.raises(typer.Exit) as stop, reported(debug=False):
        refuse()
    assert stop.value.exit_code == 2
    assert "more numbers than fit into memory" in capsys.readouterr().err


def test_a_tilde_is_a_home_also_where_the_shell_left_it(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("home").mkdir()
    monkeypatch.setenv("HOME", str(Path("home").resolve()))
    assert run("list", "--json=~/new/a.json").exit_code == 0
    assert run("simulate", "LIF", "--current=1.5", "--plot=~/a.png").exit_code == 0
    assert {"new", "a.png"} <= {p.name for p in Path("home").iterdir()}
    assert not Path("~").exists()
    nobody = run("list", "--json=~no-such-user/a.json")
    assert nobody.exit_code == 2
    assert "no home folder" in " ".join(nobody.output.split())


@pytest.mark.usefixtures("quick")
def test_every_path_may_begin_with_a_tilde(place: Path) -> None:
    taken = [
        (name, option.opts[0] if option.param_type_name == "option" else None)
        for name, command in COMMANDS.items()
        for option in command.params
        if getattr(option, "metavar", None) in {"FILE", "FOLDER"}
    ]
    assert len(taken) > 15
    for name, option in taken:
        base = (*BASES[name], option) if option else BASES[name][1:]  # the only argument is the first of the words
        result = CliRunner().invoke(app, [*name, *base, "~no-such-user/x"], catch_exceptions=False)
        assert result.exit_code == 2, (name, option)
        assert "no home folder" in " ".join(result.output.replace("│", "").split()), (name, option)
    assert not Path("~no-such-user").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_standard_output_that_is_full_is_a_sentence(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    words = [sys.executable, "-m", "rheobase", "list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path)
    assert done.returncode != 0
    assert "error: what is written: got No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    gone = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path)
    assert gone.stdout is not None
    assert gone.stderr is not None
    gone.stdout.close()
    assert gone.stderr.read() == b""
    gone.stderr.close()
    gone.wait()


def test_a_path_that_the_system_refuses_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), reported(debug=False):
        Path(LONG).stat()
    assert "File name too long" in capsys.readouterr().err


@pytest.mark.parametrize("bug", [RuntimeError("shapes differ"), OSError("odd"), ValueError("odd")])
def test_an_error_of_the_program_is_not_hidden(bug: Exception) -> None:
    with pytest.raises(type(bug)), reported(debug=False):
        raise bug
