"""The examples of the pages in docs/ run as they stand, and say what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

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


def test_morphology() -> None:
    names = run("morphology.md")
    assert repr(names["sections"]) == (
        "[Section(soma[0]: 16 um, root), Section(dend[0]: 100 um, on soma[0](0.5)),"
        " Section(axon[0]: 200 um, on soma[0](0.5))]"
    )
    assert set(names["bare"].kind) == {"soma", "dend"}
    assert names["stubbed"].distance.max() > 60
    assert (DOCS / "img" / "morphology.png").is_file()


def test_cells() -> None:
    names = run("cells.md")
    assert int(names["cell"](names["current"])[0].sum()) > 3
    assert names["traces"]["soma"].shape == (2000, 3, 4)
    assert bool((names["slopes"] != 0).all())
    assert float(names["current"][-1]) > 0
