"""The coincidence factor: closed forms, and chance."""

from __future__ import annotations

import math

import pytest
import torch

from rheobase.errors import ParameterError
from rheobase.learning import coincidences, gamma, reliability, trains_of, window

INF = math.inf


def poisson(rate: float, duration: float, trains: int, seed: int) -> torch.Tensor:
    """Poisson spike trains of `rate` per ms on a grid of 0.1 ms, (trains, m)."""
    steps = torch.rand(round(duration / 0.1), trains, generator=torch.Generator().manual_seed(seed)) < 0.1 * rate
    return trains_of(steps.double(), 0.1)


def test_identical_trains_score_1() -> None:
    train = torch.tensor([3.0, 50.0, 51.0, 400.0])
    assert float(gamma(train, train, duration=500.0)) == pytest.approx(1.0, abs=1e-12)


def test_a_silent_model_scores_0_and_so_do_two_silent_trains() -> None:
    silent = torch.tensor([INF, INF])
    assert float(gamma(torch.tensor([3.0, 50.0]), silent, duration=500.0)) == 0.0
    assert float(gamma(torch.empty(0), silent, duration=500.0)) == 0.0


def test_by_hand() -> None:
    """4 data spikes, 5 of the model in 1000 ms, 3 within 4 ms: chance is 2 * 0.005 * 4 * 4 = 0.16 coincidences."""
    data = torch.tensor([100.0, 200.0, 300.0, 400.0])
    model = torch.tensor([97.0, 204.0, 250.0, 305.0, 399.0])
    by_hand = (3 - 0.16) / (0.5 * (4 + 5)) / (1 - 2 * 0.005 * 4)
    assert int(coincidences(data, model, 4.0)) == 3
    assert float(gamma(data, model, duration=1000.0, delta=4.0)) == pytest.approx(by_hand, rel=1e-12)


def test_independent_poisson_trains_of_one_rate_score_nearly_0() -> None:
    model = poisson(0.01, 20000.0, 40, seed=1)
    data = poisson(0.01, 20000.0, 1, seed=2)[0]
    found = gamma(data, model, duration=20000.0)
    # one train of 200 spikes scatters by about sqrt(0.08 / 200) = 0.02
    assert abs(float(found.mean())) < 0.02
    assert float(found.abs().max()) < 0.1


def test_each_spike_counts_once() -> None:
    burst, one = torch.tensor([10.0, 11.0, 12.0]), torch.tensor([11.0, INF, INF])
    assert int(coincidences(burst, one, 4.0)) == 1
    assert int(coincidences(torch.tensor([11.0]), burst, 4.0)) == 1
    # the earliest free partner leaves the later one to the next spike
    assert int(coincidences(torch.tensor([10.0, 13.0]), torch.tensor([9.0, 12.0]), 4.0)) == 2


def test_the_edge_of_the_window_is_inside() -> None:
    """For spikes 40 steps of 0.1 ms apart, wherever they are: as numbers, 0.3 + 4.0 and 4.3 may differ."""
    steps = torch.arange(500, dtype=torch.float64)[:, None]
    data, model = 0.1 * steps, 0.1 * (steps + 40)
    assert bool((coincidences(data, model, 4.0) == 1).all())
    assert bool((coincidences(model, data, 4.0) == 1).all())
    assert not bool(coincidences(data, model, 3.9).any())


def test_rows_are_scored_each_for_itself() -> None:
    data, model = poisson(0.02, 2000.0, 3, seed=3), poisson(0.02, 2000.0, 5, seed=4)
    together = gamma(data[:, None], model, duration=2000.0)
    apart = [[float(gamma(d[d < INF], m[m < INF], duration=2000.0)) for m in model] for d in data]
    assert torch.allclose(together, torch.tensor(apart, dtype=torch.float64), atol=1e-12)


def test_a_model_that_always_fires_scores_0() -> None:
    always = torch.arange(0.0, 1000.0, 2.0)
    assert float(gamma(torch.tensor([100.0, 300.0]), always, duration=1000.0)) == 0.0


def test_a_window_that_can_see_a_fast_cell() -> None:
    """At 4 ms a perfect prediction of 200 spikes per second scores 0: chance covers all of the time."""
    fast = torch.arange(0.0, 1000.0, 5.0)
    assert float(gamma(fast, fast, duration=1000.0, delta=4.0)) == 0.0
    width = window([fast], duration=1000.0)
    assert width == pytest.approx(1.25)
    assert float(gamma(fast, fast, duration=1000.0, delta=width)) == pytest.approx(1.0)
    # another cell of that rate scores nothing: chance meets less than is taken off, since it uses each spike once
    other = poisson(0.2, 1000.0, 40, seed=7)
    assert -0.25 < float(gamma(fast, other, duration=1000.0, delta=width).mean()) < 0.0


def test_a_window_is_never_wider_than_asked() -> None:
    slow, silent = torch.tensor([10.0, 900.0]), torch.tensor([INF])
    assert window([slow, silent], duration=1000.0) == 4.0
    assert window([silent], duration=1000.0, delta=8.0) == 8.0
    assert window([slow] * 3, duration=20.0) == pytest.approx(2.5)


def test_a_cell_too_fast_for_the_window_is_told_and_not_scored() -> None:
    fast = torch.arange(0.0, 1000.0, 5.0)
    with pytest.raises(ParameterError, match=r"delta = 4 ms for a cell of 200 spikes per second.*delta=1.25"):
        reliability([fast, fast], duration=1000.0)
    assert reliability([fast, fast], duration=1000.0, delta=1.25) == pytest.approx(1.0)


def test_reliability_is_the_mean_over_ordered_pairs() -> None:
    a, b, c = torch.tensor([10.0, 90.0]), torch.tensor([10.0, 90.0]), torch.tensor([40.0])
    pairs = [(a, b), (b, a), (a, c), (c, a), (b, c), (c, b)]
    by_hand = sum(float(gamma(x, y, duration=500.0)) for x, y in pairs) / 6
    assert reliability([a, b, c], duration=500.0) == pytest.approx(by_hand, rel=1e-12)
    with pytest.raises(ParameterError, match="two repetitions"):
        reliability([a], duration=500.0)


@pytest.mark.parametrize("wrong", [{"delta": 0.0}, {"duration": -1.0}])
def test_bad_windows(wrong: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="both > 0"):
        gamma(torch.tensor([1.0]), torch.tensor([1.0]), **{"duration": 100.0, "delta": 4.0, **wrong})
