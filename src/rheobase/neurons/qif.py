"""Quadratic integrate-and-fire."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, param, state


class QIF(OdeNeuron):
    """Quadratic integrate-and-fire neuron (Ermentrout & Kopell, 1986; Latham et al., 2000).

        tau_mem dv/dt = (v - v_leak) (v - v_T) / (v_T - v_leak) + i
        spike when v >= v_peak, then v <- v_reset

    Below v_T the potential falls back to v_leak, above it it escapes to infinity in finite time. The rheobase is
    (v_T - v_leak)/4; above it, x = (v - (v_leak + v_T)/2)/(v_T - v_leak) follows tau_mem dx/dt = x^2 + j with
    j = i/(v_T - v_leak) - 1/4, and x = tan(theta/2) makes it the theta neuron, `Theta`, with the input j.

    Shapes: i (time, batch, *shape) in mV (current times resistance); out (time, batch, *shape) in {0, 1};
    v in mV (batch, *shape).

    Raises: `ParameterError` for tau_mem <= 0.

    Numerics: the equation is no relaxation, so ExpEuler is plain Euler, stable below v_leak for dt < 2 tau_mem (v_T -
    v_leak)/(v_leak + v_T - 2 v). Under 10 mV the defaults fire every 40.45 ms; a dt of 0.1, 0.5 ms makes that 0.4, 1.4
    % longer. The time from v_peak to infinity, tau_mem (v_T - v_leak)/(v_peak - v_T) at most, is left out. detach_reset
    is True by default, since the quadratic upstroke and the jump to v_reset multiply the gradient at every spike.

    Differs from the paper: a membrane without synapses; the input is one current.

    Reference: Latham, Richmond, Nelson & Nirenberg, J. Neurophysiol. 83, 808-827 (2000), doi
    10.1152/jn.2000.83.2.808; Ermentrout & Kopell, SIAM J. Appl. Math. 46, 233-253 (1986), doi 10.1137/0146017.

    Example:

        >>> import torch
        >>> spikes, end = QIF(1, dt=0.1)(torch.full((2000, 1, 1), 10.0))
        >>> int(spikes.sum())
        5
    """

    tau_mem = param(10.0, "ms", "membrane time constant", positive=True)
    v_leak = param(-65.0, "mV", "resting potential")
    v_T = param(-50.0, "mV", "threshold: the unstable fixed point without input")
    v_peak = param(20.0, "mV", "potential at which a spike is over")
    v_reset = param(-80.0, "mV", "potential after a spike")

    v = state("v_leak", "mV", "membrane potential")

    input_unit = "mV"
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(v=((s.v - self.v_leak) * (s.v - self.v_T) / (self.v_T - self.v_leak) + i) / self.tau_mem)

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_peak

    def reset(self, s: Any) -> Any:
        return s._replace(v=self.v_reset)
