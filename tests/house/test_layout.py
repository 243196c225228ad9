"""The formatter lays the code out; by hand only tables are, whose rows would each take many lines otherwise."""

from __future__ import annotations

import ast

from tests.house.source import Module, modules, snippet, violations
from tests.house.test_length import beside

MARK = "# fmt: skip"
TABLES = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.ListComp, ast.DictComp)


def by_hand(module: Module) -> list[str]:
    """Statements laid out by hand that are no table: one that is assigned or returned."""
    ends = {number for number, line in enumerate(module.text.splitlines(), 1) if line.endswith(MARK)}
    if not ends:
        return []  # as in most files, which need not be parsed
    for node in module.nodes(ast.Assign, ast.AnnAssign, ast.Return):
        if node.end_lineno in ends and isinstance(node.value, TABLES):
            ends.discard(node.end_lineno)
    return [f"{module.name}:{line}: let the formatter lay it out, or make it a table" for line in sorted(ends)]


def test_only_tables_are_laid_out_by_hand() -> None:
    found = violations(by_hand, [*modules(), *beside()])
    assert not found, found


def test_the_rule_bites() -> None:
    assert not by_hand(snippet(f"NAMES = (\n    'a', 'b',\n)  {MARK}\n"))
    assert by_hand(snippet(f"def f(\n    a: int, b: int,\n) -> None:  {MARK}\n    pass\n"))
    assert by_hand(snippet(f"f(\n    1, 2,\n)  {MARK}\n"))
