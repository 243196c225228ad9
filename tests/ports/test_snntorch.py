"""Scripts of snnTorch: Leaky with its reset at once, a step later and to zero, and the network of its tutorial.

The equations are those of snnTorch 1.0 (`_neurons/leaky.py`), written out. A spike is mem > threshold there, v >=
v_threshold here: the same off the threshold itself, which the tests keep away from.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rheobase import from_decay, input_scale, neurons, nn
from rheobase.core.neuron import Neuron

Array = NDArray[np.float64]
CLEAR = 1e-9  # every potential of the loops is further than this from the threshold


def leaky(
    x: Array, beta: float, threshold: float, *, reset_mechanism: str = "subtract", reset_delay: bool = True
) -> tuple[Array, Array]:
    """Spikes and mem of Leaky over x (time, ...): mem before its reset where that comes a step later, else after."""
    mem, spikes, trace = np.zeros_like(x[0]), [], []
    for i in x:
        fired = mem > threshold
        if reset_mechanism == "subtract":
            mem = beta * mem + i - fired * threshold
        else:
            mem = beta * (~fired * mem) + i
        assert np.abs(mem - threshold).min() > CLEAR
        out = mem > threshold
        if not reset_delay:
            do = out.astype(float) - fired
            mem = mem - do * (threshold if reset_mechanism == "subtract" else mem)
        spikes.append(out)
        trace.append(mem)
    return np.stack(spikes).astype(float), np.stack(trace)


def noise(steps: int, *shape: int, scale: float, seed: int = 1) -> Array:
    return np.random.default_rng(seed).random((steps, *shape)) * scale


def subtracted_later(size: int, beta: float, threshold: float) -> Neuron:
    """Leaky as it is by default. What beta leaves of threshold/beta is threshold, and v counts from v_leak."""
    return neurons.LIF(
        size, dt=1.0, tau_mem=from_decay(beta), v_threshold=threshold / beta, v_leak=threshold * (1 / beta - 1)
    )


def subtracted(size: int, beta: float, threshold: float) -> Neuron:
    return neurons.LIF(size, dt=1.0, tau_mem=from_decay(beta), v_threshold=threshold)


def to_zero(size: int, beta: float, threshold: float) -> Neuron:
    return neurons.HardResetLIF(size, dt=1.0, tau_mem=from_decay(beta), v_threshold=threshold)


@pytest.mark.parametrize("backend", ["reference", "llvm"])
@pytest.mark.parametrize(("beta", "threshold"), [(0.9, 1.0), (0.5, 0.7), (0.99, 1.3)])
@pytest.mark.parametrize(
    ("make", "given"),
    [
        (subtracted_later, {}),
        (subtracted, {"reset_delay": False}),
        (to_zero, {"reset_mechanism": "zero"}),
        (to_zero, {"reset_mechanism": "zero", "reset_delay": False}),
    ],
    ids=["subtract-later", "subtract", "zero-later", "zero"],
)
def test_leaky(
    make: Callable[[int, float, float], Neuron], given: dict[str, bool], beta: float, threshold: float, backend: str
) -> None:
    x = noise(200, 4, 8, scale=0.6)
    expected, mem = leaky(x, beta, threshold, **given)  # type: ignore[arg-type]
    neuron = make(8, beta, threshold).double()
    out, _, rec = neuron(input_scale(beta) * torch.from_numpy(x), record=("v", "v.pre"), backend=backend)
    assert expected.sum() > 500
    assert np.array_equal(out.numpy(), expected)
    seen = rec.v if given.get("reset_delay") is False else rec.v_pre
    rest = float(neuron.v_leak)  # type: ignore[arg-type]
    assert np.allclose(seen.numpy() - rest, mem, rtol=0, atol=1e-12)


@pytest.mark.parametrize("backend", ["reference", "llvm"])
@pytest.mark.parametrize("mechanism", ["subtract", "zero"])
def test_gradients(mechanism: str, backend: str) -> None:
    """With atan(alpha=2.0), and the reset detached: mem_reset of snnTorch is."""
    beta, threshold, (x, weight) = 0.9, 1.0, torch.from_numpy(noise(2, 60, 4, 8, scale=0.6))
    loops = x.clone().requires_grad_()
    mem, loss = torch.zeros_like(x[0]), torch.zeros((), dtype=x.dtype)
    for i, w in zip(loops, weight, strict=True):
        fired = (mem.detach() > threshold).double()
        mem = beta * mem + i - fired * threshold if mechanism == "subtract" else beta * (1.0 - fired) * mem + i
        # a spike whose gradient is alpha/2 / (1 + (pi/2 alpha x)^2)
        smooth = torch.atan(torch.pi * (mem - threshold)) / torch.pi
        loss = loss + (w * (smooth + ((mem > threshold).double() - smooth).detach())).sum()
    loss.backward()
    neuron = (subtracted_later if mechanism == "subtract" else to_zero)(8, beta, threshold).double()
    neuron.detach_reset = True
    ours = x.clone().requires_grad_()
    out, _ = neuron(input_scale(beta) * ours, backend=backend)
    (weight * out).sum().backward()
    assert loops.grad is not None
    assert ours.grad is not None
    assert torch.allclose(ours.grad, loops.grad, rtol=1e-9, atol=1e-12)


def test_the_delay_of_the_reset_is_no_small_thing() -> None:
    """The subtraction a step later takes threshold/beta of v: LIF without the change fires more often."""
    x = noise(200, 4, 8, scale=0.6)
    late, _ = leaky(x, 0.9, 1.0)
    at_once, _ = subtracted(8, 0.9, 1.0).double()(input_scale(0.9) * torch.from_numpy(x))
    assert at_once.sum() > 1.05 * late.sum()


@pytest.mark.parametrize("backend", ["reference", "llvm"])
def test_the_network_of_tutorial_5(backend: str) -> None:
    """fc1, lif1, fc2, lif2 over 25 steps of one image, with the weights of the two layers."""
    beta, steps = 0.95, 25
    torch.manual_seed(3)
    fc1, fc2 = torch.nn.Linear(64, 100).double(), torch.nn.Linear(100, 10).double()
    image = noise(1, 16, 64, scale=2.0, seed=7)[0]

    (w1, b1), (w2, b2) = ((fc.weight.detach().numpy(), fc.bias.detach().numpy()) for fc in (fc1, fc2))
    hidden, _ = leaky(np.stack([image @ w1.T + b1] * steps), beta, 1.0)
    expected, mem = leaky(hidden @ w2.T + b2, beta, 1.0)

    net = nn.Sequential(fc1, subtracted_later(100, beta, 1.0), fc2, subtracted_later(10, beta, 1.0)).double()
    with torch.no_grad():
        for parameter in (*fc1.parameters(), *fc2.parameters()):
            parameter.mul_(input_scale(beta))
        spikes, _ = net(torch.from_numpy(image).expand(steps, -1, -1), backend=backend)
        first, _ = net[1](net[0](torch.from_numpy(image).expand(steps, -1, -1)))
    assert hidden.sum() > 500
    assert expected.sum() > 100
    assert np.array_equal(first.numpy(), hidden)
    assert np.array_equal(spikes.numpy(), expected)
    assert mem.shape == (steps, 16, 10)
