"""Intel's Loihi: its compartments and synapses in whole numbers, and what one of its cores holds.

A network on the chip is an ordinary one: layers with `synapses`, each followed by a `Compartment`. `quantise` makes one
of a float network of `CubaLIF`; `cores` says what it takes of the chip.
"""

from __future__ import annotations

from rheobase.chip.loihi.compartment import Compartment
from rheobase.chip.loihi.limits import Core, Loihi, cores
from rheobase.chip.loihi.quantise import LayerReport, Report, quantise
from rheobase.chip.loihi.synapses import Mantissa, mantissas, synapses

__all__ = [
    "Compartment", "Core", "LayerReport", "Loihi", "Mantissa", "Report", "cores", "mantissas", "quantise", "synapses",
]  # fmt: skip
