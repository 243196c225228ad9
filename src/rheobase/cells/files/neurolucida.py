"""Neurolucida's text format (.asc): nested brackets, a tree for each neurite, the cell body as an outline.

    ("CellBody" (Color Red) (CellBody) (1.0 0.0 0.0 0.1) ...)      x y z diameter, um
    ( (Color Red) (Dendrite) (3 -4 0 2) (3 -6 0 2)
      ( (0 -10 0 2) (-3 -10 0 2)                                   a split: branches, with | between
      | (6 -10 0 2) (9 -10 0 2) Normal ) )

Written here, though MorphIO reads it too: errors name lines, a packed file is read as it is, and where a branch begins
away from its parent's end NEURON takes the diameter of the branch, which MorphIO does not hand on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import numpy as np

from rheobase.cells.files.points import CODES, Floats, Points
from rheobase.errors import DataError
from rheobase.problems import Problems
from rheobase.text_files import read_text

_EXPECTED = "Neurolucida's text: a cell body and trees of points x y z diameter"
_KINDS = {"Axon": CODES["axon"], "Dendrite": CODES["dend"], "Apical": CODES["apic"]}
_BODIES = ("CellBody", "Cell Body", "Soma")
_CLOSING = {"(": ")", "<": ">"}
_TOKEN = re.compile(r';[^\n]*|\n|"[^"\n]*"|[()<>|,]|[^\s()<>|,;"]+|"')


@dataclass
class _List:
    """A bracket and what is in it: words, numbers, strings (with their quotes), bars, and other brackets."""

    opened: str
    line: int
    items: list[_Item] = field(default_factory=list)

    def __str__(self) -> str:
        return f"the {self.opened!r} of line {self.line}"

    def is_point(self) -> bool:
        return self.opened == "(" and bool(self.items) and isinstance(self.items[0], float)

    def word(self) -> str:
        """Its first word, or nothing."""
        return self.items[0] if self.items and isinstance(self.items[0], str) else ""


_Item: TypeAlias = "float | str | _List"
_Point: TypeAlias = tuple[float, float, float, float, int]  # the last is the line
_Branch: TypeAlias = tuple[list[_Item], int, int]  # what is in it, the index of its parent point, its line


@dataclass
class _Trees:
    """Points of the trees while they are read: one list for each column."""

    kinds: list[int] = field(default_factory=list)
    rows: list[_Point] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    branches: list[int] = field(default_factory=list)


def load(path: Path, without_soma: bool) -> Points:
    """The points of a file, and its outlines of the soma. Raises: `DataError` that names lines."""
    problems = Problems(str(path), "correct these lines, or export the file again")
    trees = _Trees()
    outlines: list[Floats] = []
    for top in _brackets(path):
        if _is_body(top):
            points = [_point(item, problems) for item in top.items if isinstance(item, _List) and item.is_point()]
            if len(points) < 3:
                problems.add("an outline of the cell body with less than three points", _at(top))
            outlines.append(np.array([point[:3] for point in points]).reshape(-1, 3))
        elif _is_tree(top):
            _read_tree(top, trees, problems)
    for *_, diameter, line in trees.rows:
        if not diameter > 0:
            problems.add(f"diameter {diameter:g}", f"line {line}")
    if not trees.rows and not outlines:
        problems.add("no point in the file")
    elif not outlines and not without_soma:
        problems.add("no outline of a cell body; without_soma=True would allow it")
    roots = [f"line {trees.rows[k][4]}" for k, parent in enumerate(trees.parents) if parent < 0]
    if not outlines and len(roots) > 1:
        problems.add(f"{len(roots)} trees, and no cell body to join them", *roots)
    problems.tell(_EXPECTED)
    values = np.array([row[:4] for row in trees.rows]).reshape(-1, 4)
    return Points(
        path,
        id=np.arange(1, len(values) + 1),
        type=np.array(trees.kinds, dtype=int),
        xyz=values[:, :3],
        radius=values[:, 3] / 2,
        parent=np.array(trees.parents, dtype=int),
        line=np.array([row[4] for row in trees.rows], dtype=int),
        branches=np.array(trees.branches, dtype=int),
        outlines=tuple(outlines),
    )


def _at(item: _List) -> str:
    return f"line {item.line}"


def _is_body(top: _List) -> bool:
    named = isinstance(top.items[0], str) and top.items[0].strip('"') in _BODIES
    return named or any(isinstance(item, _List) and item.items == ["CellBody"] for item in top.items)


def _is_tree(top: _List) -> bool:
    """A bracket of properties and points, without a string among them, which would make it a text."""
    words = [item for item in top.items if isinstance(item, str)]
    return isinstance(top.items[0], _List) and not any(word.startswith('"') for word in words)


def _read_tree(top: _List, trees: _Trees, problems: Problems) -> None:
    """Add the branches of a tree, each before those that it splits into, in the order of the file."""
    kinds = [_KINDS[item.word()] for item in top.items if isinstance(item, _List) and item.word() in _KINDS]
    if not kinds:
        problems.add("a tree that is no Axon, Dendrite or Apical", _at(top))
        return
    waiting: list[_Branch] = [(top.items, -1, top.line)]
    while waiting:
        waiting += reversed(_read_branch(waiting.pop(), kinds[-1], trees, problems))


def _read_branch(branch: _Branch, kind: int, trees: _Trees, problems: Problems) -> list[_Branch]:
    """Add the points of a branch; returns the branches that it splits into."""
    items, parent, line = branch
    first, ended = len(trees.rows), False
    split: list[_Branch] = []
    for item in items:
        if isinstance(item, _List) and item.is_point():
            if ended:
                problems.add("a point behind the end of its branch", _at(item))
            trees.kinds.append(kind)
            trees.parents.append(parent)
            parent = len(trees.rows)
            trees.rows.append(_point(item, problems))
        elif isinstance(item, _List):
            # what begins with a word is a property or a marker, in <> a spine
            if item.opened == "(" and not item.word():
                ended = True
                split += [(part, parent, item.line) for part in _parts(item)]
        elif not isinstance(item, str) or not item[0].isalpha():
            problems.add(f"{item!r} among the points of a tree", f"line {line}")
        else:
            # Normal, Incomplete, High, Low, Generated, Midpoint
            ended = True
    if len(trees.rows) == first:
        problems.add("a branch without a point", f"line {line}")
    else:
        trees.branches.append(first)
    return split


def _parts(split: _List) -> list[list[_Item]]:
    """The branches of a split, between the bars."""
    parts: list[list[_Item]] = [[]]
    for item in split.items:
        if item == "|":
            parts.append([])
        else:
            parts[-1].append(item)
    return parts


def _point(item: _List, problems: Problems) -> _Point:
    numbers = [value for value in item.items[:4] if isinstance(value, float)]
    if len(numbers) < 3:
        problems.add("a point of less than three numbers", _at(item))
    x, y, z, diameter = [*numbers, 0.0, 0.0, 0.0][:4]
    return x, y, z, diameter, item.line


def _brackets(path: Path) -> Iterator[_List]:
    """The outermost brackets of a file. Raises: `DataError` for brackets that do not match."""
    open_: list[_List] = []
    line = 1
    for token in _TOKEN.findall(read_text(path, otherwise="latin-1")):
        if token == "\n":
            line += 1
        elif token[0] in ";,":
            continue
        elif token in _CLOSING:
            open_.append(_List(token, line))
        elif token in _CLOSING.values():
            if not open_ or _CLOSING[open_[-1].opened] != token:
                given = f"line {line}: {token!r}, " + (f"while {open_[-1]} is open" if open_ else "and nothing is open")
                raise DataError(str(path), given, "brackets that match", "correct the line, or export the file again")
            done = open_.pop()
            if open_:
                open_[-1].items.append(done)
            elif done.items:
                yield done
        elif open_:
            open_[-1].items.append(_value(token))
    if open_:
        given = f"{open_[-1]} that nothing closes"
        raise DataError(str(path), given, "brackets that match", "is the file cut off? Get it again")


def _value(token: str) -> float | str:
    try:
        number = float(token)
    except ValueError:
        return token
    return number if math.isfinite(number) else token
