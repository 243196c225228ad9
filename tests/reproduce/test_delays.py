"""The parts of the delays paper, from made-up recordings to tables."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rheobase import nn
from rheobase.errors import ParameterError
from rheobase.learning import RunStart
from rheobase.learning.training.delay_annealing import Annealing
from rheobase.reproduce.catalogue import find
from rheobase.reproduce.delays.networks import CELLS, PLACES, network
from rheobase.reproduce.job import Job
from tests.data.heidelberg_files import write_both
from tests.reproduce.held import hold

SMALL = {"steps": 20, "epochs": 1, "seeds": [0], "batch": 10}
SMALLER = {
    "history": {"hidden": [4, 6], "taps": [0, 3]},
    "longer": {"hidden": 4, "taps": [0, 3]},
    "kinds": {"hidden": 4, "taps": 3},
    "parametrisations": {"hidden": 4, "taps": 3},
    "cells": {"hidden": 4, "taps": 3},
    "speakers": {"hidden": 4, "taps": [0, 3]},
}


@pytest.mark.parametrize("name", SMALLER)
def test_a_part_from_start_to_table(name: str, recordings: Path, tmp_path: Path) -> None:
    part = next(part for part in find("delays").parts if part.name == name)
    settings = {**SMALL, **SMALLER[name]}
    assert set(settings) <= set(part.settings)
    job = Job({**part.settings, **settings}, tmp_path, identity={"part": name}, data=recordings)
    found = part.run(job)
    hold(found)
    (table,) = found.tables
    column = table.columns.index("test accuracy (%)")
    assert all(0 <= row[column] <= 100 for row in table.rows)
    assert len(set(map(tuple, table.rows))) == len(table.rows)


def test_published_accuracies_stand_alone_without_the_files(tmp_path: Path) -> None:
    part = next(part for part in find("delays").parts if part.name == "heidelberg")
    found = part.run(Job(part.settings, tmp_path, identity={}, data=tmp_path))
    (table,) = found.quoted
    assert not found.tables
    assert "no row of ours" in found.text
    assert ("DCLS-Delays", 93.77, "200,000", "validation split") in table.rows


def test_ours_stands_beside_where_the_files_are(tmp_path: Path) -> None:
    write_both(tmp_path / "shd")
    part = next(part for part in find("delays").parts if part.name == "heidelberg")
    settings = {**part.settings, **SMALL, "channels": 70, "hidden": 4, "taps": [0, 3]}
    found = part.run(Job(settings, tmp_path, identity={}, data=tmp_path))
    hold(found)
    (table,) = found.tables
    assert [row[0] for row in table.rows] == [f"adLIF, 2 x 4, {n} taps" for n in (0, 3)]
    # what others published is no reduced run of ours
    assert found.quoted[0].rows[0][0].startswith("SpikCommander")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("cell", CELLS)
def test_networks_learn_all_they_have(cell: str, place: str) -> None:
    torch.manual_seed(0)
    net = network(12, 6, 3, cell=cell, place=place, taps=5, dropout=0.0)
    out, _ = net((torch.rand(40, 8, 12) < 0.3).float())
    assert out.shape == (40, 8, 3)
    out.square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None, name
        assert bool(torch.isfinite(p.grad).all()), name


def test_parameters_are_those_of_the_paper() -> None:
    """adLIF, 140-h-h-20: h^2 + 172 h + 60 + 2 n_d h, normalisation included."""
    for hidden, taps in ((16, 10), (64, 25)):
        net = network(140, hidden, 20, cell="AdLIF", place="states", taps=taps)
        found = sum(p.numel() for p in net.parameters())
        # the paper's readout has a decay for each class, which learns
        assert found == hidden**2 + 172 * hidden + 40 + 2 * taps * hidden


def test_unknown_words() -> None:
    with pytest.raises(ParameterError, match="place"):
        network(4, 3, 2, place="dendrite")
    with pytest.raises(ParameterError, match="cell"):
        network(4, 3, 2, cell="ALIF")


def test_delays_narrow_and_end_as_taps() -> None:
    layer = nn.AxonalDelay(3, taps=11)
    annealing = Annealing(layer, start=5.0, end=0.5, share=0.5)
    start = RunStart(epochs=8, batches=1, done=0, position=0, samples=1, parameters=1, device="cpu")
    annealing.on_start(start)
    widths = [float(layer.positions.width)]
    for done in range(1, 9):
        annealing.narrow(done=done, epochs=8)
        widths.append(float(layer.positions.width))
    assert widths[0] == 5.0
    assert widths[4:8] == [0.5] * 4
    assert widths[8] == 0.0
    assert widths[1] / widths[0] == pytest.approx(widths[2] / widths[1], rel=1e-6)
