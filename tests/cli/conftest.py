from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from rheobase.cli import app


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """What is small here is faster so, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


_built = functools.lru_cache(typer.main.get_command)


@pytest.fixture(autouse=True)
def built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line is built from its functions once, and not in each of thousands of calls."""
    monkeypatch.setattr("typer.testing._get_command", _built)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command line in an empty folder; an error that is none of ours is not swallowed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def invoke(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)

    return invoke


@pytest.fixture
def refused(run: Callable[..., Result]) -> Callable[..., str]:
    """Runs a command that must fail with one line on standard error and exit code 2; gives the line."""

    def invoke(*words: object) -> str:
        result = run(*words)
        assert result.exit_code == 2, result.output
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert "; expected " in line
        assert "Remedy: " in line
        return line

    return invoke


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without their pictures, which take most of the time of a small run."""
    from rheobase.cli.training import report as page

    monkeypatch.setattr(page, "pictures", lambda outcome: [])
