"""Current-based leaky integrate-and-fire."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, param, relax, state


class CubaLIF(OdeNeuron):
    """Leaky integrate-and-fire neuron with an exponential synaptic current (Vogels & Abbott, 2005).

        tau_syn di_syn/dt = w_in i - i_syn
        tau_mem dv/dt = v_leak + r i_syn - v
        spike when v >= v_threshold, then v <- v - v_threshold

    Shapes: i (time, batch, *shape); out (time, batch, *shape) in {0, 1}; i_syn, v (batch, *shape).

    Raises: `ParameterError` for tau_syn <= 0 or tau_mem <= 0.

    Numerics: ExpEuler solves each equation exactly for a frozen right side; the membrane sees the synaptic
    current of the step's start.

    Differs from the paper: normalised potential, subtractive reset.

    Reference: Vogels & Abbott, J. Neurosci. 25, 10786 (2005), doi 10.1523/JNEUROSCI.3508-05.2005; NIR's CubaLIF.

    Example:

        >>> import torch
        >>> spikes, end = CubaLIF(1, dt=1.0)(torch.full((100, 1, 1), 1.5))
        >>> float(spikes.sum())
        4.0
    """

    tau_syn = param(5.0, "ms", "synaptic time constant", positive=True)
    tau_mem = param(20.0, "ms", "membrane time constant", positive=True)
    r = param(1.0, "1", "membrane resistance")
    w_in = param(1.0, "1", "input weight")
    v_leak = param(0.0, "1", "leak potential")
    v_threshold = param(1.0, "1", "firing threshold")

    i_syn = state(0.0, "1", "synaptic current")
    v = state("v_leak", "1", "membrane potential")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(
            i_syn=relax(self.w_in * i, self.tau_syn),
            v=relax(self.v_leak + self.r * s.i_syn, self.tau_mem),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(v=s.v - self.v_threshold)
