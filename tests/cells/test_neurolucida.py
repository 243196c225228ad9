"""Neurolucida's text: brackets, markers, spines; the soma from its outline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rheobase.cells import Compartments, Morphology
from rheobase.errors import DataError

BODY = '("CellBody" (CellBody)\n (8 0 0 1) (0 4 0 1) (-8 0 0 1) (0 -4 0 1))\n'
TREE = "((Color Red) (Dendrite)\n (0 5 0 2)\n (0 15 0 2)\n ((0 15 0 1) (9 15 0 1)\n | (-9 15 0 1) Normal\n))\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "cell.asc"
    path.write_text(text)
    return path


def read(folder: Path, text: str) -> Morphology:
    return Morphology.read(written(folder, text))


def test_branches_begin_at_the_end_of_their_parent(tmp_path: Path) -> None:
    cell = read(tmp_path, BODY + TREE)
    soma, trunk, right, left = cell.sections()
    assert (trunk.parent, trunk.at, trunk.length) == (soma, 0.5, 10.0)
    assert (right.parent, right.at, right.length) == (trunk, 1.0, 9.0)
    # one that begins elsewhere is led there, in the diameter of its own first point
    assert left.points is not None
    assert left.points.tolist() == [[0, 15, 0], [-9, 15, 0]]
    assert left.diameters.tolist() == [1, 1]
    assert [each.name for each in cell.sections()] == ["soma[0]", "dend[0]", "dend[1]", "dend[2]"]


def test_the_soma_lies_along_its_outline(tmp_path: Path) -> None:
    """An ellipse of 16 x 8 um: a row of 21 circles along x, whose widths are those of the ellipse."""
    turn = np.linspace(0, 2 * np.pi, 400)
    points = "".join(f"({8 * np.cos(t):.5f} {4 * np.sin(t):.5f} 3 0.5)\n" for t in turn)
    (soma,) = read(tmp_path, f'("CellBody" (CellBody)\n{points})').sections()
    assert soma.points is not None
    assert len(soma.points) == 21
    assert soma.length == pytest.approx(16, rel=0.02)
    np.testing.assert_allclose(soma.points[:, 1:], np.full((21, 2), [0, 3]), atol=0.05)
    inner = soma.points[2:-2, 0]
    np.testing.assert_allclose(soma.diameters[2:-2], 8 * np.sqrt(1 - (inner / 8) ** 2), rtol=0.02)
    # that of the ellipsoid, about its long axis
    e = np.sqrt(1 - 0.25)
    assert soma.area == pytest.approx(2 * np.pi * 16 * (1 + 2 / e * np.arcsin(e)), rel=0.02)


def test_outlines_above_each_other_are_circles(tmp_path: Path) -> None:
    turn = np.linspace(0, 2 * np.pi, 200)
    stack = ""
    for z, r in ((0, 3), (2, 5), (4, 3)):
        points = "".join(f"({r * np.cos(t):.5f} {r * np.sin(t):.5f} {z} 0.5)\n" for t in turn)
        stack += f'("CellBody" (CellBody)\n{points})\n'
    (soma,) = read(tmp_path, stack).sections()
    assert soma.points is not None
    np.testing.assert_allclose(soma.points, [[0, 0, 0], [0, 0, 2], [0, 0, 4]], atol=0.06)
    np.testing.assert_allclose(soma.diameters, [6, 10, 6], rtol=0.005)


PASSED_OVER = {
    "a marker": '(Cross (Color Orange) (Name "Marker 3") (1 1 1 1))',
    "a spine": "<(0 1 2 3)>",
    "a property": "(Generated 1)",
    "a comment": "; (9 9 9 9) \n",
}


@pytest.mark.parametrize("what", PASSED_OVER)
def test_what_is_no_cable_is_passed_over(what: str, tmp_path: Path) -> None:
    plain = Compartments.of(read(tmp_path, BODY + TREE).sections())
    more = TREE.replace("(0 15 0 2)\n", f"(0 15 0 2)\n{PASSED_OVER[what]}\n", 1)
    around = '(Thumbnail (Rows 32))\n("pia" (Closed) (1 2 3 4) (5 6 7 8))\n((Color Red) (0 0 0 1) "a text")\n'
    cell = Compartments.of(read(tmp_path, around + BODY + more).sections())
    np.testing.assert_array_equal(cell.area, plain.area)
    np.testing.assert_array_equal(cell.parent, plain.parent)


BAD = {
    "a bracket that nothing closes": (BODY + TREE[:-3], r"the '\(' of line 6 that nothing closes"),
    "a bracket that nothing opens": (BODY + TREE + ")", r"line 9: '\)', and nothing is open"),
    "brackets that cross": (BODY + TREE.replace("(0 15 0 2)", "<(0 15 0 2)"), r"line 8: '\)', while the '<' of line 5"),
    "no kind": (BODY + TREE.replace("(Dendrite)", ""), "line 3: a tree that is no Axon, Dendrite or Apical"),
    "no width": (BODY + TREE.replace("(0 15 0 1)", "(0 15 0 0)"), "line 6: diameter 0"),
    "too few numbers": (BODY + TREE.replace("(0 15 0 1)", "(0 15)"), "line 6: a point of less than three numbers"),
    "an empty branch": (BODY + TREE.replace("(-9 15 0 1) ", ""), "line 6: a branch without a point"),
    "points behind a split": (BODY + TREE[:-2] + "(1 1 1 1))", "line 8: a point behind the end of its branch"),
    "an outline of two points": (
        BODY.replace("(0 4 0 1) (-8 0 0 1)", "") + TREE,
        "line 1: an outline .* less than three",
    ),
    "no cell body": (TREE, "no outline of a cell body; without_soma=True"),
    "nothing": ("", "no point in the file"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_defect_is_told_with_its_line(what: str, tmp_path: Path) -> None:
    text, expected = BAD[what]
    with pytest.raises(DataError, match=expected):
        read(tmp_path, text)


def test_several_trees_without_a_cell_body(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2, line 8: 2 trees, and no cell body to join them"):
        Morphology.read(written(tmp_path, TREE + TREE.replace("Dendrite", "Axon")), without_soma=True)
    (trunk, *_) = Morphology.read(written(tmp_path, TREE), without_soma=True).sections()
    assert trunk.parent is None


def test_two_cell_bodies_side_by_side(tmp_path: Path) -> None:
    cell = read(tmp_path, BODY + BODY.replace("(8 0", "(88 0").replace("(0 ", "(80 ").replace("(-8", "(72"))
    with pytest.raises(DataError, match="two cell bodies side by side"):
        cell.sections()


def test_an_outline_without_width(tmp_path: Path) -> None:
    cell = read(tmp_path, '("CellBody" (0 0 0 1) (1 0 0 1) (2 0 0 1) (5 0 0 1))')
    with pytest.raises(DataError, match="width"):
        cell.sections()


def test_a_thousand_branches_deep(tmp_path: Path) -> None:
    text = "(0 0 0 1)"
    for k in range(1, 1500):
        text = f"({k} 0 0 1) ({k} 1 0 1)\n ({text})"
    sections = read(tmp_path, f"{BODY}((Axon)\n{text})").sections()
    assert len(sections) == 1501
