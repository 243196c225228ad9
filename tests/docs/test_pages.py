"""The examples of the pages in docs/ run as they stand, and say what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from rheobase import stimuli
from rheobase.cli import app
from rheobase.cli.stimulus import FORMS

DOCS = Path(__file__).parents[2] / "docs"


def run(page: str) -> dict[str, Any]:
    """The names that a page's examples leave, run one after the other."""
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    return names


def test_equivalence(capsys) -> None:
    names = run("equivalence.md")
    assert names["back"].mismatches == 0
    shown = capsys.readouterr().out
    assert "smallest |v - v_threshold|" in shown
    assert "0 of 12,000" in shown


def test_event_driven() -> None:
    names = run("event_driven.md")
    assert names["spikes"].v.shape == (2, 2)
    assert names["spikes"].t_stop == 100.0


def test_simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = run("simulate.md")
    assert names["run"].count > 5
    assert names["finer"].converged
    assert names["found"].words[2] == "bursting"
    # the commands, and what one of them says
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "simulate.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    (?:\$ )?rheobase (.*)$", text, re.MULTILINE)
    assert len(commands) == 5
    said = [CliRunner().invoke(app, shlex.split(command), catch_exceptions=False) for command in commands]
    assert [result.exit_code for result in said] == [0] * 5
    (shown,) = re.findall(r"^    (not converged: .*)$", text, re.MULTILINE)
    assert shown in said[-1].stdout


def test_every_current_of_the_page_is_a_word_of_the_command_line() -> None:
    text = (DOCS / "simulate.md").read_text(encoding="utf-8")
    for word, form in FORMS.items():
        assert f"`{form}`" in text
        assert f"stimuli.{word}(" in text
        assert callable(getattr(stimuli, word))
