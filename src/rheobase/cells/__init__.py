"""Cells with a shape: morphologies from files, sections, compartments, and the cells that are simulated on them."""

from rheobase.cells.allen import from_allen
from rheobase.cells.axon import stub_diameters, with_axon_stub, without_axon
from rheobase.cells.cell import Cell, CellState
from rheobase.cells.compartments import Compartments
from rheobase.cells.firing import FICurve, fi_curve, rheobase_current
from rheobase.cells.morphology import Morphology
from rheobase.cells.nseg import ByLambda, ByLength
from rheobase.cells.populations.reading import Population
from rheobase.cells.populations.run import population
from rheobase.cells.ports import Conductance, Current, GapJunction, Place, Synapse, VoltageClamp
from rheobase.cells.schemes import BackwardEuler, Extrapolated
from rheobase.cells.sections import Section

__all__ = [
    "BackwardEuler", "ByLambda", "ByLength", "Cell", "CellState", "Compartments", "Conductance", "Current",
    "Extrapolated", "FICurve", "GapJunction", "Morphology", "Place", "Population", "Section", "Synapse", "VoltageClamp",
    "fi_curve", "from_allen", "population", "rheobase_current", "stub_diameters", "with_axon_stub", "without_axon",
]  # fmt: skip
