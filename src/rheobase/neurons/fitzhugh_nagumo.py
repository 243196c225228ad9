"""FitzHugh-Nagumo."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rheobase.core import OdeNeuron, param, relax, state
from rheobase.core.equations.equilibrium import equilibrium
from rheobase.core.integrators import ExpMidpoint


class FitzHughNagumo(OdeNeuron):
    """Two-variable oscillator with a cubic: excitability in the plane (FitzHugh, 1961; Nagumo et al., 1962).

        dv/dt = rate ( v - v^3/3 - w + i )
        dw/dt = rate phi ( v + a - b w )
        spike where v crosses v_threshold upwards; no reset

    Shapes: i (time, batch, *shape), a pure number; out (time, batch, *shape) in {0, 1}; v, w (batch, *shape).

    Raises: `ParameterError` for rate, phi or b <= 0.

    Numerics: by default ExpMidpoint, at a dt of 0.02: w relaxes, and dv/dt is said as a relaxation at the rate 1 +
    v^2/3 of the cubic, which changes nothing in the equation, so that a step of any length is stable. ExpEuler is of
    first order: at dt = 0.1 ms intervals between spikes are 2 % too long. Rest is solved for.

    Differs from the paper: a positive i depolarises, so v and i are minus FitzHugh's x and z, and his y is minus w; his
    time has no unit, here its unit is 1/rate; the level of v that counts as a spike is ours.

    Reference: FitzHugh, Biophys. J. 1, 445-466 (1961), doi 10.1016/S0006-3495(61)86902-6; Nagumo, Arimoto & Yoshizawa,
    Proc. IRE 50, 2061-2070 (1962), doi 10.1109/JRPROC.1962.288235.

    Example:

        >>> import torch
        >>> spikes, end = FitzHughNagumo(1, dt=0.1)(torch.full((2000, 1, 1), 0.5))
        >>> int(spikes.sum())
        5
    """

    rate = param(1.0, "1/ms", "rate of the fast variable", positive=True)
    phi = param(0.08, "1", "how much slower the recovery is", positive=True)
    a = param(0.7, "1", "offset of the recovery")
    b = param(0.8, "1", "decay of the recovery", positive=True)
    v_threshold = param(1.0, "1", "level whose upward crossing is a spike")

    v = state(-1.1994, "1", "membrane potential")
    w = state(-0.6243, "1", "recovery")

    crossing = True
    integrator = ExpMidpoint()

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        slope = s.v - s.v**3 / 3.0 - s.w + i
        pull = 1.0 + s.v**2 / 3.0
        return dict(
            v=relax(s.v + slope / pull, 1.0 / (self.rate * pull)),
            w=relax((s.v + self.a) / self.b, 1.0 / (self.rate * self.phi * self.b)),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def resting(self) -> dict[str, Tensor]:
        # beyond this bound the cubic outweighs the rest
        bound = 3.0 + 3.0 / self.b + 3.0 * abs(self.a / self.b)
        return equilibrium(self, -bound, bound)
