"""docs/channels says what the declarations say: `rheobase gallery --channels --docs docs/channels` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import channels
from rheobase.plot.gallery.channel_docs import channel_index, channel_page
from rheobase.runs.channels_by_name import find, names
from tests.docs.test_neuron_pages import linked

FOLDER = Path(__file__).parents[2] / "docs" / "channels"
MOST = 3_000_000  # bytes, with all pictures
AGAIN = "write it anew: rheobase gallery --channels --docs docs/channels"


@pytest.mark.parametrize("name", names())
def test_the_page_of_a_channel_says_what_its_declaration_says(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text("utf-8")
    assert text == channel_page(find(name)), AGAIN
    for file in linked(text):
        assert (FOLDER / file).stat().st_size > 100, f"{file}: {AGAIN}"


def test_the_index_has_them_all() -> None:
    text = (FOLDER / "index.md").read_text("utf-8")
    assert text == channel_index(find(name) for name in names()), AGAIN
    assert {f"{name}.md" for name in names()} <= linked(text)
    assert all((FOLDER / file).is_file() for file in linked(text))


def test_nothing_is_left_of_a_channel_that_is_gone() -> None:
    files = [file for file in FOLDER.rglob("*") if file.is_file() and file.name != "index.md"]
    strays = [file.name for file in files if file.stem not in names()]
    assert not strays, f"remove {strays}"
    assert sum(file.stat().st_size for file in files) < MOST


@pytest.mark.parametrize("name", ["Pas", "SK", "CaDynamics"])
def test_the_example_of_a_page_runs(name: str) -> None:
    x = torch.full((2, 1), 1e-3)
    given: dict[str, Any] = {"channels": channels, "v": x - 70.0, "ca": x, "i_ca": -x}
    (block,) = re.findall(r"```python\n(.*?)```", (FOLDER / f"{name}.md").read_text("utf-8"), re.DOTALL)
    exec(block, given)
    assert given["ca" if name == "CaDynamics" else "current"].shape == (2, 1)
