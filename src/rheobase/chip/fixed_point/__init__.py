"""Chips that compute in fixed point, such as an FPGA: SRC, LIF and IF networks in few bits, exact to the last one.

`quantise` makes a network in fixed point of a float one, an ordinary network that can be trained; `emulate` computes
the same in integers, and `certify` holds both against each other, sample by sample.
"""

from __future__ import annotations

from rheobase.chip.fixed_point.certificate import Certificate, certify
from rheobase.chip.fixed_point.emulator import Emulated, emulate
from rheobase.chip.fixed_point.fixed_lif import FixedLIF
from rheobase.chip.fixed_point.fixed_src import FixedSRC
from rheobase.chip.fixed_point.fixed_sum import FixedLeakySum
from rheobase.chip.fixed_point.format import Format
from rheobase.chip.fixed_point.fpga_src import FpgaSRC
from rheobase.chip.fixed_point.quantise import quantise
from rheobase.chip.fixed_point.report import LayerReport, Report, compare
from rheobase.chip.fixed_point.weights import FixedWeight, fixed_weights

__all__ = [
    "Certificate", "Emulated", "FixedLIF", "FixedLeakySum", "FixedSRC", "FixedWeight", "Format", "FpgaSRC",
    "LayerReport", "Report", "certify", "compare", "emulate", "fixed_weights", "quantise",
]  # fmt: skip
