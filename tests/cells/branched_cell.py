"""A soma with a dendrite that branches, passive or with channels of every kind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase import channels as C
from rheobase.cells import Cell, Compartments, Section


def branched(nseg: int = 3) -> Compartments:
    soma = Section("soma", length=20, diameter=20, nseg=1)
    stem = Section("dend[0]", length=100, diameter=2, parent=soma, at=0.5)
    left = Section("dend[1]", length=60, diameter=1, parent=stem)
    right = Section("dend[2]", length=80, diameter=(1.5, 0.5), parent=stem)
    return Compartments.of([soma, stem, left, right], nseg=nseg)


def active(shape: tuple[int, ...] = (), **options: Any) -> Cell:
    """A branched cell with a pool and channels of every kind."""
    held = {
        "soma": [
            C.Pas(*shape, g=3e-5, e=-70.0),
            C.NaV(*shape, gbar=0.1),
            C.Kv3_1(*shape, gbar=0.3),
            C.CaDynamics(*shape),
            C.SK(*shape, gbar=0.01),
            C.Ca_HVA(*shape, gbar=1e-4),
        ],
        "dend": [C.Pas(*shape, g=3e-5, e=-70.0), C.Ih(*shape, gbar=1e-4)],
    }
    ions = {"na": 53.0, "k": -107.0}
    return Cell(branched(), held, **{"dt": 0.025, "shape": shape, "reversal": ions, "v_init": -72.0, **options})


def noise(steps: int, *size: int, scale: float = 0.6, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return scale * torch.rand(steps, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(
        dtype
    )
