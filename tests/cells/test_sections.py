"""Sections by hand, and axons taken away or replaced."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from rheobase.cells import Compartments, Morphology, Section
from rheobase.cells.axon import stub_diameters, with_axon_stub, without_axon
from rheobase.errors import ParameterError, ShapeError

DATA = Path(os.environ.get("RHEOBASE_DATA", "data"))
SOMA = Section("soma", length=20, diameter=20)


def test_kinds_come_from_names_or_are_said() -> None:
    assert Section("dend[12]", length=1, diameter=1).kind == "dend"
    assert Section("axonal_stub", length=1, diameter=1).kind == "axon"
    assert Section("trunk", length=1, diameter=1, kind="apic").kind == "apic"


BAD = {
    "no kind": (lambda: Section("trunk", length=1, diameter=1), ParameterError, 'say kind="dend"'),
    "unknown kind": (lambda: Section("soma", length=1, diameter=1, kind="basal"), ParameterError, "kind='basal'"),
    "length 0": (lambda: Section("dend", length=0, diameter=1), ParameterError, "length=0"),
    "length nan": (lambda: Section("dend", length=float("nan"), diameter=1), ParameterError, "length=nan"),
    "diameter": (lambda: Section("dend", length=1, diameter=-2), ParameterError, "diameter=-2"),
    "three diameters": (lambda: Section("dend", length=1, diameter=(1, 2, 3)), ParameterError, r"diameter=\(1, 2, 3\)"),
    "parent by name": (lambda: Section("dend", length=1, diameter=1, parent="soma"), ParameterError, "of type str"),
    "at": (lambda: Section("dend", length=1, diameter=1, parent=SOMA, at=1.2), ParameterError, "at=1.2"),
    "nseg": (lambda: Section("dend", length=1, diameter=1, nseg=2.0), ParameterError, "nseg=2.0"),
    "one point": (lambda: Section.through("dend", [[0, 0, 0]], [1]), ShapeError, r"points of shape \(1, 3\)"),
    "flat points": (lambda: Section.through("dend", [[0, 0], [1, 1]], [1, 1]), ShapeError, r"points of shape \(2, 2\)"),
    "diameters": (
        lambda: Section.through("dend", [[0, 0, 0], [1, 0, 0]], [1]),
        ShapeError,
        r"diameters of shape \(1,\)",
    ),
    "no length": (lambda: Section.through("dend", [[1, 0, 0], [1, 0, 0]], [1, 1]), ParameterError, "a length of 0 um"),
    "no width": (lambda: Section.through("dend", [[0, 0, 0], [1, 0, 0]], [1, 0]), ParameterError, "from 0 um"),
    "nan": (lambda: Section.through("dend", [[0, 0, 0], [np.nan, 0, 0]], [1, 1]), ParameterError, "finite points"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_makes_no_section_is_refused(what: str) -> None:
    call, error, expected = BAD[what]
    with pytest.raises(error, match=expected):
        call()


def with_axon() -> list[Section]:
    dend = Section("dend[0]", length=30, diameter=2, parent=SOMA)
    axon = Section("axon[0]", length=100, diameter=(3, 1), parent=dend)
    return [
        SOMA,
        dend,
        axon,
        Section("dend[1]", length=40, diameter=2, parent=dend),
        Section("axon[1]", length=9, diameter=0.5, parent=axon),
    ]


def test_an_axon_is_taken_away() -> None:
    assert [each.name for each in without_axon(with_axon())] == ["soma", "dend[0]", "dend[1]"]
    assert without_axon([SOMA]) == [SOMA]


def test_what_hangs_on_an_axon_keeps_it() -> None:
    *rest, tip = with_axon()
    strange = Section("dend[2]", length=5, diameter=1, parent=tip)
    with pytest.raises(ParameterError, match=r"dend\[2\], which hangs on axon\[1\]"):
        without_axon([*rest, tip, strange])


def test_a_stub_is_two_sections_in_a_row() -> None:
    *_, first, second = with_axon_stub(with_axon())
    assert (first.name, first.length, first.parent, first.at) == ("axon[0]", 30, SOMA, 0.5)
    assert first.diameters.tolist() == second.diameters.tolist() == [1, 1]
    assert (second.name, second.length, second.parent, second.at) == ("axon[1]", 30, first, 1.0)
    cell = Compartments.of(with_axon_stub(with_axon()))
    assert len(cell.where("axon")) == 2
    np.testing.assert_allclose(cell.area[cell.where("axon")], 30 * np.pi)


def test_a_stub_takes_over_the_width_of_the_axon() -> None:
    # mean widths of axon[0], and of what lies further than 60 um
    assert stub_diameters(with_axon()) == (2.0, 2.0)
    near = [each for each in with_axon() if each.name != "axon[0]"][:3]
    short = Section("axon[0]", length=10, diameter=3, parent=near[1])
    assert stub_diameters([*near[:2], short, Section("axon[1]", length=9, diameter=0.5, parent=short)]) == (3.0, 0.5)
    assert stub_diameters([SOMA]) == (1.0, 1.0)
    *_, first, second = with_axon_stub(with_axon(), diameters=(2.0, 1.5), at=1.0)
    assert (first.at, first.diameters[0], second.diameters[0]) == (1.0, 2.0, 1.5)


def test_a_stub_needs_a_soma() -> None:
    with pytest.raises(ParameterError, match="no soma among the sections"):
        with_axon_stub([Section("dend", length=1, diameter=1)])


MODELS = sorted(DATA.glob("models_human_allactive/*_fit.json"))


@pytest.mark.skipif(not MODELS, reason="no models_human_allactive/ in RHEOBASE_DATA")
@pytest.mark.parametrize("fit", MODELS[::6], ids=lambda path: path.name[:6])
def test_the_cells_of_published_models_have_the_sections_that_their_parameters_name(fit: Path) -> None:
    path = fit.with_name(fit.name.replace("_fit.json", ".swc.gz"))
    cell = Compartments.of(without_axon(Morphology.read(path).sections()))
    named = {each["section"] for each in json.loads(fit.read_text())["genome"]}
    assert {str(kind) for kind in cell.kind} == named - {"axon", "glob"}
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    radius = float(lines[[line[:1] != "#" for line in lines].index(True)].split()[5])
    assert cell.area[0] == pytest.approx(4 * np.pi * radius**2, rel=1e-5)


@pytest.mark.skipif(not (DATA / "models_mouse_allen").is_dir(), reason="no models_mouse_allen/ in RHEOBASE_DATA")
def test_a_mouse_cell_with_its_stub() -> None:
    (path,) = (DATA / "models_mouse_allen" / "perisomatic_472363762").glob("*.swc.gz")
    cell = Compartments.of(with_axon_stub(Morphology.read(path).sections()))
    assert [each.name for each in cell.sections if each.kind == "axon"] == ["axon[0]", "axon[1]"]
    assert cell.distance[cell.index("axon[1]", 1)] == pytest.approx(60)
    assert cell.nseg[-2:].tolist() == [1, 1]
