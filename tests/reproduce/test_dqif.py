"""The parts of the DQIF paper, from images to tables; and the gradients that one of them compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import nn
from rheobase.data import Direct
from rheobase.errors import ParameterError
from rheobase.learning import MeanCrossEntropy, Trainer
from rheobase.reproduce.catalogue import find
from rheobase.reproduce.dqif import networks, stability
from rheobase.reproduce.dqif.gradients import Differences, convolutions, differences, gradients, with_windows
from rheobase.reproduce.dqif.networks import KINDS, formula, layer_windows, network
from rheobase.reproduce.dqif.training import augmented
from rheobase.reproduce.job import Job
from tests.reproduce.held import hold

PLAN = [4, "pool", 5]
TASK: dict[str, Any] = {
    "data": "digits",
    "limit": 60,
    "steps": 3,
    "plan": PLAN,
    "width": 1.0,
    "epochs": 1,
    "batch": 20,
    "lr": 0.01,
    "decay": 0.0,
    "loss": "tet",
    "lam": 0.001,
}
SMALL: dict[str, dict[str, Any]] = {
    "stability": {"side": 12, "cells": [[0.25, 0.0, 0.5]]},
    "potential": {"samples": 4000, "cells": [[0.25, 0.0, 0.5]]},
    "mismatch": {**TASK, "seeds": [0], "images": 20, "directions": 2, "scan": [0.5, 1.0, 2.0],
                 "kinds": ["DQIF, euler"], "sigma": [0.1]},
    "accuracy": {"seeds": [0, 1], "kinds": ["DQIF, factored", "LIF"],
                 "tasks": {"digits": {**TASK, "crop": 1, "cut": 2}}},
}  # fmt: skip


def part_and_job(name: str, folder: Path) -> tuple[Any, Job]:
    part = next(part for part in find("dqif").parts if part.name == name)
    assert set(SMALL[name]) <= set(part.settings), "settings that the part does not have"
    return part, Job({**part.settings, **SMALL[name]}, folder, identity={"part": name})


@pytest.mark.parametrize("name", SMALL)
def test_a_part_from_start_to_table(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, job = part_and_job(name, tmp_path)
    first = part.run(job)
    assert first.tables
    hold(first)
    assert "reconstruction" in first.text
    for table in first.tables:
        for column, values in zip(table.columns, zip(*table.rows, strict=True), strict=True):
            if "accuracy" in column:
                assert all(0 <= value <= 100 for value in values)
            if "cosine" in column or column.startswith("layer"):
                assert all(-1 <= value <= 1 for value in values)

    def no_more(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("trained again what was stored")

    monkeypatch.setattr(Trainer, "fit", no_more)
    again = part.run(part_and_job(name, tmp_path)[1])
    assert [t.rows for t in again.tables] == [t.rows for t in first.tables]


def test_every_window_has_its_row(tmp_path: Path) -> None:
    part, job = part_and_job("mismatch", tmp_path)
    table, best = part.run(job).tables
    assert [row[1] for row in best.rows] == ["before training", "after training"]
    assert {row[3] for row in best.rows} <= {"0.5", "1", "2"}
    rows = [row[:4] for row in table.rows]
    assert len(rows) == len(set(rows)) == 2 * 4
    per_layer = {row[1]: row[4] for row in table.rows if row[3] == "per layer"}
    assert per_layer["before training"] == "1.11"
    assert "layers" in per_layer["after training"]


def test_factors_at_rest_are_those_of_the_cell(tmp_path: Path) -> None:
    part, job = part_and_job("stability", tmp_path)
    (table,) = part.run(job).tables
    said, measured = (table.columns.index(name) for name in ("factor per step at rest", "measured factor"))
    assert all(row[said] == pytest.approx(row[measured], abs=2e-3) for row in table.rows)


def test_the_plane_is_what_cells_do() -> None:
    """Beside rest, for a long time, at points of each label."""
    codes = stability.plane("factored", 40, (0.05, 2.0), (-2.0, 3.0))
    a, u2 = torch.linspace(0.05, 2.0, 40), torch.linspace(-2.0, 3.0, 40)
    for label in range(3):
        row, column = (codes == label).nonzero()[0].tolist()
        curvature, upper = float(a[column]), float(u2[row])
        # the lower root of a v (v - u2) = v
        rest = min(0.0, upper + 1.0 / curvature)
        away = [1e-4]
        for _ in range(400):
            v = rest + away[-1]
            away.append(curvature * v * (v - upper) - rest)
        assert (abs(away[-1]) < 1e-6) == (label < 2)
        if label < 2:
            assert (away[0] * away[1] < 0) == (label == 1)


# --- networks ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", KINDS)
def test_networks_differ_in_the_cell_alone(kind: str) -> None:
    torch.manual_seed(0)
    net = network(kind, (1, 8, 8), 3, plan=PLAN)
    reference = network("LIF", (1, 8, 8), 3, plan=PLAN)
    shapes = [[tuple(p.shape) for p in one.parameters() if p.dim()] for one in (net, reference)]
    assert shapes[0] == shapes[1]
    scalars = [p for p in net.parameters() if not p.dim()]
    assert len(scalars) == {"PLIF": 2}.get(kind, 6 if kind.endswith("learned") else 0)
    out, _ = net(torch.rand(3, 6, 1, 8, 8))
    out.square().sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_lif_adds_its_input_to_half_its_potential() -> None:
    net = network("LIF", (1, 4, 4), 2, plan=[3])
    cell: Any = net.layers[2]
    x = torch.full((3, 1, 3, 4, 4), 0.4)
    _, state = cell(x)
    assert torch.allclose(state.v, torch.full_like(state.v, 0.4 * 1.75))


def test_windows_are_those_of_the_formula() -> None:
    assert formula("DQIF, factored, learned") == pytest.approx(1.058, abs=1e-3)
    net = network("DQIF, factored", (1, 8, 8), 3, plan=PLAN)
    assert layer_windows(net) == pytest.approx([formula("DQIF, factored")] * 2)
    for cell, _ in networks.cells_and_norms(net):
        assert cell.surrogate == networks.boxcar(formula("DQIF, factored"))
    _, second = networks.cells_and_norms(net)
    with torch.no_grad():
        second[1].norm.weight.mul_(2.0)
    own = layer_windows(net)
    assert own[0] == pytest.approx(formula("DQIF, factored"))
    assert own[1] > 1.5 * own[0]


def test_an_unknown_kind() -> None:
    with pytest.raises(ParameterError, match="did you mean 'PLIF'"):
        network("PLIFF", (1, 8, 8), 3, plan=PLAN)


def test_images_stay_as_they_are_where_nothing_is_asked_for() -> None:
    assert augmented(Direct(2), 0, 0) is None
    assert repr(augmented(Direct(2), 1, 0)) == "Shifted(encoder=Flipped(encoder=Direct(steps=2)), pixels=1)"
    assert "Cutout" in repr(augmented(Direct(2), 0, 3))


# --- gradients ----------------------------------------------------------------------------------------
def task(kind: str = "DQIF, euler") -> tuple[nn.SpikingVGG, Any]:
    torch.manual_seed(0)
    net = network(kind, (1, 8, 8), 3, plan=PLAN)
    x, y = torch.rand(4, 12, 1, 8, 8), torch.arange(12) % 3
    return net, lambda one: MeanCrossEntropy()(one(x)[0], y)


def test_one_window_for_all_steps_is_one_window() -> None:
    net, loss = task()
    one, each = with_windows(net, [0.7, 1.3]), with_windows(net, [[0.7] * 4, [1.3]])
    for a, b in zip(gradients(one, lambda: loss(one)), gradients(each, lambda: loss(each)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_the_window_changes_the_gradient_and_not_the_loss() -> None:
    net, loss = task()
    narrow, steps = with_windows(net, [0.3, 0.3]), with_windows(net, [[1.0, 0.3, 0.3, 0.3]] * 2)
    assert float(loss(narrow).detach()) == float(loss(net).detach()) == pytest.approx(float(loss(steps).detach()))
    found = [gradients(one, lambda one=one: loss(one))[0] for one in (net, narrow, steps)]
    assert not torch.allclose(found[0], found[1])
    assert not torch.allclose(found[1], found[2])


def test_differences_of_a_smooth_loss_are_its_gradient() -> None:
    weight = torch.randn(30, generator=torch.Generator().manual_seed(0))
    target = torch.arange(30.0)

    def loss() -> Tensor:
        return ((weight - target) ** 2).sum()

    before = weight.clone()
    found = differences(weight, loss, directions=20, sigma=0.1, seed=0, track=lambda items, *_: iter(items))
    assert torch.equal(weight, before)
    gradient = 2 * (before - target)
    # a square has no third derivative: central differences are exact
    torch.testing.assert_close(found.slopes, found.directions @ gradient, rtol=1e-3, atol=1e-2)
    assert found.cosine(gradient) == pytest.approx(1.0, abs=1e-5)
    assert found.cosine(-gradient) == pytest.approx(-1.0, abs=1e-5)
    assert found.cosine(torch.zeros(30)) == 0.0


def test_the_cosine_is_that_between_gradients() -> None:
    generator = torch.Generator().manual_seed(1)
    d, first, second = (torch.randn(*shape, generator=generator) for shape in ((20_000, 10), (10,), (10,)))
    expected = float(first @ second / (first.norm() * second.norm()))
    assert Differences(d, d @ first).cosine(second) == pytest.approx(expected, abs=0.03)


def test_each_convolution_is_looked_at() -> None:
    net, loss = task()
    assert [g.shape for g in gradients(net, lambda: loss(net))] == [c.weight.shape for c in convolutions(net)]
