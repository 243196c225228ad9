"""Noise is a function of (seed, absolute step, lane), and it is normal."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rheobase import Noisy, OdeNeuron, neurons, param, state
from rheobase.core.random_numbers import mix, normal, words
from rheobase.errors import ParameterError


class Wire(OdeNeuron):
    """Gives out its input: shows the noise."""

    r = param(1.0, "1/ms", "gain")
    v = state(0.0, "1", "the sum of the input")

    def dynamics(self, s, i):
        return dict(v=self.r * i - s.v / 1.0)

    def output(self, s):
        return s.v


def noise(steps: int, batch: int, n: int, *, seed: int = 0, dtype: torch.dtype = torch.float64, **call: str) -> Tensor:
    """With dt = 1 and Euler, v after a step is the step's input."""
    out, _ = Noisy(Wire(n, dt=1.0), sigma=1.0, seed=seed).to(dtype)(torch.zeros(steps, batch, n, dtype=dtype), **call)
    return out


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_moments(dtype: torch.dtype) -> None:
    x = noise(500, 8, 100, dtype=dtype).double().flatten()
    n = x.numel()
    assert abs(float(x.mean())) < 4 / n**0.5
    assert float(x.var()) == pytest.approx(1.0, abs=4 * (2 / n) ** 0.5)
    assert float((x**3).mean()) == pytest.approx(0.0, abs=4 * (15 / n) ** 0.5)
    assert float((x**4).mean()) == pytest.approx(3.0, abs=4 * (96 / n) ** 0.5)
    assert 4.0 < float(x.abs().max()) < 6.5


def test_distribution() -> None:
    """The Kolmogorov-Smirnov distance to the normal distribution, at the level of one in ten thousand."""
    x = noise(200, 5, 100).flatten().sort().values
    cdf = 0.5 * (1 + torch.erf(x / 2**0.5))
    grid = torch.arange(1, x.numel() + 1, dtype=torch.float64) / x.numel()
    assert float((cdf - grid).abs().max()) < 2.2 / x.numel() ** 0.5


@pytest.mark.parametrize("lag", [1, 2, 7, 16])
@pytest.mark.parametrize("axis", [0, 1])
def test_no_correlation_over_time_or_lanes(axis: int, lag: int) -> None:
    x = noise(400, 1, 256)[:, 0].movedim(axis, 0)
    a, b = x[lag:].flatten(), x[:-lag].flatten()
    assert abs(float((a * b).mean())) < 4.5 / a.numel() ** 0.5
    assert abs(float((a**2 * b**2).mean()) - 1.0) < 4.5 * (8 / a.numel()) ** 0.5


def test_no_correlation_between_seeds() -> None:
    runs = [noise(100, 1, 200, seed=seed).flatten() for seed in (0, 1, 2, 2**32, 2**61)]
    for k, a in enumerate(runs):
        for b in runs[:k]:
            assert abs(float((a * b).mean())) < 4.5 / a.numel() ** 0.5


def test_backends_agree() -> None:
    expected, found = (noise(50, 3, 41, seed=2**40 + 17, backend=backend) for backend in ("reference", "llvm"))
    assert torch.allclose(expected, found, rtol=0, atol=1e-13)


def test_deterministic() -> None:
    assert torch.equal(noise(20, 2, 30, seed=3), noise(20, 2, 30, seed=3))
    assert not torch.equal(noise(20, 2, 30, seed=3), noise(20, 2, 30, seed=4))


def test_a_seed_leaves_torchs_generator_alone() -> None:
    before = torch.get_rng_state()
    noise(5, 1, 3, backend="reference")
    noise(5, 1, 3, backend="llvm")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("backend", ["reference", "llvm"])
def test_steps_beyond_32_bits(backend: str) -> None:
    """A run that starts late goes on where an early one would have come to, across the word's end too."""
    neuron = Noisy(Wire(7, dt=1.0), sigma=1.0).double()
    start = 2**32 - 3
    zeros = torch.zeros(6, 1, 7, dtype=torch.float64)
    at = neuron.rest(1)._replace(rng=torch.tensor([0, start]))
    out, end = neuron(zeros, at, backend=backend)
    assert end.rng.tolist() == [0, start + 6]
    expected = torch.stack([normal(zeros[0], torch.tensor([0, start + t])) for t in range(6)])
    assert torch.allclose(out, expected, rtol=0, atol=1e-13)
    assert not torch.allclose(out[3:], noise(3, 1, 7))


def test_words_are_well_mixed() -> None:
    """One bit of any counter changes half of the bits."""
    lane = torch.arange(2000)
    base = words(lane, 5, 100, 0)
    for other in (words(lane + 1, 5, 100, 0), words(lane, 5, 101, 0), words(lane, 4, 100, 0), words(lane, 5, 100, 1)):
        for a, b in zip(base, other, strict=True):
            flips = torch.stack([(a ^ b) >> k & 1 for k in range(32)]).double().mean()
            assert float(flips) == pytest.approx(0.5, abs=0.01)
    assert len(set(mix(torch.arange(50_000)).tolist())) == 50_000


def test_scale() -> None:
    sigma = torch.tensor([0.0, 2.0])
    out, _ = Noisy(Wire(2, dt=1.0), sigma=sigma)(torch.full((4000, 1, 2), 3.0))
    assert torch.equal(out[..., 0], torch.full((4000, 1), 3.0))
    assert float(out[..., 1].mean()) == pytest.approx(3.0, abs=0.15)
    assert float(out[..., 1].std()) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("seed", [-1, 1.5, True, 2**62, "0"])
def test_bad_seed(seed: object) -> None:
    with pytest.raises(ParameterError, match="seed"):
        Noisy(neurons.LIF(2, dt=1.0), seed=seed)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, 2**62 - 1])
def test_the_least_and_the_largest_seed(seed: int) -> None:
    assert torch.equal(noise(2, 1, 3, seed=seed), noise(2, 1, 3, seed=seed))
    assert not torch.equal(noise(2, 1, 3, seed=seed), noise(2, 1, 3, seed=1))


def test_noise_once() -> None:
    with pytest.raises(ParameterError, match="Noisy"):
        Noisy(Noisy(neurons.LIF(2, dt=1.0)))
