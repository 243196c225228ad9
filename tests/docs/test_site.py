"""The site builds, without a warning and without a network; `make docs` builds it with the reference and all notebooks.

What is built here is the quick form, in seconds: every page but those of the reference, and no cell is run.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
EXTENSIONS = ROOT / "docs" / "extensions"
ABSENT = "the extra docs is not installed"
# what a browser asks for by itself when a page opens
FETCHED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=\"((?:https?:)?//[^\"]+)\"")
# no socket leads out
OFFLINE = (
    "import socket, sys; socket.socket.connect = None; from sphinx.cmd.build import main; sys.exit(main(sys.argv[1:]))"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for module in (
        "sphinx",
        "myst_nb",
        "pydata_sphinx_theme",
        "sphinx_design",
        "sphinx_copybutton",
        "sphinx-mathjax-offline",
    ):
        pytest.importorskip(module, reason=ABSENT)
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [
            sys.executable,
            "-c",
            OFFLINE,
            "-W",
            "--keep-going",
            "-q",
            "-b",
            "html",
            "-d",
            str(folder / "doctrees"),
            str(ROOT / "docs"),
            str(folder / "html"),
        ],
        env={**os.environ, "RHEOBASE_DOCS": "quick"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder / "html"


def pages(site: Path) -> list[Path]:
    return [path for path in sorted(site.rglob("*.html")) if "results" not in path.relative_to(site).parts]


def test_every_page_of_the_folder_is_in_it(site: Path) -> None:
    sources = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    built = {path.relative_to(site) for path in pages(site)}
    assert sources <= built
    assert len(built) > 100
    for folder in (ROOT / "results").glob("*/index.html"):
        assert (site / "results" / folder.parent.name / "index.html").is_file()


def test_a_page_fetches_nothing_from_elsewhere(site: Path) -> None:
    found = {
        f"{path.relative_to(site)}: {address}"
        for path in pages(site)
        for address in FETCHED.findall(path.read_text("utf-8"))
    }
    assert not found, sorted(found)[:5]
    assert FETCHED.findall('<script async="async" src="https://cdn.example.org/x.js"></script>')


def test_mathjax_lies_beside_the_pages(site: Path) -> None:
    page = (site / "neurons" / "LIF.html").read_text("utf-8")
    assert r"\tau_{\mathrm{mem}}" in page
    (script,) = re.findall(r"src=\"\.\./(_static/mathjax/[\w-]+\.js)", page)
    assert (site / script).stat().st_size > 500_000
    assert list((site / "_static" / "mathjax" / "output" / "chtml" / "fonts").rglob("*.woff"))


def test_links_to_files_of_the_repository_lead_to_their_pages(site: Path) -> None:
    page = (site / "project" / "readme.html").read_text("utf-8")
    for link in ("../results/src/index.html", "../cells.html", "changelog.html", "../neurons/index.html"):
        assert f'href="{link}"' in page


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    """To a page, and to the place in it that they name."""
    texts = {path: path.read_text("utf-8") for path in pages(site)}
    places = {path: set(re.findall(r"\sid=\"([^\"]+)\"", text)) for path, text in texts.items()}
    found, named = [], 0
    for path, text in texts.items():
        for link, place in re.findall(r"href=\"([^\"#:?]*)(?:#([^\"]*))?\"", text):
            to = Path(os.path.normpath(path.parent / link)) if link else path
            named += bool(place)
            if not to.exists() or (place and to in places and unquote(place) not in places[to]):
                found.append(f"{path.relative_to(site)}: {link}#{place}")
    assert found == []
    assert named > 1000


def test_search_finds_a_word(site: Path) -> None:
    index = (site / "searchindex.js").read_text("utf-8")
    terms = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["terms"]
    assert "rheobas" in " ".join(terms)


def test_every_public_name_has_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx", reason=ABSENT)
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    from reference_pages import ROOT as WHERE
    from reference_pages import name_page, package_page, packages, public

    made = {f"reference/packages/{name}" for name in packages()}
    own = [each for each in public() if each.page == f"reference/names/{each.full}"]
    made |= {each.page for each in own}
    lacking = [
        each.full for each in public() if each.page not in made and not (WHERE / "docs" / f"{each.page}.md").is_file()
    ]
    assert not lacking
    for name in packages():
        text = package_page(name)
        for each in public():
            if each.package == name:
                assert re.search(rf"\b{re.escape(each.name)}\b", text), each.full
    assert all(each.name in name_page(each) for each in own)
    silent = [
        each.full
        for each in public()
        if each.kind == "data" and f".. py:data:: {each.full}\n   :type: " not in package_page(each.package)
    ]
    assert not silent


def test_equations_and_docstrings_are_set_as_their_examples_say(monkeypatch: pytest.MonkeyPatch) -> None:
    import doctest

    monkeypatch.syspath_prepend(str(EXTENSIONS))
    names = ["typeset"]
    if pytest.importorskip("sphinx", reason=ABSENT):
        names += ["docstring_text", "link_targets", "cell_outputs", "type_names"]
    for name in names:
        found = doctest.testmod(importlib.import_module(name))
        assert found.attempted
        assert not found.failed, name


@pytest.mark.parametrize(
    ("code", "output", "says"),
    [
        ("x = 3", [], []),
        ("x;", [], []),
        ("x", ["output"], []),
        ("x", [], ["a cell that shows nothing: x"]),
        ("x", ["output", "stderr"], ["a cell that warns: out"]),
    ],
)
def test_a_cell_shows_what_its_text_speaks_of(
    code: str, output: list[str], says: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build fails where a cell that was run has no output, or warns."""
    nodes = pytest.importorskip("docutils.nodes", reason=ABSENT)
    pytest.importorskip("sphinx", reason=ABSENT)
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    cell_outputs = importlib.import_module("cell_outputs")
    cell = nodes.container(classes=["cell"])
    cell += nodes.container("", nodes.literal_block(code, code), classes=["cell_input"])
    if output:
        cell += nodes.container("", nodes.literal_block("out", "out", classes=output), classes=["cell_output"])
    told: list[str] = []
    monkeypatch.setattr(cell_outputs.logger, "warning", lambda text, *given, **_: told.append(text % given))
    for mode, expected in (("cache", says), ("off", [])):
        told.clear()
        cell_outputs.check(SimpleNamespace(config=SimpleNamespace(nb_execution_mode=mode)), nodes.container("", cell))
        assert told == expected


def test_equations_of_every_neuron_and_channel_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """None stands as it was typed for want of a rule; no bracket is lost or added."""
    monkeypatch.syspath_prepend(str(EXTENSIONS))
    from typeset import tex

    blocks = [
        (path.name, block)
        for folder in ("neurons", "channels")
        for path in sorted((ROOT / "docs" / folder).glob("*.md"))
        for block in re.findall(r"```text\n(.*?)\n```", path.read_text("utf-8"), re.DOTALL)
    ]
    assert len(blocks) > 60
    for name, block in blocks:
        made = tex(block)
        for bracket in "()[]":
            assert made.count(bracket) == block.count(bracket), (name, bracket)
        numbers = re.compile(r"\d+(?:\.\d+)?")
        assert sorted(numbers.findall(made)) == sorted(numbers.findall(block)), name
        assert made.count("{") == made.count("}"), name
