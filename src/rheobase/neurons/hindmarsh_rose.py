"""Hindmarsh-Rose."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rheobase.core import OdeNeuron, param, relax, state
from rheobase.core.equations.equilibrium import equilibrium
from rheobase.core.integrators import ExpMidpoint


class HindmarshRose(OdeNeuron):
    """Three-variable oscillator that bursts (Hindmarsh & Rose, 1984).

        dv/dt = rate ( y - a v^3 + b v^2 - z + i )
        dy/dt = rate ( c - d v^2 - y )
        dz/dt = rate r ( s_z (v - v_R) - z )
        spike where v crosses v_threshold upwards; no reset

    In the paper v is x, s_z is s and v_R is x_1.

    Shapes: i (time, batch, *shape), a pure number; out (time, batch, *shape) in {0, 1}; v, y, z (batch, *shape).

    Raises: `ParameterError` for rate, a, r or s_z <= 0.

    Numerics: by default ExpMidpoint, at a dt of 0.005: y and z relax, and dv/dt is said as a relaxation at the rate 1 +
    a (v - b/(2a))^2 of the cubic, which changes nothing in the equation, so that a step of any length is stable. To
    first order (ExpEuler) bursts lose spikes even at 0.005; RK4 has them right up to 0.05, where strong currents make
    it diverge. Rest is solved for. detach_spike is True by default, since the bursts are chaotic and multiply the
    gradient without end.

    Differs from the paper: its time has no unit, here it is 1/rate; the level of v that counts as a spike is ours.

    Reference: Hindmarsh & Rose, Proc. R. Soc. Lond. B 221, 87-102 (1984), doi 10.1098/rspb.1984.0024.

    Example:

        >>> import torch
        >>> spikes, end = HindmarshRose(1, dt=0.05)(torch.full((10000, 1, 1), 2.0))
        >>> int(spikes.sum())
        20
    """

    rate = param(1.0, "1/ms", "rate of the fast variables", positive=True)
    a = param(1.0, "1", "weight of the cubic", positive=True)
    b = param(3.0, "1", "weight of the square in v")
    c = param(1.0, "1", "offset of y")
    d = param(5.0, "1", "weight of the square in y")
    r = param(0.005, "1", "how much slower the adaptation is", positive=True)
    s_z = param(4.0, "1", "strength of the adaptation", positive=True)
    v_R = param(-1.6, "1", "potential at which the adaptation vanishes")
    v_threshold = param(1.0, "1", "level whose upward crossing is a spike")

    v = state(-1.6045, "1", "membrane potential")
    y = state(-11.87, "1", "recovery")
    z = state(-0.018, "1", "adaptation")

    crossing = True
    integrator = ExpMidpoint()
    usual_dt = 0.01  # ms: bursts lose spikes at longer steps
    detach_spike = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        slope = s.y - self.a * s.v**3 + self.b * s.v**2 - s.z + i
        pull = 1.0 + self.a * (s.v - 0.5 * self.b / self.a) ** 2
        return dict(
            v=relax(s.v + slope / pull, 1.0 / (self.rate * pull)),
            y=relax(self.c - self.d * s.v**2, 1.0 / self.rate),
            z=relax(self.s_z * (s.v - self.v_R), 1.0 / (self.rate * self.r)),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def resting(self) -> dict[str, Tensor]:
        # a v^3 - (b - d) v^2 + s_z v = c + s_z v_R has its roots within Cauchy's bound
        bound = 1.0 + (abs(self.b - self.d) + self.s_z + abs(self.c + self.s_z * self.v_R)) / self.a
        return equilibrium(self, -bound, bound)
