"""Currents to inject: exact on the grid, and refused where they make no sense."""

from __future__ import annotations

import math

import pytest
import torch

from rheobase import stimuli
from rheobase.errors import ParameterError


def test_a_step_is_exact_on_the_grid() -> None:
    # 0.1 and 0.3 are not binary numbers: the middle of a step decides
    current = stimuli.step(2.0, start=0.1, stop=0.3).sample(0.6, 0.1)
    assert current.tolist() == [0.0, 2.0, 2.0, 0.0, 0.0, 0.0]


def test_a_step_without_an_end() -> None:
    assert stimuli.step(3.0, start=2.0).sample(4.0, 1.0).tolist() == [0.0, 0.0, 3.0, 3.0]


def test_a_ramp_takes_the_middle_of_each_step() -> None:
    assert stimuli.ramp(2.0, start=2.0, stop=4.0).sample(6.0, 1.0).tolist() == [0.0, 0.0, 0.5, 1.5, 0.0, 0.0]


def test_corners_and_sums() -> None:
    line = stimuli.corners([(0.0, 1.0), (2.0, 3.0), (2.0, -1.0)])
    both = line + stimuli.pulses(10.0, [1.0, 3.0], width=1.0)
    assert both.sample(4.0, 1.0).tolist() == [1.5, 12.5, -1.0, 9.0]


def test_noise_has_its_statistics_and_its_seed() -> None:
    slow = stimuli.noise(1.0, 2.0, tau=5.0, seed=3).sample(40_000.0, 1.0)
    assert torch.equal(slow, stimuli.noise(1.0, 2.0, tau=5.0, seed=3).sample(40_000.0, 1.0))
    assert not torch.equal(slow, stimuli.noise(1.0, 2.0, tau=5.0, seed=4).sample(40_000.0, 1.0))
    centred = slow.double() - slow.double().mean()
    lag_five = float((centred[5:] * centred[:-5]).mean() / centred.square().mean())
    # standard errors: 0.03 of the mean (correlated samples), 0.02 of the others
    assert float(slow.mean()) == pytest.approx(1.0, abs=0.1)
    assert float(slow.std()) == pytest.approx(2.0, abs=0.08)
    assert lag_five == pytest.approx(0.368, abs=0.06)


@pytest.mark.parametrize("points", [[], [(2.0, 1.0), (1.0, 1.0)]])
def test_corners_must_be_in_order(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ParameterError, match="in order"):
        stimuli.corners(points)


@pytest.mark.parametrize("points", [[(0.0, 1.0), (math.inf, 1.0)], [(0.0, math.nan)]])
def test_corners_must_be_finite(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ParameterError, match="finite"):
        stimuli.corners(points)


def test_a_step_without_an_end_lasts() -> None:
    assert stimuli.step(2.0, start=1.0).sample(1000.0, 1.0).tolist() == [0.0] + [2.0] * 999


@pytest.mark.parametrize(("t_stop", "dt"), [(0.0, 0.1), (10.0, -1.0), (float("inf"), 1.0), (True, 1.0)])
def test_times_must_be_positive(t_stop: float, dt: float) -> None:
    with pytest.raises(ParameterError, match="> 0"):
        stimuli.step(1.0).sample(t_stop, dt)


@pytest.mark.parametrize(
    "wrong",
    [
        dict(sigma=-1.0),
        dict(tau=-5.0),
        dict(mean=math.nan),
        dict(mean=-math.inf),
        dict(tau=math.inf),
        dict(seed=-1),
        dict(seed=0.5),
    ],
)
def test_noise_that_has_no_meaning(wrong: dict[str, float]) -> None:
    """A correlation time below 0 gave NaN."""
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        stimuli.noise(**{"mean": 0.0, "sigma": 1.0, **wrong})
