"""Bistable recurrent cell."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import MapNeuron, param, state


class BRC(MapNeuron):
    """Bistable recurrent cell (Vecoven, Ernst & Drion, 2021), the point part.

        a[t] = 1 + tanh( u_a i[t] + w_a h[t-1] + b_a )
        c[t] = sigmoid( u_c i[t] + w_c h[t-1] + b_c )
        h[t] = c h[t-1] + (1 - c) tanh( i[t] + a h[t-1] )

    Shapes: i (time, batch, *shape); out = h (time, batch, *shape) in (-1, 1); h (batch, *shape).

    Raises: `ParameterError` for values that are not finite.

    Numerics: the paper's update, as it is. For a > 1 the cell has two stable states.

    Differs from the paper: the three input products U x, U_a x, U_c x are one input with the per-neuron gains
    u_a and u_c; `nn.Linear` before the cell is U.

    Reference: Vecoven, Ernst & Drion, PLoS ONE 16(6): e0252676 (2021), doi 10.1371/journal.pone.0252676, eq. 4, 5.

    Example:

        >>> import torch
        >>> pulse = 3.0 * torch.eye(50)[0].view(50, 1, 1)
        >>> out, _ = BRC(1)(pulse)
        >>> bool(out[-1] > 0.5)
        True
    """

    w_a = param(1.0, "1", "feedback to the bistability gate")
    w_c = param(1.0, "1", "feedback to the update gate")
    u_a = param(0.0, "1", "input gain of the bistability gate")
    u_c = param(0.0, "1", "input gain of the update gate")
    b_a = param(0.0, "1", "bias of the bistability gate")
    b_c = param(0.0, "1", "bias of the update gate")

    h = state(0.0, "1", "hidden value")

    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        a = 1.0 + torch.tanh(self.u_a * i + self.w_a * s.h + self.b_a)
        c = torch.sigmoid(self.u_c * i + self.w_c * s.h + self.b_c)
        h = c * s.h + (1.0 - c) * torch.tanh(i + a * s.h)
        return h, s._replace(h=h)
