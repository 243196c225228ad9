"""Reversal potentials of ions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch

GAS, FARADAY, ZERO = 8.31446261815324, 96485.33212331, 273.15  # J/(K mol), C/mol, 0 degC in K
IONS = ("na", "k", "ca")
VALENCE: Mapping[str, float] = MappingProxyType({"na": 1.0, "k": 1.0, "ca": 2.0})


def nernst(inside: Any, outside: Any, celsius: float, valence: float) -> Any:
    """The reversal potential in mV, RT/(zF) log(outside/inside).

    >>> float(nernst(torch.tensor(1e-4, dtype=torch.float64), 2.0, 34.0, 2.0)).__round__(3)
    131.063
    """
    return 1000.0 * GAS * (ZERO + celsius) / (valence * FARADAY) * torch.log(outside / inside)


__all__ = ["FARADAY", "IONS", "VALENCE", "nernst"]
