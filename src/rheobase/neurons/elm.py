"""Expressive leaky memory neuron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rheobase.core import MapNeuron, option, param, state

MEMORIES = 8


class ELM(MapNeuron):
    """Expressive leaky memory neuron (Spieler, Rahaman, Martius, Schölkopf & Levina, 2024), which sees its own spikes.

        kappa_k = exp(-1/tau_k),    tau_k from tau_min to tau_max, equally spaced in their logarithm
        h[t] = relu( weight_m (kappa m[t-1]) + weight_in i[t] + bias )
        m[t] = kappa m[t-1] + (1 - kappa) lam tanh( weight_out h[t] + bias_out )
        u[t] = weight_u m[t] - v_threshold
        z[t] = 1 where u[t] >= 0;    m[t] becomes m[t] + kick z[t]
        v[t] = v_leak + weight_v m[t]

    Eight memories m, as many hidden units h as asked for. Times are in steps. The memories are the states m0 to m7, the
    slowest last; weight_m is (hidden, 8), weight_out (8, hidden), the other weights and biases are vectors.

    Shapes: i (time, batch, *shape); out (time, batch, *shape) in {0, 1}; m0 to m7, v (batch, *shape). A parameter with
    a size is (*size), or (*size, *shape): with a bias (hidden, *shape) and shared weights, neurons differ in the bias.

    Raises: `ParameterError` for tau_min or tau_max <= 0.

    Numerics: the memories decay exactly, and stay below lam and the kicks they got. At the defaults it is a leaky
    integrator of eight time constants that adapts: weights are to be learned (`rheobase.operator` does it).

    Differs from the paper: it has one input in place of synaptic traces; a spike is emitted where u crosses 0 and
    kicks the memories, which in the paper do not see the output; v is a state, so that it can be recorded, and its
    value before the kick is `v.pre`.

    Reference: Spieler, Rahaman, Martius, Schölkopf & Levina, The expressive leaky memory neuron: an efficient and
    expressive phenomenological neuron model can solve long-horizon tasks, ICLR (2024), arXiv 2306.16922, eq. 1 to 4.

    Example:

        >>> import torch
        >>> spikes, end = ELM(1)(torch.full((200, 1, 1), 1.0))
        >>> int(spikes.sum())
        18
    """

    tau_min = param(2.0, "1", "time constant of the fastest memory, in steps", positive=True)
    tau_max = param(200.0, "1", "time constant of the slowest memory, in steps", positive=True)
    lam = param(1.0, "1", "how far an input moves a memory")
    weight_in = param(1.0, "1", "from the input to each hidden unit", size=("hidden",))
    weight_m = param(0.0, "1", "from each memory to each hidden unit", size=("hidden", MEMORIES))
    bias = param(0.0, "1", "of each hidden unit", size=("hidden",))
    weight_out = param(0.25, "1", "from each hidden unit to each memory", size=(MEMORIES, "hidden"))
    bias_out = param(0.0, "1", "of each memory", size=(MEMORIES,))
    weight_u = param(0.2, "1", "from each memory to the distance from threshold", size=(MEMORIES,))
    v_threshold = param(0.25, "1", "what the sum of memories is to reach")
    kick = param(-0.2, "1", "what a spike adds to each memory", size=(MEMORIES,))
    weight_v = param(2.0, "mV", "from each memory to the potential", size=(MEMORIES,))
    v_leak = param(-70.0, "mV", "potential without memories")

    hidden = option(4, "hidden units", least=1)

    m0 = state(0.0, "1", "fastest memory")
    m1 = state(0.0, "1", "second memory")
    m2 = state(0.0, "1", "third memory")
    m3 = state(0.0, "1", "fourth memory")
    m4 = state(0.0, "1", "fifth memory")
    m5 = state(0.0, "1", "sixth memory")
    m6 = state(0.0, "1", "seventh memory")
    m7 = state(0.0, "1", "slowest memory")
    v = state("v_leak", "mV", "membrane potential")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        ratio = torch.log(self.tau_max / self.tau_min) / (MEMORIES - 1)
        kappa = [torch.exp(-1.0 / (self.tau_min * torch.exp(ratio * k))) for k in range(MEMORIES)]
        kept = [k * m for k, m in zip(kappa, s[:MEMORIES], strict=True)]
        h = [
            torch.relu(_sum(weights, kept) + w * i + b)
            for weights, w, b in zip(self.weight_m, self.weight_in, self.bias, strict=True)
        ]
        m = [
            keep + (1.0 - k) * self.lam * torch.tanh(_sum(weights, h) + b)
            for keep, k, weights, b in zip(kept, kappa, self.weight_out, self.bias_out, strict=True)
        ]
        z = self.fire(_sum(self.weight_u, m) - self.v_threshold)
        spike = self.detached(z) if self.detach_reset else z
        after = [x + k * spike for x, k in zip(m, self.kick, strict=True)]
        return z, self._state(s, after), self._state(s, m)

    def _state(self, s: Any, m: Sequence[Any]) -> Any:
        names = s._fields[:MEMORIES]
        return s._replace(**dict(zip(names, m, strict=True)), v=self.v_leak + _sum(self.weight_v, m))


def _sum(weights: Sequence[Any], of: Sequence[Any]) -> Any:
    """The sum of products, in order."""
    total = weights[0] * of[0]
    return total + sum(w * x for w, x in zip(weights[1:], of[1:], strict=True))
