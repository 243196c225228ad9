"""Leaky integrate-and-fire."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, param, relax, state


class LIF(OdeNeuron):
    """Leaky integrate-and-fire neuron (Lapicque, 1907), with subtractive reset.

        tau_mem dv/dt = v_leak + i - v
        spike when v >= v_threshold, then v <- v - v_threshold

    Shapes: i (time, batch, *shape) in units of v (current times resistance); out (time, batch, *shape) in {0, 1};
    v (batch, *shape).

    Raises: `ParameterError` for tau_mem <= 0.

    Numerics: with ExpEuler the subthreshold solution is exact for current constant over a step.

    Differs from the paper: the potential is normalised, and the reset subtracts the threshold instead of
    discharging the capacitor.

    Reference: Lapicque, J. Physiol. Pathol. Gen. 9, 620-635 (1907); translation doi 10.1007/s00422-007-0189-6.

    Example:

        >>> import torch
        >>> spikes, end = LIF(3, dt=1.0)(torch.full((100, 1, 3), 1.5))
        >>> spikes.sum(0)
        tensor([[4., 4., 4.]])
    """

    tau_mem = param(20.0, "ms", "membrane time constant", positive=True)
    v_leak = param(0.0, "1", "leak potential")
    v_threshold = param(1.0, "1", "firing threshold")

    v = state("v_leak", "1", "membrane potential")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(v=relax(self.v_leak + i, self.tau_mem))

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(v=s.v - self.v_threshold)
