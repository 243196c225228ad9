"""Runs of points that become sections: what is left out, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rheobase.cells.files.points import NAMES, Floats
from rheobase.cells.sections import Section
from rheobase.errors import DataError


@dataclass(eq=False)
class Run:
    """The points of a section to be: rows of x, y, z and diameter in um."""

    kind: int
    rows: Floats
    parent: Run | None
    at: float
    lines: tuple[int, int]  # of the file, first and last


def sphere(row: Floats) -> Floats:
    """The points of a cylinder along x, as long as it is wide: its side has the area of the sphere."""
    ends = np.array([[-0.5], [0.0], [0.5]]) * row[3] * np.array([1.0, 0.0, 0.0, 0.0])
    return row + ends


def sections(source: str, runs: Sequence[Run]) -> list[Section]:
    """Sections of runs, parents first, numbered by kind: "dend[0]", "dend[1]".

    A run of one point, or of two at the same place, is left out; what hung on it hangs on its parent.

    Raises: `DataError` for a longer one whose points all lie at one place.
    """
    kept: list[Run] = []
    # from the last to the first: what hangs on one that is left out stands behind it
    for k in reversed(range(len(runs))):
        run = runs[k]
        same = len(run.rows) == 2 and (run.rows[0, :3] == run.rows[1, :3]).all()
        if run.parent is not None and (len(run.rows) < 2 or same):
            for child in runs[k + 1 :]:
                if child.parent is run:
                    child.parent, child.at = run.parent, run.at
        else:
            kept.append(run)
    made: dict[int, Section] = {}
    count = dict.fromkeys(NAMES, 0)
    for run in reversed(kept):
        rows = _printed(run.rows)
        if not (rows[:, :3] != rows[0, :3]).any():
            given = f"a section of no length, lines {run.lines[0]} to {run.lines[1]}"
            raise DataError(source, given, "points that lie apart", "take all but one of them out")
        name = f"{NAMES[run.kind]}[{count[run.kind]}]"
        count[run.kind] += 1
        above = None if run.parent is None else made[id(run.parent)]
        made[id(run)] = Section.through(name, rows[:, :3], rows[:, 3], parent=above, at=run.at)
    return list(made.values())


def _printed(rows: Floats) -> Floats:
    """The numbers as NEURON's import hands them to a section: printed with eight digits."""
    return np.array([float(f"{value:.8g}") for value in rows.ravel()]).reshape(rows.shape)
