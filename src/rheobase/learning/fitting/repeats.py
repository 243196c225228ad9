"""Which sweeps have the same current."""

from __future__ import annotations

import torch
from torch import Tensor

SAME = 2e-3  # of the size of a current: what differs by less than this in every window is the same
NOISE = 0.05  # of the size of a current: more than that is no noise of a recording, it may be a stimulus
COLOURED = 2.0  # times what white noise would leave in the mean of a window


def grouped(current: Tensor) -> Tensor:
    """The group of each sweep, int64 (sweep,), numbered in the order of their first sweeps; current (sweep, time).

    >>> grouped(torch.tensor([[100.0, 100.0], [300.0, 300.0], [100.0, 100.0]]))
    tensor([0, 1, 0])
    """
    first: list[int] = []
    number = torch.empty(len(current), dtype=torch.int64)
    for k, row in enumerate(current):
        found = next((n for n, other in enumerate(first) if same(current[other], row)), len(first))
        if found == len(first):
            first.append(k)
        number[k] = found
    return number


def same(a: Tensor, b: Tensor) -> bool:
    """Whether two currents (time,) differ by noise alone.

    Noise is what changes from sample to sample; the mean over w samples has 1/w of its power. The means of the
    difference over windows of any length, the whole sweep included, must have no more than that. The mean is not
    subtracted first: an offset is a difference.
    """
    apart = (a - b).double()
    size, noise = _rms(a.double()), _rms(torch.diff(apart)) / 2**0.5
    if noise > NOISE * size:
        return False
    width = 1
    while width <= len(apart):
        windows = len(apart) // width
        # few windows scatter: 3 of their standard deviations more
        allowed = (COLOURED + 3.0 / windows**0.5) * noise / width**0.5
        if _rms(apart[: windows * width].view(windows, width).mean(1)) > max(allowed, SAME * size):
            return False
        width = len(apart) if width < len(apart) < 4 * width else 4 * width
    return True


def _rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())
