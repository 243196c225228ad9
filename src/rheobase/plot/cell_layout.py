"""Where the pieces of a cell lie in a plane, those of sections without points too."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rheobase.cells import Compartments, Section

_Floats = NDArray[np.float64]
_ROUND = 41  # points of a round soma
_SPREAD = math.radians(35)  # between sections side by side


@dataclass(frozen=True)
class Drawn:
    """Pieces of cable.

    ends       where they begin and end, (pieces, 2, 2) um
    diameter   at both ends, (pieces, 2) um
    owner      the compartment that each belongs to, (pieces,)
    soma       which are of the soma, (pieces,)
    """

    ends: _Floats
    diameter: _Floats
    owner: NDArray[np.int64]
    soma: NDArray[np.bool_]

    def bounds(self) -> tuple[_Floats, _Floats]:
        """The lower left and the upper right corner."""
        points = self.ends.reshape(-1, 2)
        half = self.diameter.reshape(-1, 1) / 2
        return (points - half).min(0), (points + half).max(0)


def laid_out(compartments: Compartments, axes: list[int]) -> Drawn:
    """The pieces of a cell in the plane of two coordinates, 0 for x to 2 for z.

    A section without points goes on from the end of its parent, several side by side; from between its ends, to its
    sides; from a soma, up if it is apical, down if it is axon, else to the right and left.
    """
    lines: dict[Section, _Floats] = {}
    for each in compartments.sections:
        lines[each] = _line(each, lines, compartments, axes)
    numbers = np.cumsum(~compartments.is_end) - 1
    ends: list[_Floats] = []
    diameters: list[_Floats] = []
    owners: list[NDArray[np.int64]] = []
    soma: list[NDArray[np.bool_]] = []
    for k, each in enumerate(compartments.sections):
        n = int(compartments.nseg[k])
        first = int(numbers[np.argmax(compartments.section == k)])
        arc, profile = _profile(each)
        at = np.unique(np.concatenate([arc, np.linspace(0, each.length, n + 1)]))
        xy = np.column_stack([np.interp(at, each.arc, lines[each][:, j]) for j in (0, 1)])
        width = np.interp(at, arc, profile)
        middle = (at[:-1] + at[1:]) / 2
        ends.append(np.stack([xy[:-1], xy[1:]], 1))
        diameters.append(np.stack([width[:-1], width[1:]], 1))
        owners.append(first + np.minimum((middle / each.length * n).astype(int), n - 1))
        soma.append(np.full(len(middle), each.kind == "soma"))
    return Drawn(np.concatenate(ends), np.concatenate(diameters), np.concatenate(owners), np.concatenate(soma))


def _profile(section: Section) -> tuple[_Floats, _Floats]:
    """Distances and diameters as drawn: a soma as long as it is wide is round."""
    d = section.diameters
    if section.kind != "soma" or not np.allclose(d, section.length, rtol=1e-3):
        return section.arc, d
    turn = np.linspace(0, np.pi, _ROUND)
    return section.length * (1 - np.cos(turn)) / 2, section.length * np.sin(turn)


def _line(section: Section, lines: dict[Section, _Floats], cell: Compartments, axes: list[int]) -> _Floats:
    """The points of a section in the plane, one for each of its `arc`."""
    if section.points is not None:
        return section.points[:, axes]
    above = section.parent
    if above is None:
        # its middle at the origin; that of another cell below
        below = (
            [s for s in cell.sections if s.parent is None].index(section) * 2.0 * max(s.length for s in cell.sections)
        )
        return np.column_stack([section.arc - section.length / 2, np.full(len(section.arc), -below)])
    places = lines[above]
    if above.kind == "soma" and section.kind != "soma":
        # from its surface on
        direction = _from_soma(section, cell)
        start = places.mean(0) + above.diameters.max() / 2 * np.array([math.cos(direction), math.sin(direction)])
    else:
        start = np.array([np.interp(section.at * above.length, above.arc, places[:, j]) for j in (0, 1)])
        direction = _from_cable(section, cell, places)
    return start + section.arc[:, None] * np.array([math.cos(direction), math.sin(direction)])


def _from_soma(section: Section, cell: Compartments) -> float:
    """The angle of a section on a soma: apical ones go up, axons down, the others to the right and left by turns."""
    beside = [s for s in _unplaced(section, cell) if s.kind == section.kind and s.kind != "soma"]
    number = beside.index(section)
    if section.kind in ("apic", "axon"):
        up = math.pi / 2 if section.kind == "apic" else -math.pi / 2
        return up + (number - (len(beside) - 1) / 2) * _SPREAD
    right = (len(beside) + 1) // 2
    of_side = right if number % 2 == 0 else len(beside) - right
    angle = math.pi * ((number // 2 + 1) / (of_side + 1) - 0.5)
    return angle if number % 2 == 0 else math.pi - angle


def _from_cable(section: Section, cell: Compartments, places: _Floats) -> float:
    """The angle of a section on another: at the ends about that of its parent, between them to its sides by turns."""
    between = 0 < section.at < 1
    beside = [s for s in _unplaced(section, cell) if s.at == section.at or (between and 0 < s.at < 1)]
    number = beside.index(section)
    step = places[-1] - places[-2] if section.at == 1 else places[-1] - places[0]
    along = math.atan2(step[1], step[0])
    if between:
        return along + (math.pi / 3 if number % 2 == 0 else -math.pi / 3)
    return along + (math.pi if section.at == 0 else 0.0) + (number - (len(beside) - 1) / 2) * _SPREAD


def _unplaced(section: Section, cell: Compartments) -> list[Section]:
    """The sections without points on the same parent, itself among them."""
    return [s for s in cell.sections if s.parent is section.parent and s.points is None]
