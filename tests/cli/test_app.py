from __future__ import annotations

import subprocess
import sys

import pytest

import rheobase

COMMANDS = [("list",), ("show",), ("simulate",), ("sweep",), ("fit",), ("train",), ("predict",), ("evaluate",),
            ("export",), ("import",), ("reproduce",), ("convert", "single-spike"), ("convert", "multi-spike"),
            ("bench", "neurons"), ("bench", "network"), ("explain",), ("deploy",), ("map",), ("emulate",)]  # fmt: skip
# typer's own cannot be named here: it brings the heavy module rich, for the help
HEAVY = ("sklearn", "matplotlib", "lightning_fabric", "llvmlite", "rheobase.learning", "rheobase.data", "rheobase.plot")


def test_version(run):
    assert run("--version").stdout == f"rheobase {rheobase.__version__}\n"


def test_help_names_every_command(run):
    result = run("--help")
    assert result.exit_code == 0
    assert all(f" {command[0]} " in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_examples_of_itself(run, command):
    result = run(*command, "--help")
    assert result.exit_code == 0
    shown = result.stdout.partition("Examples:")[2]
    assert f"rheobase {' '.join(command)}" in shown
    # rich takes a number between colons for the name of a picture
    assert not [letter for letter in shown if ord(letter) > 0x2FFF]


def test_an_unknown_command_is_refused_with_the_nearest(run):
    result = run("lisst")
    assert result.exit_code == 2
    assert "list" in result.stderr


def test_help_loads_nothing_heavy():
    code = f"import sys, rheobase.cli; print(*(m for m in {HEAVY!r} if m in sys.modules))"
    already = "import sys, rheobase; " + code.partition(", rheobase.cli; ")[2]
    loaded = [
        subprocess.run([sys.executable, "-c", each], capture_output=True, text=True, check=True).stdout.split()
        for each in (code, already)
    ]
    assert loaded[0] == loaded[1]


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "rheobase", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("rheobase ")
