"""Leaky integrate-and-fire with a hard reset."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, param, relax, state


class HardResetLIF(OdeNeuron):
    """Leaky integrate-and-fire neuron (Lapicque, 1907), with a hard reset: a spike puts the potential to v_reset.

        tau_mem dv/dt = v_leak + i - v
        spike when v >= v_threshold, then v <- v_reset

    What lies above the threshold at a spike is lost; `LIF` subtracts the threshold and keeps it.

    Shapes: i (time, batch, *shape) in units of v (current times resistance); out (time, batch, *shape) in {0, 1};
    v (batch, *shape).

    Raises: `ParameterError` for tau_mem <= 0.

    Numerics: with ExpEuler the subthreshold solution is exact for current constant over a step. A v_reset at or above
    v_threshold spikes in every step. detach_reset is True by default, since the jump to v_reset can multiply the
    gradient at every spike.

    Differs from the paper: the potential is normalised.

    Reference: Lapicque, J. Physiol. Pathol. Gen. 9, 620-635 (1907); translation doi 10.1007/s00422-007-0189-6. With the
    reset to a value: Gerstner, Kistler, Naud & Paninski, Neuronal Dynamics, Cambridge University Press (2014), section
    1.3, doi 10.1017/CBO9781107447615.

    Example:

        >>> import torch
        >>> spikes, end = HardResetLIF(1, dt=1.0, tau_mem=2.0)(torch.full((9, 1, 1), 1.7))
        >>> spikes.flatten().int().tolist()
        [0, 1, 0, 1, 0, 1, 0, 1, 0]
    """

    tau_mem = param(20.0, "ms", "membrane time constant", positive=True)
    v_leak = param(0.0, "1", "leak potential")
    v_threshold = param(1.0, "1", "firing threshold")
    v_reset = param(0.0, "1", "potential after a spike")

    v = state("v_leak", "1", "membrane potential")

    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(v=relax(self.v_leak + i, self.tau_mem))

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(v=self.v_reset)
