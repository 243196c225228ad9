"""The parts of TrueNorth on small settings: what their tables say follows from the chip and the model of its power."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rheobase.reproduce.headlines import Results, said
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import Record
from rheobase.reproduce.truenorth import PAPER, classifiers, full_chip, headlines, power
from tests.reproduce.held import hold

SMALL = {
    **classifiers.PART.settings["networks"]["digits"],
    "hidden": [140],
    "votes": 2,
    "epochs": 2,
    "limit": 200,
    "inputs": 32,
    "steps": 3,
    "seeds": [0],
}


def made(part: Part, folder: Path, **changed: Any) -> Finding:
    return part.run(Job({**part.settings, **changed}, folder, identity={"part": part.name}))


def rows(found: Finding, title: str) -> list[dict[str, Any]]:
    table = next(one for one in found.tables if one.title == title)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_power(tmp_path: Path) -> None:
    """Published powers at 0.8 V and beside it within 2 %, and those at other voltages are said to be off."""
    found = made(power.PART, tmp_path)
    hold(found)
    near = [row for row in rows(found, "Power of the chip") if row["volts"] in power.NEAR]
    assert len(near) == 4
    assert all(abs(row["difference (%)"]) < 2 for row in near)
    assert "says nothing there" in found.text
    grid = rows(found, "Power by rate and synapses")
    assert [row["power (mW)"] for row in grid if row["rate (Hz)"] == 0] == pytest.approx([64.43] * 5)
    assert power.power(20.0, 256) > power.power(20.0, 128) > power.power(10.0, 128)


def test_a_full_chip_counts_what_it_was_made_for(tmp_path: Path) -> None:
    small = dict(side=4, ticks=100, settle=60, rates=[20, 50], synapses=[64, 128], shown=20)
    found = made(full_chip.PART, tmp_path, **small)
    hold(found)
    got = rows(found, "Full chip")
    assert [(row["synapses of an axon"], round(row["rate (Hz)"], -1)) for row in got] == [
        (64, 20),
        (64, 50),
        (128, 20),
        (128, 50),
    ]
    for row in got:
        # random synapses, and a few spikes that meet an axon that is active already
        assert row["synaptic events per tick"] / row["spikes per tick"] == pytest.approx(
            row["synapses of an axon"], rel=0.06
        )
        # the networks of the line had 42.6 hops for each spike, this small board has few
        fewer = (42.6 - row["hops of a spike"]) * 2.3e-9 * 1000 * 256 * row["spikes per tick"]
        assert row["of the published line (mW)"] - row["power (mW)"] == pytest.approx(fewer, rel=0.1)


def test_a_classifier_on_the_chip(tmp_path: Path) -> None:
    found = made(classifiers.PART, tmp_path, networks={"digits": SMALL})
    hold(found)
    (row,) = rows(found, "On the chip")
    assert row["predictions equal"] == row["spike trains equal"] == row["images"] == 200
    assert row["on the chip (%)"] == row["whole numbers (%)"] > 15
    trained = {one["numbers"]: one["test accuracy (%)"] for one in rows(found, "Accuracy of classifiers")}
    assert row["whole numbers (%)"] == pytest.approx(trained["whole numbers"])
    assert row["lost (points)"] == pytest.approx(row["full precision (%)"] - row["on the chip (%)"])
    assert row["cores"] > row["of them splitters"] > 0
    (bill,) = rows(found, "Bill of an image")
    at_rest = bill["with the rest power of its cores (uJ)"] - bill["events, hops, edge (nJ)"] / 1e3
    assert at_rest == pytest.approx(64.43e3 * 1e-3 * row["latency (ms)"] * row["cores"] / 4096, rel=0.01)
    assert bill["whole chip (uJ)"] > 64 * row["latency (ms)"]
    assert "200 of 200 predictions" in found.text
    assert [row[1] for row in found.quoted[0].rows] == [99.42, 92.7, 87.4]
    again = made(classifiers.PART, tmp_path, networks={"digits": SMALL})
    assert again.text == found.text


def test_what_the_page_opens_with(tmp_path: Path) -> None:
    """The sentences take their numbers from the tables; without MNIST there is one."""
    one = made(power.PART, tmp_path)
    record = Record("power", "Power", "", one.text, "", {}, 0, 0.0, "", tables=tuple(one.tables))
    assert said(PAPER.headlines, [record]) == headlines.power(Results([record]))
    assert headlines.OPENING[0] in {part.name for part in PAPER.parts}


def test_the_search_tries_what_the_part_uses() -> None:
    """Every threshold in use stands among those tried, on held-out training images."""
    (search,) = PAPER.searches
    assert search.settings["held_out"] == 0.2
    for one in search.settings["networks"].values():
        for setting, values in one["tried"].items():
            assert one["base"][setting] in values if setting in one["base"] else values
