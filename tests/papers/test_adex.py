"""The adaptive exponential neuron: bifurcation, an independent solution, and the patterns of Naud et al. (2008)."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import integrators, stimuli
from rheobase.neurons import AdEx
from tests.papers.spike_trains import Trial, constant, shown, trial

ORACLE = Path(__file__).parents[2].parent / "shared" / "data" / "oracle_nest" / "aeif_reference_lsodar.dat.gz"

# of the oracle: see the README of that folder
SETTING: dict[str, Any] = dict(
    c_mem=200.0, g_leak=11.0, v_leak=-70.0, v_T=-50.0, delta_T=2.0, tau_w=300.0, a=3.0, b=0.0, v_peak=0.0, v_reset=-58.0
)
NEAR = 0.3  # ms around a spike, where v moves fast


def test_against_an_independent_solution() -> None:
    """NEST's reference: an adaptive step, and roots found at the spikes. V within 0.01 mV, w within 0.005 pA."""
    if not ORACLE.exists():
        pytest.skip("the reference solution of NEST is not here")
    with gzip.open(ORACLE, "rt") as file:
        t, v, w = np.loadtxt(file).T
    dt = 0.001
    neuron = AdEx(1, dt=dt, integrator=integrators.RK4(), **SETTING).double()
    start = neuron.State(*(torch.full((1, 1), x, dtype=torch.float64) for x in (-70.0, 5.0)))
    with torch.no_grad():
        out, _, rec = neuron(constant(420.0, 99.0, dt), start, record=("v", "w"))
    spikes = (out.flatten().nonzero().flatten().numpy() + 1) * dt
    reset = t[np.flatnonzero(np.diff(v) < -40.0)]
    assert len(reset) == len(spikes) == 7
    # a spike is seen and reset at the end of its step, and what it is late the next are late too
    late = np.concatenate([[0.0], spikes - reset])
    assert np.all((np.diff(late) > 0.0) & (np.diff(late) < 2.0 * dt))
    # so the time since the last spike is compared
    here = (np.abs(t[:, None] - reset).min(axis=1) > NEAR) & (t > dt) & (t < 98.9)
    assert here.sum() > 250
    there = t[here] + late[np.searchsorted(reset, t[here])]
    grid = np.arange(1, len(out) + 1) * dt
    found = [np.interp(there, grid, getattr(rec, name)[:, 0, 0].numpy()) for name in ("v", "w")]
    assert np.abs(found[0] - v[here]).max() < 0.01
    assert np.abs(found[1] - w[here]).max() < 0.005


def test_rheobase_of_a_slow_ramp() -> None:
    """With a/g_leak > tau_mem/tau_w rest ends in a Hopf bifurcation (Touboul & Brette, 2008).

    i = (g + a) (v_T - v_leak - delta_T + delta_T ln(1 + tau_mem/tau_w)) + delta_T g (a/g - tau_mem/tau_w)
    """
    g, a, ratio = 30.0, 4.0, 281.0 / 30.0 / 144.0
    assert a / g > ratio
    level = (g + a) * (-50.4 + 70.6 - 2.0 + 2.0 * math.log(1.0 + ratio)) + 2.0 * g * (a / g - ratio)
    ramp = stimuli.corners([(0.0, 0.9 * level), (20_000.0, 1.02 * level)])
    found = trial(AdEx(1, dt=0.1, integrator=integrators.RK4()), ramp.sample(20_000.0, 0.1).view(-1, 1, 1))
    at = 0.9 * level + found.times[0] / 20_000.0 * 0.12 * level
    assert at == pytest.approx(level, rel=0.01)
    assert at > level  # firing cannot begin before rest is unstable


def test_gradients_are_finite_through_spikes() -> None:
    neuron = AdEx(1, dt=0.1, learn=tuple(AdEx.params))
    current = torch.full((2000, 1, 1), 1500.0, requires_grad=True)
    spikes, end = neuron(current)
    (spikes.sum() + end.v.sum() + end.w.sum()).backward()
    assert float(spikes.detach().sum()) > 3
    for x in (current, *neuron.parameters()):
        assert x.grad is not None
        assert bool(torch.isfinite(x.grad).all())


# --- the patterns of Naud et al. ---------------------------------------------------------------------
def cv(x: np.ndarray) -> float:
    return float(x.std() / x.mean())


def tonic_spiking(x: Trial) -> bool:
    return len(x.times) > 40 and cv(x.intervals[10:]) < 0.01 and x.times[0] < 20.0


def adaptation(x: Trial) -> bool:
    """Every interval is longer than the last one, never twice as long, to a fifth of the first rate."""
    growth = x.intervals[1:] / x.intervals[:-1]
    return bool(np.all((growth > 0.99) & (growth < 2.0))) and x.intervals[-1] > 5.0 * x.intervals[0]


def initial_burst(x: Trial) -> bool:
    """Some close spikes, then single ones at even intervals."""
    groups = x.bursts(gap=20.0)
    if len(groups) < 3:
        return False
    singles = np.concatenate(groups[1:])
    return len(groups[0]) >= 3 and all(len(g) == 1 for g in groups[1:]) and cv(np.diff(singles)) < 0.02


def regular_bursting(x: Trial) -> bool:
    """Bursts of the same number of spikes at even intervals, but for the first and one that the end cuts off."""
    groups = x.bursts(gap=20.0)[1:-1]
    starts = np.array([g[0] for g in groups])
    return len(groups) >= 3 and len({len(g) for g in groups}) == 1 and len(groups[0]) > 1 and cv(np.diff(starts)) < 0.02


def delayed_accelerating(x: Trial) -> bool:
    """A first spike later than any interval after it, and every interval shorter than the one before."""
    return x.times[0] > x.intervals.max() and bool(np.all(np.diff(x.intervals) < 0.2)) and cv(x.intervals) > 0.1


def delayed_regular_bursting(x: Trial) -> bool:
    """As regular bursting, after a silence as long as those between the bursts."""
    pauses = x.intervals[x.intervals > 20.0]
    return regular_bursting(x) and x.times[0] > 0.9 * pauses.mean()


def transient_spiking(x: Trial) -> bool:
    """Silent for the rest of half a second and more, above the potential from which it fired at the onset."""
    return 1 <= len(x.times) <= 3 and x.times[-1] < 60.0 and float(np.ptp(x.between(500.0, 600.0))) < 0.5


def irregular_spiking(x: Trial) -> bool:
    """No period, up to eight spikes long, in the second half."""
    later = x.intervals[len(x.intervals) // 2 :]
    strays = [float(np.abs(later[p:] - later[:-p]).max()) for p in range(1, 9)]
    return cv(later) > 0.3 and min(strays) > 2.0


PATTERNS: tuple[Callable[[Trial], bool], ...] = (
    tonic_spiking,
    adaptation,
    initial_burst,
    regular_bursting,
    delayed_accelerating,
    delayed_regular_bursting,
    transient_spiking,
    irregular_spiking,
)


def test_every_set_has_a_test() -> None:
    assert [check.__name__ for check in PATTERNS] == list(AdEx.sets())


@pytest.mark.parametrize("check", PATTERNS, ids=lambda f: f.__name__)
def test_pattern(check: Callable[[Trial], bool]) -> None:
    name = check.__name__
    found = shown(AdEx, name)
    assert check(found), found.times


@pytest.mark.parametrize("name", [f.__name__ for f in PATTERNS])
def test_no_other_set_passes(name: str) -> None:
    """But delayed regular bursting is regular bursting, with a delay."""
    also = {"delayed_regular_bursting": {"regular_bursting"}}.get(name, set[str]())
    found = shown(AdEx, name)
    passed = {check.__name__ for check in PATTERNS if passes(check, found)}
    assert passed == {name} | also


def passes(check: Callable[[Trial], bool], found: Trial) -> bool:
    """A train too short for a check does not pass it."""
    needed = {"transient_spiking": 0, "irregular_spiking": 24}.get(check.__name__, 6)
    return len(found.times) >= needed and check(found)


def test_defaults_fire_regularly_and_adapt() -> None:
    """Brette and Gerstner's regular-spiking cell at 800 pA: fires, and the intervals grow."""
    found = trial(AdEx(1, dt=0.1), torch.full((4000, 1, 1), 800.0))
    assert len(found.times) == 8
    assert np.all(np.diff(found.intervals) > -0.2)
