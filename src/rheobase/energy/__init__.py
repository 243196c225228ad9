"""What a network costs: operations counted, and the energy that their arithmetic takes."""

from rheobase.energy.constants import ACCUMULATE, MULTIPLY_ACCUMULATE
from rheobase.energy.counts import Operations, operations, synapses

__all__ = ["ACCUMULATE", "MULTIPLY_ACCUMULATE", "Operations", "operations", "synapses"]
