"""Intel's Loihi: its compartments and synapses in whole numbers, and what one of its cores holds.

A network on the chip is an ordinary one: layers with `synapses`, each followed by a `Compartment`. `quantise` makes one
of a float network of integrate-and-fire neurons; `cores` says what it takes of the chip. `programmed` puts it on cores,
which `Emulator` runs in integers; `rheobase.chip.deploy` does all of it, and compares.
"""

from __future__ import annotations

from rheobase.chip.loihi.compartment import Compartment
from rheobase.chip.loihi.configuration import Configuration, CoreRegisters
from rheobase.chip.loihi.configuration_file import load, notes, save
from rheobase.chip.loihi.emulator import SLOTS, Emulator, Run, State
from rheobase.chip.loihi.limits import Core, Loihi, cores
from rheobase.chip.loihi.mapping import Programmed, programmed
from rheobase.chip.loihi.prepared import prepared
from rheobase.chip.loihi.quantise import LayerReport, Report, quantise
from rheobase.chip.loihi.synapses import Mantissa, mantissas, synapses

__all__ = [
    "SLOTS", "Compartment", "Configuration", "Core", "CoreRegisters", "Emulator", "LayerReport", "Loihi", "Mantissa",
    "Programmed", "Report", "Run", "State", "cores", "load", "mantissas", "notes", "prepared", "programmed",
    "quantise", "save", "synapses",
]  # fmt: skip
