"""Cells with a shape: morphologies from files, sections, and the compartments that a cable solver runs over."""

from rheobase.cells.axon import stub_diameters, with_axon_stub, without_axon
from rheobase.cells.compartments import Compartments
from rheobase.cells.morphology import Morphology
from rheobase.cells.nseg import ByLambda, ByLength
from rheobase.cells.sections import Section

__all__ = [
    "ByLambda", "ByLength", "Compartments", "Morphology", "Section", "stub_diameters", "with_axon_stub", "without_axon",
]  # fmt: skip
