"""The part of NOBLE with codes between two models, from end to end on small cells, and what it measures by."""

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
from rheobase.reproduce.noble import interpolation, lines
from rheobase.reproduce.noble.lines import features_of, lies_between, pairs_of, spikes_between
from rheobase.reproduce.noble.traces import RESPONSE, Family
from tests.operator.stub import SHORT, Small

SPLITS = {
    "train": Split(models=(0, 1, 2), chunks=1, stimuli=4),
    "validation": Split(models=(0, 1, 2), chunks=1, stimuli=2),
    "test": Split(models=(0, 1, 2, 3, 4), chunks=1, stimuli=3, shared=True),
}
NETWORK = {"kind": interpolation.NEURON, "hidden": 2, "batch": 4, "lr": 0.02, "epochs": 1, "free": 0}
INF, NAN = float("inf"), float("nan")


class Told(Small):
    """Somata by number: five published ones, and those on lines behind them."""

    def __init__(self, *leaks: float):
        super().__init__(leaks)
        self.names = tuple(f"leak{k}" for k in range(len(leaks)))  # type: ignore[assignment]

    def thresholds(self) -> Tensor:
        return torch.tensor([[700 + 10.0 * k, 0.01 + 1e-3 * k] for k in range(5)], dtype=torch.float64)


PUBLISHED = Told(3e-5, 9e-5, 6e-5, 4e-5, 8e-5)


def blended(parents: Told, pairs: list[tuple[int, int]], shares: list[float], folder: Path) -> Told:
    new = ((1 - s) * parents.leaks[a] + s * parents.leaks[b] for a, b in pairs for s in shares)
    return Told(*parents.leaks, *new)


def told(job: Job, joint: Told, *_: Any) -> tuple[tuple[str, ...], Tensor]:
    return ("rest",), torch.tensor(joint.leaks, dtype=torch.float64)[:, None]


def test_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path / "traces", PUBLISHED, SPLITS, SHORT)
    models: Any = PUBLISHED
    train, validation, test = (load(tmp_path / "traces", name) for name in SPLITS)
    made = Family(models, SHORT, (0, 1, 2), (3, 4), train, validation, test)
    monkeypatch.setattr(interpolation, "family", lambda job: made)
    monkeypatch.setattr(lines, "blended", blended)
    monkeypatch.setattr(
        lines,
        "responses_of",
        lambda job, joint, *_: (("rest",), torch.tensor(joint.leaks, dtype=torch.float64)[:, None]),
    )
    trained = {
        "responses": {**NETWORK, "code": RESPONSE},
        "two features": {**NETWORK, "code": "s_thr, I_thr", "seeds": [5]},
    }
    settings = {
        **interpolation.PART.settings,
        "seeds": [3, 4],
        "tested": 3,
        "fractions": [0.0, 0.5, 1.0],
        "pairs": {"training models": 3, "unseen models": 1},
        "trained": trained,
    }

    def run() -> tuple[Any, Job]:
        job = Job(settings, tmp_path / "work", identity={"part": "interpolation"})
        return interpolation.run(job), job

    found, _ = run()
    assert [table.title for table in found.tables] == ["Between training models", "Between unseen models"]
    for table in found.tables:
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        own = [f"responses to steps, {code}" for code in ("in between", "of the cell in between")]
        assert [row["prediction"] for row in rows] == [
            "the cell itself",
            "spike times in between",
            "the nearer end",
            *("responses",) * 2,
            "two features",
        ]
        assert [row["code"] for row in rows[3:]] == [*own, "s_thr, I_thr, in between"]
        cell, times, end = rows[:3]
        # the solver against itself: that what is compared is of one model and one current
        assert [cell[f"Gamma at {x}"] for x in ("0", "0.5", "1")] == pytest.approx([1.0] * 3)
        assert cell["interval error (%)"] == cell["spike count error (%)"] == 0.0
        assert [end["Gamma at 0"], end["Gamma at 1"]] == pytest.approx([1.0] * 2)
        assert times["interval error (%)"] < end["interval error (%)"]
        assert cell["mean interval between (%)"] == times["mean interval between (%)"] == 100.0
        # the code of the cell in between has no ends of its own
        assert rows[4]["Gamma at 0"] is None
        assert rows[4]["Gamma at 0.5"] is not None
        assert [row["seeds"] for row in rows[3:]] == [2, 2, 1]
        assert cell["in between, firing"] > 0
    assert found.seeds is not None
    assert len(found.seeds.rows) == 2 * (2 * (3 + 1) + 3)
    assert found.pictures[0].draw(LIGHT).axes
    again, job = run()
    assert again.text == found.text
    assert job.stored_seconds > 0


def test_of_which_pairs() -> None:
    """Each model once as long as there are enough, no pair twice, and the same at every call."""
    pairs = pairs_of((4, 7, 9, 12), 5, seed=1)
    assert pairs == pairs_of((4, 7, 9, 12), 5, seed=1)
    assert len(set(pairs)) == 5
    assert sorted(k for pair in pairs[:2] for k in pair) == [4, 7, 9, 12]
    assert len(pairs_of((4, 7, 9, 12), 6, seed=0)) == 6
    with pytest.raises(ParameterError, match="at most 6"):
        pairs_of((4, 7, 9, 12), 7, seed=0)


def test_features_by_hand() -> None:
    """Three spikes 10 and 12 ms apart, the first 3 ms behind the onset; and a trace without one."""
    made: Any = Family(PUBLISHED, SHORT, (0,), (1,), None, None, None)  # type: ignore[arg-type]
    trains = torch.tensor([[5.0, 15.0, 27.0], [INF, INF, INF]])
    v = torch.full((SHORT.window, 2), -70.0)
    v[: int(38 / SHORT.sample)] = -60.0  # the last tenth of 40 ms, behind an onset at 2 ms, begins at 38
    found = features_of(v, trains, made)
    assert found[0, :3].tolist() == [3.0, 3.0, 11.0]
    assert found[1, [0, 3]].tolist() == [0.0, -70.0]
    assert bool(found[0, 3].isnan() & found[1, 1].isnan() & found[1, 2].isnan())


def test_between_by_hand() -> None:
    """Within the ends, within the room beyond them, beyond it, and not known."""
    ends, inner = [10.0, 3.0, 11.0, -70.0], [[10.0, 3.1, 11.3, NAN], [9.0, 2.5, 10.5, -69.0]]
    inside, known = lies_between(torch.tensor([[ends], *([x] for x in inner), [[9.0, 2.0, 10.0, -72.0]]]))
    assert inside[:, 0].tolist() == [[True, True, False, False], [True, True, True, False]]
    assert known[:, 0].tolist() == [[True, True, True, False], [True] * 4]
    one, other = torch.tensor([[2.0, 6.0, 9.0]]), torch.tensor([[4.0, 10.0]])
    assert spikes_between(one, other, 0.25).tolist() == [[2.5, 7.0]]
    assert spikes_between(one, torch.tensor([[4.0, INF]]), 0.5).tolist() == [[3.0, INF]]


@pytest.mark.parametrize(
    "fractions", [[0.0, 1.0], [0.1, 0.5, 1.0], [0.0, 0.5], [0.0, 0.7, 0.3, 1.0], [0.0, 0.5, 0.5, 1.0]]
)
def test_fractions_that_are_none(fractions: list[float], tmp_path: Path) -> None:
    job = Job({**interpolation.PART.settings, "trained": {}, "fractions": fractions}, tmp_path, identity={})
    with pytest.raises(ParameterError, match="ascending"):
        interpolation.run(job)
