"""Scripts of Brian2: the f-I curve of LIF with a refractory time, COBA, and Izhikevich's neurons.

A step of Brian2 is the state update, the threshold, the synapses, the reset. `refractory=5*ms` holds v from the step
after the spike, so of its steps one is the spike's own: here, tau_refrac is less by dt. A conductance that a spike adds
to is seen in the step after. The loops gave the same spikes as Brian2 2.9.0 on these inputs (Izhikevich's for 832
steps, after which one of 20 cells went its own way by rounding).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rheobase import Refractory, integrators, neurons

Array = NDArray[np.float64]
CLEAR = 1e-9
BACKENDS = pytest.mark.parametrize("backend", ["reference", "llvm"])


def lif_with_refractory(v0: Array, steps: int, dt: float = 0.1, tau: float = 10.0, refractory: float = 5.0) -> Array:
    """dv/dt = (v0 - v)/tau : volt (unless refractory), v > 10 mV, v = 0 mV, method="exact"."""
    v, last, spikes = np.zeros_like(v0), np.full(v0.shape, -(10**6)), []
    for k in range(steps):
        free = k - last >= round(refractory / dt)
        v = np.where(free, v0 + (v - v0) * math.exp(-dt / tau), v)
        fired = free & (v > 10.0)
        assert np.abs(v - 10.0).min() > CLEAR
        v, last = np.where(fired, 0.0, v), np.where(fired, k, last)
        spikes.append(fired)
    return np.stack(spikes).astype(float)


@BACKENDS
def test_lif_with_refractory(backend: str) -> None:
    v0, steps, dt = 20.0 * np.arange(40) / 39.0, 2000, 0.1
    expected = lif_with_refractory(v0, steps)
    cell = neurons.HardResetLIF(40, dt=dt, tau_mem=10.0, v_threshold=10.0, v_reset=0.0)
    neuron = Refractory(cell, tau_refrac=5.0 - dt).double()
    out, _ = neuron(torch.from_numpy(v0).expand(steps, 1, -1), backend=backend)
    assert expected.sum() == 238
    assert np.array_equal(out[:, 0].numpy(), expected)


def coba(spikes: Array, exc: Array, inh: Array, dt: float = 0.1, refractory: float = 5.0) -> Array:
    """dv/dt = (ge (Ee - v) + gi (Ei - v) - (v - El))/taum (unless refractory), exponential Euler; ge += 0.6, gi += 6.7.

    `exc` and `inh` (source, target) hold the connections, ge and gi in units of the leak conductance.
    """
    size = exc.shape[1]
    v, ge, gi = np.full(size, -60.0), np.zeros(size), np.zeros(size)
    last, out = np.full(size, -(10**6)), []
    for k, sent in enumerate(spikes):
        free = k - last >= round(refractory / dt)
        total = 1.0 + ge + gi
        v_inf = (-60.0 + ge * 0.0 + gi * -80.0) / total
        v = np.where(free, v_inf + (v - v_inf) * np.exp(-dt * total / 20.0), v)
        ge, gi = ge * math.exp(-dt / 5.0), gi * math.exp(-dt / 10.0)
        fired = free & (v > -50.0)
        assert np.abs(v + 50.0).min() > CLEAR
        ge, gi = ge + 0.6 * (sent @ exc), gi + 6.7 * (sent @ inh)
        v, last = np.where(fired, -60.0, v), np.where(fired, k, last)
        out.append(fired)
    return np.stack(out).astype(float)


@BACKENDS
def test_coba(backend: str) -> None:
    """80 excitatory and 20 inhibitory trains of spikes on 25 neurons; g_leak = 10 nS, c_mem = taum g_leak = 200 pF."""
    random, dt = np.random.default_rng(5), 0.1
    spikes = (random.random((3000, 100)) < 0.004).astype(float)
    connected = (random.random((100, 25)) < 0.3).astype(float)
    is_exc = np.arange(100)[:, None] < 80
    expected = coba(spikes, connected * is_exc, connected * ~is_exc)

    sent, weights = torch.from_numpy(spikes)[:, None], torch.from_numpy(connected)

    def conductance(weight: float, which: torch.Tensor, tau: float) -> torch.Tensor:
        arriving = sent @ (weight * weights * which)
        g, _ = neurons.LeakySum(25, decay=math.exp(-dt / tau)).double()(arriving, backend=backend)
        return torch.cat([torch.zeros_like(g[:1]), g[:-1]])  # seen in the step after

    exc = torch.from_numpy(is_exc)
    cell = neurons.CondLIF(25, dt=dt, c_mem=200.0, g_leak=10.0, v_leak=-60.0, v_threshold=-50.0, v_reset=-60.0)
    neuron = Refractory(cell, tau_refrac=5.0 - dt).double()
    g_exc, g_inh = conductance(6.0, exc, 5.0), conductance(67.0, ~exc, 10.0)
    out, _ = neuron(g_exc=g_exc, g_inh=g_inh, backend=backend)
    assert expected.sum() == 73
    assert np.array_equal(out[:, 0].numpy(), expected)


def izhikevich(a: Array, b: Array, c: Array, d: Array, current: Array, steps: int, dt: float = 0.5) -> Array:
    """dv/dt = (0.04 v^2 + 5 v + 140 - u + I)/ms, du/dt = a (b v - u)/ms, method="euler"; v >= 30, v = c; u += d."""
    v = np.full(a.shape, -65.0)
    u, spikes = b * v, []
    for _ in range(steps):
        v, u = v + dt * (0.04 * v**2 + 5.0 * v + 140.0 - u + current), u + dt * a * (b * v - u)
        fired = v >= 30.0
        assert np.abs(v - 30.0).min() > CLEAR
        v, u = np.where(fired, c, v), np.where(fired, u + d, u)
        spikes.append(fired)
    return np.stack(spikes).astype(float)


@BACKENDS
def test_izhikevich(backend: str) -> None:
    """Regular spiking to chattering at even places, fast to low-threshold spiking at odd ones (2003, fig. 3)."""
    size, steps, dt = 20, 800, 0.5
    r, odd = np.random.default_rng(2).random(size), np.arange(size) % 2
    a, b = 0.02 + 0.08 * odd * r, 0.2 + 0.05 * odd * (1 - r)
    c, d = -65.0 + 15.0 * (1 - odd) * r**2, np.where(odd, 2.0, 8.0 - 6.0 * r**2)
    current = np.linspace(2.0, 20.0, size)
    expected = izhikevich(a, b, c, d, current, steps)

    values = {name: torch.from_numpy(x) for name, x in {"a": a, "b": b, "c": c, "d": d}.items()}
    neuron = neurons.Izhikevich(size, dt=dt, integrator=integrators.Euler(), **values).double()
    start = neuron.State(v=torch.full((1, size), -65.0).double(), u=(-65.0 * values["b"])[None])
    out, _ = neuron(torch.from_numpy(current).expand(steps, 1, -1), start, backend=backend)
    assert expected.sum() == 643
    assert np.array_equal(out[:, 0].numpy(), expected)
