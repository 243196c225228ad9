"""MathJax from an installed package, copied beside the pages: no reader's browser asks another server.

The package `sphinx-mathjax-offline` holds MathJax 3 (Apache-2.0). Of it the combination that reads TeX and writes
HTML goes into the site, with its fonts, its menu, and what reads equations aloud.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PACKAGE = "sphinx-mathjax-offline"
START = "tex-chtml.js"
PARTS = (START, "a11y", "sre", "ui", "output/chtml/fonts", "input/tex/extensions")


def source() -> Path:
    """The folder of MathJax in the installed package."""
    found = find_spec(PACKAGE)
    folder = Path(found.origin).parent / "static" / "mathjax" if found and found.origin else None
    if folder is None or not (folder / START).is_file():
        raise ExtensionError(f"MathJax is not installed: pip install {PACKAGE}, or pip install 'rheobase[docs]'")
    return folder


def copy(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    for part in PARTS:
        path, to = source() / part, Path(app.outdir) / "_static" / "mathjax" / part
        if path.is_dir():
            shutil.copytree(path, to, dirs_exist_ok=True)
        elif path.is_file():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)


def setup(app: Sphinx) -> dict[str, Any]:
    source()
    app.config.mathjax_path = f"mathjax/{START}"
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
