"""A transient sodium current."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.channels.colbert_pan import sodium_gates
from rheobase.core import entry, param, state


class NaTs2_t(Channel):
    """The transient sodium current of somata: `NaTa_t`, 6 mV higher.

        i = gbar m^3 h (v - e)
        m and h of `colbert_pan.sodium_gates` with v_m = -32.0, v_h = -60.0 mV;
        phi = 2.3^1.3 (34 against 21 degC), the same at every temperature

    Units: v, e in mV; gbar in S/cm2; i in mA/cm2, outwards positive.

    Reference: Colbert & Pan, Nat. Neurosci. 5, 533-538 (2002), doi 10.1038/nn0602-857,
    in the form of Hay et al., PLoS Comput. Biol. 7, e1002107 (2011), doi 10.1371/journal.pcbi.1002107.
    """

    ion = "na"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(53.0, "mV", "sodium reversal potential")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(sodium_gates(i, -32.0, -60.0, 2.3**1.3))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**3 * s.h


__all__ = ["NaTs2_t"]
