"""Sections and compartments of random morphologies are those that NEURON makes of them, to the last digits."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rheobase.cells import ByLambda, Compartments, Morphology
from tests.against.make_shapes import FILE, SOMATA, run

STORED = json.loads(gzip.decompress(FILE.read_bytes()))
SHAPES: dict[str, Any] = STORED["shapes"]


def compare(path: Path, theirs: dict[str, Any]) -> None:
    sections = {each.name: each for each in Morphology.read(path, without_soma="none" in path.name).sections()}
    assert set(sections) == set(theirs)
    cell = Compartments.of(list(sections.values()))
    rule = ByLambda(r_axial=STORED["r_axial"], c_mem=STORED["c_mem"])
    for k, each in enumerate(cell.sections):
        expected = theirs[each.name]
        assert (each.parent and each.parent.name) == expected["parent"]
        assert each.parent is None or each.at == expected["at"]
        assert each.points is not None
        points = np.column_stack([each.points, each.diameters])
        # of an outline, NEURON's own algebra differs in the last digit, which it then writes out with eight
        np.testing.assert_allclose(points, expected["points"], rtol=0, atol=2e-6 if "outline" in path.name else 0)
        assert rule(each) == expected["by_lambda"]
        nodes = np.flatnonzero((cell.section == k) & ~cell.is_end)
        area, resistance, diameter, path_length = np.array(expected["compartments"]).T
        np.testing.assert_allclose(cell.area[nodes], area, rtol=1e-12)
        np.testing.assert_allclose(0.01 * STORED["r_axial"] * cell.axial[nodes], resistance, rtol=1e-12)
        np.testing.assert_allclose(cell.diameter[nodes], diameter, rtol=1e-12)
        np.testing.assert_allclose(cell.distance[nodes], path_length, atol=1e-9)


@pytest.mark.parametrize("name", SHAPES)
def test_stored(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(SHAPES[name]["text"])
    compare(path, SHAPES[name]["sections"])


def test_every_kind_of_soma_is_there() -> None:
    for kind in (*SOMATA, "outline"):
        assert sum(name.startswith(kind) for name in SHAPES) >= 3, kind


@pytest.mark.parametrize("name", [name for name in SHAPES if name.endswith(("_0.swc", "_0.asc"))])
def test_live(name: str, tmp_path: Path) -> None:
    """The same with NEURON at work."""
    if importlib.util.find_spec("neuron") is None:
        pytest.skip("NEURON is not installed (the extra `oracle`); the stored shapes were compared")
    path = tmp_path / name
    path.write_text(SHAPES[name]["text"])
    theirs = run(path)
    assert theirs is not None
    compare(path, theirs)
