"""The leak."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.core import entry, param


class Pas(Channel):
    """The leak: i = g (v - e).

    Units: v, e in mV; g in S/cm2; i in mA/cm2, outwards positive.

        >>> import torch
        >>> from rheobase.channels import Pas
        >>> round(float(Pas(1, dt=0.1, g=1e-4, e=-70.0)(torch.full((1, 1, 1), -60.0))[0]), 6)
        0.001
    """

    # a membrane of 1 uF/cm2 with 0.02 S/cm2 has a time constant of 0.05 ms, a fourth of the shortest of a neuron, that
    # of octopus cells (Golding, Ferragamo & Oertel 1999, doi 10.1523/JNEUROSCI.19-08-02897.1999)
    g = param(1e-3, "S/cm2", "conductance", nonnegative=True, usual=(0.0, 0.02))
    e = param(-70.0, "mV", "reversal potential")
    v = entry("mV", "membrane potential")

    def conductance(self, s: Any, i: Any) -> Any:
        return self.g


__all__ = ["Pas"]
