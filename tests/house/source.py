"""The source of rheobase as syntax trees, for the rules in this folder.

A rule is a function from one `Module` to the list of its violations. Each test file runs its rules over the
package, and on small bad and good snippets, so that a rule is seen to fail before it is trusted.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "rheobase"

Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True)
class Module:
    """One source file. `name` is its path as a reader would write it."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @cached_property
    def walked(self) -> tuple[ast.AST, ...]:
        """The whole tree, walked once: every rule asks all of the package."""
        return tuple(ast.walk(self.tree))

    @property
    def is_package(self) -> bool:
        return self.name.endswith("__init__.py")

    def nodes(self, *kinds: type[Node]) -> Iterator[Node]:
        """Every node of these kinds, at any depth."""
        return (node for node in self.walked if isinstance(node, kinds))

    def imports(self) -> Iterator[tuple[ast.stmt, str]]:
        """Every imported name in full, `from a import b` as "a.b", relative imports made absolute."""
        for node in self.nodes(ast.Import, ast.ImportFrom):
            origin = self._origin(node) if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                yield node, f"{origin}.{alias.name}".strip(".")

    def at(self, node: ast.AST, what: str) -> str:
        """A violation, as file:line: what."""
        return f"{self.name}:{getattr(node, 'lineno', 1)}: {what}"

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = Path(self.name).relative_to("src").parent.parts
        above = package[: len(package) - node.level + 1]
        return ".".join([*above, node.module] if node.module else above)


Rule = Callable[[Module], list[str]]


@cache
def _read() -> tuple[Module, ...]:
    files = sorted(PACKAGE.rglob("*.py"))
    return tuple(Module(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in files)


def modules(folder: str = "") -> list[Module]:
    """The modules of the package, or of one folder of it."""
    prefix = f"src/rheobase/{folder}/" if folder else "src/rheobase/"
    return [module for module in _read() if module.name.startswith(prefix)]


def snippet(code: str, name: str = "src/rheobase/neurons/snippet.py") -> Module:
    """A piece of code in the place of a module."""
    return Module(name, textwrap.dedent(code).lstrip("\n"))


def violations(rule: Rule, among: Iterable[Module]) -> str:
    """What breaks the rule, one violation a line; empty where it is kept."""
    return "\n".join(line for module in among for line in rule(module))
