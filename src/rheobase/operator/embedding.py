"""The frequency-modulated embedding: scalars become sines and cosines over the window (Ghafourpour et al., 2025).

    t = linspace(0, 2 pi, n) over the window
    phi_K(p)(t) = [ sin(2^0 pi p t), cos(2^0 pi p t), ..., sin(2^(K-1) pi p t), cos(2^(K-1) pi p t) ]

A window of 515 ms thus has frequencies of p 2^k pi / 0.515 s. Reference: arXiv 2506.04536, sec. 3.2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

AMPLITUDE_LEVELS = 9  # K of the amplitude in the paper
PER_NANOAMPERE = 10.0  # the paper's unit of current is 0.1 nA


def modulated(p: Tensor, steps: int, levels: int) -> Tensor:
    """phi_K(p) for K = `levels`. Shapes: p (...), the result (..., 2 levels, steps).

    >>> modulated(torch.tensor(1.0), steps=3, levels=1).shape
    torch.Size([2, 3])
    """
    t = torch.arange(steps, dtype=torch.float64) * (2.0 * math.pi / (steps - 1))
    # of phases up to thousands, float32 would keep three digits
    rates = math.pi * torch.exp2(torch.arange(levels, dtype=torch.float64))
    phase = p.double()[..., None, None] * rates.to(p.device)[:, None] * t.to(p.device)
    waves = torch.stack([torch.sin(phase), torch.cos(phase)], dim=-2)
    return waves.flatten(-3, -2).to(p.dtype)


def amplitude(current: Tensor) -> Tensor:
    """The first value of each stimulus that is not 0, or 0 where there is none; the one step of a step current.

    Shapes: current (..., time) to (...). Its gradient goes to that one sample.

    >>> amplitude(torch.tensor([[0.0, 0.2, 0.2], [0.0, 0.0, 0.0]]))
    tensor([0.2000, 0.0000])
    """
    first = (current != 0).to(torch.uint8).argmax(-1, keepdim=True)
    return current.gather(-1, first)[..., 0]


def channels(current: Tensor, code: Tensor, levels: int = AMPLITUDE_LEVELS) -> Tensor:
    """What the operator reads: the stimulus, the embedding of its amplitude, and that of each feature of the code.

    Shapes: current (batch, time) in nA, code (batch, features) as scaled; the result (batch, channels, time) with
    1 + 2 levels + 2 features channels, in this order.

    >>> channels(torch.zeros(8, 100), torch.zeros(8, 2)).shape  # 8 stimuli of 100 samples, codes of two features
    torch.Size([8, 23, 100])
    """
    x = PER_NANOAMPERE * current
    own = modulated(amplitude(x), x.shape[-1], levels)
    features = modulated(code, x.shape[-1], 1).flatten(-3, -2)
    return torch.cat([x[:, None], own, features], dim=1)


__all__ = ["AMPLITUDE_LEVELS", "amplitude", "channels", "modulated"]
