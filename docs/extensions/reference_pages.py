"""A page for every public package, and one for every public name that has no page elsewhere.

Neurons and channels have theirs in `docs/neurons` and `docs/channels`. The names are those that
`tests/house/public_names.json` pins, and those of the packages listed here.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from docstring_text import to_rst
from sphinx.application import Sphinx
from sphinx.config import Config

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"
PINNED = ROOT / "tests" / "house" / "public_names.json"
# public, and not pinned one by one
MORE = (
    "rheobase.channels",
    "rheobase.chip",
    "rheobase.chip.loihi",
    "rheobase.chip.mixed_signal",
    "rheobase.chip.truenorth",
    "rheobase.operator",
    "rheobase.profiling",
    "rheobase.recordings",
    "rheobase.synapses",
)
ELSEWHERE = {"rheobase.neurons": "neurons", "rheobase.channels": "channels"}


class Public(NamedTuple):
    """A public name."""

    package: str
    name: str
    value: Any

    @property
    def full(self) -> str:
        return f"{self.package}.{self.name}"

    @property
    def kind(self) -> str:
        """The kind of page: a module, a class, a function, or data."""
        if inspect.ismodule(self.value):
            return "module"
        if inspect.isclass(self.value):
            return "exception" if issubclass(self.value, BaseException) else "class"
        return "function" if inspect.isroutine(self.value) else "data"

    @property
    def page(self) -> str:
        """Its document, from the folder docs on."""
        folder = ELSEWHERE.get(self.package)
        if folder and (ROOT / "docs" / folder / f"{self.name}.md").is_file():
            return f"{folder}/{self.name}"
        for name in (self.full, f"rheobase.{self.name}"):
            if self.kind == "module" and name in packages():
                return f"reference/packages/{name}"
        below = f"{self.package}."
        for other in public() if self.kind == "class" else ():  # one class, one page: in the package that defines it
            if other.value is self.value and other.package.startswith(below):
                return f"reference/names/{other.full}"
        return f"reference/packages/{self.package}" if self.kind == "data" else f"reference/names/{self.full}"


def package(name: str) -> ModuleType:
    """A package by its public name, which may be an alias in the root (`rheobase.surrogates`)."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        above, _, last = name.rpartition(".")
        return getattr(importlib.import_module(above), last)


@cache
def packages() -> dict[str, list[str]]:
    """Every public package with its names."""
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))
    return {**pinned, **{name: list(package(name).__all__) for name in MORE if name not in pinned}}


@cache
def public() -> tuple[Public, ...]:
    """Every public name, package by package."""
    listed, found = packages(), list[Public]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # an old name has its page as long as it works
        for parent in sorted(listed):
            module = package(parent)
            found += [Public(parent, name, getattr(module, name)) for name in sorted(listed[parent], key=str.lower)]
    return tuple(found)


@cache
def links() -> dict[str, str]:
    """Short and dotted names in docstrings, and the full name of what they mean; none that could mean two things."""
    found: dict[str, set[str]] = {}
    for each in public():
        if each.kind != "module":
            short = each.package.removeprefix("rheobase").removeprefix(".")
            for name in {each.name, f"{short}.{each.name}".lstrip("."), each.full}:
                found.setdefault(name, set()).add(each.full)
    return {name: next(iter(full)) for name, full in found.items() if len(full) == 1 and name[0].isalpha()}


def package_page(name: str) -> str:
    """The page of a package: what it says of itself, and its names in tables, by the folder that defines them."""
    own = [each for each in public() if each.package == name]
    rooms: dict[str, list[Public]] = {}
    for each in own:
        rooms.setdefault(_room(each), []).append(each)
    doc = inspect.getdoc(package(name)) or ""
    parts = [f"{name}\n{'=' * len(name)}", f".. py:module:: {name}", to_rst(doc, links())]
    for room in sorted(rooms):
        if room and len(rooms) > 1:
            told = inspect.getdoc(importlib.import_module(f"{_defining(name)}.{room}")) or ""
            parts += [f"{room}\n{'-' * len(room)}", to_rst(told.split("\n\n")[0], links())]
        parts += _tables(rooms[room])
    return "\n\n".join(parts) + "\n"


def _tables(names: list[Public]) -> list[str]:
    with_page = [each for each in names if each.page == f"reference/names/{each.full}"]
    linked = [
        each
        for each in names
        if each not in with_page and (each.kind == "module" or each.page.startswith("reference/names/"))
    ]
    elsewhere = [each for each in names if each.kind != "data" and each not in with_page and each not in linked]
    made: list[str] = []
    if with_page:
        rows = "\n".join(f"   {each.name}" for each in with_page)
        made.append(f".. autosummary::\n   :toctree: ../names\n\n{rows}")
    if elsewhere:
        made.append(".. autosummary::\n\n" + "\n".join(f"   {each.name}" for each in elsewhere))
    if linked:
        made.append("\n".join(f"* :doc:`{each.page.rpartition('/')[2]} </{each.page}>`" for each in linked))
    return made + [_data(each) for each in names if each.kind == "data"]


def _data(each: Public) -> str:
    told = to_rst(said_of_data(each.name, each.package), links())
    body = "\n".join(f"   {line}".rstrip() for line in told.split("\n"))
    return f".. py:data:: {each.full}\n   :type: {type(each.value).__name__}\n\n{body}"


@cache
def said_of_data(name: str, package: str) -> str:
    """What stands at the assignment of a constant: the string below it, or the comment above it or behind it.

    Looked for in its package, and then elsewhere: two packages may have constants of one name.
    """
    source = ROOT / "src"
    own = sorted(source.joinpath(*package.split(".")).rglob("*.py"))
    for path in [*own, *(other for other in sorted(source.rglob("*.py")) if other not in own)]:
        text = path.read_text(encoding="utf-8")
        if name not in text:
            continue
        lines, body = text.splitlines(), ast.parse(text).body
        for statement, below in zip(body, [*body[1:], None], strict=True):
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            targets = [part for target in targets for part in getattr(target, "elts", [target])]
            if not any(isinstance(target, ast.Name) and target.id == name for target in targets):
                continue
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                return inspect.cleandoc(str(below.value.value))
            above = lines[statement.lineno - 2].strip() if statement.lineno > 1 else ""
            if above.startswith("#"):
                return above.lstrip("#: ")
            behind = lines[(statement.end_lineno or statement.lineno) - 1].partition("  # ")[2]
            if behind and not behind.startswith(("fmt", "noqa", "type")):
                return behind
    return ""


def _defining(name: str) -> str:
    return package(name).__name__


def _room(each: Public) -> str:
    """The package within the package that defines a name; "" for the package itself."""
    defining = _defining(each.package)
    module = getattr(each.value, "__module__", None) or ""
    if not module.startswith(defining + "."):
        return ""
    first = module.removeprefix(defining + ".").split(".")[0]
    found = importlib.import_module(f"{defining}.{first}")
    return first if hasattr(found, "__path__") else ""


def name_page(each: Public) -> str:
    """The page of one name."""
    parts = [f"{each.name}\n{'=' * max(4, len(each.name))}", f".. currentmodule:: {each.package}"]
    if each.kind == "module":
        parts.append(f".. automodule:: {each.value.__name__}\n   :members:")
    elif each.kind == "class":
        others = "Module, tuple, dict, list, Protocol, Generic, object, Dataset"
        options = f":members:\n   :inherited-members: {others}, FuncAnimation, TimedAnimation, Animation"
        parts.append(f".. autoclass:: {each.full}\n   {options}")
    else:
        parts.append(f".. auto{each.kind}:: {each.full}")
    parts.append(f"Of :doc:`{each.package} </reference/packages/{each.package}>`.")
    return "\n\n".join(parts) + "\n"


def write(app: Sphinx, config: Config) -> None:
    """Write the pages that changed, and remove those of names that are gone."""
    if not config.write_reference:
        return
    pages = {f"packages/{name}.rst": package_page(name) for name in {each.package for each in public()}}
    pages |= {
        f"names/{each.full}.rst": name_page(each) for each in public() if each.page == f"reference/names/{each.full}"
    }
    for name, text in pages.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in FOLDER.rglob("*.rst"):
        if path.relative_to(FOLDER).as_posix() not in pages:
            path.unlink()


def before_reading(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "reference/index" and app.config.write_reference:
        listed = "\n".join(f"packages/{name}" for name in sorted(packages()))
        source[0] += f"\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"


def outdated(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    came_or_went = any(docname.startswith("reference/packages/") for docname in added | removed)
    return ["reference/index"] if came_or_went else []


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("write_reference", True, "env", [bool])
    app.connect("config-inited", write)
    app.connect("source-read", before_reading)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
