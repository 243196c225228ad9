"""Rallpack 1 to 3 (Bhalla, Bilitch & Bower, 1992): how exact cells are, by scheme and step, and what a step costs.

    1   a passive cable of one space constant in 1000 compartments, beside the closed form of the continuous cable
    2   a passive tree of 1023 branches, which is a cable to its root, beside the closed form of that
    3   an axon of Hodgkin & Huxley in 1000 compartments, beside NEURON's stored spike times at 0.001 ms

Errors are over 250 ms at the end (or branch) where the current enters and at the far one: of the passive ones the root
of the mean square over the time, relative to the largest value; of the axon the largest of a spike's time. Order is the
slope between the two smallest steps.

    python -m benchmarks.rallpack [--quick]
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase import channels
from rheobase.cells import BackwardEuler, Cell, Compartments, Current, Extrapolated, Place, Section
from rheobase.channels import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import linoid
from tests.against import make_axon

SCHEMES = (BackwardEuler(), Extrapolated(2), Extrapolated(3))
STEPS = {"1": (0.2, 0.1, 0.05, 0.025), "2": (0.2, 0.1, 0.05, 0.025), "3": (0.1, 0.05, 0.025, 0.0125)}  # ms
TOTAL = 250.0  # ms
CURRENT = 0.1  # nA
RM, RA, CM, E = 4e4, 100.0, 1.0, -65.0  # ohm cm2, ohm cm, uF/cm2, mV
TAU = RM * CM * 1e-3  # ms
PASSIVE = {"c_mem": CM, "Ra": RA, "v_init": E}


class Na(Channel):
    """The sodium current of the squid's giant axon (Hodgkin & Huxley, 1952) at 6.3 degC."""

    ion = "na"
    gbar = param(0.12, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(50.0, "mV", "sodium reversal potential")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        a_m, b_m = linoid(i + 40.0, 0.1, 10.0), 4.0 * torch.exp(-(i + 65.0) / 18.0)
        a_h, b_h = 0.07 * torch.exp(-(i + 65.0) / 20.0), torch.sigmoid((i + 35.0) / 10.0)
        return dict(m=relax(a_m / (a_m + b_m), 1.0 / (a_m + b_m)), h=relax(a_h / (a_h + b_h), 1.0 / (a_h + b_h)))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**3 * s.h


class K(Channel):
    """The potassium current of the squid's giant axon (Hodgkin & Huxley, 1952) at 6.3 degC."""

    ion = "k"
    gbar = param(0.036, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-77.0, "mV", "potassium reversal potential")
    v = entry("mV", "membrane potential")
    n = state(0.0, "1", "activation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        a, b = linoid(i + 55.0, 0.01, 10.0), 0.125 * torch.exp(-(i + 65.0) / 80.0)
        return dict(n=relax(a / (a + b), 1.0 / (a + b)))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.n**4
