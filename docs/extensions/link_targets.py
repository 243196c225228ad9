"""Links that mean the same on a forge and in the site.

Pages link to files of the repository, as a forge shows them. In the site README.md, CHANGELOG.md and their like are
pages under `project/`, and the pages of results lie, as they are, under `results/`. This rewrites such links before a
page is read, and copies the results.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
PAGES = {
    "README.md": "docs/project/readme.md",
    "CHANGELOG.md": "docs/project/changelog.md",
    "BUGS.md": "docs/project/bugs.md",
    "CONTRIBUTING.md": "docs/project/contributing.md",
    "results": "docs/results.md",
}
SHOWN = {".html", ".csv", ".png", ".svg"}
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)(?P<attributes>\{[^}\n]*\})?")
FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})(?!\{(?:include|toctree)).*?^(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE)


def rewritten(text: str, page: str, shown_on: str) -> str:
    """The text of `page` with its links as `shown_on` needs them; both are paths within the repository.

    >>> rewritten("[a](docs/cells.md), [b](results/src/index.html)", "README.md", "docs/project/readme.md")
    '[a](../cells.md), [b](../results/src/index.html){.external}'
    """

    def link(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page), found["target"]))
        here = posixpath.dirname(shown_on)
        if target.startswith("results/") and posixpath.splitext(target)[1] in SHOWN:
            return f"]({posixpath.relpath(target, posixpath.relpath(here, 'docs'))}){{.external}}"
        target = PAGES.get(target, target)
        if page == shown_on and not target.startswith("docs/"):
            return found[0]
        return f"]({posixpath.relpath(target, here)}{found['anchor'] or ''}){found['attributes'] or ''}"

    parts, start = [], 0
    for code in FENCE.finditer(text):
        parts += [LINK.sub(link, text[start : code.start()]), code[0]]
        start = code.end()
    return "".join([*parts, LINK.sub(link, text[start:])])


def before_reading(app: Sphinx, docname: str, source: list[str]) -> None:
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".md":
        page = path.relative_to(ROOT).as_posix()
        source[0] = rewritten(source[0], page, page)


def before_including(app: Sphinx, relative: Path, parent: str, source: list[str]) -> None:
    page = Path(os.path.normpath(Path(app.srcdir) / relative)).relative_to(ROOT).as_posix()
    if page in PAGES:
        source[0] = rewritten(source[0], page, PAGES[page])


def copy_results(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    for path in sorted((ROOT / "results").rglob("*")):
        place = path.relative_to(ROOT)
        if path.suffix in SHOWN and not {"units", "work"} & set(place.parts):
            to = Path(app.outdir) / place
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", before_reading)
    app.connect("include-read", before_including)
    app.connect("build-finished", copy_results)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
