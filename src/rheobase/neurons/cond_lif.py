"""Leaky integrate-and-fire with conductance-based synapses."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, entry, param, relax, state


class CondLIF(OdeNeuron):
    """Leaky integrate-and-fire neuron that is driven by two conductances (the COBA cell of Brette et al., 2007).

        c_mem dv/dt = g_leak (v_leak - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + i_offset
        spike when v >= v_threshold, then v <- v_reset

    Shapes: g_exc, g_inh (time, batch, *shape) in nS, given by name; out (time, batch, *shape) in {0, 1}; v in mV
    (batch, *shape).

    Raises: `ParameterError` for a missing conductance, and for capacitance and leak conductance <= 0.

    Numerics: v relaxes to the mean of the reversal potentials, weighted by the conductances, with c_mem over their sum:
    with ExpEuler the subthreshold solution is exact for conductances that are constant over a step. A conductance
    below zero that outweighs the others has no such mean, and v grows.

    Differs from the paper: the decay of the conductances between spikes belongs to the synapses, so they are the
    inputs; the 5 ms of refractoriness are `Refractory(CondLIF(...), tau_refrac=5.0)`. i_offset is PyNN's name for a
    constant current, which the benchmark does not have.

    Reference: Brette et al., J. Comput. Neurosci. 23, 349-398 (2007), doi 10.1007/s10827-007-0038-6, benchmark 1.

    Example:

        >>> import torch
        >>> g_exc, g_inh = torch.full((100, 1, 1), 5.0), torch.zeros(100, 1, 1)
        >>> spikes, end = CondLIF(1, dt=1.0)(g_exc=g_exc, g_inh=g_inh)
        >>> int(spikes.sum())
        10
    """

    c_mem = param(200.0, "pF", "membrane capacitance", positive=True)
    g_leak = param(10.0, "nS", "leak conductance", positive=True)
    v_leak = param(-60.0, "mV", "leak potential")
    e_exc = param(0.0, "mV", "reversal potential of excitation")
    e_inh = param(-80.0, "mV", "reversal potential of inhibition")
    i_offset = param(0.0, "pA", "constant injected current")
    v_threshold = param(-50.0, "mV", "firing threshold")
    v_reset = param(-60.0, "mV", "potential after a spike")

    v = state("v_leak", "mV", "membrane potential")

    g_exc = entry("nS", "excitatory conductance")
    g_inh = entry("nS", "inhibitory conductance")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        g = self.g_leak + i.g_exc + i.g_inh
        drive = self.g_leak * self.v_leak + i.g_exc * self.e_exc + i.g_inh * self.e_inh + self.i_offset
        return dict(v=relax(drive / g, rate=g / self.c_mem))

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(v=self.v_reset)
