"""The tutorials as notebooks: their form, that their cells can be read, and that each ends in a picture.

They are run when the site is built; running them takes minutes.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from pathlib import Path

import pytest

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
PAGES = sorted(TUTORIALS.glob("[0-9]*.md"))
HEADER = """\
---
jupytext:
  formats: md:myst
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
CELL = re.compile(r"^```\{code-cell\} ipython3\n(---\n.*?^---\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)
DRAWS = re.compile(r"\bplt\.show\(\)|\bplot\.\w+\(|\bdraw_sweep\(")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def cells(page: Path) -> list[tuple[str, str]]:
    """The options and the code of each cell."""
    return [(options, code) for options, code in CELL.findall(page.read_text(encoding="utf-8"))]


def prose(page: Path) -> str:
    """The text without header and cells."""
    return CELL.sub("", page.read_text(encoding="utf-8").removeprefix(HEADER))


@every_page
def test_the_header_is_that_of_a_notebook(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(HEADER)
    assert text.count("{code-cell}") == len(cells(page)) > 5
    assert re.match(r"\n# \S", text.removeprefix(HEADER))


@every_page
def test_cells_are_python_and_import_what_there_is(page: Path) -> None:
    for _, code in cells(page):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rheobase"):
                held = importlib.import_module(node.module or "")
                missing = [
                    alias.name
                    for alias in node.names
                    if not hasattr(held, alias.name) and not importlib.util.find_spec(f"{node.module}.{alias.name}")
                ]
                assert not missing, missing


@every_page
def test_the_last_cell_draws_and_every_picture_is_described(page: Path) -> None:
    found = cells(page)
    assert DRAWS.search(found[-1][1])
    for options, code in found:
        last = ast.unparse(ast.parse(code).body[-1])
        shows = "plt.show()" in code or bool(DRAWS.match(last))
        assert ("    alt: " in options) == shows, code


@every_page
def test_pitfalls_and_what_to_try_next(page: Path) -> None:
    text = prose(page)
    assert "\n## When something is wrong\n" in text
    assert "\n## What to try next\n" in text
    # ten to fifteen minutes at 200 words a minute, the code read more slowly
    words = len(text.split()) + 2 * sum(len(code.split()) for _, code in cells(page))
    assert 1000 < words < 4000


@every_page
def test_measured_numbers_are_printed_not_said(page: Path) -> None:
    """A result in the text would go out of date in silence: its numbers are those that a cell sets."""
    text = re.sub(r"\$\$?.*?\$\$?|`[^`]*`|\]\([^)]*\)", "", prose(page), flags=re.DOTALL)
    code = "".join(code for _, code in cells(page))
    said = re.findall(r"(\d+\.\d+) (?:%|ms|mV|Hz|nJ|mJ)", text) + re.findall(r"(\d+) %", text)
    # about 61 % of the whole numbers are square-free
    assert [number for number in said if number not in code and number != "61"] == []


def test_the_index_has_every_page_once() -> None:
    text = (TUTORIALS / "index.md").read_text(encoding="utf-8")
    for page in PAGES:
        assert text.count(f"]({page.name})") == 1
    linked = re.findall(r"\]\((\w+\.md)\)", text)
    assert sorted(linked) == [page.name for page in PAGES]


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose(page)):
        if "://" not in target:
            assert (page.parent / target).exists(), target
