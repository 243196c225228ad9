"""The how-tos: every block of Python runs as it stands, and prints the text that stands behind it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import rheobase
from rheobase import data, integrators, learning, neurons, nn, stimuli, surrogates
from rheobase.cli import app

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
PAGES = sorted(page.name for page in HOWTO.glob("*.md") if page.name != "index.md")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\s*^```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_its_code_does(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    # a module, in which a class of the page can be found again
    module = sys.modules["howto_page"] = ModuleType("howto_page")
    blocks = BLOCK.findall((HOWTO / page).read_text(encoding="utf-8"))
    assert blocks
    try:
        for code, said in blocks:
            exec(compile(code, page, "exec"), vars(module))
            assert capsys.readouterr().out == said
    finally:
        del sys.modules["howto_page"]


def test_the_index_has_every_page() -> None:
    index = (HOWTO / "index.md").read_text(encoding="utf-8")
    assert [page for page in PAGES if f"({page})" not in index] == []


@pytest.mark.parametrize("page", [*PAGES, "index.md"])
def test_what_a_page_names_is_there(page: str) -> None:
    """Links, names of the library, and options of commands."""
    text = (HOWTO / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)", BLOCK.sub("", text)):
        assert (HOWTO / link).exists(), link
    for test in re.findall(r"`(tests/[\w/.]+)`", text):
        assert (HOWTO.parents[1] / test).exists(), test
    places = {
        "data": data,
        "integrators": integrators,
        "learning": learning,
        "neurons": neurons,
        "nn": nn,
        "rheobase": rheobase,
        "stimuli": stimuli,
        "surrogates": surrogates,
    }
    for path in re.findall(r"(?<![\w./])((?:" + "|".join(places) + r")\.[A-Za-z_]\w*)", re.sub(r"\(\S*\)", "", text)):
        assert eval(path, dict(places)), path
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {group.name for group in app.registered_groups}
    for command in re.findall(r"(?:`|^    )rheobase ([a-z]+)", text, re.MULTILINE):
        assert command in commands, command
