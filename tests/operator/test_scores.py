"""Scores against cases worked out by hand, and the losses against their definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from rheobase.errors import ParameterError, ShapeError
from rheobase.learning import RelativeLp, van_rossum
from rheobase.operator import Samples, crossings, never_firing, scores

INF = math.inf


def truth(v: torch.Tensor, trains: list[list[float]]) -> Samples:
    none = torch.zeros_like(v)
    return Samples(none, torch.zeros(v.shape[1], 1), v, none, torch.tensor(trains, dtype=torch.float64))


def test_of_one_spike_missed_and_one_invented() -> None:
    v = torch.full((1000, 3), -70.0)
    v[100, 0] = v[100, 1] = 30.0
    made = torch.full((1000, 3), -70.0)
    made[102, 0] = made[500, 2] = 30.0
    found = scores(made, truth(v, [[10.0], [10.0], [INF]]), 0.1)
    assert (found.missed, found.invented, found.samples, found.firing) == (1, 1, 3, 2)
    # chance of a coincidence at 10 spikes per second and 4 ms: 2 nu Delta = 0.08
    assert found.gamma == pytest.approx((1.0 + 0.0) / 2, abs=1e-9)
    assert found.count == pytest.approx(50.0)
    near = math.sqrt(1.0 - math.exp(-0.02))
    assert found.van_rossum == pytest.approx((near + 2 * math.sqrt(0.5)) / 3, rel=1e-6)
    assert found.voltage < 10.0 < 80.0 < found.subtracted  # what volts hide


def test_a_constant_scores_100_percent_behind_the_mean() -> None:
    v = torch.randn(500, 4, generator=torch.Generator().manual_seed(0)) - 70.0
    flat = v.mean(0).expand_as(v)
    found = scores(flat, truth(v, [[INF]] * 4), 0.1)
    assert found.subtracted == pytest.approx(100.0, rel=1e-6)
    assert found.gamma is None
    assert found.count is None


def test_crossings_are_upward_ones_of_minus_20() -> None:
    v = torch.tensor([[-70.0, -10.0, -5.0, -70.0, -20.0]]).T
    assert crossings(v, 0.5).tolist() == [[0.5, 2.0]]


def test_wrong_shapes() -> None:
    with pytest.raises(ShapeError, match=r"\(9, 2\)"):
        scores(torch.zeros(9, 2), truth(torch.zeros(10, 2), [[INF]] * 2), 0.1)


def test_never_firing_is_below_the_spikes() -> None:
    v = torch.full((50, 9), -70.0)
    v[20] = 30.0
    found = never_firing(truth(v, [[INF]] * 9), torch.arange(9.0), torch.tensor([0.2]))
    assert float(found.max()) < -20.0
    assert not bool(torch.isfinite(crossings(found, 0.1)).any())


def by_quadrature(data: list[float], model: list[float], tau: float) -> float:
    """The distance from filtered trains on a fine grid."""
    t = np.arange(0.0, 400.0, 0.001)
    f, g = (sum(np.where(t >= s, np.exp(-np.maximum(t - s, 0.0) / tau), 0.0) for s in train) for train in (data, model))
    return float(np.sqrt(((f - g) ** 2).sum() * 0.001 / tau))


@pytest.mark.parametrize(("data", "model"), [([10.0, 50.0], [12.0]), ([5.0], []), ([1.0, 2.0, 3.0], [1.5, 2.0, 90.0])])
def test_van_rossum_against_its_integral(data: list[float], model: list[float]) -> None:
    pad = [x + [INF] * (3 - len(x)) for x in (data, model)]
    found = float(van_rossum(torch.tensor(pad[0]), torch.tensor(pad[1]), tau=10.0))
    assert found == pytest.approx(by_quadrature(data, model or [1e9], 10.0), rel=1e-3)


def test_relative_loss_is_that_of_neuraloperator() -> None:
    losses: Any = pytest.importorskip("neuralop.losses", reason="neuraloperator is not installed")
    out, target = torch.randn(2, 50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).unbind(0)
    theirs = losses.LpLoss(d=1, p=4, reduction="mean")(out.T[:, None], target.T[:, None])
    assert float(RelativeLp()(out, target)) == pytest.approx(float(theirs), rel=1e-9)


def test_relative_loss_refuses() -> None:
    with pytest.raises(ParameterError, match=r"p = 0.5"):
        RelativeLp(p=0.5)
    with pytest.raises(ShapeError, match="put time first"):
        RelativeLp()(torch.zeros(4, 3), torch.zeros(3, 4))
    with pytest.raises(ParameterError, match="tau"):
        van_rossum(torch.zeros(1), torch.zeros(1), tau=0.0)
