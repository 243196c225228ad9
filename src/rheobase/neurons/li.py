"""Leaky integrator."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, param, relax, state


class LI(OdeNeuron):
    """Leaky integrator: a LIF neuron (Lapicque, 1907) without a threshold; the usual readout.

        tau_mem dv/dt = v_leak + i - v;  out = v

    Shapes: i (time, batch, *shape) in units of v; out (time, batch, *shape) in units of v; v (batch, *shape).

    Raises: `ParameterError` for tau_mem <= 0.

    Numerics: with ExpEuler exact for current constant over a step.

    Differs from the paper: in nothing but the missing threshold.

    Reference: NIR's primitive LI; Pedersen et al., Nat. Commun. 15, 8122 (2024), doi 10.1038/s41467-024-52259-9.

    Example:

        >>> import torch
        >>> out, end = LI(1, dt=1.0)(torch.ones(200, 1, 1))
        >>> round(float(out[-1]), 4)
        1.0
    """

    tau_mem = param(20.0, "ms", "membrane time constant", positive=True)
    v_leak = param(0.0, "1", "leak potential")

    v = state("v_leak", "1", "membrane potential")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(v=relax(self.v_leak + i, self.tau_mem))

    def output(self, s: Any) -> Any:
        return s.v
