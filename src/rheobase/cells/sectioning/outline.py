"""The soma from its outline, as NEURON's import makes it: a row of circles along the longest axis of the outline."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from rheobase.cells.files.points import Floats
from rheobase.errors import DataError

_EVEN = 101  # points, even along an outline, that say where its middle is
_CIRCLES = 21


def centreline(outlines: Sequence[Floats], source: str) -> Floats:
    """Points and diameters of the soma, rows of x, y, z and diameter.

    Outlines one above the other, as tracings of several planes, each give a circle: its diameter is the mean of those
    that its perimeter and its mean distance from the middle stand for. A single outline is laid along the axis of its
    largest second moment; 21 diameters are its widths across, in the plane of x and y.

    Raises: `DataError` for outlines that do not lie above each other, and for one without a longest axis.
    """
    for first, second in itertools.pairwise(outlines):
        low, high = np.maximum(first.min(0), second.min(0)), np.minimum(first.max(0), second.max(0))
        if (low[:2] > high[:2]).any():
            raise DataError(source, "two cell bodies side by side", "one neuron", "take the other one out of the file")
    if len(outlines) > 1:
        return np.array([_circle(each) for each in outlines])
    return _widths(outlines[0], source)


def _even(outline: Floats) -> Floats:
    """Points that are evenly far from each other along an outline, from its first to its last point."""
    # NEURON measures these steps in x and y alone
    at = np.append(0.0, np.cumsum(np.sqrt((np.diff(outline[:, :2], axis=0) ** 2).sum(1))))
    to = at[-1] / (_EVEN - 1) * np.arange(_EVEN)
    return np.column_stack([np.interp(to, at, column) for column in outline.T])


def _circle(outline: Floats) -> Floats:
    perimeter = np.sqrt(((outline - np.roll(outline, -1, axis=0)) ** 2).sum(1)).sum()
    points = _even(outline)
    middle = points.mean(0)
    radius = np.sqrt(((points - middle) ** 2).sum(1)).mean()
    return np.append(middle, radius + perimeter / (2 * np.pi))


def _widths(outline: Floats, source: str) -> Floats:
    points = _even(outline)
    middle = points.mean(0)
    points = points - middle
    _, axes = np.linalg.eigh(points.T @ points)
    major, minor = axes[:, 2], axes[:, 1] * [1, 1, 0]
    if major[np.abs(major).argmax()] < 0:
        major = -major
    if np.linalg.norm(minor) < 1e-6:
        raise DataError(source, "an outline of the cell body without width", "a flat outline", "draw it again")
    minor = minor / np.linalg.norm(minor)
    along, across = points @ major, points @ minor
    # both ways round, from the one end to the other
    turn = int(along.argmax())
    along, across = np.roll(along, -turn), np.roll(across, -turn)
    back = int(along.argmin())
    one = _rising(along[:back][::-1], across[:back][::-1])
    other = _rising(along[back:], across[back:])
    ends = np.sort(np.append(one[0], other[0]))
    to = np.linspace(ends[1], ends[-2], _CIRCLES)
    width = np.abs(np.interp(to, *one) - np.interp(to, *other))
    # no end of diameter 0
    width[0], width[-1] = (width[0] + width[1]) / 2, (width[-1] + width[-2]) / 2
    return np.column_stack([middle + to[:, None] * major, width])


def _rising(along: Floats, across: Floats) -> tuple[Floats, Floats]:
    """The points of a side that rises: those from which it falls back are left out, from the end on."""
    a, b = along.tolist(), across.tolist()
    j = len(a) - 1
    while j > 0:
        if a[j] <= a[j - 1]:
            del a[j], b[j]
            j += j != len(a)
        j -= 1
    return np.array(a), np.array(b)
