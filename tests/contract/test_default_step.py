"""What the command line simulates by default has the right rate within 1 %, or it is told that it has not.

The reference is the same neuron at a sixteenth of its default step, with the default integrator, whose order of
convergence `tests/core` holds; the rate is that of the mean interval. A neuron is asked at several multiples of the
current that makes it fire within 50 ms; those at which it goes on firing count.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import pytest
import torch

from rheobase import OdeNeuron, neurons
from rheobase.current_clamp import (
    SOON,
    WITHIN,
    HalfStep,
    at_half_step,
    make,
    never_spikes,
    respond,
    smallest_current,
    spikes_under,
    time_step,
)

MULTIPLES = (1.2, 1.5, 2.0, 3.0, 5.0)
STOP, FINER = 400.0, 16


@dataclass(frozen=True)
class Judged:
    """A neuron under one current: the true relative error of its rate, and what the command line knows of it."""

    current: float
    error: float
    told: HalfStep


def fires(name: str) -> bool:
    kind = getattr(neurons, name)
    return issubclass(kind, OdeNeuron) and not never_spikes(kind)


NAMES = [name for name in neurons.__all__ if fires(name)]
# after one spike, or none, there is no rate
ONCE = {"TTFS": "it fires once"}


def rate(spikes: torch.Tensor, dt: float) -> float | None:
    at = spikes.nonzero().flatten()
    return 1000.0 * (len(at) - 1) / (float(at[-1] - at[0]) * dt) if len(at) > 2 else None


@functools.cache
def judged(name: str) -> tuple[Judged, ...]:
    kind = getattr(neurons, name)
    least = smallest_current(kind, within=SOON) or 1.0
    currents = [float(torch.tensor(least * multiple)) for multiple in MULTIPLES]
    fine = time_step(kind) / FINER
    exact = spikes_under(make(kind, 1, fine), torch.tensor(currents), STOP)
    found: list[Judged] = []
    for current, spikes in zip(currents, exact.T, strict=True):
        true = rate(spikes, fine)
        run = respond(make(kind, 1, time_step(kind)), current=current, steps=round(STOP / time_step(kind)))
        told = at_half_step(run)
        assert told is not None
        if true is not None and run.rate:
            found.append(Judged(current, abs(run.rate / true - 1.0), told))
    return tuple(found)


@pytest.mark.parametrize("name", NAMES)
def test_the_default_step_is_right_or_says_that_it_is_not(name: str) -> None:
    if name in ONCE:
        pytest.skip(ONCE[name])
    assert judged(name), "no current at which it goes on firing"
    for each in judged(name):
        assert each.error <= WITHIN or not each.told.converged, each


@pytest.mark.parametrize("name", NAMES)
def test_at_one_and_a_half_rheobases_it_is_right(name: str) -> None:
    """A default that only says that it is wrong would be no default."""
    if name in ONCE:
        pytest.skip(ONCE[name])
    usual = [each for each in judged(name)[:3] if each.told.rate < 200.0]
    for each in usual:
        assert each.error <= WITHIN, each
        assert each.told.converged, each


def test_it_is_asked_of_all() -> None:
    assert {"HodgkinHuxley", "WangBuzsaki", "AdEx", "LIF", "Theta"} <= set(NAMES)
