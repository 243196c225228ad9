"""Models that cost next to nothing: a soma with a leak and two spiking channels, two values of its leak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rheobase import channels
from rheobase.cells import Cell, Compartments, Section
from rheobase.operator import Protocol

SHORT = Protocol(
    dt=0.05,
    keep=2,
    settle=10.0,
    before=5.0,
    duration=40.0,
    after=5.0,
    early=2.0,
    amplitudes=(-0.1, 0.3),
    location=0.05,
    scale=0.1,
)


class Small:
    """Somata that differ in their leak."""

    names = ("tight", "leaky", "middle")

    def __init__(self, leaks: Sequence[float] = (3e-5, 9e-5, 6e-5)):
        self.leaks = leaks
        self.made: list[tuple[int, ...]] = []

    def identity(self) -> dict[str, Any]:
        return {"leaks": list(self.leaks)}

    def cell(self, which: Sequence[int], dt: float) -> Cell:
        self.made.append(tuple(which))
        g = torch.tensor([self.leaks[k] for k in which], dtype=torch.float64)
        n, soma = len(which), Section("soma", length=20, diameter=20)
        held = [channels.Pas(n, g=g, e=-70.0), channels.NaTa_t(gbar=0.5), channels.Kv3_1(gbar=0.3)]
        reversal = {"na": 50.0, "k": -90.0}
        return Cell(Compartments.of([soma]), {"soma": held}, dt=dt, shape=(n,), reversal=reversal, v_init=-70.0)
