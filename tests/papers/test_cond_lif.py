"""The conductance-based cell of Brette et al. (2007) against its closed form, and against another solver."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from rheobase import Refractory
from rheobase.neurons import CondLIF

TAU_EXC, TAU_INH, W_EXC, W_INH, TAU_REFRAC = 5.0, 10.0, 6.0, 67.0, 5.0  # ms and nS, benchmark 1
STOP = 300.0


@pytest.mark.parametrize(("g_exc", "g_inh"), [(5.0, 0.0), (8.0, 6.0), (20.0, 10.0)])
def test_the_interval_under_constant_conductances(g_exc: float, g_inh: float) -> None:
    """It is tau ln((v_inf - v_reset) / (v_inf - v_threshold)), up to the step in which it ends."""
    dt = 0.01
    neuron = CondLIF(1, dt=dt).double()
    flat = torch.ones(round(200.0 / dt), 1, 1, dtype=torch.float64)
    spikes, _ = neuron(g_exc=g_exc * flat, g_inh=g_inh * flat)
    g = 10.0 + g_exc + g_inh
    v_inf = (10.0 * -60.0 + g_inh * -80.0) / g
    exact = 200.0 / g * math.log((v_inf + 60.0) / (v_inf + 50.0))
    intervals = spikes.flatten().nonzero().flatten().diff() * dt
    assert len(intervals) > 5
    assert ((intervals >= exact - 1e-9) & (intervals < exact + dt)).all()


def arrivals() -> tuple[np.ndarray, np.ndarray]:
    """When spikes arrive at the excitatory and at the inhibitory synapse, ms."""
    rng = np.random.default_rng(3)
    return np.sort(rng.uniform(0.0, STOP, 260)), np.sort(rng.uniform(0.0, STOP, 24))


def conductance(t: np.ndarray, times: np.ndarray, weight: float, tau: float) -> np.ndarray:
    past = t[:, None] - times[None, :]
    return (weight * np.exp(-np.clip(past, 0.0, None) / tau) * (past >= 0.0)).sum(1)


def solved() -> tuple[list[float], Any]:
    """The spike times, and the potential where it is free, by an adaptive solver from event to event."""
    exc, inh = arrivals()

    def slope(t: float, v: np.ndarray) -> np.ndarray:
        at = np.array([t])
        g_exc, g_inh = conductance(at, exc, W_EXC, TAU_EXC)[0], conductance(at, inh, W_INH, TAU_INH)[0]
        return (10.0 * (-60.0 - v) + g_exc * (0.0 - v) + g_inh * (-80.0 - v)) / 200.0

    def crossed(t: float, v: np.ndarray) -> float:
        return v[0] + 50.0

    crossed.terminal, crossed.direction = True, 1.0  # type: ignore[attr-defined]
    spikes: list[float] = []
    pieces: list[Any] = []
    stops = np.unique(np.concatenate([exc, inh, [STOP]]))
    t, v = 0.0, -60.0
    for stop in stops:
        while t < stop:
            # from one arrival to the next the right side is smooth
            piece = solve_ivp(
                slope, (t, np.nextafter(stop, 0.0)), [v], rtol=1e-10, atol=1e-10, events=crossed, dense_output=True
            )
            pieces.append((t, piece.t[-1], piece.sol))
            t, v = piece.t[-1], piece.y[0, -1]
            if piece.status == 1:
                spikes.append(t)
                t, v = t + TAU_REFRAC, -60.0
            else:
                t = stop
    return spikes, pieces


@pytest.mark.parametrize(("dt", "late"), [(0.01, 0.08), (0.0025, 0.02)])
def test_decaying_conductances_against_an_adaptive_solver(dt: float, late: float) -> None:
    """The same spikes, late in proportion to the step, and the same potential between them.

    A spike and the end of refractoriness wait for the end of a step; what that shifts goes on.
    """
    t = (np.arange(round(STOP / dt)) + 0.5) * dt
    exc, inh = arrivals()
    g_exc = torch.from_numpy(conductance(t, exc, W_EXC, TAU_EXC)).view(-1, 1, 1)
    g_inh = torch.from_numpy(conductance(t, inh, W_INH, TAU_INH)).view(-1, 1, 1)
    neuron = Refractory(CondLIF(1, dt=dt).double(), tau_refrac=TAU_REFRAC).double()
    spikes, _, rec = neuron(g_exc=g_exc, g_inh=g_inh, record=("v",))
    found = (spikes.flatten().nonzero().flatten().numpy() + 1) * dt
    expected, pieces = solved()
    assert len(expected) > 10
    assert len(found) == len(expected)
    assert np.abs(found - expected).max() < late
    v = rec.v.flatten().numpy()
    for begin, end, solution in pieces:
        at = np.arange(math.ceil(begin / dt) + 1, math.floor(end / dt))
        if len(at) and end - begin > 1.0:
            assert np.abs(v[at - 1] - solution(at * dt)[0]).max() < 6.0 * late
