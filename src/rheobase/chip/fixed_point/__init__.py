"""Chips that compute in fixed point, such as an FPGA: SRC, LIF and IF networks with few bits, exact to the last one.

`quantise` makes a network in fixed point of a float one, an ordinary network that can be trained; `emulate` computes the
same in integers, and `deploy` holds both against each other, sample by sample.
"""

from __future__ import annotations

from rheobase.chip.fixed_point.fixed_lif import FixedLIF
from rheobase.chip.fixed_point.fixed_src import FixedSRC
from rheobase.chip.fixed_point.fixed_sum import FixedLeakySum
from rheobase.chip.fixed_point.format import Format
from rheobase.chip.fixed_point.fpga_src import FpgaSRC
from rheobase.chip.fixed_point.weights import FixedWeight, fixed_weights

__all__ = ["FixedLIF", "FixedLeakySum", "FixedSRC", "FixedWeight", "Format", "FpgaSRC", "fixed_weights"]
