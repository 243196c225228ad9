"""The parts of NOBLE with mixed models and with codes, from end to end on small cells, and what they are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase.errors import ParameterError
from rheobase.operator import Split, Traces, generate, load
from rheobase.plot import LIGHT
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble import ablation, between
from rheobase.reproduce.noble.material import MIXED, PUBLISHED, VARIED, material
from rheobase.reproduce.noble.spread import spread
from rheobase.reproduce.noble.stand_ins import intervals
from rheobase.reproduce.noble.traces import RESPONSE, Between, Family
from tests.operator.stub import SHORT, Small

SPLITS = {
    "train": Split(models=(0, 1), chunks=1, stimuli=4),
    "validation": Split(models=(0, 1), chunks=1, stimuli=2),
    "test": Split(models=(0, 1, 2), chunks=1, stimuli=3, shared=True),
}
MORE = {
    "steps": Split(models=(3, 4), chunks=1, stimuli=3),
    "varied": Split(models=(3, 4), chunks=1, stimuli=1, currents="varied"),
    "validation": Split(models=(5,), chunks=1, stimuli=2),
    "test": Split(models=(6,), chunks=1, stimuli=3, shared=True),
}
NETWORK = {"kind": between.NEURON, "hidden": 2, "batch": 4, "lr": 0.02, "epochs": 1, "free": 1}


class Told(Small):
    """Somata by number: three published ones, and mixed ones behind them."""

    def __init__(self, *leaks: float):
        super().__init__(leaks)
        self.names = tuple(f"leak{k}" for k in range(len(leaks)))  # type: ignore[assignment]

    def thresholds(self) -> Tensor:
        return torch.tensor([[700.0, 0.01], [800.0, 0.03], [760.0, 0.02]], dtype=torch.float64)

    def conductances(self) -> tuple[tuple[str, ...], Tensor]:
        return ("soma.g_pas",), torch.tensor(self.leaks, dtype=torch.float64)[:, None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Family:
    folder = tmp_path_factory.mktemp("traces")
    models: Any = Told(3e-5, 9e-5, 6e-5)
    joint: Any = Told(3e-5, 9e-5, 6e-5, 4e-5, 7e-5, 5e-5, 8e-5)
    generate(folder / "published", models, SPLITS, SHORT)
    generate(folder / "mixed", joint, MORE, SHORT)
    told = torch.tensor(joint.leaks, dtype=torch.float64)[:, None]
    steps, varied, chosen, asked = (load(folder / "mixed", name) for name in MORE)
    mixed = Between(joint, steps, varied, chosen, asked, (("rest",), told))
    train, validation, test = (load(folder / "published", name) for name in SPLITS)
    return Family(models, SHORT, (0, 1), (2,), train, validation, test, (), mixed)


def test_mixed_models_from_end_to_end(made: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(between, "family", lambda job: made)
    trained = {
        "all currents": {**NETWORK, "code": RESPONSE, "source": VARIED, "calibrated": 4},
        "published": {**NETWORK, "code": "conductances", "source": PUBLISHED, "free": 0},
    }
    settings = {**between.PART.settings, "seeds": [1], "tested": 3, "trained": trained}

    def run() -> tuple[Any, Job]:
        job = Job(settings, tmp_path / "work", identity={"part": "between"})
        return between.run(job), job

    found, _ = run()
    tables = {table.title: table for table in found.tables}
    for title, count in (("Unseen amplitudes", 6), ("Unseen models", 3), ("Mixed models", 3)):
        here = {row[0]: dict(zip(tables[title].columns, row, strict=True)) for row in tables[title].rows}
        assert list(here) == ["never fires", "nearest training model", "nearest of all models", *trained]
        assert {row["of samples"] for row in here.values()} == {count}
        assert here["never fires"]["Gamma at 4 ms"] == 0.0
        # models are denser with the mixed ones
        far, near = here["nearest training model"], here["nearest of all models"]
        assert near["van Rossum distance"] <= far["van Rossum distance"]
    sizes = [dict(zip(tables["Number of models"].columns, row, strict=True)) for row in tables["Number of models"].rows]
    assert [(row["models"], row["traces"]) for row in sizes] == [(4, 16), (2, 8)]
    assert len(tables["Other currents"].rows) == 5 * len(trained)
    assert [row[0] for row in tables["Spread over unseen models"].rows][2:] == list(trained)
    for picture in found.pictures:
        assert picture.draw(LIGHT).axes
    again, job = run()
    assert again.text == found.text
    assert job.stored_seconds > 0
    assert "2 to learn from" in tables["Mixed models"].caption


def test_ablation_from_end_to_end(made: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablation, "family", lambda job: made)
    settings = {
        **ablation.PART.settings,
        "seeds": [3],
        "codes": ["its own", RESPONSE],
        "network": {**NETWORK, "free": 0},
    }
    found = ablation.run(Job(settings, tmp_path / "work", identity={"part": "ablation"}))
    for table, count in zip(found.tables, (6, 3), strict=True):
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        assert [row["code"] for row in rows] == ["its own", RESPONSE]
        assert {row["of samples"] for row in rows} == {count}
    assert found.seeds is not None
    assert len(found.seeds.rows) == 2 * 2
    assert found.pictures[0].draw(LIGHT).axes


def test_what_is_learned_from(made: Family) -> None:
    """No trace of a model that was held out, or that the checkpoint is chosen by, is among those learned from."""
    for source, models in ((PUBLISHED, {0, 1}), (MIXED, {0, 1, 3, 4}), (VARIED, {0, 1, 3, 4})):
        held = material(made, {"source": source, "code": RESPONSE})
        assert set(held.train.model.tolist()) == models
        assert not set(held.calibration.model.tolist()) & {2, 5, 6}
    assert set(material(made, {"source": MIXED, "code": RESPONSE}).validation.model.tolist()) == {5}
    few = material(made, {"source": VARIED, "code": "none", "mixed": 1, "calibrated": 2})
    assert set(few.train.model.tolist()) == {0, 1, 3}
    assert len(few.train) == 8 + 3 + 1
    assert len(few.calibration) == 2
    alone = Family(made.models, SHORT, (0, 1), (2,), made.train, made.validation, made.test)
    for on, choice, match in (
        (made, {"source": "mixed"}, "Known: mixed models"),
        (made, {"source": MIXED, "code": "s_thr, I_thr"}, "published models alone"),
        (alone, {"source": MIXED, "code": RESPONSE}, "setting mixed"),
    ):
        with pytest.raises(ParameterError, match=match):
            material(on, choice)
    with pytest.raises(ParameterError, match="without responses"):
        alone.code(RESPONSE)


def test_spread() -> None:
    """By hand: two models 10 % apart under two currents; a prediction of half the distance, and one turned round."""
    none = torch.zeros(4, 1)
    traces = Traces(none, torch.tensor([0.1, 0.1, 0.2, 0.2]), torch.tensor([0, 1, 0, 1]), none, SHORT)
    apart = torch.tensor([0.0, 0.1, 0.0, 0.1], dtype=torch.float64)
    base = torch.tensor([20.0, 20.0, 10.0, 10.0], dtype=torch.float64)
    cell = base * apart.exp()
    models, currents, own, made, correlation, error = spread(traces, cell, base * (0.5 * apart).exp())
    assert (models, currents) == (2, 2)
    assert own == pytest.approx(10.0 / 2**0.5)
    assert made == pytest.approx(5.0 / 2**0.5)
    assert correlation == pytest.approx(1.0)
    assert error == pytest.approx(100.0 * (1 - torch.tensor([0.0, -0.05]).exp().mean().item()), rel=1e-5)
    assert spread(traces, cell, base * (-apart).exp())[4] == pytest.approx(-1.0)
    # a current under which one model does not fire is left out
    cell[3] = torch.nan
    assert spread(traces, cell, base)[1] == 1
    assert intervals(torch.tensor([[1.0, 3.0, 7.0], [1.0, 3.0, torch.inf]]))[0] == 3.0
    assert bool(intervals(torch.tensor([[1.0, 3.0, torch.inf]])).isnan())
