"""Pages of the folders appear by existing: an index page that lists none itself gets the list of its folder.

On a forge an index is plain Markdown, with links where its author wants them. The site needs every page in one tree,
and a new page is in it without being named anywhere.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from sphinx.application import Sphinx

FOLDERS = ("tutorials", "howto", "porting", "neurons", "channels")
# pages of the folder docs that go with those of a folder, under a heading where there is one
BESIDE = {
    "howto": (
        "Longer pages, each on one use of the library",
        (
            "know_your_network", "energy", "fitting", "files_read", "cells", "morphology", "populations", "operator",
            "event_driven", "chip", "chip_loihi", "chip_fixed_point", "mixed_signal", "deploy",
        ),
    ),
    "porting": ("", ("from_nmodl", "nir")),
}  # fmt: skip


def pages(docs: Path, folder: str) -> list[str]:
    """The names of the pages of a folder, in order, but for its index."""
    return sorted((path.stem for path in (docs / folder).glob("*.md") if path.stem != "index"), key=str.lower)


def lists(docs: Path, folder: str) -> str:
    """The lists that the index of a folder gets."""
    made = [_tree(pages(docs, folder), hidden=True)]
    heading, named = BESIDE.get(folder, ("", ()))
    there = [f"../{name}" for name in named if (docs / f"{name}.md").is_file()]
    if there:
        made += [f"## {heading}"] if heading else []
        made.append(_tree(there, hidden=not heading))
    return "\n\n" + "\n\n".join(part for part in made if part) + "\n"


def _tree(names: list[str], *, hidden: bool) -> str:
    if not names:
        return ""
    return "```{toctree}\n:maxdepth: 1\n" + ":hidden:\n" * hidden + "\n" + "\n".join(names) + "\n```"


def before_reading(app: Sphinx, docname: str, source: list[str]) -> None:
    page = PurePosixPath(docname)
    if page.name == "index" and page.parent.name in FOLDERS and "{toctree}" not in source[0]:
        source[0] += lists(Path(app.srcdir), page.parent.name)


def outdated(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The indexes of folders in which pages came or went."""
    folders = {PurePosixPath(docname).parent.name for docname in added | removed}
    return [f"{folder}/index" for folder in FOLDERS if folder in folders]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", before_reading)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
