"""The part of NOBLE with the sag, from end to end on small cells and a network that needs no further package."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase.operator import SagLoss, Samples
from rheobase.plot import LIGHT
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble import fine_tuning, sag
from rheobase.reproduce.noble.stand_ins import CONVOLUTIONAL
from rheobase.reproduce.noble.traces import CODES, Family, hyperpolarising
from tests.operator.stub import SHORT
from tests.reproduce.test_noble import family

LOW = -0.02  # nA
COUNTS = {"chunks": 1, "stimuli": 4, "validation": 2, "tested": 3}
NETWORK = {"kind": CONVOLUTIONAL, "code": CODES[0], "channels": 3, "layers": 3, "width": 3, "stride": 3, "batch": 4}
TUNED = {"batch": 4, "lr": 0.002, "epochs": 1}


def job_of(folder: Path, **changed: Any) -> Job:
    tuned = {"without": {**TUNED, "weight": 0.0}, "with it": {**TUNED, "weight": 0.5}}
    network = {**NETWORK, "lr": 0.01, "epochs": 2}
    settings = {**sag.PART.settings, "network": network, "tuned": tuned, "hyperpolarising": COUNTS, **changed}
    return Job(settings, folder, identity={"part": "sag"})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Family:
    # by -0.1 nA so small a cell would leave what is plausible
    return replace(family(tmp_path_factory.mktemp("traces")), protocol=replace(SHORT, amplitudes=(LOW, 0.3)))


def test_from_end_to_end(made: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sag, "family", lambda job: made)
    first = sag.run(job_of(tmp_path / "work"))
    tables = {table.title: table for table in first.tables}
    samples = {fine_tuning.SEEN: 6, fine_tuning.AMPLITUDES: 6, fine_tuning.MODELS: 3}
    for part, count in samples.items():
        table = tables[sag.TITLE + part]
        here: dict[Any, Any] = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
        known = [] if part == fine_tuning.SEEN else [fine_tuning.MEAN, fine_tuning.NEAR]
        assert list(here) == [*known, fine_tuning.BEFORE, "without", "with it"]
        assert {row["of samples"] for row in here.values()} == {count}
        assert [here[name]["sag weight"] for name in ("without", "with it")] == [0.0, 0.5]
        assert all(len(row[sag.EACH].split(", ")) == 2 for name, row in here.items() if name not in known)
    for part in fine_tuning.ALL:
        table = tables[part.capitalize()]
        rows: list[dict[str, Any]] = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        assert [row["prediction"] for row in rows] == [
            fine_tuning.MEAN,
            fine_tuning.NEAR,
            fine_tuning.BEFORE,
            "without",
            "with it",
        ]
        assert rows[0][fine_tuning.MISSED] > 0
        assert all(row[fine_tuning.VOLTAGE] > 0 for row in rows)
    # what was not trained again is what it was; what was is not
    voltages = [row[3] for row in tables[fine_tuning.ALL[0].capitalize()].rows[2:]]
    assert len(set(voltages)) == 3
    assert first.seeds is not None
    assert len(first.seeds.rows) == 3 * 2 * 5
    for picture in first.pictures:
        assert picture.draw(LIGHT).axes
    again = job_of(tmp_path / "work")
    assert sag.run(again).text == first.text
    assert again.stored_seconds > 0


def test_only_steps_below_0(made: Family, tmp_path: Path) -> None:
    """Evenly drawn, of the models that the family has, in a folder of their own; the range of the nets stays."""
    job = job_of(tmp_path / "work")
    below = hyperpolarising(job, made)
    for traces, models, count in ((below.train, {0, 1}, 8), (below.validation, {0, 1}, 4), (below.test, {0, 1, 2}, 9)):
        assert len(traces) == count
        assert set(traces.model.tolist()) == models
        assert bool((traces.amplitude < 0).all() and (traces.amplitude > LOW).all())
    many = below.protocol.draw(4000, torch.Generator().manual_seed(0))
    assert float(many.mean()) == pytest.approx(LOW / 2, rel=0.03)
    assert float(many.std()) == pytest.approx(-LOW / 12**0.5, rel=0.03)
    assert made.protocol.amplitudes == (LOW, 0.3)


def test_figures_by_hand(made: Family) -> None:
    """Two traces whose true sags are 2 and 1 mV, predicted as 3 and 1: mean 25 %, of order 2 1/sqrt(5)."""
    current = torch.zeros(30, 2)
    current[5:26] = -0.1
    truth, v = torch.full((2, 30, 2), -75.0)
    truth[8] = torch.tensor([-77.0, -76.0])
    v[8, 0], v[12, 1] = -78.0, -76.0
    v[28] = -90.0  # behind the step
    given = Samples(current, torch.zeros(2, 1), truth, torch.zeros(30, 2), torch.full((2, 1), torch.inf))
    below = replace(made, protocol=replace(SHORT, amplitudes=(-0.1, 0.0)))
    found = fine_tuning.figures(v, given, below)
    assert found[fine_tuning.SAG] == pytest.approx(25.0, rel=1e-5)
    assert found[fine_tuning.SAG_L2] == pytest.approx(100 / 5**0.5, rel=1e-5)
    assert found[fine_tuning.SAG_MV] == pytest.approx(0.5, rel=1e-5)
    assert found[fine_tuning.WHEN] == pytest.approx((0 + 4) / 2 * SHORT.sample)
    assert float(SagLoss()(v, truth, current)) == pytest.approx(0.2, rel=1e-4)
    assert math.isclose(found[fine_tuning.VOLTAGE], fine_tuning.figures(v, given, made)[fine_tuning.VOLTAGE])
    assert fine_tuning.SAG not in fine_tuning.figures(v, given, made)


def test_what_is_reduced_is_said() -> None:
    said = sag.PART.reduction()
    assert "1,803,001" in said
    assert "3,600 samples" in said
    assert "800 traces for 8 epochs" in said
