"""Compartments against closed forms, and against the node arrays of a published cell in NEURON."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from rheobase.cells import ByLambda, ByLength, Compartments, Morphology, Section
from rheobase.cells.axon import without_axon
from rheobase.errors import ParameterError

PVALB = Path(os.environ.get("RHEOBASE_DATA", "data")) / "pvalb_689331391"


def cylinder(length: float = 100.0, diameter: float = 2.0, **more) -> Section:
    return Section("dend[0]", length=length, diameter=diameter, **more)


def branched() -> list[Section]:
    """A soma with something hung on each place that there is."""
    soma = Section("soma", length=20, diameter=20, nseg=3)
    trunk = Section("dend[0]", length=200, diameter=(4, 2), parent=soma, at=1.0)
    return [
        soma,
        trunk,
        Section("dend[1]", length=80, diameter=1, parent=trunk),
        Section("dend[2]", length=60, diameter=1, parent=trunk, at=0.3),
        Section("dend[3]", length=50, diameter=1, parent=trunk, at=0.0),
        Section("axon", length=90, diameter=0.5, parent=soma, at=0.0),
        Section("apic", length=300, diameter=(3, 1), parent=soma, at=0.5),
    ]


@pytest.mark.skipif(not PVALB.is_dir(), reason="no pvalb_689331391/ in RHEOBASE_DATA")
def test_the_nodes_of_a_published_cell_are_those_of_neuron() -> None:
    stored = np.load(PVALB / "passive_traces.npz")
    cell = Compartments.of(without_axon(Morphology.read(PVALB / "morphology.swc.gz").sections()))
    assert (len(cell.segments), len(cell.parent)) == (127, 162)
    assert [each.name for each in cell.sections] == stored["section_names"].tolist()
    assert cell.nseg.tolist() == stored["section_nseg"].tolist()
    for ours, theirs in (("section", "section"), ("x", "x"), ("parent", "parent"), ("is_end", "is_end")):
        np.testing.assert_array_equal(getattr(cell, ours), stored[f"node_{theirs}"])
    np.testing.assert_allclose(cell.area, stored["node_area_um2"], rtol=1e-12)
    np.testing.assert_allclose(cell.diameter, stored["node_diam_um"], rtol=1e-12)
    np.testing.assert_allclose(0.01 * stored["Ra_ohm_cm"] * cell.axial, stored["node_ri_MOhm"], rtol=1e-12)
    np.testing.assert_allclose(cell.distance, stored["node_path_distance_um"], rtol=1e-12, atol=1e-9)
    assert cell.area.sum() == pytest.approx(5268.0, abs=0.1)
    # the place where the stored trace of the dendrite was taken
    far = cell.index("dend[3]", 0.970588)
    assert cell.x[far] == pytest.approx(0.970588, abs=1e-6)
    assert cell.distance[cell.segments].max() == cell.distance[far] == pytest.approx(360.15, abs=0.01)


@pytest.mark.parametrize("nseg", [1, 2, 3, 7])
def test_cylinder(nseg: int) -> None:
    cell = Compartments.of([cylinder()], nseg)
    np.testing.assert_allclose(cell.area, [np.pi * 2 * 100 / nseg] * nseg + [0], rtol=1e-14)
    np.testing.assert_allclose(cell.diameter, 2.0)
    whole = 100 / (np.pi * 1.0**2)
    np.testing.assert_allclose(cell.axial[1:nseg], whole / nseg, rtol=1e-13)
    np.testing.assert_allclose(cell.axial[[0, nseg]], whole / nseg / 2, rtol=1e-13)
    np.testing.assert_allclose(cell.x, [*((np.arange(nseg) + 0.5) / nseg), 1.0])


@pytest.mark.parametrize("nseg", [1, 4, 9])
def test_cone(nseg: int) -> None:
    """The side of a frustum is pi (r0 + r1) s; its resistance, the integral of 1 / (pi r^2), is h / (pi r0 r1)."""
    cell = Compartments.of([cylinder(diameter=(4.0, 1.0))], nseg)
    assert cell.area.sum() == pytest.approx(np.pi * 2.5 * np.hypot(100, 1.5), rel=1e-13)
    assert cell.axial.sum() == pytest.approx(100 / (np.pi * 2 * 0.5), rel=1e-13)
    borders = 4 - 3 * np.arange(nseg + 1) / nseg
    np.testing.assert_allclose(cell.diameter[:-1], (borders[:-1] + borders[1:]) / 2)


def test_a_bent_cable_is_as_long_as_its_points() -> None:
    """Points within a compartment, at its border, and twice at one place."""
    points = [[0, 0, 0], [3, 4, 0], [3, 4, 5], [3, 4, 5], [3, 4, 20]]
    bent = Section.through("dend[0]", points, [1, 2, 3, 2, 1])
    assert bent.length == 25.0
    assert bent.area == pytest.approx(
        np.pi * (1.5 * np.hypot(5, 0.5) + 2.5 * np.hypot(5, 0.5) + 2.5 * 0.5 + 1.5 * np.hypot(15, 0.5)), rel=1e-7
    )
    for nseg in (1, 3, 5):
        cell = Compartments.of([bent], nseg)
        assert cell.area.sum() == pytest.approx(bent.area, rel=1e-12)
        assert cell.axial.sum() == pytest.approx(4 / np.pi * (5 / 2 + 5 / 6 + 15 / 2), rel=1e-12)


def test_a_step_of_the_diameter_at_a_border_belongs_to_the_compartment_before_it() -> None:
    stepped = Section.through("dend[0]", [[0, 0, 0], [10, 0, 0], [10, 0, 0], [20, 0, 0]], [2, 2, 4, 4])
    cell = Compartments.of([stepped], 2)
    np.testing.assert_allclose(cell.area, [np.pi * (20 + 3), np.pi * 40, 0])
    np.testing.assert_allclose(cell.diameter, [2, 4, 4])


def conductances(cell: Compartments, r_axial: float, g: float) -> np.ndarray:
    """The matrix of a passive cell in uS, filled in a way of its own: both ends of each link, and the membrane."""
    matrix = np.diag(0.01 * cell.area * g)
    for node, parent in enumerate(cell.parent):
        if parent >= 0:
            link = 1 / (0.01 * r_axial * cell.axial[node])
            matrix[[node, parent], [node, parent]] += link
            matrix[[node, parent], [parent, node]] -= link
    return matrix


def test_the_input_resistance_of_a_sealed_cable_converges_at_second_order() -> None:
    """R = R_infinity coth(L / lambda), seen from an end."""
    r_axial, g, length, d = 100.0, 1e-4, 1000.0, 2.0
    space = 1e4 * np.sqrt(d * 1e-4 / (4 * r_axial * g))
    theirs = 1e-6 * 2 / np.pi * np.sqrt(r_axial / g) * (d * 1e-4) ** -1.5 / np.tanh(length / space)
    errors = []
    for nseg in (20, 40, 80):
        cell = Compartments.of([cylinder(length)], nseg)
        matrix = conductances(cell, r_axial, g)
        ours = np.linalg.solve(matrix, np.eye(len(matrix))[-1])[-1]
        errors.append(abs(ours / theirs - 1))
    assert errors[-1] < 2e-4
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 4, rtol=0.03)


def test_cutting_does_not_change_what_a_cell_is() -> None:
    """A cable in one section or in three is the same tree of links."""
    one = Compartments.of([cylinder(90)], 3)
    a = Section("dend[0]", length=30, diameter=2)
    b = Section("dend[1]", length=30, diameter=2, parent=a)
    three = Compartments.of([a, b, Section("dend[2]", length=30, diameter=2, parent=b)], 1)
    ours, theirs = (np.linalg.inv(conductances(each, 100.0, 1e-4)) for each in (one, three))
    np.testing.assert_allclose(ours[:3, :3], theirs[np.ix_(three.segments, three.segments)], rtol=1e-9)


def test_what_hangs_where() -> None:
    cell = Compartments.of(branched(), ByLength(40.0))
    assert (cell.parent < np.arange(len(cell.parent))).all()
    assert (cell.area[cell.is_end] == 0).all()
    assert (cell.area[~cell.is_end] > 0).all()

    def on(name: str) -> int:
        return int(cell.parent[np.argmax(cell.section == [each.name for each in cell.sections].index(name))])

    soma = [0, 1, 2]
    end, start = 3, 4
    assert (cell.x[end], cell.x[start], cell.parent[start]) == (1.0, 0.0, soma[0])
    assert on("dend[0]") == end
    assert on("dend[1]") == cell.index("dend[0]", 1)
    assert on("dend[2]") == cell.index("dend[0]", 0.3)
    # the beginning of a section is the node that it hangs on
    assert on("dend[3]") == on("dend[0]") == cell.index("dend[0]", 0)
    assert on("axon") == start == cell.index("soma", 0)
    assert on("apic") == soma[1] == cell.index("soma")
    # both halves of the soma lead to its ends
    np.testing.assert_allclose(cell.axial[[start, end]], 20 / 6 / (np.pi * 100), rtol=1e-13)
    total = sum(each.area for each in cell.sections)
    assert cell.area.sum() == pytest.approx(total, rel=1e-12)


def test_distances_are_measured_along_the_cable_from_the_middle_of_the_soma() -> None:
    cell = Compartments.of(branched())
    assert cell.distance[cell.index("soma")] == 0
    for name, x, expected in (
        ("soma", 1, 10),
        ("soma", 0, 10),
        ("dend[0]", 1, 210),
        ("dend[1]", 1, 290),
        ("axon", 1, 100),
        ("apic", 1, 300),
        ("dend[3]", 1, 60),
    ):
        assert cell.distance[cell.index(name, x)] == pytest.approx(expected), name
    # that of dend[2] from the centre of the compartment that it hangs on
    assert cell.distance[cell.index("dend[2]", 1)] == pytest.approx(10 + 200 * 3.5 / 11 + 60)


def test_a_root_in_the_middle_of_the_cell_changes_no_distance() -> None:
    """The soma on a dendrite that is the root."""
    root = Section("dend[0]", length=100, diameter=2)
    soma = Section("soma", length=20, diameter=20, parent=root)
    cell = Compartments.of([root, soma, Section("dend[1]", length=50, diameter=1, parent=root, at=0.0)])
    assert cell.distance[cell.index("soma")] == 0
    assert cell.distance[cell.index("dend[0]", 0)] == pytest.approx(110)
    assert cell.distance[cell.index("dend[1]", 1)] == pytest.approx(160)


def test_sections_are_put_behind_their_parents() -> None:
    forward = Compartments.of(branched())
    backward = Compartments.of(list(reversed(branched())))
    assert (backward.parent < np.arange(len(backward.parent))).all()
    for each in forward.sections:
        a, b = forward.index(each.name, 0.4), backward.index(each.name, 0.4)
        assert (forward.area[a], forward.distance[a]) == (backward.area[b], pytest.approx(backward.distance[b]))


def test_kinds() -> None:
    cell = Compartments.of(branched(), 1)
    assert [int(cell.kind[k] == "dend") for k in cell.segments] == [int(k in cell.where("dend")) for k in cell.segments]
    assert len(cell.where("dend")) == 4
    assert len(cell.where("apic")) == 1
    assert len(Compartments.of([cylinder()]).where("soma")) == 0


def test_rules_for_the_number_of_compartments() -> None:
    lengths = (0.5, 39.9, 40.0, 79.9, 80.0, 1000.0)
    assert [ByLength(40.0)(cylinder(each)) for each in lengths] == [1, 1, 3, 3, 5, 51]
    # lambda at 100 Hz of a cylinder, 1e5 sqrt(d / (4 pi f Ra c))
    space = 1e5 * np.sqrt(2 / (4 * np.pi * 100 * 150 * 2))
    rule = ByLambda(r_axial=150.0, c_mem=2.0)
    expected = [int((each / space / 0.1 + 0.9) / 2) * 2 + 1 for each in lengths]
    assert [rule(cylinder(each)) for each in lengths] == expected
    coarse = ByLambda(r_axial=150.0, c_mem=2.0, share=0.3, frequency=50.0)
    assert coarse(cylinder(1000)) == int((1000 / (space * np.sqrt(2)) / 0.3 + 0.9) / 2) * 2 + 1
    assert Compartments.of([cylinder(1000)], rule).nseg.tolist() == expected[-1:]
    assert Compartments.of([cylinder(1000, nseg=4)], rule).nseg.tolist() == [4]


BAD = {
    "no rule": (lambda: Compartments.of([cylinder()], 2.5), "nseg: got 2.5; expected a whole number from 1"),
    "no compartment": (lambda: Compartments.of([cylinder()], 0), "nseg: got 0"),
    "a rule of length 0": (lambda: ByLength(0), "each=0"),
    "a rule without capacitance": (lambda: ByLambda(r_axial=100, c_mem=0), "c_mem=0"),
    "no section": (lambda: Compartments.of([]), "sections: got none"),
    "not a section": (lambda: Compartments.of(["dend"]), "sections: got a str"),
    "twice": (lambda: Compartments.of([cylinder(), cylinder()]), r"dend\[0\] more than once"),
    "two roots": (
        lambda: Compartments.of([cylinder(), Section("soma", length=1, diameter=1)]),
        r"2 roots: dend\[0\], soma; expected one tree",
    ),
    "no parent": (
        lambda: Compartments.of([cylinder(parent=Section("soma", length=1, diameter=1))]),
        r"dend\[0\] on Section\(soma: 1 um, root\), which is not among them",
    ),
    "no such section": (lambda: Compartments.of(branched()).index("dend[9]"), r"known: soma, dend\[0\] to dend\[3\]"),
    "which of them": (lambda: Compartments.of(branched()).index("dend"), "section 'dend'"),
    "beyond": (lambda: Compartments.of(branched()).index("soma", 1.5), "x=1.5; expected a place from 0 to 1"),
    "no such kind": (lambda: Compartments.of(branched()).where("basal"), "kind 'basal'"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_makes_no_cell_is_refused(what: str) -> None:
    call, expected = BAD[what]
    with pytest.raises(ParameterError, match=expected):
        call()


def test_every_compartment_has_a_place_by_which_it_is_recorded() -> None:
    cell = Compartments.of(branched(), nseg=ByLength(15.0))
    found = [cell.index(name, float(x)) for name, x in (place[:-1].split("(") for place in cell.places)]
    assert found == cell.segments.tolist()
