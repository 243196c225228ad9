"""SWC: one point in a line: id, type, x, y, z, radius, id of the parent; "#" begins a comment.

R. C. Cannon, D. A. Turner, G. K. Pyapali, H. V. Wheal, "An on-line archive of reconstructed hippocampal neurons",
J. Neurosci. Methods 84 (1998) 49-54, doi:10.1016/S0165-0270(98)00091-0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from rheobase.cells.files.points import CODES, NAMES, SOMA, Points
from rheobase.problems import Problems
from rheobase.text_files import read_text

_EXPECTED = "one tree of points: id, type, x, y, z, radius, parent (-1 for the root)"
_Row = tuple[int, int, float, float, float, float, int]


def load(path: Path, types: Mapping[int, str], without_soma: bool) -> Points:
    """The points of a file, parents first. Raises: `DataError` that tells all that is wrong, with the lines."""
    # comments are written by old programs, in old encodings
    text = read_text(path, otherwise="latin-1")
    problems = Problems(str(path), "correct these lines")
    rows, lines = _rows(text, problems)
    if not rows and not problems:
        problems.add("no point in the file")
    unread = len(problems)
    _check_values(rows, lines, types, without_soma, problems)
    _check_tree(rows, lines, problems, complete=not unread)
    problems.tell(_EXPECTED)
    rows = [(row[0], CODES[types[row[1]]] if row[1] in types else row[1], *row[2:]) for row in rows]
    rows, lines, parent = _ordered(rows, lines)
    # NEURON reads these numbers in single precision
    values = np.array([row[2:6] for row in rows], dtype=np.float32).astype(float)
    return Points(
        path,
        id=np.array([row[0] for row in rows]),
        type=np.array([row[1] for row in rows]),
        xyz=values[:, :3],
        radius=values[:, 3],
        parent=np.array(parent),
        line=np.array(lines),
    )


def _rows(text: str, problems: Problems) -> tuple[list[_Row], list[int]]:
    """The points and their lines; a column behind the seventh has no meaning in SWC."""
    rows: list[_Row] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        try:
            values = [float(field) for field in fields[:7]]
        except ValueError:
            values = []
        if len(values) < 7 or not all(math.isfinite(v) for v in values):
            problems.add(f"{line.strip()[:40]!r} is no point: seven finite numbers with spaces between", _at(number))
        elif values[0] != int(values[0]) or values[1] != int(values[1]) or values[6] != int(values[6]):
            problems.add("an id, type or parent that is not whole", _at(number))
        else:
            name, kind, x, y, z, radius, parent = values
            rows.append((int(name), int(kind), x, y, z, radius, int(parent)))
            lines.append(number)
    return rows, lines


def _at(line: int) -> str:
    return f"line {line}"


def _check_values(
    rows: Sequence[_Row], lines: Sequence[int], types: Mapping[int, str], without_soma: bool, problems: Problems
) -> None:
    known: dict[int, int] = {}
    for row, line in zip(rows, lines, strict=True):
        if not row[5] > 0:
            problems.add(f"radius {row[5]:g}", _at(line))
        if row[1] not in types and row[1] not in NAMES:
            problems.add(f'unknown type {row[1]}; types={{{row[1]}: "dend"}} would say what it is', _at(line))
        if known.setdefault(row[0], line) != line:
            problems.add(f"id {row[0]} again", _at(line))
    kinds = {types.get(row[1], NAMES.get(row[1])) for row in rows}
    if rows and "soma" not in kinds and not without_soma:
        problems.add("no point of type 1, the soma; without_soma=True would allow it")


def _check_tree(rows: Sequence[_Row], lines: Sequence[int], problems: Problems, *, complete: bool) -> None:
    """`complete`: every point of the file was read, so that one that is missing is missing in the file."""
    parents: dict[int, int] = {}
    line: dict[int, str] = {}
    for row, number in zip(rows, lines, strict=True):
        parents.setdefault(row[0], row[6])
        line.setdefault(row[0], _at(number))
    lost = {row[6] for row in rows if row[6] not in parents} - {-1}
    for row, number in zip(rows, lines, strict=True):
        if row[6] in lost and complete:
            problems.add(f"parent {row[6]} is no point", _at(number))
    roots = [_at(number) for row, number in zip(rows, lines, strict=True) if row[6] == -1]
    if len(roots) > 1:
        problems.add(f"{len(roots)} roots; a cell is one tree", *roots)
    # what leads to a root or to nothing is done; the others run into a circle
    done = {-1} | lost
    for name in parents:
        path: dict[int, None] = {}
        while name not in done and name not in path:
            path[name] = None
            name = parents[name]
        if name in path:
            circle = list(path)[list(path).index(name) :]
            problems.add("parents in a circle", *(line[each] for each in sorted(circle)))
        done.update(path)


def _ordered(rows: Sequence[_Row], lines: Sequence[int]) -> tuple[list[_Row], list[int], list[int]]:
    """Points by their id if they can be read so, else depth first; their lines; the places of their parents."""
    for order in (sorted(range(len(rows)), key=lambda k: rows[k][0]), depth_first(rows)):
        place = {rows[k][0]: new for new, k in enumerate(order)}
        parent = [place.get(rows[k][6], -1) for k in order]
        if not _jumps(parent, [rows[k][1] for k in order]):
            break
    return [rows[k] for k in order], [lines[k] for k in order], parent


def _jumps(parent: Sequence[int], kind: Sequence[int]) -> bool:
    """Whether a point stands before its parent, or a branch in several pieces."""
    if any(p >= k for k, p in enumerate(parent)):
        return True
    children: dict[int, list[int]] = {}
    for k, p in enumerate(parent):
        children.setdefault(p, []).append(k)
    for p, found in children.items():
        if p < 0 or found[0] == p + 1:
            continue
        if kind[p] == SOMA:
            if any(kind[k] == SOMA for k in found):
                return True
        elif len(found) == 1 or parent[p] < 0 or kind[parent[p]] == SOMA:
            return True
    return False


def depth_first(rows: Sequence[_Row]) -> list[int]:
    """The places of points of a tree in depth-first order, children by their id.

    >>> order = depth_first([(k, 3, 0.0, 0.0, 0.0, 1.0, parent) for k, parent in ((1, -1), (2, 1), (3, 1), (4, 2))])
    >>> [k + 1 for k in order]
    [1, 2, 4, 3]
    """
    children: dict[int, list[int]] = {}
    for k in sorted(range(len(rows)), key=lambda k: rows[k][0], reverse=True):
        children.setdefault(rows[k][6], []).append(k)
    order: list[int] = []
    waiting = list(children[-1])
    while waiting:
        order.append(k := waiting.pop())
        waiting += children.get(rows[k][0], ())
    return order
