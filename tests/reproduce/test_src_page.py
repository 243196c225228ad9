from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np

from rheobase.plot import LIGHT
from rheobase.reproduce import Call, Job, Paper, find, reproduce
from rheobase.reproduce.src import behaviours, excitability, portraits, response
from tests.reproduce.held import legible

TINY = {
    "response": {
        "biases": [-6.0, -4.5],
        "sequence_steps": 60,
        "inputs": 13,
        "rate_steps": 400,
        "onset_steps": 400,
        "drives": 13,
        "oscillation_steps": 400,
    },
    "behaviours": {"side": 10, "steps": 300, "window": 150, "draws": 50, "r": [2.0, 3.0], "onset_steps": 300},
}


def test_both_parts_on_the_smallest_settings(tmp_path: Path) -> None:
    parts = tuple(replace(part, quick=TINY[part.name]) for part in (response.PART, behaviours.PART))
    assert [part.name for part in find("src").parts][:2] == [part.name for part in parts]
    outcome = reproduce(Call(paper=Paper("src", "SRC", "", parts), out=tmp_path, quick=True))
    page = outcome.page.read_text()
    for one in outcome.records:
        for table in one.tables:
            assert escape(table.title) in page
            assert all(escape(cell) in page for row in table.rows for cell in table.shown(row))
        for picture in one.pictures:
            assert picture.title in page
    for part in parts:
        for picture in part.run(Job(part.in_force(quick=True), tmp_path / "again", identity={})).pictures:
            legible(picture.draw(LIGHT))
    assert len(outcome.records[0].pictures) == 3
    assert len(outcome.records[1].pictures) == 10


def test_labels_of_long_numbers_are_not_cut_off() -> None:
    """Ticks of -4.75 and so on: the layout makes room for them once they are there."""
    values = [round(1.2 + 0.2 * k, 1) for k in range(21)]
    found = excitability.along_r(values, 600)
    legible(portraits.beginning({name: np.asarray(one) for name, one in found.items()}, LIGHT))
