"""Gradients of a network's loss: with a surrogate of any window, and from finite differences of the loss itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.neurons import DQIF
from rheobase.nn import Conv2d, Stateful
from rheobase.reproduce.dqif.networks import boxcar


@dataclass(frozen=True)
class Differences:
    """Slopes of the smoothed loss along random directions in the weights of one layer.

    `directions` (count, weights), `slopes` (count,): (L(w + sigma d) - L(w - sigma d)) / (2 sigma). The spread of d is
    that of the weights, so sigma is relative to them. The mean of slope times direction is the gradient of the loss
    smoothed by normal noise of that size in the weights (Nesterov & Spokoiny, 2017).
    """

    directions: Tensor
    slopes: Tensor

    def cosine(self, gradient: Tensor) -> float:
        """Between the slopes and what a gradient predicts for them; 0 where one of both is nothing.

        For many directions it is the cosine between the gradient and that of the smoothed loss, made smaller by the
        noise of the slopes, which is the same for all gradients.
        """
        predicted = self.directions @ gradient.flatten()
        lengths = predicted.norm() * self.slopes.norm()
        return float(predicted @ self.slopes / lengths) if lengths > 0 else 0.0


def convolutions(net: nn.Module) -> list[Conv2d]:
    """The layers whose weights are looked at: each has cells between it and the loss."""
    return [part for part in net.modules() if isinstance(part, Conv2d)]


@torch.no_grad()
def differences(
    weight: Tensor,
    loss: Callable[[], Tensor],
    *,
    directions: int,
    sigma: float,
    seed: int,
    track: Callable[[Sequence[int]], Iterator[int]],
) -> Differences:
    """Slopes of `loss` as `weight` is moved; afterwards it is as it was. `track` shows how far it is."""
    generator = torch.Generator().manual_seed(seed)
    before = weight.clone()
    d = torch.randn(directions, *weight.shape, generator=generator) * before.square().mean().sqrt()
    slopes: list[Tensor] = []
    try:
        for k in track(range(directions)):
            ends: list[Tensor] = []
            for sign in (1.0, -1.0):
                weight.copy_(before + sign * sigma * d[k])
                ends.append(loss().double())
            slopes.append((ends[0] - ends[1]) / (2.0 * sigma))
    finally:
        weight.copy_(before)
    return Differences(d.flatten(1), torch.stack(slopes).float())


def gradients(net: nn.Module, loss: Callable[[], Tensor]) -> list[Tensor]:
    """The surrogate's gradient of the loss to the weights of each convolution."""
    return list(torch.autograd.grad(loss(), [layer.weight for layer in convolutions(net)]))


class PerStep(Stateful):
    """Cells of DQIF whose surrogate has another window in each step; the last one holds for all later steps.

    The state is that of the cells. Their parameters do not learn here: each window has a copy.
    """

    def __init__(self, cells: DQIF, widths: Sequence[float]):
        super().__init__()
        self.cells = nn.ModuleList([_windowed(cells, width) for width in widths])

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Any]:
        outs: list[Tensor] = []
        for t, now in enumerate(x.unbind()):
            left = None if lengths is None else (lengths - t).clamp(0, 1)
            cells = self.cells[min(t, len(self.cells) - 1)]
            out, state = cells(now[None], state, lengths=left, backend=backend)
            outs.append(out)
        return torch.cat(outs), state


def with_windows(net: nn.Module, widths: Sequence[float | Sequence[float]]) -> nn.Module:
    """A copy of a network whose layers of DQIF have surrogates of these windows; several for a layer: one a step."""
    twin = copy.deepcopy(net)
    names = [name for name, part in twin.named_children() if isinstance(part, DQIF)]
    for name, width in zip(names, widths, strict=True):
        cells: Any = twin.get_submodule(name)
        setattr(twin, name, PerStep(cells, width) if isinstance(width, Sequence) else _windowed(cells, width))
    return twin


def _windowed(cells: DQIF, width: float) -> DQIF:
    twin = copy.deepcopy(cells)
    twin.surrogate = boxcar(width)
    return twin
