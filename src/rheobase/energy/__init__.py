"""What a network costs: operations counted for every layer, and the energy that they take, on a chip or beside one."""

from rheobase.energy.account import Account, CountedLayer, account
from rheobase.energy.chips import Bill, Loihi, TrueNorth, bill
from rheobase.energy.comparison import Comparison, compare
from rheobase.energy.constants import ACCUMULATE, MULTIPLY_ACCUMULATE
from rheobase.energy.counts import Countable, operations
from rheobase.energy.memory import Memory
from rheobase.energy.neurobench import neurobench
from rheobase.energy.operation_counts import Operations
from rheobase.energy.processes import CMOS45, Words, Yan22
from rheobase.energy.single_neuron import break_even
from rheobase.energy.span import Span
from rheobase.energy.work import Work, synapses

__all__ = [
    "ACCUMULATE", "CMOS45", "MULTIPLY_ACCUMULATE", "Account", "Bill", "Comparison", "Countable", "CountedLayer",
    "Loihi", "Memory", "Operations", "Span", "TrueNorth", "Words", "Work", "Yan22", "account", "bill", "break_even",
    "compare", "neurobench", "operations", "synapses",
]  # fmt: skip
