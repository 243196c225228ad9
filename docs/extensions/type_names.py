"""A type in an annotation is the one that its module knows by this name, also where other packages have one like it.

Sphinx looks for `Events` in the package of the page, and then takes any `Events` that there is.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def full_name(package: str, owner: str, name: str) -> str | None:
    """The module and name of a class that is called `name` where the class `owner` of a package is written.

    >>> full_name("rheobase.chip.truenorth", "Run", "Events")
    'rheobase.chip.events.Events'
    >>> full_name("rheobase.chip.truenorth", "Run", "int") is None
    True
    """
    try:
        own = getattr(importlib.import_module(package), owner)
        found = vars(sys.modules[own.__module__]).get(name)
    except (ImportError, AttributeError, KeyError):
        return None
    ours = isinstance(found, type) and found.__module__.partition(".")[0] == "rheobase"
    return f"{found.__module__}.{found.__qualname__}" if ours else None


def name_types(app: Sphinx, doctree: nodes.document) -> None:
    owner = app.env.docname.rpartition(".")[2]  # a page has one name, that of the class
    for reference in doctree.findall(addnodes.pending_xref):
        package = reference.get("py:module")
        if package and reference["reftarget"].isidentifier():
            reference["reftarget"] = full_name(package, owner, reference["reftarget"]) or reference["reftarget"]


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", name_types)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
