"""The examples of the pages in docs/ run as they stand, and say what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase.runs import pretrained

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


def test_use_what_you_trained(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run("use_what_you_trained.md")
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["['7', '4', '7']", "True", "['time', 'batch', 8, 8] out at its last step", "0", "True"]


def test_the_page_lists_the_networks_with_the_figures_of_their_cards() -> None:
    page = (DOCS / "use_what_you_trained.md").read_text(encoding="utf-8")
    for name in pretrained.names():
        one = pretrained.card(name)
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert f"| {100 * one.accuracy:.2f} % of {one.samples:,} |" in row
        assert one.licence.split(",")[0] in row
