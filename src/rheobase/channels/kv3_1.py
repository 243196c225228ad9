"""The fast delayed rectifier Kv3.1."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state


class Kv3_1(Channel):
    """The fast delayed rectifier of Kv3.1 subunits.

        i = gbar m (v - e)
        m_inf = sigma( (v - 18.7)/9.7 )      tau_m = 4 / (1 + exp( -(v + 46.56)/44.14 ))      sigma(x) = 1/(1 + exp(-x))

    Units: v, e in mV; tau in ms, at every temperature; gbar in S/cm2; i in mA/cm2, outwards positive.

    Differs from other delayed rectifiers: tau_m rises with the potential.

    Reference: Rettig et al., EMBO J. 11, 2473-2486 (1992), in the form of Hay et al., PLoS Comput. Biol. 7, e1002107
    (2011), doi 10.1371/journal.pcbi.1002107.
    """

    ion = "k"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-107.0, "mV", "potassium reversal potential")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(m=relax(torch.sigmoid((i - 18.7) / 9.7), 4.0 * torch.sigmoid((i + 46.56) / 44.14)))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m


__all__ = ["Kv3_1"]
