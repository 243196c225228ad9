"""Resting states found numerically: the equilibrium potential, and the other states at a given potential."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core.declaration.words import Relax

POINTS, ZOOMS = 129, 7  # 128^7 = 2^49: the interval shrinks to the last bits of float64


def equilibrium(neuron: Any, *ends: Any) -> dict[str, Tensor]:
    """The equilibrium with the lowest v of a neuron without input: its states by name; each broadcasts to `shape`.

    All states but v must relax to values that depend on v alone. The search covers v from the lowest to the highest of
    `ends`: v must not fall at the lowest and not rise at the highest. The reversal potentials of all channels are such
    ends.
    """
    with torch.no_grad():
        potentials = torch.broadcast_tensors(*(torch.as_tensor(end, dtype=torch.float64) for end in ends))
        low, high = torch.stack(potentials).amin(0), torch.stack(potentials).amax(0)
        shares = torch.linspace(0.0, 1.0, POINTS, dtype=torch.float64, device=low.device)
        for _ in range(ZOOMS):
            # the first of the points at which v falls, and the one before it
            v = low + (high - low) * shares.view(-1, *(1 for _ in neuron.shape))
            rising = _rise(neuron, v)
            v = v.expand_as(rising)
            first = (rising < 0.0).to(torch.uint8).argmax(0, keepdim=True).clamp(min=1)
            low, high = v.gather(0, first - 1).squeeze(0), v.gather(0, first).squeeze(0)
        v = 0.5 * (low + high)
        return {"v": v, **settled(neuron, v)}


def _rise(neuron: Any, v: Tensor) -> Tensor:
    """A value with the sign of dv/dt at v, all other states at their equilibria for that v."""
    slope = neuron.dynamics(neuron.State(v=v, **settled(neuron, v), **_side(neuron)), torch.zeros_like(v))["v"]
    return slope.to - v if isinstance(slope, Relax) else slope


def settled(neuron: Any, v: Tensor) -> dict[str, Tensor]:
    """The values to which the states other than v relax at the potential v, by name."""
    others = dict.fromkeys((name for name in neuron.states if name != "v"), torch.zeros_like(v))
    slopes = neuron.dynamics(neuron.State(v=v, **others, **_side(neuron)), torch.zeros_like(v))
    return {name: slopes[name].to for name in others}


def _side(neuron: Any) -> dict[str, float]:
    """The field `above` of a state, for neurons that have it; dynamics do not read it."""
    return {"above": 0.0} if neuron.crossing else {}


__all__ = ["equilibrium", "settled"]
