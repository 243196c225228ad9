"""What happens within a cell of CS-GRU: its gates, current, potential and spikes, from the published equations."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from rheobase.errors import ParameterError
from rheobase.nn import CSGRU


class Traces(NamedTuple):
    """Each (time, batch, channels, height, width)."""

    r: Tensor
    z: Tensor
    i: Tensor
    v: Tensor
    spikes: Tensor


def traces(layer: CSGRU, x: Tensor) -> Traces:
    """Run the layer step by step from rest: states are its own, the gates follow from its weights and states.

    Shapes: x (time, batch, in_channels, height, width).

    Raises: `ParameterError` for an even kernel or groups, which no picture here needs.

    >>> found = traces(CSGRU(1, 8), torch.ones(5, 1, 1, 4, 4))
    >>> found.z.shape, bool((found.r > 0).all())
    (torch.Size([5, 1, 8, 4, 4]), True)
    """
    window = layer.window
    if window.groups != 1 or any(k % 2 == 0 for k in window.kernel_size):
        raise ParameterError("traces", repr(layer), "odd kernels, groups=1", "the paper has kernel 3")
    steps: list[tuple[Tensor, ...]] = []
    state, s = None, None
    with torch.no_grad():
        for now in x.split(1):
            spikes, after = layer(now, state)
            s = torch.zeros_like(after.spike) if s is None else s
            r = torch.sigmoid(_outer(layer, "r", now[0]) + _inner(layer.weight_rec_r, s))
            if layer.update_reads == "spikes":
                read = _outer(layer, "z", now[0])
            else:
                read = _inner(layer.weight_z, after.i) + layer.bias_z.view(-1, 1, 1)
            z = torch.sigmoid(read + _inner(layer.weight_rec_z, s))
            steps.append((r, z, after.i, after.v, spikes[0]))
            state, s = after, after.spike
    return Traces(*(torch.stack(one) for one in zip(*steps, strict=True)))


def _outer(layer: CSGRU, gate: str, x: Tensor) -> Tensor:
    w = layer.window
    weight, bias = getattr(layer, f"weight_{gate}"), getattr(layer, f"bias_{gate}")
    return F.conv2d(x, weight, bias, stride=w.stride, padding=w.padding)


def _inner(weight: Tensor, s: Tensor) -> Tensor:
    return F.conv2d(s, weight, padding=(weight.shape[2] // 2, weight.shape[3] // 2))
