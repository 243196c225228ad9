"""Time to first spike."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import OdeNeuron, barred, param, relax, state


class TTFS(OdeNeuron):
    """Time-to-first-spike neuron (Mostafa, 2017): it integrates without leak and fires once, or never.

        dv/dt = i_syn
        di_syn/dt = -i_syn / tau_syn + i
        spike when v >= v_threshold and spent = 0, then spent <- 1

    A spike of weight w at the input is w/dt for one step: i_syn jumps by w, and v rises by tau_syn w in all. For the
    weights w_k at the times t_k that precede it (the causal set), the neuron fires at

        exp(t / tau_syn) = sum_k w_k exp(t_k / tau_syn) / (sum_k w_k - v_threshold / tau_syn)

    Shapes: i (time, batch, *shape) in 1/ms2; out (time, batch, *shape) in {0, 1}, one spike at most along time; v,
    i_syn in 1/ms, spent in {0, 1}, each (batch, *shape).

    Raises: `ParameterError` for tau_syn <= 0.

    Numerics: i_syn is exact for input constant over a step, v an Euler step of it, so the spike comes late by one to
    two steps. A state that is handed on is still spent; `None` arms the neuron anew. The gradient of the spike passes
    by the surrogate in the steps up to it; a spent neuron passes none.

    Differs from the paper: a grid of time in place of the closed form, and a threshold and time constant of any size,
    where the paper sets both to 1.

    Reference: Mostafa, IEEE Trans. Neural Netw. Learn. Syst. 29, 3227-3235 (2018), arXiv 1606.08165.

    Example:

        >>> import torch
        >>> spikes, end = TTFS(1, dt=1.0)(torch.full((50, 1, 1), 0.02))
        >>> int(spikes.argmax()), int(spikes.sum())
        (15, 1)
    """

    tau_syn = param(5.0, "ms", "synaptic time constant", positive=True)
    v_threshold = param(1.0, "1", "firing threshold")

    v = state(0.0, "1", "membrane potential")
    i_syn = state(0.0, "1/ms", "synaptic current")
    spent = state(0.0, "1", "whether the one spike is gone")

    input_unit = "1/ms2"

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(
            v=s.i_syn,
            i_syn=relax(self.tau_syn * i, self.tau_syn),
            spent=0.0,
        )

    def threshold(self, s: Any) -> Any:
        return barred(s.spent > 0.5, s.v - self.v_threshold)

    def reset(self, s: Any) -> Any:
        return s._replace(spent=torch.ones_like(s.spent))
