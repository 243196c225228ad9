"""What a reader of a morphology file hands on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# the numbers of SWC
CODES = {"soma": 1, "axon": 2, "dend": 3, "apic": 4}
NAMES = {code: name for name, code in CODES.items()}
SOMA = CODES["soma"]


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a tree, parents first; `Morphology`, which they become, says what each array is."""

    path: Path
    id: Ints
    type: Ints
    xyz: Floats
    radius: Floats
    parent: Ints
    line: Ints
    branches: Ints | None = None
    outlines: tuple[Floats, ...] = ()
