"""Currents to inject: exact on the grid, and refused where they make no sense."""

from __future__ import annotations

import math
from typing import Any

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
        stimuli.noise(**{"mean": 0.0, "sigma": 1.0, "seed": 0, **wrong})


def test_a_sine_has_its_frequency_and_offset() -> None:
    sine = stimuli.sine(2.0, 10.0, offset=1.0)
    at = torch.tensor([0.0, 25.0, 50.0, 75.0, 100.0], dtype=torch.float64)
    assert sine.at(at).tolist() == pytest.approx([1.0, 3.0, 1.0, -1.0, 1.0], abs=1e-12)
    assert float(sine.sample(100.0, 0.1).mean()) == pytest.approx(1.0, abs=1e-6)


def test_a_train_of_pulses_is_the_pulses_one_by_one() -> None:
    train = stimuli.pulses(5.0, width=2.0, rate=50.0, start=10.0, stop=75.0)
    one_by_one = stimuli.pulses(5.0, [10.0, 30.0, 50.0, 70.0], width=2.0)
    for dt in (0.1, 0.025, 1.0):
        assert torch.equal(train.sample(200.0, dt), one_by_one.sample(200.0, dt))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (dict(width=1.0), "neither starts nor rate"),
        (dict(starts=[1.0], width=1.0, rate=5.0), "starts and rate"),
        (dict(width=20.0, rate=50.0), "shorter than their distance of 20 ms"),
        (dict(width=0.0, rate=50.0), "width"),
        (dict(width=1.0, rate=0.0), "rate"),
        (dict(width=1.0, rate=5.0, start=10.0, stop=10.0), "a stop after the start"),
    ],
)
def test_pulses_that_have_no_meaning(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        stimuli.pulses(1.0, **given)


@pytest.mark.parametrize("wrong", [dict(frequency=0.0), dict(amplitude=math.nan), dict(offset=math.inf)])
def test_a_sine_that_has_no_meaning(wrong: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        stimuli.sine(**{"amplitude": 1.0, "frequency": 5.0, **wrong})


@pytest.mark.parametrize("dt", [0.05, 0.1, 0.3, 0.025, 0.0333, 1.0])
def test_samples_keep_their_charge_in_steps_of_any_length(dt: float) -> None:
    values = torch.randn(600, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    current = stimuli.samples(values, dt=0.05)
    steps = math.ceil(30.0 / dt)
    assert float(current.in_steps(steps, dt).sum() * dt) == pytest.approx(float(values.sum() * 0.05), abs=1e-9)


def test_samples_are_held_averaged_and_end() -> None:
    current = stimuli.samples([1.0, 3.0, 5.0], dt=1.0)
    assert current.sample(4.0, 1.0).tolist() == [1.0, 3.0, 5.0, 0.0]
    assert current.sample(2.0, 0.5).tolist() == [1.0, 1.0, 3.0, 3.0]
    assert current.sample(4.0, 2.0).tolist() == [2.0, 2.5]
    assert current.sample(3.0, 1.5).tolist() == pytest.approx([5.0 / 3.0, 13.0 / 3.0])
    assert (current + stimuli.step(1.0)).sample(4.0, 2.0).tolist() == [3.0, 3.5]
    assert current.at(torch.tensor([-0.1, 0.5, 2.9, 3.0])).tolist() == [0.0, 1.0, 5.0, 0.0]


@pytest.mark.parametrize(("values", "dt"), [([], 1.0), ([math.nan], 1.0), ([[1.0]], 1.0), ([1.0], 0.0)])
def test_samples_that_have_no_meaning(values: list[Any], dt: float) -> None:
    with pytest.raises(ParameterError, match="Samples"):
        stimuli.samples(values, dt=dt)


def test_noise_is_discretised_exactly() -> None:
    """The correlation over 5 ms is exp(-5/tau), whether it is made in one step or in fifty."""
    for dt, lag in ((5.0, 1), (0.5, 10)):
        x = stimuli.noise(0.0, 1.0, tau=5.0, seed=11).sample(40_000.0 * dt, dt).double()
        assert float((x[lag:] * x[:-lag]).mean() / x.square().mean()) == pytest.approx(math.exp(-1.0), abs=0.05)


def test_two_noises_have_a_seed_each() -> None:
    """Without one, every noise had seed 0, and two currents that were to be independent were the same."""
    with pytest.raises(TypeError, match="seed"):
        stimuli.noise(0.0, 1.0)  # type: ignore[call-arg]
    first, second, third = (stimuli.noise(0.0, 1.0, seed=seed) for seed in (0, 1, 0))
    assert float((first + second).sample(4000.0, 1.0).std()) == pytest.approx(2**0.5, rel=0.05)
    for added in (first, first + second, stimuli.step(1.0) + first):
        with pytest.raises(ParameterError, match="two noises of seed 0, whose numbers are the same"):
            added + third


@pytest.mark.parametrize(
    ("lost", "dt"),
    [
        (stimuli.pulses(5.0, [4.0], width=0.5), 1.0),
        (stimuli.pulses(-5.0, [4.0, 7.0], width=0.3), 1.0),
        (stimuli.pulses(5.0, width=0.05, rate=20.0), 0.1),
        (stimuli.step(1.0) + stimuli.pulses(5.0, width=0.5, rate=20.0), 1.0),
        (stimuli.sine(1.0, 500.0), 1.0),
        (stimuli.sine(1.0, 1000.0), 1.0),
    ],
)
def test_what_would_be_lost_between_steps_is_refused(lost: stimuli.Stimulus, dt: float) -> None:
    """A pulse of half a step, and a sine of one, were a current of zero."""
    with pytest.raises(ParameterError, match=rf"in steps of {dt:g} ms.*a smaller dt"):
        lost.sample(100.0, dt)
    assert float(lost.sample(100.0, 0.025).abs().max()) > 0.9


def test_edges_between_steps_are_no_loss() -> None:
    for kept in (
        stimuli.step(2.0, start=3.3, stop=8.1),
        stimuli.ramp(4.0, stop=4.4),
        stimuli.corners([(0.0, 0.0), (4.0, 0.0), (4.1, 5.0), (6.0, 5.0), (6.1, 0.0)]),
        stimuli.corners([(0.0, 0.0), (5.2, 5.0), (9.0, 0.0)]),
        stimuli.pulses(5.0, [4.0, 7.0], width=1.0),
        stimuli.pulses(5.0, width=1.0, rate=100.0),
        stimuli.step(2.0, start=200.0),
    ):
        kept.sample(12.0, 1.0)


def test_a_train_whose_gaps_would_be_lost_is_refused() -> None:
    train = stimuli.pulses(1.0, width=9.95, rate=100.0)
    with pytest.raises(ParameterError, match=r"gaps of 0\.05 ms"):
        train.sample(40.0, 1.0)
    # steps as long as a gap see it, and one pulse has no gap
    assert train.sample(40.0, 0.05).tolist().count(0.0) == 4
    assert stimuli.pulses(1.0, width=9.95, rate=100.0, stop=10.0).sample(12.0, 1.0).sum() == 10.0


def test_samples_hold_from_the_edges_of_their_steps_on() -> None:
    # 0.3 / 0.1 is below 3
    current = stimuli.samples(list(range(1000)), dt=0.1)
    found = current.at(torch.arange(1001, dtype=torch.float64) * 0.1)
    assert found.tolist() == [*range(1000), 0.0]


def test_correlated_noise_at_times_in_any_order_and_shape() -> None:
    current = stimuli.noise(1.0, 2.0, tau=5.0, seed=3)
    times = torch.linspace(0.0, 30.0, 12, dtype=torch.float64)
    path = current.at(times)
    assert torch.equal(current.at(times.flip(0)), path.flip(0))
    assert torch.equal(current.at(times.reshape(3, 4)), path.reshape(3, 4))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: stimuli.step(1.0) + 2.0, r"step\(2\.0\) is a constant"),
        (lambda: stimuli.step("1 nA"), "pairs of numbers"),
        (lambda: stimuli.corners([(0.0, 1.0, 2.0)]), "pairs of numbers"),
        (lambda: stimuli.pulses(1.0, [5.0], width=1.0, stop=3.0), "starts alone"),
    ],
)
def test_what_is_no_stimulus_is_told_at_once(made: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        made()
