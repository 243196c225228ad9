"""The axon of a reconstruction taken away, or a stub in its place: published models are fitted without their axons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rheobase.cells.sections import Section, in_tree_order
from rheobase.errors import ParameterError

_FAR = 60.0  # um


def without_axon(sections: Sequence[Section]) -> list[Section]:
    """The sections but those of the axon; what is left keeps its points, its names and its ends.

    It is done after sectioning, as in the models of the Allen Institute: where an axon left a dendrite, the dendrite
    stays two sections.

    Raises: `ParameterError` where something other than axon hangs on the axon.

    >>> soma = Section("soma", length=20, diameter=20)
    >>> without_axon([soma, Section("axon", length=500, diameter=0.5, parent=soma)])
    [Section(soma: 20 um, root)]
    """
    kept = [each for each in sections if each.kind != "axon"]
    for each in kept:
        if each.parent is not None and each.parent.kind == "axon":
            given = f"{each.name}, which hangs on {each.parent.name}"
            raise ParameterError("without_axon", given, "an axon on which only axon hangs", "keep the axon")
    return kept


def with_axon_stub(
    sections: Sequence[Section], *, diameters: Sequence[float] = (1.0, 1.0), length: float = 30.0, at: float = 0.5
) -> list[Section]:
    """The axon replaced by straight sections in a row, "axon[0]" on the first soma, each on the end of the last.

    As it stands: two of 30 um by 1 um on soma(0.5), which the perisomatic models of the Allen Institute have. Its
    all-active models and those of BluePyOpt take over the `stub_diameters` of the reconstruction, `at=1.0`.

    Raises: `ParameterError` as `without_axon`, and for a cell without a soma.

    >>> soma = Section("soma", length=20, diameter=20)
    >>> with_axon_stub([soma])[1:]
    [Section(axon[0]: 30 um, on soma(0.5)), Section(axon[1]: 30 um, on axon[0](1))]
    """
    kept = without_axon(sections)
    above = next((each for each in kept if each.kind == "soma"), None)
    if above is None:
        raise ParameterError(
            "with_axon_stub", "no soma among the sections", "a soma, to hang it on", "use without_axon"
        )
    for k, diameter in enumerate(diameters):
        above = Section(f"axon[{k}]", length=length, diameter=diameter, parent=above, at=at if k == 0 else 1.0)
        kept.append(above)
    return kept


def stub_diameters(sections: Sequence[Section]) -> tuple[float, float]:
    """The diameters that a stub takes over from the axon, um, as BluePyOpt does it.

    Of the first section of the axon, and of the first one whose middle is more than 60 um away from the beginning of
    the soma, along the path, or else the last one. Without an axon they are 1 um.

    >>> soma = Section("soma", length=20, diameter=20)
    >>> near = Section("axon[0]", length=50, diameter=2, parent=soma)
    >>> stub_diameters([soma, near, Section("axon[1]", length=50, diameter=1, parent=near)])
    (2.0, 1.0)
    """
    placed = in_tree_order(sections)
    begins: dict[Section, float] = {}
    for each in placed:
        begins[each] = 0.0 if each.parent is None else begins[each.parent] + each.at * each.parent.length
    axon = [each for each in sections if each.kind == "axon"]
    if not axon:
        return 1.0, 1.0
    far = (each for each in axon if begins[each] + each.length / 2 > _FAR)
    return _mean_diameter(axon[0]), _mean_diameter(next(far, axon[-1]))


def _mean_diameter(section: Section) -> float:
    return float(np.trapezoid(section.diameters, section.arc) / section.length)
