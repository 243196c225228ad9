"""The part of NOBLE from end to end on small cells: every row, its pictures, and a second call that works on none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase.errors import ParameterError
from rheobase.operator import Split, generate, load
from rheobase.plot import LIGHT
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble import comparison
from rheobase.reproduce.noble.traces import CODES, Family
from tests.operator.stub import SHORT, Small

SPLITS = {
    "train": Split(models=(0, 1), chunks=1, stimuli=4),
    "validation": Split(models=(0, 1), chunks=1, stimuli=2),
    "test": Split(models=(0, 1, 2), chunks=1, stimuli=3, shared=True),
}
NETWORK = {"kind": comparison.NEURON, "hidden": 4, "batch": 8, "lr": 0.02, "epochs": 2}


class Told(Small):
    """Somata with the features of the published table."""

    def thresholds(self) -> Tensor:
        return torch.tensor([[700.0, 0.01], [800.0, 0.03], [760.0, 0.02]], dtype=torch.float64)

    def conductances(self) -> tuple[tuple[str, ...], Tensor]:
        return ("soma.g_pas",), torch.tensor(self.leaks, dtype=torch.float64)[:, None]


def family(folder: Path) -> Family:
    models: Any = Told()
    generate(folder, models, SPLITS, SHORT)
    return Family(models, SHORT, (0, 1), (2,), *(load(folder, name) for name in SPLITS), (0,))


def test_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = family(tmp_path / "traces")
    monkeypatch.setattr(comparison, "family", lambda job: made)
    trained = {
        "neuron": {**NETWORK, "code": CODES[0]},
        "by its own": {**NETWORK, "code": "its own", "free": 1, "seeds": [1]},
        "convolutions": {
            "kind": comparison.CONVOLUTIONAL,
            "code": CODES[0],
            "channels": 4,
            "layers": 3,
            "width": 3,
            "stride": 3,
            "batch": 8,
            "lr": 0.002,
            "epochs": 1,
            "seeds": [0],
        },
    }
    point = {"kinds": ["GLIF1"], "sweeps": 3, "restarts": 4, "forced": 2, "free": 0, "generations": 2, "population": 4}
    settings = {
        **comparison.PART.settings,
        "seeds": [0, 1],
        "trained": trained,
        "fitted": [0],
        "point_neurons": point,
    }

    def run() -> tuple[Any, Job]:
        job = Job(settings, tmp_path / "work", identity={"part": "comparison"})
        return comparison.run(job), job

    first, _ = run()
    *tables, others = first.tables
    assert [table.title for table in tables] == ["Unseen amplitudes", "Unseen models", "Fitted models"]
    for table, count, more in zip(tables, (6, 3, 3), (0, 0, 1), strict=True):
        here = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
        assert len(here) == len(table.rows) == 3 + len(trained) + more
        assert {row["of samples"] for row in here.values()} == {count}
        silent, own = here["never fires"], here["the solver itself"]
        assert silent["missed"] == silent["of them firing"] > 0
        assert silent["Gamma at 4 ms"] == 0.0
        assert silent["spike count error (%)"] == 100.0
        assert own["Gamma at 4 ms"] > 0.99
        assert own["voltage error (%)"] == 0.0
        assert own["AP1 width error (%)"] == 0.0
        assert silent["AP1 width error (%)"] is None
        assert all(row[comparison.COST] > 0 for name, row in here.items() if row["parameters"])
        assert here["neuron"]["parameters"] == 18 * 4 + 34 + 22 * 2
    assert [row[0] for row in others.rows] == ["ramp up", "ramp down", "slow noise", "fast noise", "two steps"]
    assert all(row[1] > 0 for row in others.rows)
    assert first.seeds is not None
    assert len(first.seeds.rows) == 3 * (2 + 1 + 1)
    for picture in first.pictures:
        assert picture.draw(LIGHT).axes
    again, job = run()
    assert again.text == first.text
    assert job.stored_seconds > 0


def test_codes(tmp_path: Path) -> None:
    """Scaled by the training models; one that was held out has the mean of the codes of its own."""
    made = family(tmp_path)
    scaled = {kind: codes.scaled(features) for kind in CODES[:-1] for codes, features in [made.code(kind)]}
    assert scaled["s_thr, I_thr"].tolist() == [[0.5, 0.5], [3.5, 3.5], pytest.approx([2.3, 2.0])]
    assert torch.equal(scaled["I_thr"], scaled["s_thr, I_thr"][:, 1:])
    assert torch.equal(scaled["s_thr"], scaled["s_thr, I_thr"][:, :1])
    assert scaled["none"].tolist() == [[2.0]] * 3
    assert scaled["its own"].tolist() == [[3.5, 0.5], [0.5, 3.5], [2.0, 2.0]]
    with pytest.raises(ParameterError, match="did you mean 'conductances'"):
        made.code("conductance")


def test_what_is_reduced_is_said() -> None:
    said = comparison.PART.reduction(quick=True)
    assert "1,803,001" in said
    assert "288 traces" in said
    assert "2,000 traces" in comparison.PART.reduction()
