"""Sections: the unbranched cables of which a cell is a tree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError, ShapeError

KINDS = ("soma", "axon", "dend", "apic")
Floats = NDArray[np.float64]


class Section:
    """An unbranched cable and its place on a parent: a straight one here, one through points by `Section.through`.

    length     um
    diameter   um; a pair (2, 1) tapers from the beginning to the end
    parent     the section on which this one begins; None for the root of the tree
    at         where on the parent, from 0 to 1; 1 is its far end
    kind       "soma", "axon", "dend" or "apic"; without it the first four letters of the name say it, as in "dend[3]"
    nseg       the number of compartments, where it shall not follow the rule for all (`Compartments.of`)

    What it holds: `arc`, the distance of each point from the beginning, and `diameters`, both (points,) in um;
    `points` (points, 3) in um, or None where only lengths are known. Between two points it is a frustum.

    Raises: `ParameterError` for a size that is not above 0, a name without a kind, an `at` outside 0 to 1.

    >>> soma = Section("soma", length=20, diameter=20)
    >>> dend = Section("dend[0]", length=100, diameter=(2, 1), parent=soma, at=0.5)
    >>> dend, dend.kind, round(soma.area, 1)
    (Section(dend[0]: 100 um, on soma(0.5)), 'dend', 1256.6)
    """

    name: str
    kind: str
    arc: Floats
    diameters: Floats
    points: Floats | None
    parent: Section | None
    at: float
    nseg: int | None

    def __init__(
        self,
        name: str,
        *,
        length: float,
        diameter: float | tuple[float, float],
        parent: Section | None = None,
        at: float = 1.0,
        kind: str | None = None,
        nseg: int | None = None,
    ):
        self._place(name, parent, at, kind, nseg)
        ends = diameter if isinstance(diameter, tuple) else (diameter, diameter)
        if not is_number(length, above=0):
            raise ParameterError(str(self), f"length={length!r}", "um, a number above 0", "length=100")
        if len(ends) != 2 or not all(is_number(d, above=0) for d in ends):
            raise ParameterError(str(self), f"diameter={diameter!r}", "um, above 0; or two of them", "diameter=2")
        self.arc = np.array([0.0, length])
        self.diameters = np.array(ends, dtype=float)
        self.points = None

    @classmethod
    def through(
        cls,
        name: str,
        points: ArrayLike,
        diameters: ArrayLike,
        *,
        parent: Section | None = None,
        at: float = 1.0,
        kind: str | None = None,
        nseg: int | None = None,
    ) -> Section:
        """A section through `points` (n, 3) with `diameters` (n,), both in um, n at least 2.

        They are held in single precision, as NEURON does.

        Raises: as the class does; `ShapeError` for other shapes.

        >>> Section.through("dend[0]", [[0, 0, 0], [3, 4, 0], [3, 4, 5]], [1, 1, 1]).length
        10.0
        """
        made = cls.__new__(cls)
        made._place(name, parent, at, kind, nseg)
        xyz, width = (np.asarray(values, dtype=np.float32) for values in (points, diameters))
        if xyz.ndim != 2 or xyz.shape[1] != 3 or len(xyz) < 2 or width.shape != xyz.shape[:1]:
            given = f"points of shape {xyz.shape} and diameters of shape {width.shape}"
            raise ShapeError(str(made), given, "(n, 3) and (n,), n at least 2", "give x, y, z and a diameter per point")
        steps = np.sqrt((np.diff(xyz, axis=0).astype(float) ** 2).sum(1))
        if not (np.isfinite(xyz).all() and np.isfinite(width).all() and (width > 0).all() and steps.sum() > 0):
            given = f"diameters from {width.min():g} um over a length of {steps.sum():g} um"
            raise ParameterError(str(made), given, "finite points apart, and diameters above 0", "correct the points")
        made.arc = np.concatenate([[0.0], np.cumsum(steps)])
        made.diameters, made.points = width.astype(float), xyz.astype(float)
        return made

    def _place(self, name: str, parent: Section | None, at: float, kind: str | None, nseg: int | None) -> None:
        self.name = name
        if parent is not None and not isinstance(parent, Section):
            given = f"a parent of type {type(parent).__name__}"
            raise ParameterError(str(self), given, "a Section, or None for the root", "make the parent, then give it")
        if not is_number(at, least=0, most=1):
            raise ParameterError(str(self), f"at={at!r}", "a number from 0 to 1", "at=1 is the far end of the parent")
        if nseg is not None and not is_whole(nseg, 1):
            raise ParameterError(str(self), f"nseg={nseg!r}", "a whole number from 1 on", "leave it out for the rule")
        found = name[:4] if kind is None else kind
        if found not in KINDS:
            given = f"kind={kind!r}" if kind is not None else "a name that tells no kind"
            raise ParameterError(
                str(self), given, "one of " + ", ".join(KINDS), 'name it "dend[0]", or say kind="dend"'
            )
        self.kind, self.parent, self.at, self.nseg = found, parent, float(at), nseg

    @property
    def length(self) -> float:
        """Length in um, along the points."""
        return float(self.arc[-1])

    @property
    def area(self) -> float:
        """The area of its membrane in um2: of the sides of its frusta."""
        d0, d1 = self.diameters[:-1], self.diameters[1:]
        return float((np.pi * (d0 + d1) / 2 * np.sqrt(np.diff(self.arc) ** 2 + (d0 - d1) ** 2 / 4)).sum())

    def __str__(self) -> str:
        return f"Section({self.name!r})"

    def __repr__(self) -> str:
        on = "root" if self.parent is None else f"on {self.parent.name}({self.at:g})"
        return f"Section({self.name}: {self.length:.4g} um, {on})"


def in_tree_order(sections: Sequence[Section], trees: int = 1) -> tuple[Section, ...]:
    """The sections, each behind its parent, else in the order given.

    Raises: `ParameterError` for no section, a name that stands twice, a parent that is not among them, and for another
    number of roots than trees.
    """
    owner = "sections"
    if not sections or not all(isinstance(each, Section) for each in sections):
        given = (
            "none" if not sections else f"a {next(type(s).__name__ for s in sections if not isinstance(s, Section))}"
        )
        raise ParameterError(owner, given, "Sections, one at least", 'Section("soma", length=20, diameter=20)')
    names = [each.name for each in sections]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ParameterError(owner, f"{', '.join(twice)} more than once", "a name for each", 'number them: "dend[1]"')
    known = set(sections)
    lost = [each for each in sections if each.parent is not None and each.parent not in known]
    if lost:
        given = f"{lost[0].name} on {lost[0].parent!r}, which is not among them"
        raise ParameterError(owner, given, "the parent of each section too", "add it to the list")
    roots = [each.name for each in sections if each.parent is None]
    if not is_whole(trees, 1):
        raise ParameterError(owner, f"trees = {trees!r}", "a whole number from 1 on", "trees=2 for two cells")
    if len(roots) != trees:
        given = f"{len(roots)} root{'s' * (len(roots) != 1)}: {', '.join(roots)}"
        expected = "one tree" if trees == 1 else f"trees = {trees} of them"
        remedy = f"give parent= to all others; of cells that stand apart, trees={len(roots)}"
        raise ParameterError(owner, given, expected, remedy)
    placed: dict[Section, None] = {}
    for each in sections:
        chain: list[Section] = []
        above: Section | None = each
        while above is not None and above not in placed:
            chain.append(above)
            above = above.parent
        placed.update(dict.fromkeys(reversed(chain)))
    return tuple(placed)
