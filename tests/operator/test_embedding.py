"""The embedding against its formula, written once more in NumPy."""

from __future__ import annotations

import numpy as np
import torch

from rheobase.operator import channels, modulated
from rheobase.operator.embedding import amplitude


def in_numpy(p: float, n: int, levels: int) -> np.ndarray:
    """sin and cos of 2^k pi p t, in turns, for t from 0 to 2 pi, both ends included."""
    t = np.linspace(0.0, 2.0 * np.pi, n)
    return np.array([f(2.0**k * np.pi * p * t) for k in range(levels) for f in (np.sin, np.cos)])


def test_channel_by_channel() -> None:
    """23 channels as published: the stimulus in 0.1 nA, 18 of its amplitude, two of each feature."""
    n = 8583
    amplitudes, code = [-0.11, 0.0631, 0.28], torch.tensor([[0.5, 3.5], [1.7, 2.2], [3.1, 0.9]], dtype=torch.float64)
    current = torch.zeros(3, n, dtype=torch.float64)
    current[:, 250:6917] = torch.tensor(amplitudes, dtype=torch.float64)[:, None]
    found = channels(current, code).numpy()
    assert found.shape == (3, 23, n)
    for row, (a, features) in enumerate(zip(amplitudes, code.tolist(), strict=True)):
        own = np.zeros(n)
        own[250:6917] = 10.0 * a
        wanted = np.vstack([own[None], in_numpy(10.0 * a, n, 9), *(in_numpy(p, n, 1) for p in features)])
        for k in range(23):
            assert np.abs(found[row, k] - wanted[k]).max() < 1e-12, (row, k)


def test_no_stimulus_has_the_amplitude_0() -> None:
    none = channels(torch.zeros(1, 7), torch.ones(1, 2))
    assert bool((none[0, 1:19:2] == 0).all())
    assert bool((none[0, 2:19:2] == 1).all())


def test_phases_keep_their_digits_in_float32() -> None:
    p = torch.tensor([2.8])
    assert float((modulated(p, 1000, 9).double() - modulated(p.double(), 1000, 9)).abs().max()) < 1e-7


def test_amplitude_is_the_first_value_that_is_not_0() -> None:
    x = torch.tensor([[0.0, -0.3, 0.5], [0.0, 0.0, 0.0], [0.7, 0.0, 0.1]])
    assert torch.equal(amplitude(x), torch.tensor([-0.3, 0.0, 0.7]))
