"""Piecewise linear functions, as hardware implements them."""

from __future__ import annotations

from typing import Any

import torch


def piecewise_tanh(x: Any) -> Any:
    """tanh by lines of slope 1, 1/2, 1/8 and 0 (shifts and adds only), which meet at |x| = 1/2, 5/4 and 9/4.

    Odd, monotone, within 0.038 of tanh.

    >>> piecewise_tanh(torch.tensor([-3.0, -0.5, 0.25, 1.25, 2.0]))
    tensor([-1.0000, -0.5000,  0.2500,  0.8750,  0.9688])
    """
    a = torch.abs(x)
    lines = torch.minimum(torch.minimum(a, 0.25 + 0.5 * a), torch.clamp(0.71875 + 0.125 * a, max=1.0))
    return torch.where(x < 0.0, -lines, lines)
