"""Compartments: a tree of sections cut into pieces, as arrays that a cable solver runs over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.cells.nseg import DEFAULT, Rule, count
from rheobase.cells.sections import KINDS, Floats, Section, in_tree_order
from rheobase.checks import is_number
from rheobase.errors import ParameterError, nearest


@dataclass(frozen=True, eq=False)
class Compartments:
    """The nodes of a cell, parents before their children.

    Section after section, parents first, and of each: one node at the centre of each of its compartments, from the
    beginning to the end, then one of no area at its far end, on which the sections hang that are attached there. What
    is attached within a section hangs on the centre of the compartment that holds the place; what is attached at the
    beginning of a section, on the node that this section hangs on itself. A root alone can have a node of no area at
    its beginning (x = 0), the last of its nodes; it is there only where something is attached to it. Several trees are
    cells that stand apart, but for the gap junctions between them.

    The cable from a node to its parent lies within one section, that of the node, so that with the section's
    resistivity Ra in ohm cm

        r_axial = 0.01 Ra axial             MOhm       (`axial` in 1/um)
        c       = 1e-5 area c_mem           nF         (c_mem in uF/cm2)
        g       = 0.01 area g_density       uS         (g_density in S/cm2)

    Make it with `Compartments.of`.

    **Shapes**: all arrays are (nodes,) but for `segments`, (compartments,), and `nseg`, (sections,).

    sections   the sections, parents first
    nseg       number of compartments of each section
    parent     index of the parent node, -1 for a root (the first is node 0); parent[k] < k
    section    index of the section
    x          position on the section, 0 to 1
    area       membrane area, um2; 0 where `is_end`
    diameter   mean diameter, um; that of the compartment beside it where `is_end`
    axial      sum of h / (pi d0 d1 / 4) over the frusta between the node and its parent, 1/um; a root, which has no
               parent, holds that to its own beginning
    is_end     nodes without area
    distance   path from the node in the middle of the soma of its tree, um; without a soma, from the root
    kind       "soma", "axon", "dend" or "apic"
    segments   indices of the nodes with area: the compartments

    >>> soma = Section("soma", length=20, diameter=20)
    >>> dend = Section("dend", length=100, diameter=2, parent=soma, at=0.5)
    >>> cell = Compartments.of([soma, dend], nseg=3)
    >>> cell, cell.parent.tolist()
    (Compartments(2 sections, 6 compartments, 8 nodes), [-1, 0, 1, 2, 1, 4, 5, 6])
    >>> cell.index("dend", 0.97), str(cell.kind[6]), cell.distance[4:].round(1).tolist()
    (6, 'dend', [16.7, 50.0, 83.3, 100.0])
    """

    sections: tuple[Section, ...]
    nseg: NDArray[np.int64]
    parent: NDArray[np.int64]
    section: NDArray[np.int64]
    x: Floats
    area: Floats
    diameter: Floats
    axial: Floats
    is_end: NDArray[np.bool_]
    distance: Floats
    kind: NDArray[np.str_]
    segments: NDArray[np.int64]

    @classmethod
    def of(cls, sections: Sequence[Section], nseg: int | Rule = DEFAULT, *, trees: int = 1) -> Compartments:
        """Cut sections into compartments.

        nseg    a number for every section, or a rule: `ByLength(40.0)`, the default, or `ByLambda(...)`;
                a section that was given its own number keeps it
        trees   how many sections have no parent: one of each cell that stands apart

        Raises: `ParameterError` for sections that are not so many trees, or a rule that is none.
        """
        placed = in_tree_order(sections, trees)
        number = {each: k for k, each in enumerate(placed)}
        counts = [count(each, nseg) for each in placed]
        # the roots on whose beginnings something hangs
        begun = {each.parent for each in placed if each.parent is not None and each.at == 0}
        begun = {each for each in begun if each.parent is None}
        first = np.cumsum([0, *(n + 1 + (each in begun) for n, each in zip(counts, placed, strict=True))])[:-1]
        # the node that each section hangs on
        on = list[int]()
        for each in placed:
            if each.parent is None:
                on.append(-1)
                continue
            k = number[each.parent]
            if each.at == 0:
                on.append(int(first[k]) + counts[k] + 1 if each.parent in begun else on[k])
            else:
                on.append(int(first[k]) + math.floor(each.at * counts[k]))
        nodes = [_nodes(each, counts[k], int(first[k]), on[k]) for k, each in enumerate(placed)]
        nodes = [_with_start(of, int(first[k])) if placed[k] in begun else of for k, of in enumerate(nodes)]
        parent, x, area, diameter, axial, step = (np.concatenate(column) for column in zip(*nodes, strict=True))
        section = np.repeat(np.arange(len(placed)), [len(each[0]) for each in nodes])
        is_end = area == 0
        kind = np.array([each.kind for each in placed])[section]
        middles = {_root(each): int(first[k]) for k, each in reversed([*enumerate(placed)])}
        middles |= {
            _root(each): int(first[k]) + counts[k] // 2
            for k, each in reversed([*enumerate(placed)])
            if each.kind == "soma"
        }
        return cls(
            placed,
            np.array(counts),
            parent,
            section,
            x,
            area,
            diameter,
            axial,
            is_end,
            _distance(parent, step, [*middles.values()]),
            kind,
            np.flatnonzero(~is_end),
        )

    def index(self, name: str, x: float = 0.5) -> int:
        """The node at a place: of the compartment that holds it; at x = 1 the far end, at x = 0 what it hangs on.

        "dend" is "dend[0]" where no other section is called so.

        Raises: `ParameterError` for an unknown section, or an x outside 0 to 1.
        """
        k = self._number(name)
        if not is_number(x, least=0, most=1):
            raise ParameterError("Compartments", f"x={x!r}", "a place from 0 to 1", 'index("dend[0]", 0.5)')
        nodes = np.flatnonzero(self.section == k)
        if x > 0:
            return int(nodes[math.floor(x * self.nseg[k])])
        if self.sections[k].parent is None:
            # nothing hangs on the beginning: its potential is that of the first compartment
            return int(nodes[-1]) if self.x[nodes[-1]] == 0 else int(nodes[0])
        return int(self.parent[nodes[0]])

    @property
    def places(self) -> tuple[str, ...]:
        """The place of each compartment, in the order of `segments`: `cell(current, record=tree.places)` sees them all.

        >>> soma = Section("soma", length=20, diameter=20)
        >>> dend = Section("dend", length=100, diameter=2, parent=soma)
        >>> Compartments.of([soma, dend], nseg=2).places
        ('soma(0.25)', 'soma(0.75)', 'dend(0.25)', 'dend(0.75)')
        """
        return tuple(f"{self.sections[self.section[k]].name}({self.x[k]:.9g})" for k in self.segments.tolist())

    def where(self, kind: str) -> NDArray[np.int64]:
        """The compartments of a kind: "soma", "axon", "dend" or "apic"; empty where the cell has none.

        Raises: `ParameterError` for another kind.
        """
        if kind not in KINDS:
            raise ParameterError("Compartments", f"kind {kind!r}", "a kind of section", nearest(kind, KINDS))
        return self.segments[self.kind[self.segments] == kind]

    def _number(self, name: str) -> int:
        names = [each.name for each in self.sections]
        if name in names:
            return names.index(name)
        if [n for n in names if n.split("[")[0] == name] == [f"{name}[0]"]:
            return names.index(f"{name}[0]")
        raise ParameterError("Compartments", f"section {name!r}", "a section of the cell", f"known: {_listed(names)}")

    def __repr__(self) -> str:
        return (
            f"Compartments({len(self.sections)} sections, {len(self.segments)} compartments, {len(self.parent)} nodes)"
        )


# parent, x, area, diameter, axial, step (um to the parent)
_Nodes = tuple[NDArray[Any], ...]


def _nodes(section: Section, n: int, first: int, on: int) -> _Nodes:
    """The nodes of a section: n compartments and the far end; the first node hangs on node `on`, -1 for the root."""
    area, diameter, half = _cut(section, n)
    length = section.length / n
    # between two centres lie the second half of one compartment and the first half of the next
    axial = np.concatenate([half[:1], half[1:-1:2] + half[2::2], half[-1:]])
    step = np.concatenate([[length / 2], np.full(n - 1, length), [length / 2]])
    parent = np.array([on, *range(first, first + n)])
    x = np.append((np.arange(n) + 0.5) / n, 1.0)
    return parent, x, np.append(area, 0.0), np.append(diameter, diameter[-1]), axial, step


def _with_start(root: _Nodes, first: int) -> _Nodes:
    """The nodes of a root, with one more for its beginning, which hangs on its first compartment."""
    _, _, _, diameter, axial, step = root
    start = (first, 0.0, 0.0, diameter[0], axial[0], step[0])
    return tuple(np.append(column, value) for column, value in zip(root, start, strict=True))


def _cut(section: Section, n: int) -> tuple[Floats, Floats, Floats]:
    """Areas (n,), mean diameters (n,), and resistances (2 n,) of the half compartments in 1/um.

    The frusta are cut at the borders and centres of the compartments, where the diameter is interpolated linearly.
    """
    arc, diameters = section.arc, section.diameters
    each = section.length / n
    # added up as NEURON does, since on the last digit it depends on which side of a cut a point lies
    centres = each * np.arange(n) + each / 2
    cuts = np.column_stack([centres, centres + each / 2]).ravel()
    if cuts[-1] < arc[-1]:
        # and a step of the diameter at the far end lies behind the last cut
        kept = np.searchsorted(arc, arc[-1], side="left") + 1
        arc, diameters = arc[:kept], diameters[:kept]
    cuts = cuts[:-1]
    # a step of the diameter that lies on a cut belongs to the half before it
    at = np.searchsorted(arc, cuts, side="right")
    share = (cuts - arc[at - 1]) / (arc[at] - arc[at - 1])
    d = np.insert(diameters, at, diameters[at - 1] + share * (diameters[at] - diameters[at - 1]))
    h = np.diff(np.insert(arc, at, cuts))
    d0, d1 = d[:-1], d[1:]
    # the half that each frustum lies in: one more behind every cut
    half = np.repeat(np.arange(2 * n), np.diff([0, *(at + np.arange(2 * n - 1)), len(h)]))
    area = _sums(half // 2, np.pi * (d0 + d1) / 2 * np.sqrt(h**2 + (d0 - d1) ** 2 / 4), n)
    mean = _sums(half // 2, (d0 + d1) / 2 * h, n) / each
    return area, mean, _sums(half, h / (np.pi / 4 * d0 * d1), 2 * n)


def _sums(group: NDArray[np.int64], values: Floats, groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=groups).astype(float)


def _root(section: Section) -> Section:
    """The root of the tree of a section."""
    while section.parent is not None:
        section = section.parent
    return section


def _distance(parent: NDArray[np.int64], step: Floats, origins: Sequence[int]) -> Floats:
    """The path from the one of these nodes that is in its tree to each node: up from it to the root, then down."""
    found = np.full(len(parent), np.nan)
    for at in origins:
        so_far = 0.0
        while at >= 0:
            found[at] = so_far
            so_far, at = so_far + step[at], int(parent[at])
    for k in range(len(parent)):
        if np.isnan(found[k]):
            found[k] = found[parent[k]] + step[k]
    return found


def _listed(names: Sequence[str]) -> str:
    """Names for a message, those that are numbered as a range.

    >>> _listed(["soma", "dend[0]", "dend[1]", "dend[2]"])
    'soma, dend[0] to dend[2]'
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.split("[")[0], []).append(name)
    return ", ".join(each[0] if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in groups.values())
