"""The pages of neurons and channels in the site: equations set as mathematics, and the class for the reference.

On a forge these pages are plain Markdown, written from the declarations by `rheobase gallery`. Here a page gets its
equations as mathematics (as typed, they stay below), and each class its entry in the reference: its signature.
"""

from __future__ import annotations

import importlib
import re
from pathlib import PurePosixPath
from typing import Any

from sphinx.application import Sphinx
from typeset import tex

FOLDERS = {"neurons": "rheobase.neurons", "channels": "rheobase.channels"}
BLOCK = re.compile(r"```text\n(.*?)\n```", re.DOTALL)


def with_mathematics(text: str, names: set[str]) -> str:
    """The page with its blocks of equations as mathematics, each with the block as typed in a fold below."""

    def block(found: re.Match[str]) -> str:
        try:
            rows = tex(found[1], names)
        except ValueError:
            return found[0]  # shown as it was typed
        return f"```{{math}}\n{rows}\n```\n\n:::{{dropdown}} As typed\n{found[0]}\n:::\n"

    return BLOCK.sub(block, text)


def declared(package: str, name: str) -> Any:
    return getattr(importlib.import_module(package), name)


def before_reading(app: Sphinx, docname: str, source: list[str]) -> None:
    page = PurePosixPath(docname)
    package = FOLDERS.get(page.parent.name)
    if package is None or page.name == "index":
        return
    kind = declared(package, page.name)
    names = {*kind.params, *kind.states, *getattr(kind, "entries", ())}
    source[0] = with_mathematics(source[0], names)
    if app.config.write_reference:
        what = f".. autoclass:: {package}.{page.name}\n   :no-members:\n   :class-doc-from: class\n"
        source[0] += f"\n\n## In Python\n\n```{{eval-rst}}\n{what}\n```\n"


def only_the_signature(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """What the docstring says stands on the page already."""
    package, _, short = name.rpartition(".")
    if package in FOLDERS.values() and what == "class" and app.env.current_document.docname.endswith(f"/{short}"):
        general = "Neuron" if package == "rheobase.neurons" else "Channel"
        lines[:] = [f"Methods as of every {general.lower()}: :py:obj:`~rheobase.{_general(general)}`.", ""]


def _general(name: str) -> str:
    return "Neuron" if name == "Neuron" else "channels.Channel"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", before_reading, priority=600)
    app.connect("autodoc-process-docstring", only_the_signature, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
