"""The calcium under the membrane."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Pool
from rheobase.channels.ions import FARADAY
from rheobase.core import entry, param, relax, state


class CaDynamics(Pool):
    """The calcium in a thin shell under the membrane, which calcium currents fill and pumps empty.

        d ca/dt = -1e4 gamma i_ca / (2 F depth) - (ca - minCai)/decay        F = 96485.33212 C/mol

    Units: i_ca in mA/cm2, outwards positive (so that a calcium current, which is negative, fills it); depth in um;
    decay in ms; ca in mM. The factor 1e4 makes mM/ms of them.

    Reference: after Destexhe, Mainen & Sejnowski, J. Comput. Neurosci. 1, 195-230 (1994), doi 10.1007/BF00961734.
    """

    # removal takes milliseconds in a spine, a second in a body; a cell holds 50 to 200 nM at rest
    gamma = param(0.05, "1", "share of the calcium that stays free", nonnegative=True, usual=(0.0, 1.0))
    decay = param(80.0, "ms", "time constant of removal", positive=True, usual=(1.0, 1e5))
    depth = param(0.1, "um", "depth of the shell", positive=True, usual=(1e-3, 50.0))
    minCai = param(1e-4, "mM", "concentration at rest", positive=True, usual=(1e-6, 1e-3))
    i_ca = entry("mA/cm2", "sum of the calcium currents")
    ca = state("minCai", "mM", "calcium concentration inside")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        gain = 1e4 * self.gamma / (2.0 * FARADAY * self.depth)
        return dict(ca=relax(self.minCai - gain * self.decay * i, self.decay))


__all__ = ["CaDynamics"]
