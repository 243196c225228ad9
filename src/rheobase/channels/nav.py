"""A transient sodium current as a kinetic scheme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, state
from rheobase.core.equations.kinetic import Reaction
from rheobase.core.equations.rates import exponential, q10


class NaV(Channel):
    """The transient sodium current of CA1 neurons as a kinetic scheme of 12 states.

        C1 - C2 - C3 - C4 - C5 - O          i = gbar O (v - e)
        |    |    |    |    |    |
        I1 - I2 - I3 - I4 - I5 - I6

        C_k to C_k+1: (5 - k) A     back: k B           A = 400 exp( v/24 ),  B = 12 exp( -v/24 )
        I_k to I_k+1: (5 - k) a A   back: k B/b         a = 2.51,  b = 5.32
        C5 to O, I5 to I6: 250      back: 60
        C_k to I_k: 0.01 a^(k-1)    back: 40 b^(1-k)    O to I6: 8   back: 0.05

    Rates in 1/ms, times 2.3^((celsius - 37)/10). Units: v, e in mV; gbar in S/cm2; i in mA/cm2, outwards positive.

    Numerics: the fastest rates reach 4e4 per ms, so a step is backward Euler, eliminated without subtractions
    (`core.equations.kinetic`): the sum of the probabilities is 1 to rounding, in float32 too. A clamp is at its steady
    state before a run; `neuron_start` is where a simulation in NEURON starts, which is another state.

    Differs from the paper: the last square (C5, O, I6, I5) has no detailed balance, as the published model files have
    it, so that a flux through it stays at rest.

    Reference: Carter, Giessel, Sabatini & Bean, Neuron 75, 1081-1093 (2012), doi 10.1016/j.neuron.2012.08.033.
    """

    ion = "na"

    gbar = param(0.015, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(53.0, "mV", "sodium reversal potential")
    celsius = param(34.0, "degC", "temperature")
    v = entry("mV", "membrane potential")
    C1 = state(1.0, "1", "closed, no sensor moved")
    C2 = state(0.0, "1", "closed, one sensor moved")
    C3 = state(0.0, "1", "closed, two sensors moved")
    C4 = state(0.0, "1", "closed, three sensors moved")
    C5 = state(0.0, "1", "closed, all sensors moved")
    O = state(0.0, "1", "open")  # noqa: E741 (the paper's letter)
    I1 = state(0.0, "1", "inactivated, no sensor moved")
    I2 = state(0.0, "1", "inactivated, one sensor moved")
    I3 = state(0.0, "1", "inactivated, two sensors moved")
    I4 = state(0.0, "1", "inactivated, three sensors moved")
    I5 = state(0.0, "1", "inactivated, all sensors moved")
    I6 = state(0.0, "1", "inactivated, open")

    def reactions(self, i: Any) -> Sequence[Reaction]:
        phi = q10(self.celsius, 37.0)
        moves, returns = 400.0 * phi * exponential(i / 24.0), 12.0 * phi * exponential(-i / 24.0)
        found: list[Reaction] = []
        for k in range(1, 5):
            found.append(Reaction(f"C{k}", f"C{k + 1}", (5 - k) * moves, k * returns))
            found.append(Reaction(f"I{k}", f"I{k + 1}", (5 - k) * 2.51 * moves, k / 5.32 * returns))
        for k in range(1, 6):
            found.append(Reaction(f"C{k}", f"I{k}", phi * (0.01 * 2.51 ** (k - 1)), phi * (40.0 / 5.32 ** (k - 1))))
        found.append(Reaction("C5", "O", phi * 250.0, phi * 60.0))
        found.append(Reaction("I5", "I6", phi * 250.0, phi * 60.0))
        found.append(Reaction("O", "I6", phi * 8.0, phi * 0.05))
        return found

    def neuron_start(self, i: Any) -> Any:
        """Where the published file starts, which is no equilibrium: what enters I3 from I4 counts the rate I3 to C3."""
        found = self.reactions(i)
        rates = {(x.source, x.target): x.forward for x in found} | {(x.target, x.source): x.backward for x in found}
        v, order = torch.as_tensor(i, dtype=torch.float64), list(self.states)
        a = torch.zeros(*v.shape, len(order), len(order), dtype=torch.float64)
        for (source, target), rate in rates.items():
            j, k = order.index(source), order.index(target)
            a[..., j, j] -= rate
            a[..., k, j] += rates["I3", "C3"] if (source, target) == ("I4", "I3") else rate
        # the balance of I6 gives way to the sum
        a[..., -1, :] = 1.0
        one = torch.zeros(*v.shape, len(order), dtype=torch.float64)
        one[..., -1] = 1.0
        return self.State(*torch.linalg.solve(a, one).unbind(-1))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.O


__all__ = ["NaV"]
