"""Sections of an SWC file, as NEURON's import makes them (Import3d of NEURON 9).

* A run of points of one type without a branch is a section. It begins at the parent of its first point.
* A soma of one point is a cylinder along x, as long as it is wide. So is one of three points of one radius, the second
  and third a radius away from the first, with no dendrites of their own (NeuroMorpho.Org's way of writing a sphere).
  Any other soma is the chain of its points.
* What grows out of a soma of one point begins at its own first point and hangs on soma(0.5). On a chain it hangs on 0,
  0.5 or 1, as its parent is the first point, one between, or the last; where the soma itself branches, or between its
  ends, it too begins at its own first point. Its diameter at the soma is that of its own first point.
* A second branch at the first point of a dendrite on the soma hangs on the beginning of that dendrite.

Two things differ. Where a branch stands in pieces, or a point before its parent, the points come depth first; NEURON
would cut a section at every jump, or refuse the file. Where the first branch at the first point of a dendrite is of
another kind, NEURON runs one into the other; here each has its own sections.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from rheobase.cells.files.points import SOMA, Points
from rheobase.cells.sectioning.runs import Run, sphere

_SPHERE = 0.01  # how far, relative, three points of a soma may be from those of a sphere


def runs(points: Points) -> list[Run]:
    """The runs of an SWC file, parents first, in the order in which NEURON numbers them."""
    parent, kind = points.parent.tolist(), points.type.tolist()
    rows = np.column_stack([points.xyz, 2 * points.radius])
    # how many points of the soma follow each of its points
    followed = Counter(p for p, k in zip(parent, kind, strict=True) if p >= 0 and k == kind[p] == SOMA)
    is_sphere = _is_sphere(points)
    at_beginning = [_turns_back(k, parent, kind) for k in range(len(parent))]
    found: list[Run] = []
    # of each point, the number of its run
    run_of = np.zeros(len(parent), dtype=int)
    bounds: list[tuple[int, int]] = []
    first = 0
    for last in np.flatnonzero(_ends(points, followed, is_sphere)).tolist():
        lines = (int(points.line[first]), int(points.line[last]))
        own, here = rows[first : last + 1], kind[first]
        run_of[first : last + 1] = len(found)
        bounds.append((first, last))
        if first == 0:
            alone = is_sphere or last == 0
            found.append(Run(here, sphere(own[0]) if alone else own, None, 0.0, lines))
        else:
            p = parent[first]
            above, end = found[run_of[p]], bounds[run_of[p]][1]
            single = run_of[p] == 0 and (is_sphere or end == 0)
            at, wired = _place(p, here, above.kind, bounds[run_of[p]], single, followed[p], len(own))
            begin = rows[p].copy()
            if above.kind == SOMA != here:
                begin[3] = own[0, 3]
            found.append(Run(here, own if wired else np.vstack([begin, own]), above, at, lines))
            if at_beginning[first]:
                found[-1].at = 0.0
        first = last + 1
    return found


def _place(
    p: int, kind: int, above: int, bounds: tuple[int, int], single: bool, followed: int, count: int
) -> tuple[float, bool]:
    """Where on its parent run a run hangs, and whether it begins at its own first point.

    p: the parent point; above, bounds, single: kind, first and last point of the parent run, and whether it is a soma
    of one point or the like; followed: number of points of the soma behind p; count: points of the run itself.
    """
    grows = above == SOMA != kind
    if grows and single:
        return 0.5, count > 1
    if p == 0:
        return 0.0, kind != SOMA and followed > 1
    if above == SOMA and p < bounds[1]:
        return 0.5, grows and count > 1
    return 1.0, grows and count > 1 and followed > 1


def _turns_back(k: int, parent: list[int], kind: list[int]) -> bool:
    """Whether a point is a second branch at the first point of a dendrite on the soma, or of a root without soma."""
    p = parent[k]
    if p < 0 or p == k - 1 or kind[p] == SOMA:
        return False
    # the second point of a file is left out by NEURON, too
    return p == 0 or (p > 1 and kind[parent[p]] == SOMA)


def _ends(points: Points, followed: Counter[int], is_sphere: bool) -> NDArray[np.bool_]:
    """Which points are the last of their run."""
    parent, kind = points.parent.tolist(), points.type.tolist()
    children: dict[int, list[int]] = {}
    for k, p in enumerate(parent):
        children.setdefault(p, []).append(k)
    ends = np.ones(len(parent), dtype=bool)
    for p, found in children.items():
        if p < 0:
            continue
        one_way = found[0] == p + 1 and all(_turns_back(k, parent, kind) for k in found[1:])
        ends[p] = not one_way or kind[found[0]] != kind[p] or kind[found[-1]] != kind[p]
        if kind[p] == SOMA == kind[p + 1] and parent[p + 1] == p and (p == 0 or followed[p] == 1):
            # dendrites do not divide the soma
            ends[p] = False
    if is_sphere:
        ends[:3] = [False, False, True]
    return ends


def _is_sphere(points: Points) -> bool:
    """Whether the soma is three points that stand for a sphere."""
    d, xyz, kind = 2 * points.radius, points.xyz, points.type
    if len(kind) < 3 or (kind == SOMA).sum() != 3 or (kind[:3] != SOMA).any():
        return False
    if (points.parent[1:3] != 0).any() or np.isin([1, 2], points.parent).any() or d[1] != d[0] or d[2] != d[0]:
        return False
    length = np.sqrt(((xyz[1:3] - xyz[0]) ** 2).sum(1)).sum()
    return bool(abs(length / d[0] - 1) < _SPHERE)
