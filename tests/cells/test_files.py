"""Every morphology that people have is read to its true contents, or refused with the lines; none is missing here."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rheobase.cells import Morphology
from rheobase.cells.files.points import CODES
from rheobase.errors import DataError

FOLDER = Path(os.environ.get("RHEOBASE_DATA", "data")) / "files_for_readers"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no files_for_readers/ in RHEOBASE_DATA")

FILES = sorted(path.name for kind in ("swc", "asc") for path in (FOLDER / kind).glob("*"))
REFUSED = {
    "morphio_invalid-incomplete.asc": "line 15: a point behind the end of its branch",
    "neurom_broken-spine.asc": "'<' of line 14 that nothing closes",
}
# what MorphIO calls the kinds
THEIRS = {"soma": "soma", "axon": "axon", "dend": "basal_dendrite", "apic": "apical_dendrite"}


def truth(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / "truth.json").read_text("utf-8"))[f"{name[-3:]}/{name}"]


def lines_of(name: str, ids: list[int]) -> list[int]:
    """The lines of points, the last where an id stands several times."""
    found = {}
    for number, line in enumerate((FOLDER / "swc" / name).read_text("latin-1").splitlines(), start=1):
        fields = line.split()
        if fields and not line.strip().startswith("#"):
            found[int(fields[0])] = number
    return [found[each] for each in ids]


def faults(name: str) -> dict[str, list[int]]:
    """What must be told of an SWC file, each with its lines."""
    true = truth(name)
    told: dict[str, list[int]] = {
        r"radius 0": lines_of(name, true["zero_or_negative_radius"]),
        r"id \d+ again": lines_of(name, true["repeated_ids"]),
        r"parent \d+ is no point": lines_of(name, [point for point, _ in true["missing_parents"]]),
        r"\d roots": lines_of(name, true["roots"]) if len(true["roots"]) > 1 and not true["repeated_ids"] else [],
    }
    for kind in set(map(int, true["types"])) - {1, 2, 3, 4}:
        rows = (FOLDER / "swc" / name).read_text("latin-1").splitlines()
        of_it = [k for k, row in enumerate(rows, 1) if row[:1] != "#" and row.split()[1:2] == [str(kind)]]
        told[rf"unknown type {kind};"] = of_it
    return {fault: lines for fault, lines in told.items() if lines}


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("swc")])
def test_swc(name: str) -> None:
    true, path, expected = truth(name), FOLDER / "swc" / name, faults(name)
    if expected:
        with pytest.raises(DataError, match=re.escape(name)) as caught:
            Morphology.read(path, without_soma=True)
        for fault, lines in expected.items():
            shown = ", ".join(f"line {line}" for line in lines[:10])
            more = r" and \d+ more" if len(lines) > 10 else ""
            assert re.search(f"{shown}{more}: {fault}", caught.value.given), (fault, caught.value.given)
        return
    cell = Morphology.read(path, without_soma=not true["soma_points"])
    edges, up = cell.edges(), cell.parent >= 0
    assert len(cell.id) == true["points"]
    assert {str(kind): int((cell.type == kind).sum()) for kind in set(cell.type.tolist())} == true["types"]
    assert cell.id[cell.parent < 0].tolist() == true["roots"]
    assert (cell.parent < np.arange(len(cell.id))).all()
    counts = np.bincount(cell.parent[up], minlength=len(cell.id))
    assert (counts > 1).sum() == true["branch_points"]
    assert (counts == 0).sum() == true["tips"]
    assert edges.sum() == pytest.approx(true["edge_length_all"], rel=1e-5)
    soma = cell.type == CODES["soma"]
    assert edges[~soma].sum() == pytest.approx(true["edge_length_child_not_soma"], rel=1e-5)
    both = edges[up & ~soma & ~soma[cell.parent]].sum()
    assert both == pytest.approx(true["edge_length_both_not_soma"], rel=1e-5)
    assert (edges[up] == 0).sum() == true["zero_length_edges"]
    # the sections hold each point once, and those that they share
    assert cell.sections()[0].parent is None


def test_missing_somata_are_refused_unless_said() -> None:
    for name in ("swc/morphio_no_soma.swc", "swc/morphio_simple-trailing-space.swc", "asc/morphio_markers.asc"):
        with pytest.raises(DataError, match="without_soma=True would allow it"):
            Morphology.read(FOLDER / name)


def test_types_that_are_said_are_read() -> None:
    cell = Morphology.read(FOLDER / "swc" / "morphio_simple-all-types.swc", types=dict.fromkeys(range(5, 20), "dend"))
    assert (cell.type == CODES["dend"]).sum() == 30


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("asc")])
def test_neurolucida(name: str) -> None:
    path, true = FOLDER / "asc" / name, truth(name)["morphio"]
    if name in REFUSED:
        assert "refused" in true
        with pytest.raises(DataError, match=REFUSED[name]):
            Morphology.read(path)
        return
    cell = Morphology.read(path, without_soma=not true["soma_points"])
    assert sum(map(len, cell.outlines)) == true["soma_points"]
    assert cell.branches is not None
    assert len(cell.branches) == true["sections"]
    assert (cell.parent < 0).sum() == true["root_sections"]
    for kind, code in CODES.items():
        length = cell.edges()[cell.type == code].sum()
        assert length == pytest.approx(true["length_by_type"].get(THEIRS[kind], 0.0), rel=1e-5, abs=1e-4)
