"""docs/neurons says what the declarations say: `rheobase gallery --docs docs/neurons` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rheobase import neurons
from rheobase.plot.gallery.docs import index_page, neuron_page
from rheobase.runs.neurons_by_name import find, names

FOLDER = Path(__file__).parents[2] / "docs" / "neurons"
MOST = 6_000_000  # bytes, with all pictures
AGAIN = "write it anew: rheobase gallery --docs docs/neurons"


def linked(text: str) -> set[str]:
    """The files that a page points to."""
    return set(re.findall(r"\]\(([^)#:]+)\)", text))


@pytest.mark.parametrize("name", names())
def test_the_page_of_a_neuron_says_what_its_declaration_says(name: str) -> None:
    path = FOLDER / f"{name}.md"
    assert path.is_file(), AGAIN
    pictures = {file.stem.partition("-")[2] for file in (FOLDER / "img").glob(f"{name}-*.svg")} - {"spark"}
    assert "response" in pictures
    assert ("patterns" in pictures) == any(each.shown for each in find(name).sets().values()), AGAIN
    text = path.read_text("utf-8")
    assert text == neuron_page(find(name), pictures), AGAIN
    for file in linked(text):
        assert (FOLDER / file).stat().st_size > 100, f"{file}: {AGAIN}"


def test_the_index_has_them_all() -> None:
    text = (FOLDER / "index.md").read_text("utf-8")
    assert text == index_page([find(name) for name in names()]), AGAIN
    assert {f"{name}.md" for name in neurons.__all__} <= linked(text)
    assert all((FOLDER / file).stat().st_size > 100 for file in linked(text)), AGAIN


def test_nothing_is_left_of_a_neuron_that_is_gone() -> None:
    files = [file for file in FOLDER.rglob("*") if file.is_file() and file.name != "index.md"]
    strays = [file.name for file in files if re.split(r"[-.]", file.name)[0] not in neurons.__all__]
    assert not strays, f"remove {strays}"
    assert sum(file.stat().st_size for file in files) < MOST
