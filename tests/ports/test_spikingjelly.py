"""Scripts of SpikingJelly: LIFNode and IFNode with their hard reset, and the multi-step network of its first tutorial.

The equations are those of SpikingJelly 2.0 (`activation_based/neuron`), written out; steps have no unit there, which is
dt = 1, and the update is Euler's.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rheobase import input_scale, integrators, neurons, nn

Array = NDArray[np.float64]
CLEAR = 1e-9
BACKENDS = pytest.mark.parametrize("backend", ["reference", "llvm"])


def lif_node(
    x: Array, tau: float = 2.0, decay_input: bool = True, v_threshold: float = 1.0, v_reset: float | None = 0.0
) -> tuple[Array, Array]:
    """Spikes and v (after the reset) of LIFNode over x (time, ...); it starts at v_reset, or at 0 for None."""
    rest = 0.0 if v_reset is None else v_reset
    v, spikes, trace = np.full_like(x[0], rest), [], []
    for i in x:
        v = v + (i - (v - rest)) / tau if decay_input else v - (v - rest) / tau + i
        assert np.abs(v - v_threshold).min() > CLEAR
        fired = (v >= v_threshold).astype(float)
        v = v - fired * v_threshold if v_reset is None else (1.0 - fired) * v + fired * v_reset
        spikes.append(fired)
        trace.append(v)
    return np.stack(spikes), np.stack(trace)


def if_node(x: Array) -> Array:
    """Spikes of IFNode over x (time, ...): v_threshold = 1, v_reset = 0."""
    v, spikes = np.zeros_like(x[0]), []
    for i in x:
        v = v + i
        assert np.abs(v - 1.0).min() > CLEAR
        fired = (v >= 1.0).astype(float)
        v = (1.0 - fired) * v
        spikes.append(fired)
    return np.stack(spikes)


def noise(steps: int, *shape: int, scale: float, seed: int = 1) -> Array:
    return np.random.default_rng(seed).random((steps, *shape)) * scale


@BACKENDS
@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("v_reset", [0.0, -0.3, None])
@pytest.mark.parametrize("tau", [2.0, 7.5])
def test_lif_node(tau: float, v_reset: float | None, decay_input: bool, backend: str) -> None:
    """v_reset is where it leaks to, too. A whole input is tau = input_scale(1 - 1/tau) times as large."""
    x = noise(200, 4, 8, scale=4.0 if decay_input else 1.0)
    expected, v = lif_node(x, tau, decay_input, v_reset=v_reset)
    step = integrators.Euler()
    if v_reset is None:
        neuron = neurons.LIF(8, dt=1.0, tau_mem=tau, integrator=step)
    else:
        neuron = neurons.HardResetLIF(8, dt=1.0, tau_mem=tau, v_leak=v_reset, v_reset=v_reset, integrator=step)
    scale = 1.0 if decay_input else input_scale(1.0 - 1.0 / tau)
    out, _, rec = neuron.double()(scale * torch.from_numpy(x), record=("v",), backend=backend)
    assert expected.sum() > 500
    assert np.array_equal(out.numpy(), expected)
    assert np.allclose(rec.v.numpy(), v, rtol=0, atol=1e-12)


@BACKENDS
def test_if_node(backend: str) -> None:
    x = noise(200, 4, 8, scale=0.8)
    out, _ = neurons.HardResetIF(8, dt=1.0).double()(torch.from_numpy(x), backend=backend)
    assert np.array_equal(out.numpy(), if_node(x))


@BACKENDS
def test_parametric_lif_node(backend: str) -> None:
    """ParametricLIFNode(init_tau=3.0): PLIF with a = -ln(tau - 1)."""
    x = noise(200, 4, 8, scale=2.5)
    neuron = neurons.PLIF(8, a=-np.log(3.0 - 1.0), learn=("a",)).double()
    out, _ = neuron(torch.from_numpy(x), backend=backend)
    assert np.array_equal(out.detach().numpy(), lif_node(x, tau=3.0)[0])


@BACKENDS
def test_the_multi_step_network_of_the_tutorial(backend: str) -> None:
    """Sequential(Flatten(), Linear, LIFNode(tau=2.0), Linear, LIFNode(tau=2.0)), step_mode="m"; x (T, N, 1, 8, 8).

    The decision is the rate of firing over time.
    """
    torch.manual_seed(2)
    first, second = torch.nn.Linear(64, 40, bias=False).double(), torch.nn.Linear(40, 10, bias=False).double()
    with torch.no_grad():
        first.weight.mul_(8.0)
        second.weight.mul_(9.0)
    x = (noise(30, 5, 1, 8, 8, scale=1.0, seed=3) < 0.3).astype(float)  # PoissonEncoder

    hidden, _ = lif_node(x.reshape(30, 5, 64) @ first.weight.detach().numpy().T)
    expected, _ = lif_node(hidden @ second.weight.detach().numpy().T)

    def lif(size: int) -> neurons.HardResetLIF:
        return neurons.HardResetLIF(size, dt=1.0, tau_mem=2.0, integrator=integrators.Euler())

    net = nn.Sequential(nn.Flatten(), first, lif(40), second, lif(10)).double()
    with torch.no_grad():
        out, _ = net(torch.from_numpy(x), backend=backend)
    assert hidden.sum() > 500
    assert expected.sum() > 100
    assert np.array_equal(out.numpy(), expected)
    assert np.array_equal(out.mean(0).argmax(1).numpy(), expected.mean(0).argmax(1))
