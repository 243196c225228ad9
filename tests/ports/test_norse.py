"""Norse's LIFCell, whose input jumps a synaptic current, as the two layers that it is made of.

The equations are those of Norse 1.1 (`torch/functional/lif.py`), written out; times are seconds there, milliseconds
here. A spike is v > v_th there, v >= v_threshold here: the same but for a v that is the threshold to the last digit.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rheobase import integrators, neurons, nn

Array = NDArray[np.float64]
CLEAR = 1e-9


def lif_cell(
    x: Array, tau_syn_inv: float, tau_mem_inv: float, v_leak: float, v_th: float, v_reset: float, dt: float = 0.001
) -> tuple[Array, Array, Array]:
    """Spikes, v and i of LIFCell over x (time, ...): the input jumps i, v sees the jump, then i decays; all Euler."""
    v, i, rows = np.full_like(x[0], v_leak), np.zeros_like(x[0]), []
    for now in x:
        i = i + now
        v = v + dt * tau_mem_inv * ((v_leak - v) + i)
        i = i - dt * tau_syn_inv * i
        assert np.abs(v - v_th).min() > CLEAR
        z = (v > v_th).astype(float)
        v = (1.0 - z) * v + z * v_reset
        rows.append((z, v, i))
    spikes, vs, currents = (np.stack(each) for each in zip(*rows, strict=True))
    return spikes, vs, currents


@pytest.mark.parametrize("backend", ["reference", "llvm"])
@pytest.mark.parametrize(
    ("tau_syn_inv", "tau_mem_inv", "v_leak", "v_th", "v_reset"),
    [(200.0, 100.0, 0.0, 1.0, 0.0), (500.0, 50.0, 0.1, 0.8, -0.2)],  # the first are Norse's defaults
)
def test_lif_cell(
    tau_syn_inv: float, tau_mem_inv: float, v_leak: float, v_th: float, v_reset: float, backend: str
) -> None:
    random = np.random.default_rng(1).random((300, 4, 8))
    x = np.where(random < 0.25, 3.0 + random, 0.0)  # weighted spikes
    expected, v, _ = lif_cell(x, tau_syn_inv, tau_mem_inv, v_leak, v_th, v_reset)

    step, dt = integrators.Euler(), 1.0
    tau_syn, tau_mem = 1000.0 / tau_syn_inv, 1000.0 / tau_mem_inv
    synapse = neurons.LI(8, dt=dt, tau_mem=tau_syn, integrator=step)
    cell = neurons.HardResetLIF(
        8, dt=dt, tau_mem=tau_mem, v_leak=v_leak, v_threshold=v_th, v_reset=v_reset, integrator=step
    )
    jumps = tau_syn / dt * torch.from_numpy(x)  # LI lets dt/tau_syn of its input in
    net = nn.Sequential(synapse, cell).double()
    out, states = net(jumps, backend=backend)
    assert expected.sum() > 300
    assert np.array_equal(out.numpy(), expected)
    assert np.allclose(states[1].v.numpy(), v[-1], rtol=0, atol=1e-12)


def test_cuba_lif_sees_the_current_a_step_later() -> None:
    """One layer in place of two, but for the reset, and each spike a step later: below the threshold v is the same."""
    x = np.random.default_rng(1).random((100, 2, 3)) * 0.1
    _, v, _ = lif_cell(x, 200.0, 100.0, 0.0, 9.0, 0.0)
    one = neurons.CubaLIF(3, dt=1.0, tau_syn=5.0, tau_mem=10.0, w_in=5.0, integrator=integrators.Euler())
    _, _, rec = one.double()(torch.from_numpy(x), record=("v",))
    assert np.allclose(rec.v.numpy()[1:], v[:-1], rtol=0, atol=1e-12)
