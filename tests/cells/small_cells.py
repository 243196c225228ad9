"""Small cells that a population is tried on: importable, as the workers of a cluster need it."""

from __future__ import annotations

import torch

from rheobase import channels
from rheobase.cells import Cell, Compartments, Current, Section


def firing(models, dt=0.1, inputs=None):
    """A soma with a dendrite; a model's name is its sodium conductance in S/cm2."""
    soma = Section("soma", length=20, diameter=20, nseg=1)
    dend = Section("dend", length=100, diameter=2, parent=soma, nseg=2)
    gbar = torch.tensor([float(model) for model in models], dtype=torch.float64)
    held = [channels.Pas(g=1e-4, e=-70.0), channels.NaTa_t(len(models), gbar=gbar), channels.Kv3_1(gbar=0.3)]
    return Cell(
        Compartments.of([soma, dend]), {"soma": held, "dend": [channels.Pas(g=1e-4, e=-70.0)]}, dt=dt,
        reversal={"na": 50.0, "k": -90.0}, v_init=-70.0, shape=(len(models),),
        inputs=inputs or {"current": Current()},
    )  # fmt: skip


def alone(models):
    """One cell, however many there should be."""
    return firing([models[0]]).compartments
