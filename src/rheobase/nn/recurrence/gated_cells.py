"""The pointwise parts of gated recurrent layers, declared as neurons: the operations between their products.

Their inputs `a_r`, `a_i`, `a_z`, `a_n` are sums of products and bias, which the layer makes for every step.
"""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import MapNeuron, entry, param, state


def _fired(self: Any, s: Any, i: Any, z: Any) -> tuple[Any, Any]:
    """The spike and the potential: the last spike is taken off one step late, as both papers have it."""
    last = self.detached(s.spike) if self.detach_reset else s.spike
    v = z * s.v + (1.0 - z) * i - self.v_threshold * last
    return self.fire(v - self.v_threshold), v


class LeakyCurrent(MapNeuron):
    """SpikGRU's cell behind its products: i = alpha i + a_i, then z = sigmoid(a_z) mixes it into v."""

    a_i = entry("1", "what enters the current")
    a_z = entry("1", "what the update gate reads")
    alpha = param(0.9, "1", "decay of the current in one step")
    v_threshold = param(1.0, "1", "firing threshold")
    i = state(0.0, "1", "current")
    v = state(0.0, "1", "membrane potential")
    spike = state(0.0, "1", "the last spike")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        current = self.alpha * s.i + i.a_i
        spike, v = _fired(self, s, current, torch.sigmoid(i.a_z))
        return spike, s._replace(i=current, v=v, spike=spike)


class GatedCurrent(MapNeuron):
    """CS-GRU's cell where no product stands between its two halves: i = sigmoid(a_r) i + a_i, then as SpikGRU."""

    a_i = entry("1", "what enters the current")
    a_r = entry("1", "what the current gate reads")
    a_z = entry("1", "what the update gate reads")
    v_threshold = param(1.0, "1", "firing threshold")
    i = state(0.0, "1", "current")
    v = state(0.0, "1", "membrane potential")
    spike = state(0.0, "1", "the last spike")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        current = torch.sigmoid(i.a_r) * s.i + i.a_i
        spike, v = _fired(self, s, current, torch.sigmoid(i.a_z))
        return spike, s._replace(i=current, v=v, spike=spike)


class CurrentGate(MapNeuron):
    """The first half of CS-GRU's cell: i = sigmoid(a_r) i + a_i. The product W_z * i comes after it."""

    graded = True
    a_i = entry("1", "what enters the current")
    a_r = entry("1", "what the current gate reads")
    i = state(0.0, "1", "current")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        current = torch.sigmoid(i.a_r) * s.i + i.a_i
        return current, s._replace(i=current)


class UpdateGate(MapNeuron):
    """The second half of CS-GRU's cell: z = sigmoid(a_z) mixes the new current into v."""

    a_z = entry("1", "what the update gate reads")
    i = entry("1", "current of this step")
    v_threshold = param(1.0, "1", "firing threshold")
    v = state(0.0, "1", "membrane potential")
    spike = state(0.0, "1", "the last spike")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        spike, v = _fired(self, s, i.i, torch.sigmoid(i.a_z))
        return spike, s._replace(v=v, spike=spike)


class ResetHidden(MapNeuron):
    """The first half of a GRU's cell: the last value h behind the reset gate, sigmoid(a_r) h."""

    graded = True
    a_r = entry("1", "what the reset gate reads")
    h = entry("1", "the last value")
    kept = state(0.0, "1", "what the reset gate lets through")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        kept = torch.sigmoid(i.a_r) * i.h
        return kept, s._replace(kept=kept)


class UpdateHidden(MapNeuron):
    """The second half of a GRU's cell: z = sigmoid(a_z) mixes tanh(a_n) into the last value."""

    graded = True
    a_z = entry("1", "what the update gate reads")
    a_n = entry("1", "what the new value reads")
    h = state(0.0, "1", "the value")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        z = torch.sigmoid(i.a_z)
        h = (1.0 - z) * s.h + z * torch.tanh(i.a_n)
        return h, s._replace(h=h)
