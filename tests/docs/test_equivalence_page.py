"""The examples of docs/equivalence.md run as they stand, and say what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

PAGE = (Path(__file__).parents[2] / "docs" / "equivalence.md").read_text(encoding="utf-8")


def test_the_examples_run(capsys) -> None:
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "equivalence.md", "exec"), names)
    assert names["back"].mismatches == 0
    shown = capsys.readouterr().out
    assert "smallest |v - v_threshold|" in shown
    assert "0 of 12,000" in shown
