"""The porting guides: every right-hand side fires as its left one did where that library is, and the tables name what
there is.

The left-hand sides run in the environment of the peers (`python -m benchmarks.porting`), whose record this reads.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from benchmarks.porting import GUIDES, LIBRARIES, RESULTS, Pair, pairs, with_table

import rheobase
from rheobase import cells, channels, data, integrators, learning, neurons, nn, surrogates, synapses

PAIRS = [pair for library in LIBRARIES for pair in pairs(library)]
AGAIN = "run python -m benchmarks.porting where the other libraries are"
PLACES = (rheobase, neurons, nn, integrators, surrogates, data, learning, cells, channels, synapses)


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.library}: {pair.name}")
def test_a_right_hand_side_fires_as_the_left_one_did(pair: Pair, stored: dict[str, Any]) -> None:
    record = stored["libraries"][pair.library]["pairs"][pair.name]
    assert pair.text == record["text"], f"the page's left side is not the one that ran: {AGAIN}"
    assert record["different"] == 0
    right = pair.run("right")
    assert right.spikes.shape == (record["steps"], record["neurons"])
    assert int(right.spikes.sum()) == record["spikes"]
    assert right.raster == record["raster"], "as many spikes, and others"
    if "norm" in record:
        assert right.gradient is not None
        assert float(np.linalg.norm(right.gradient)) == pytest.approx(record["norm"], rel=1e-9)


def test_there_is_something_to_compare(stored: dict[str, Any]) -> None:
    """Spikes, 200 steps or more, no pair that is gone, and a gradient for each library that learns."""
    for library, found in stored["libraries"].items():
        assert set(found["pairs"]) == {pair.name for pair in PAIRS if pair.library == library}, AGAIN
        for name, one in found["pairs"].items():
            assert one["steps"] >= 200, name
            assert one["spikes"] >= 5, name
            assert one.get("gradient", 0.0) < 1e-9, name
    for library in ("snntorch", "spikingjelly", "norse"):
        assert any("gradient" in one for one in stored["libraries"][library]["pairs"].values())


def test_the_index_has_the_table_of_the_record(stored: dict[str, Any]) -> None:
    page = (GUIDES / "index.md").read_text(encoding="utf-8")
    assert with_table(page, stored) == page, AGAIN


def test_another_spike_is_seen() -> None:
    pair = Pair("snntorch", "x", "", "spikes = [[0, 1], [1, 0]]", "spikes = [[0, 1], [1, 1]]")
    left, right = pair.run("left"), pair.run("right")
    assert left.different(right) == 1
    assert left.raster != right.raster
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        Pair("snntorch", "x", "", "spikes = [[0.5]]", "").run("left")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_table_names_what_there_is(library: str) -> None:
    """Every class and function in the column of ours is there."""
    text = (GUIDES / f"{library}.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    ours = " ".join(part for row in rows[1:] for part in row[1:])
    for name in re.findall(r"(?<![\w.\"])(?:\w+\.)?([A-Z]\w+)\(", ours):
        assert any(hasattr(place, name) for place in PLACES), name
    for path in re.findall(r"(?<![\w.])((?:nn|data|surrogates|integrators|channels|learning)\.\w+)", ours):
        assert eval(path, {place.__name__.rpartition(".")[2]: place for place in PLACES}), path
    assert len(rows) >= 10
