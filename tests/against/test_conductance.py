"""Conductance-based neurons against runs of NEURON and Brian2 (`make_traces.py` wrote them, or writes them now).

Four steps and one noise for each model, 500 ms. Asked for: the same spikes, their times to 0.1 ms, and v to 0.2 mV
(root mean square) wherever the other simulator has it below -40 mV. Runge-Kutta at dt = 0.01 ms does much better. The
default integrator is of first order: there it is held to first spikes, to v before them, and to its order.
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import integrators, neurons
from rheobase.core.equations.equilibrium import settled
from tests.against.make_traces import EVERY, FOLDER, GRID, RUNS, START, THRESHOLD, crossings, currents, run

NAMES = pytest.mark.parametrize("name", list(RUNS))
Arrays = dict[str, Any]


def ours(model: str, integrator: integrators.Integrator, dt: float = GRID) -> tuple[Any, list[Any]]:
    """Potentials (time, protocol) from 0 on, and the spike times of each protocol."""
    neuron = getattr(neurons, model)(1, dt=dt, integrator=integrator).double()
    drive = np.repeat(currents(model), round(GRID / dt), axis=0)
    v = torch.full((drive.shape[1], 1), START[model], dtype=torch.float64)
    start = neuron.State(v=v, above=torch.zeros_like(v), **settled(neuron, v))
    _, _, rec = neuron(torch.from_numpy(drive).unsqueeze(-1), start, record=("v",))
    trace = torch.cat([v.unsqueeze(0), rec.v]).squeeze(-1).numpy()
    t = np.arange(len(trace)) * dt
    return trace, [crossings(t, column, THRESHOLD[model]) for column in trace.T]


def stored(name: str) -> Arrays:
    with np.load(FOLDER / f"{name}.npz") as file:
        return dict(file)


def compare(name: str, theirs: Arrays) -> None:
    v, spikes = ours(RUNS[name][1], integrators.RK4())
    v = v[:: round(EVERY / GRID)][: len(theirs["v"])]
    assert sum(len(times) for times in spikes) > 80
    for k, times in enumerate(spikes):
        expected = theirs[f"spikes_{k}"]
        assert len(times) == len(expected), k
        assert np.abs(times - expected).max(initial=0.0) < 0.01, k
        below = theirs["v"][:, k] < -40.0
        assert below.mean() > 0.5
        assert np.sqrt(np.mean((v[below, k] - theirs["v"][below, k]) ** 2)) < 0.02, k


@NAMES
def test_runge_kutta(name: str) -> None:
    """Ten times better than asked for."""
    compare(name, stored(name))


@NAMES
def test_default_integrator(name: str) -> None:
    """The first spike of each step to 0.1 ms, and v to 0.2 mV until 2 ms before it."""
    theirs, (v, spikes) = stored(name), ours(RUNS[name][1], integrators.ExpEuler())
    v = v[:: round(EVERY / GRID)][: len(theirs["v"])]
    t = np.arange(len(v)) * EVERY
    for k, times in enumerate(spikes[:-1]):
        expected = theirs[f"spikes_{k}"]
        assert (len(times) > 0) == (len(expected) > 0), k
        first = expected[0] if len(expected) else np.inf
        assert len(expected) == 0 or abs(times[0] - first) < 0.1, k
        before = t < first - 2.0
        assert np.sqrt(np.mean((v[before, k] - theirs["v"][before, k]) ** 2)) < 0.2, k


@NAMES
def test_default_integrator_converges_to_them(name: str) -> None:
    """Its spikes come late in proportion to dt: what two steps extrapolate to is right to 0.1 ms."""
    theirs, model = stored(name), RUNS[name][1]
    coarse, fine = (ours(model, integrators.ExpEuler(), dt)[1] for dt in (GRID / 4.0, GRID / 8.0))
    for k in range(4):
        expected = theirs[f"spikes_{k}"][:12]
        if len(expected) == 0:
            continue
        late = [times[k][:12] - expected for times in (coarse, fine)]
        assert bool((late[0] > late[1]).all()), k
        assert bool((late[1] > 0.0).all()), k
        assert np.abs(2.0 * late[1] - late[0]).max() < 0.1, k


@NAMES
def test_live(name: str) -> None:
    """The same with the simulator at work."""
    simulator = RUNS[name][0].__name__
    if importlib.util.find_spec(simulator) is None:
        pytest.skip(f"{simulator} is not installed (the extra `oracle`); the stored traces were compared")
    compare(name, run(name))
