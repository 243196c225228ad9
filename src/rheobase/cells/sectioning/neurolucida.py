"""Sections of a Neurolucida file, as NEURON's import makes them (Import3d of NEURON 9).

* Each branch of the file is a section. Where it begins away from the end of its parent, that end is put before it,
  with the diameter of its own first point.
* Trees begin at their own first point and hang on soma(0.5).
* The soma is what `outline` makes of the outline of the cell body.
"""

from __future__ import annotations

import numpy as np

from rheobase.cells.files.points import SOMA, Points
from rheobase.cells.sectioning.outline import centreline
from rheobase.cells.sectioning.runs import Run


def runs(points: Points) -> list[Run]:
    """The runs of a Neurolucida file, parents first, the soma before all. Raises: `DataError` for two cell bodies."""
    rows = np.column_stack([points.xyz, 2 * points.radius])
    found: list[Run] = []
    if points.outlines:
        found.append(Run(SOMA, centreline(points.outlines, str(points.path)), None, 0.0, (1, 1)))
    starts = points.branches if points.branches is not None else np.array([], dtype=int)
    run_of = np.zeros(len(rows), dtype=int)
    for first, end in zip(starts, [*starts, len(rows)][1:], strict=True):
        own, p = rows[first:end], int(points.parent[first])
        lines = (int(points.line[first]), int(points.line[end - 1]))
        run_of[first:end] = len(found)
        if p < 0:
            found.append(Run(int(points.type[first]), own, found[0] if points.outlines else None, 0.5, lines))
        else:
            if (own[0, :3] != rows[p, :3]).any():
                own = np.vstack([[*rows[p, :3], own[0, 3]], own])
            found.append(Run(int(points.type[first]), own, found[run_of[p]], 1.0, lines))
    return found
