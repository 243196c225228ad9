"""The rate code draws independent Bernoulli spikes. Bounds: 4.5 standard deviations, with fixed seeds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rheobase.data import Rate
from rheobase.data.encoding.hash_bits import fill_words, lane_keys, step_keys

Z = 4.5


def bits(steps: int, samples: int, features: int, seed: int = 0) -> Tensor:
    """The 16 raw bits of each draw, as float64 (steps, samples, features)."""
    lanes = features // 2
    z = torch.empty(steps, samples, lanes, dtype=torch.int32)
    times = step_keys(0, steps, torch.device("cpu"))
    fill_words(z, torch.empty_like(z), lane_keys(seed, torch.arange(samples), lanes), times)
    return z.view(torch.int16).double()


def correlation_z(a: Tensor, b: Tensor) -> float:
    """Correlation of two equally shaped samples in standard deviations under independence."""
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]) * math.sqrt(a.numel())


def chi2_z(cells: Tensor, n_cells: int) -> float:
    """Distance of cell counts from the uniform, as a normal score of chi squared."""
    counts = torch.bincount(cells.flatten(), minlength=n_cells).double()
    expected = cells.numel() / n_cells
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    return (chi2 - (n_cells - 1)) / math.sqrt(2 * (n_cells - 1))


@pytest.mark.parametrize("gain", [1.0, 0.25])
def test_rate_of_every_pixel_is_binomial(gain):
    steps = 20_000
    x = torch.arange(256).view(1, 256) / 255
    p = (x[0] * gain).double()
    mean = Rate(steps, gain=gain)(x, seed=11).double().mean(0)[0]
    inside = (p > 0) & (p < 1)
    z = (mean - p)[inside] / (p * (1 - p) / steps).sqrt()[inside]
    assert z.abs().max() < Z
    assert 0.75 < z.square().mean() < 1.25  # neither too noisy nor too regular
    assert torch.equal(mean[~inside], p[~inside])


@pytest.mark.parametrize("p", [0.001, 0.03, 0.5, 0.97])
def test_counts_over_steps_and_over_features_have_binomial_variance(p):
    spikes = Rate(500)(torch.full((8, 1000), p), seed=4).double()
    for counts, n in ((spikes.sum(0).flatten(), 500), (spikes.sum((1, 2)), 8000)):
        variance = n * p * (1 - p)
        excess = (1 - 6 * p * (1 - p)) / variance
        spread = math.sqrt((2 + excess) / len(counts))
        assert abs(float(counts.var()) / variance - 1) < Z * spread


def test_bits_are_uniform():
    u = bits(100, 40, 784)
    n = u.numel()
    assert abs(float(u.mean() + 0.5)) < Z * 65536 / math.sqrt(12 * n)
    assert abs(chi2_z(u.long() + 32768, 65536)) < Z
    for k in range(16):
        share = float(((u.long() >> k) & 1).double().mean())
        assert abs(share - 0.5) < Z * 0.5 / math.sqrt(n)


@pytest.mark.parametrize("seed", [0, 1])
def test_draws_are_uncorrelated_over_steps_samples_features_and_halves(seed):
    u = bits(120, 32, 784, seed)
    for lag in (1, 2, 3, 10, 60):
        assert abs(correlation_z(u[:-lag], u[lag:])) < Z
    for lag in (1, 2, 16):
        assert abs(correlation_z(u[:, :-lag], u[:, lag:])) < Z
    for lag in (1, 2, 3, 28, 392):
        assert abs(correlation_z(u[..., :-lag], u[..., lag:])) < Z
    assert abs(correlation_z(u[:-1, :, :-1], u[1:, :, 1:])) < Z


@pytest.mark.parametrize("other", [1, 2, 2**31, 2**32, 2**63])
def test_seeds_are_independent(other):
    assert abs(correlation_z(bits(100, 16, 784, 0), bits(100, 16, 784, other))) < Z


@pytest.mark.parametrize("shift", [0, 13])
def test_neighbours_in_step_and_feature_are_jointly_uniform(shift):
    u = ((bits(100, 40, 784).long() + 32768) >> shift) & 7
    cells = ((u[:-1, :, :-1] * 8 + u[:-1, :, 1:]) * 8 + u[1:, :, :-1]) * 8 + u[1:, :, 1:]
    assert abs(chi2_z(cells, 8**4)) < Z


def test_steps_share_no_direction():
    u = bits(200, 50, 800).reshape(200, -1)
    u = (u - u.mean()) / u.std()
    top = float(torch.linalg.eigvalsh(u @ u.T / u.shape[1])[-1])
    edge = (1 + math.sqrt(200 / u.shape[1])) ** 2  # Marchenko and Pastur (1967), for independent rows
    assert top < edge * 1.01


def test_step_keys_never_repeat():
    assert len(step_keys(0, 1_000_000, torch.device("cpu")).unique()) == 1_000_000
    assert torch.equal(step_keys(0, 50, torch.device("cpu"))[20:], step_keys(20, 50, torch.device("cpu")))


def test_lanes_of_a_data_set_never_share_both_keys():
    first, second = lane_keys(0, torch.arange(10_000), 100)
    both = (first.long() << 32) | (second.long() & 0xFFFFFFFF)
    assert len(both.unique()) == 1_000_000
