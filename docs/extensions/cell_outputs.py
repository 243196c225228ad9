"""A cell that was run and shows nothing, though its last line is a value or it prints, fails the build; so do warnings.

A reader would look for what the text says of it. Where nothing is right, the last line ends with a semicolon.
"""

from __future__ import annotations

import ast
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)


def shows(code: str) -> bool:
    """Whether a cell with this code is there to show something.

    >>> shows("x = 3"), shows("x"), shows("x;"), shows("for k in x:\\n    print(k)"), shows("plt.show()")
    (False, True, False, True, True)
    """
    if code.rstrip().endswith(";"):
        return False
    lines = ast.parse("\n".join("" if line.startswith(("%", "!")) else line for line in code.splitlines())).body
    if lines and isinstance(lines[-1], ast.Expr):
        return True
    calls = [
        node.func
        for line in lines
        if not isinstance(line, (ast.FunctionDef, ast.ClassDef))
        for node in ast.walk(line)
        if isinstance(node, ast.Call)
    ]
    return any(isinstance(called, ast.Name) and called.id == "print" for called in calls)


def check(app: Sphinx, doctree: nodes.document) -> None:
    if app.config.nb_execution_mode == "off":
        return
    for cell in doctree.findall(lambda node: isinstance(node, nodes.container) and "cell" in node["classes"]):
        parts: dict[str, Any] = {name: part for part in cell.findall(nodes.container) for name in part["classes"]}
        code = parts["cell_input"].astext() if "cell_input" in parts else ""
        if "cell_output" not in parts and shows(code):
            logger.warning("a cell that shows nothing: %s", code.strip().splitlines()[-1], location=cell)
        for part in cell.findall(lambda node: isinstance(node, nodes.Element) and "stderr" in node.get("classes", [])):
            logger.warning("a cell that warns: %s", part.astext()[:200], location=cell)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
