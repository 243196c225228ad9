"""IBM's TrueNorth: its neuron in full, cores of 256 x 256 binary synapses, delays, a mesh, boards of chips.

`Configuration` says what stands on the chip, `Emulator` runs it: in compiled vectors, or by the plain reference, with
the same bits.
"""

from __future__ import annotations

from rheobase.chip.truenorth.board import AXONS, DELAYS, HOST, NEURONS, NOWHERE, TYPES, TrueNorth
from rheobase.chip.truenorth.configuration import Configuration
from rheobase.chip.truenorth.configuration_file import load, notes, save
from rheobase.chip.truenorth.emulator import Emulator
from rheobase.chip.truenorth.results import Counts, Events, Run, State
from rheobase.chip.truenorth.traffic import Traffic, traffic

__all__ = [
    "AXONS", "DELAYS", "HOST", "NEURONS", "NOWHERE", "TYPES", "Configuration", "Counts", "Emulator", "Events", "Run",
    "State", "Traffic", "TrueNorth", "load", "notes", "save", "traffic",
]  # fmt: skip
