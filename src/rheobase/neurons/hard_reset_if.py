"""Integrate-and-fire without leak, with a hard reset."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, param, state


class HardResetIF(OdeNeuron):
    """Perfect integrate-and-fire neuron (Lapicque, 1907, without the leak), with a hard reset to v_reset.

        dv/dt = r i
        spike when v >= v_threshold, then v <- v_reset

    What lies above the threshold at a spike is lost; `IF` subtracts the threshold and keeps it.

    Shapes: i (time, batch, *shape); out (time, batch, *shape) in {0, 1}; v (batch, *shape).

    Raises: `ParameterError` for values that are not finite.

    Numerics: every integrator is exact for current constant over a step. detach_reset is True by default, since the
    jump to v_reset can multiply the gradient at every spike.

    Differs from the paper: no leak; the potential is normalised, and starts at v_reset.

    Reference: Lapicque, J. Physiol. Pathol. Gen. 9, 620-635 (1907); translation doi 10.1007/s00422-007-0189-6. NIR's
    primitive IF; Pedersen et al., Nat. Commun. 15, 8122 (2024), doi 10.1038/s41467-024-52259-9.

    Example:

        >>> import torch
        >>> spikes, end = HardResetIF(1, dt=1.0)(torch.full((9, 1, 1), 0.4))
        >>> spikes.flatten().int().tolist()
        [0, 0, 1, 0, 0, 1, 0, 0, 1]
    """

    r = param(1.0, "1/ms", "input gain (resistance)")
    v_threshold = param(1.0, "1", "firing threshold")
    v_reset = param(0.0, "1", "potential at the start and after a spike")

    v = state("v_reset", "1", "membrane potential")

    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(v=self.r * i)

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(v=self.v_reset)
