"""Facts of Mostafa's time-to-first-spike neuron: the closed form of the spike time, one spike and no more."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from rheobase.neurons.ttfs import TTFS

TAU = 5.0


def closed_form(weights: list[float], times: list[float], v_threshold: float = 1.0) -> float:
    """The spike time by the causal set: the first inputs, in order, that fire before the next one comes."""
    pairs = sorted(zip(times, weights, strict=True))
    for n in range(1, len(pairs) + 1):
        causal = pairs[:n]
        spare = sum(w for _, w in causal) - v_threshold / TAU
        drive = sum(w * math.exp(t / TAU) for t, w in causal)
        if spare > 0 and drive > spare:
            fired = TAU * math.log(drive / spare)
            if fired >= causal[-1][0] and (n == len(pairs) or fired <= pairs[n][0]):
                return fired
    return math.inf


def pulses(weights: list[float], times: list[float], dt: float, t_stop: float = 30.0) -> torch.Tensor:
    x = torch.zeros(round(t_stop / dt), 1, 1, dtype=torch.float64)
    for w, t in zip(weights, times, strict=True):
        x[round(t / dt)] += w / dt
    return x


CASES = [
    ([0.15, 0.3, 0.25], [0.0, 2.0, 3.0]),
    ([0.5], [1.0]),
    ([0.3, -0.2, 0.4], [0.0, 1.0, 2.0]),
    ([0.21, 5.0], [0.0, 20.0]),
    ([0.3, 5.0], [0.0, 8.0]),
]


@pytest.mark.parametrize(("weights", "times"), CASES)
def test_spike_time_tends_to_the_closed_form(weights: list[float], times: list[float]) -> None:
    exact = closed_form(weights, times)
    assert math.isfinite(exact)
    for dt in (0.1, 0.02, 0.004):
        out, _ = TTFS(1, dt=dt).double()(pulses(weights, times, dt))
        assert float(out.sum()) == 1.0
        found = (int(out.flatten().argmax()) + 1) * dt
        assert 0.0 <= found - exact <= 2.0 * dt


def test_many_random_inputs() -> None:
    rng = np.random.default_rng(2)
    dt, fired = 0.01, 0
    for _ in range(30):
        times = sorted(float(t) for t in rng.choice(1000, size=5, replace=False) * dt)
        weights = [float(w) for w in rng.normal(0.06, 0.12, size=5)]
        exact = closed_form(weights, times)
        out, end = TTFS(1, dt=dt).double()(pulses(weights, times, dt, t_stop=60.0))
        if math.isinf(exact):
            assert float(end.spent) == 0.0
        elif exact < 55.0:
            fired += 1
            # where v only grazes the threshold, a small shift of v is a large one of the time
            assert (int(out.flatten().argmax()) + 1) * dt == pytest.approx(exact, abs=20 * dt)
    assert 8 < fired < 30


def test_never_again() -> None:
    cell = TTFS(3, dt=1.0)
    x = 0.2 * torch.rand(200, 4, 3, generator=torch.Generator().manual_seed(0))
    out, end = cell(x)
    assert bool((out.sum(0) == 1.0).all())
    more, _ = cell(x, end)
    assert float(more.sum()) == 0.0
    assert bool((cell(x)[0].sum(0) == 1.0).all())  # a new sequence arms it


def test_too_little_input_never_fires() -> None:
    """In all v rises by tau_syn times the sum of weights."""
    for total, fires in ((0.99, 0.0), (1.01, 1.0)):
        out, _ = TTFS(1, dt=0.01).double()(pulses([total / TAU], [0.0], 0.01, t_stop=60.0))
        assert float(out.sum()) == fires


def test_gradient_moves_the_spike_the_right_way() -> None:
    """More weight makes the spike earlier: the surrogate says so, and nothing comes from after the spike."""
    x = torch.full((60, 1, 1), 0.02, dtype=torch.float64).requires_grad_()
    out, _ = TTFS(1, dt=1.0).double()(x)
    step = int(out.flatten().argmax())
    before = torch.arange(60, dtype=torch.float64)
    (slope,) = torch.autograd.grad((out.flatten() * (60.0 - before)).sum(), x)
    assert bool((slope[: step - 1] > 0).all())
    assert bool((slope[step:] == 0).all())


def test_closed_form_is_the_causal_set_of_the_paper() -> None:
    """The closed form above against a search over all subsets."""
    weights, times = CASES[0]
    found = []
    for n in (1, 2, 3):
        for subset in itertools.combinations(range(3), n):
            w, t = [weights[k] for k in subset], [times[k] for k in subset]
            spare = sum(w) - 1.0 / TAU
            drive = sum(a * math.exp(b / TAU) for a, b in zip(w, t, strict=True))
            if spare > 0 and drive > spare:
                fired = TAU * math.log(drive / spare)
                if {k for k in range(3) if times[k] < fired} == set(subset):
                    found.append(fired)
    assert found == [pytest.approx(closed_form(weights, times))]
