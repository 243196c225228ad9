"""The three cells of Rallpack (Bhalla, Bilitch & Bower, 1992), and what is known of them in closed form.

All have 0.1 nA from the first step on, Ra = 100 ohm cm, 1 uF/cm2 and, at rest at -65 mV, 40 kohm cm2.

Reference: Bhalla, Bilitch & Bower, Trends Neurosci. 15, 453-458 (1992), doi 10.1016/0166-2236(92)90009-W; the closed
forms from Rall, Ann. N. Y. Acad. Sci. 96, 1071-1092 (1962), doi 10.1111/j.1749-6632.1962.tb54120.x.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rheobase import channels
from rheobase.cells import Cell, Compartments, Current, Place, Section
from rheobase.channels import Channel
from rheobase.core import entry, param, state
from rheobase.core.equations.rates import gate, linoid

Floats = NDArray[np.float64]
CURRENT = 0.1  # nA
RM, RA, CM, E = 4e4, 100.0, 1.0, -65.0  # ohm cm2, ohm cm, uF/cm2, mV
TAU = RM * CM * 1e-3  # ms
# of the branches of a generation: length and diameter in um
BRANCHES = (
    (32.0, 16.0),
    (25.4, 10.08),
    (20.16, 6.35),
    (16.0, 4.0),
    (12.7, 2.52),
    (10.08, 1.587),
    (8.0, 1.0),
    (6.35, 0.63),
    (5.04, 0.397),
    (4.0, 0.25),
)


class Na(Channel):
    """The sodium current of the squid's giant axon (Hodgkin & Huxley, 1952) at 6.3 degC."""

    ion = "na"
    gbar = param(0.12, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(50.0, "mV", "sodium reversal potential")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        m = gate(linoid(-(i + 40.0) / 10.0), 4.0 * torch.exp(-(i + 65.0) / 18.0))
        return dict(m=m, h=gate(0.07 * torch.exp(-(i + 65.0) / 20.0), torch.sigmoid((i + 35.0) / 10.0)))

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
        return dict(n=gate(0.1 * linoid(-(i + 55.0) / 10.0), 0.125 * torch.exp(-(i + 65.0) / 80.0)))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.n**4


def cable(nseg: int = 1000, *, active: bool = False, **options: Any) -> Cell:
    """Rallpack 1, a cable of 1 mm by 1 um, and with `active` 3, the axon of that size; the current enters at 0."""
    held = [channels.Pas(g=1.0 / RM, e=E), *([Na(), K()] if active else [])]
    dend = Section("dend", length=1000.0, diameter=1.0, nseg=nseg)
    return _cell([dend], held, **options)


def tree(depth: int = len(BRANCHES), **options: Any) -> Cell:
    """Rallpack 2: a branch that branches in two, each again in two, one compartment each; the current enters at 0."""
    made = [Section("dend[0]", length=BRANCHES[0][0], diameter=BRANCHES[0][1], nseg=1)]
    last = list(made)
    for length, diameter in BRANCHES[1:depth]:
        rank = list[Section]()
        for parent in (each for each in last for _ in range(2)):
            name = f"dend[{len(made) + len(rank)}]"
            rank.append(Section(name, length=length, diameter=diameter, parent=parent, nseg=1))
        made += rank
        last = rank
    return _cell(made, [channels.Pas(g=1.0 / RM, e=E)], **options)


def _cell(sections: list[Section], held: list[Channel], **options: Any) -> Cell:
    first, last = sections[0].name, sections[-1].name
    return Cell(
        Compartments.of(sections),
        {"dend": held},
        c_mem=CM,
        Ra=RA,
        v_init=E,
        threshold=0.0,
        inputs={"current": Current(first, 0.0)},
        watch=Place(last, 0.999),
        **options,
    )


def ends(cell: Cell) -> tuple[str, str]:
    """Where potentials are looked at: the first compartment, and the last."""
    return f"{cell.compartments.sections[0].name}(0)", f"{cell.compartments.sections[-1].name}(0.999)"


def closed(x: float, t: Floats, *, length: float, diameter: float) -> Floats:
    """The potential in mV at x um of a passive cable with sealed ends, t ms after a current enters at x = 0.

        v - E = I R { cosh(L - X)/sinh(L) - exp(-T)/L - 2/L sum over n from 1 on of
                      cos(n pi X/L) exp(-(1 + (n pi/L)^2) T) / (1 + (n pi/L)^2) }

    with T = t/tau, lengths in space constants, and R the input resistance of the cable without an end.
    """
    space = 1e4 * math.sqrt(RM * diameter * 1e-4 / (4.0 * RA))  # um
    resistance = 2.0 * math.sqrt(RM * RA) / (math.pi * (diameter * 1e-4) ** 1.5) * 1e-6  # MOhm
    ell, at, then = length / space, x / space, t / TAU
    n = np.arange(1, 2001)
    rate = 1.0 + (n * math.pi / ell) ** 2
    # what is over before the first step is left out
    n, rate = (each[: max(1, int(np.searchsorted(rate * then[0], 60.0)))] for each in (n, rate))
    rest = np.exp(-np.outer(then, rate)) @ (np.cos(n * math.pi * at / ell) / rate)
    return E + CURRENT * resistance * (math.cosh(ell - at) / math.sinh(ell) - (np.exp(-then) + 2.0 * rest) / ell)


def closed_ends(cell: Cell, t: Floats) -> Floats:
    """The closed form where the potentials of a passive cell are looked at, (times, 2): a tree as its equal cable."""
    tree = cell.compartments
    if len(tree.sections) == 1:
        near, far, length, diameter = 500.0 / tree.nseg[0], 1000.0 - 500.0 / tree.nseg[0], 1000.0, 1.0
    else:
        # all branches are equally long in their own space constants
        length, diameter = BRANCHES[0][0] * math.log2(len(tree.sections) + 1), BRANCHES[0][1]
        near, far = BRANCHES[0][0] / 2.0, length - BRANCHES[0][0] / 2.0
    return np.stack([closed(x, t, length=length, diameter=diameter) for x in (near, far)], 1)


def crossings(v: Floats, dt: float, threshold: float = 0.0) -> Floats:
    """Times of upward crossings of samples at dt, 2 dt, ...: by the cubic through the four values around."""
    at = np.flatnonzero((v[1:-2] < threshold) & (v[2:-1] >= threshold)) + 1
    found = np.empty(len(at))
    for row, k in enumerate(at):
        a, b, c, d = np.polyfit((-1.0, 0.0, 1.0, 2.0), v[k - 1 : k + 3] - threshold, 3)
        x = -(v[k] - threshold) / (v[k + 1] - v[k])
        x = min(max(x, 0.0), 1.0)
        for _ in range(20):
            x -= (((a * x + b) * x + c) * x + d) / ((3 * a * x + 2 * b) * x + c)
        found[row] = (k + 1 + x) * dt
    return found
