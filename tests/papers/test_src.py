"""Facts of the SRC paper: single-cell behaviour, and the authors' exported network on the MNIST test set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase import data, neurons, nn

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
EXPORT = SHARED / "src_mnist_export" / "arrays.npz"


def crossings(out: torch.Tensor) -> torch.Tensor:
    """Upward crossings of 0.5 along time."""
    return ((out[1:] > 0.5) & (out[:-1] <= 0.5)).sum(0)


def tonic(x: float, steps: int = 1500) -> int:
    """Spikes of a cell whose saturated input is x at every step."""
    total = 3.0 * np.arctanh(x / 3.0) if x < 3.0 else 30.0  # rho tanh(i / rho) = x
    cell = neurons.SRC(1, alpha=0.0)
    return int(crossings(cell(torch.full((steps, 1, 1), float(total)))[0]))


def test_rest_is_the_fixed_point_of_the_paper() -> None:
    rest = neurons.SRC(1).rest(1)
    assert float(rest.h) == pytest.approx(-0.9027, abs=5e-5)
    assert torch.equal(rest.h, rest.h_s)


@pytest.mark.parametrize(("x", "gives_output"), [(1.445, False), (1.452, True)])
def test_tonic_output_starts_at_minus_4_551(x: float, gives_output: bool) -> None:
    """The onset is where the oscillation of h reaches 0, so that ReLU(h) leaves the cell; 0.5 is reached at x = 1.6."""
    current = torch.full((3000, 1, 1), float(3.0 * np.arctanh(x / 3.0)))
    out, _ = neurons.SRC(1, alpha=0.0)(current)
    assert bool((out[1000:] > 0).any()) == gives_output


def test_oscillation_below_onset() -> None:
    """Between the Neimark-Sacker point (x + b_h = -4.905) and the onset h oscillates and nothing leaves the cell."""

    def swing(x: float) -> float:
        current = torch.full((6000, 1, 1), float(3.0 * np.arctanh(x / 3.0)), dtype=torch.float64)
        out, _, rec = neurons.SRC(1, alpha=0.0).double()(current, record=("h",))
        assert not bool((out[5000:] > 0).any())
        return float(rec.h[5000:].max() - rec.h[5000:].min())

    assert swing(1.09) < 1e-3 < 0.1 < swing(1.2)


@pytest.mark.parametrize(("x", "interval"), [(1.75, 23.8), (3.0, 19.6)])
def test_interval_between_spikes(x: float, interval: float) -> None:
    assert 1500 / tonic(x) == pytest.approx(interval, rel=0.02)


@pytest.mark.parametrize("weight", range(1, 11))
def test_one_pulse_gives_one_spike(weight: int) -> None:
    current = torch.zeros(100, 1, 1)
    current[0] = float(weight)
    out, _ = neurons.SRC(1)(current)
    assert int(crossings(torch.cat([torch.zeros(1, 1, 1), out]))) == 1
    assert 0.85 <= float(out.max()) <= 1.0


def test_bias_is_cut_at_minus_4() -> None:
    current = torch.rand(50, 1, 1)
    assert torch.equal(neurons.SRC(1, b_h=-2.0)(current)[0], neurons.SRC(1, b_h=-4.0)(current)[0])


@pytest.mark.skipif(not EXPORT.exists(), reason="the authors' exported network is not here (no licence to copy it)")
@pytest.mark.skipif(not (SHARED / "mnist").exists(), reason="MNIST is not here")
def test_exported_network_replayed_on_the_mnist_test_set() -> None:
    """papers/src.md 1.8, 1.9: 96.2 % and 1.97 spikes per neuron and image."""
    arrays = np.load(EXPORT)
    cell = neurons.SRC(100, b_h=torch.from_numpy(arrays["l0_bias"]).float().clamp(max=-4.0))
    linear = nn.Linear(784, 100, bias=False)
    readout = nn.GroupReadout(100, classes=10)
    linear.load_state_dict({"weight": torch.from_numpy(arrays["l0_forward_weights"]).float()})
    assert torch.equal(readout.weight, torch.from_numpy(arrays["readout"]).float())
    start = {
        k: torch.from_numpy(arrays[n]).float().view(1, 100)
        for k, n in (("i", "l0_initial_i"), ("h", "l0_initial_h"), ("h_s", "l0_initial_hs"))
    }

    mnist = data.load("mnist", data_dir=SHARED)
    encode = data.Rate(220, gain=0.25, silent=20)
    right = spikes = 0.0
    with torch.no_grad():
        for first in range(0, 10_000, 500):
            x = mnist.x_test[first : first + 500].flatten(1)
            s = encode(x, seed=0, index=torch.arange(first, first + len(x)))
            state = cell.State(**{k: v.expand(len(x), 100).contiguous() for k, v in start.items()})
            out, _ = cell(linear(s), state)
            o, _ = readout(out)
            right += float((o[-1].argmax(1) == mnist.y_test[first : first + 500]).sum())
            spikes += float(crossings(out).sum())
    assert right / 10_000 == pytest.approx(0.962, abs=0.005)
    assert 1.9 <= spikes / 10_000 / 100 <= 2.05
