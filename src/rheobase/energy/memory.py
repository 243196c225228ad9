"""Joules to read or write bits of a memory, by its size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from rheobase.checks import is_number
from rheobase.energy.constants import DRAM, SRAM, WORD
from rheobase.energy.span import Span
from rheobase.errors import ParameterError

LARGEST = max(SRAM)


@dataclass(frozen=True)
class Memory:
    """SRAM of 45 nm up to `on_chip` bytes for each thing that is stored, DRAM for what is larger.

    Between the published sizes, the energy of an access is a straight line in logarithms; below the smallest, it is
    that of the smallest. Words that are narrower than the 64 bits of an access share one: a bit takes its 64th part.

    Raises: `ParameterError` for another size than 0 to 1 MiB, the largest that is published.

    >>> round(Memory().bit(32 * 1024).nominal * 1e12, 4), round(Memory(on_chip=0).bit(100).nominal * 1e12, 2)
    (0.3125, 30.47)
    """

    on_chip: float = LARGEST

    def __post_init__(self) -> None:
        if not is_number(self.on_chip, least=0, most=LARGEST):
            given, expected = f"on_chip={self.on_chip!r}", f"bytes from 0 (all in DRAM) to {LARGEST}"
            raise ParameterError("Memory", given, expected, f"on_chip={LARGEST} is the largest SRAM with a number")

    def bit(self, size: float) -> Span:
        """Joules to read or to write one bit of a memory of `size` bytes."""
        return (DRAM.value if size > self.on_chip else _access(size)) / WORD


def _access(size: float) -> Span:
    sizes = sorted(SRAM)
    if size <= sizes[0]:
        return SRAM[sizes[0]].value
    below, above = next(pair for pair in pairwise(sizes) if size <= pair[1])
    share = math.log(size / below) / math.log(above / below)

    def between(low: float, high: float) -> float:
        return low ** (1.0 - share) * high**share

    a, b = SRAM[below].value, SRAM[above].value
    return Span(between(a.low, b.low), between(a.nominal, b.nominal), between(a.high, b.high))
