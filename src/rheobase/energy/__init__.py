"""What a network costs: operations counted for every layer, and the energy that they take, on a chip or beside one."""

from rheobase.energy.account import Account, CountedLayer, account
from rheobase.energy.constants import ACCUMULATE, MULTIPLY_ACCUMULATE
from rheobase.energy.counts import Countable, operations
from rheobase.energy.memory import Memory
from rheobase.energy.operation_counts import Operations
from rheobase.energy.span import Span
from rheobase.energy.work import synapses

__all__ = [
    "ACCUMULATE", "MULTIPLY_ACCUMULATE", "Account", "Countable", "CountedLayer", "Memory", "Operations", "Span",
    "account", "operations", "synapses",
]  # fmt: skip
