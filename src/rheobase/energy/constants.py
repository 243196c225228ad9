"""Joules of one operation, with where each number comes from and how well it is known.

Where a source prints a number and no spread, the range is half of its last printed digit; that is how the number was
rounded, not how much chips differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from rheobase.energy.span import Span

PICO = 1e-12
HOROWITZ = "Horowitz, ISSCC 2014, doi 10.1109/ISSCC.2014.6757323: 45 nm, 0.9 V"
MEROLLA = "Merolla et al., Science 345:668 (2014), with its supplement; 0.775 V"
AKOPYAN = "Akopyan et al., IEEE TCAD 34:1537 (2015), fig. 17; 0.8 V"
DAVIES = "Davies et al., IEEE Micro 38(1):82 (2018), table 2: before silicon, 0.75 V"
YAN = "Yan, Bai, Tang & Wong, arXiv 2409.08290v4 (2026): 22 nm, 0.80 V; as a summary of it has them"


@dataclass(frozen=True)
class Constant:
    """A published number: its span, its unit, and its source."""

    value: Span
    unit: str
    source: str


def _pj(nominal: float, within: float, source: str) -> Constant:
    return Constant(PICO * Span.of(nominal, within), "J", source)


# one operation on 32-bit floats
ADD_FLOAT32 = _pj(0.9, 0.05, HOROWITZ)
MULTIPLY_FLOAT32 = _pj(3.7, 0.05, HOROWITZ)
# what the field calls an accumulate and a multiply-accumulate
ACCUMULATE, MULTIPLY_ACCUMULATE = 0.9e-12, 4.6e-12

# one operation on integers of so many bits
ADD_INTEGER = {8: _pj(0.03, 0.005, HOROWITZ), 32: _pj(0.1, 0.05, HOROWITZ)}
MULTIPLY_INTEGER = {8: _pj(0.2, 0.05, HOROWITZ), 32: _pj(3.1, 0.05, HOROWITZ)}

# reading 64 bits from a memory of so many bytes
SRAM = {
    8 * 1024: _pj(10.0, 5.0, HOROWITZ),
    32 * 1024: _pj(20.0, 5.0, HOROWITZ),
    1024 * 1024: _pj(100.0, 50.0, HOROWITZ),
}
DRAM = Constant(PICO * Span(1300.0, 1950.0, 2600.0), "J", HOROWITZ + "; printed as 1.3 to 2.6 nJ")
WORD = 64  # bits of such a read

# an exp, a sigmoid or a tanh, in multiply-accumulates
FUNCTION = Constant(
    Span(4.0, 8.0, 16.0), "multiply-accumulates", "assumed here: a polynomial of degree 8, by Horner's rule"
)

# TrueNorth. The power is a line through the 68 and 94 mW bars of fig. 17; bars are printed to 1 mW, so that each end
# may be off by half of one
TRUENORTH_POWER = Constant(Span(63.79, 64.43, 65.07) * 1e-3, "W", AKOPYAN)
TRUENORTH_EVENT = Constant(PICO * Span(2.208, 2.297, 2.385), "J", AKOPYAN)
TRUENORTH_HOP = _pj(2.3, 0.05, MEROLLA)
TRUENORTH_PERIPHERY = _pj(64.0, 16.0, MEROLLA + ": 2 pJ a bit, 32 bits")
TRUENORTH_HEADLINE = _pj(26.0, 0.5, MEROLLA + ": all power over all synaptic events, at 20 Hz and 128 synapses")
# of the networks measured: cores that a spike crosses in x and y, synapses that it reaches
TRUENORTH_HOPS, TRUENORTH_FAN_OUT = 2 * 21.3, 128
TRUENORTH_AREA, TRUENORTH_DENSITY, CPU_DENSITY = 4.3, 20e-3, (50.0, 100.0)  # cm2, W/cm2; Merolla et al., p. 6

# Loihi. The low ends are those of the design before silicon, which says >= for a synaptic operation; the high ends
# are those that SANA-FE found on silicon (Boyle et al., IEEE TCAD 44:3165 (2025))
BOYLE = DAVIES + "; high end: Boyle et al., IEEE TCAD 44:3165 (2025), on silicon"
LOIHI_SYNAPSE = Constant(PICO * Span(23.6, 23.6, 35.5), "J", BOYLE)
LOIHI_IDLE = Constant(PICO * Span(52.0, 52.0, 72.8), "J", BOYLE)
LOIHI_ACTIVE = Constant(PICO * Span(81.0, 81.0, 142.1), "J", BOYLE)
LOIHI_SPIKE = _pj(1.7, 0.05, DAVIES)
LOIHI_HOP = Constant(PICO * Span(3.0, 3.5, 4.2), "J", BOYLE + ": 3.0 east and west, 4.0 or 4.2 north and south")
LOIHI_STATIC = Constant(
    Span(0.1035, 0.104, 0.1045), "W", "Frady et al., NICE 2020, arXiv 2004.12691: of one chip of Pohoiki Springs"
)
LOIHI_AREA = 0.6  # cm2

# Yan et al. An accumulate, a comparison and a subtraction are alike; bits move over a network on the chip, as events
# with their addresses, or as dense rows
YAN_ACCUMULATE = _pj(0.05448, 0.000005, YAN)
YAN_EVENT_BIT = _pj(3.0, 0.05, YAN)
YAN_DENSE_BIT = _pj(0.25, 0.005, YAN)
# not among what could be read. A memory's bit follows from another figure of theirs: with 8-bit weights, events cost
# as much as dense rows at 0.17 events for each value: (0.25 + w) / (3 + w) = 0.17, where 0.17 may be 0.165 to 0.175
YAN_MEMORY_BIT = Constant(PICO * Span(0.0366, 0.0392, 0.0417), "J", "inferred here from a figure of " + YAN)
# they find that a multiply-accumulate moves the rate by 0.05 points or less when it changes by half: this wide, here
YAN_MULTIPLY = Constant(PICO * Span(0.05448, 0.10896, 0.16344), "J", "assumed here: 1 to 3 accumulates")
