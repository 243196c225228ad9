"""Integrate-and-fire without leak."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, param, state


class IF(OdeNeuron):
    """Perfect integrate-and-fire neuron (Lapicque, 1907, without the leak), with subtractive reset.

        dv/dt = r i
        spike when v >= v_threshold, then v <- v - v_threshold

    Shapes: i (time, batch, *shape); out (time, batch, *shape) in {0, 1}; v (batch, *shape).

    Raises: `ParameterError` for values that are not finite.

    Numerics: every integrator is exact for current constant over a step.

    Differs from the paper: no leak; the potential is normalised.

    Reference: NIR's primitive IF; Pedersen et al., Nat. Commun. 15, 8122 (2024), doi 10.1038/s41467-024-52259-9.

    Example:

        >>> import torch
        >>> spikes, end = IF(1, dt=1.0)(torch.full((8, 1, 1), 0.25))
        >>> spikes.flatten().int().tolist()
        [0, 0, 0, 1, 0, 0, 0, 1]
    """

    r = param(1.0, "1/ms", "input gain (resistance)")
    v_threshold = param(1.0, "1", "firing threshold")

    v = state(0.0, "1", "membrane potential")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(v=self.r * i)

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(v=s.v - self.v_threshold)
