"""What arithmetic, memory and movement cost on a digital chip, by the width of words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from rheobase.checks import is_whole
from rheobase.energy.constants import (
    ADD_INTEGER,
    FUNCTION,
    MULTIPLY_INTEGER,
    YAN_ACCUMULATE,
    YAN_DENSE_BIT,
    YAN_EVENT_BIT,
    YAN_MEMORY_BIT,
    YAN_MULTIPLY,
)
from rheobase.energy.memory import Memory
from rheobase.energy.span import Span
from rheobase.errors import ParameterError


@dataclass(frozen=True)
class Words:
    """Bits of a stored weight, of a state, and of an analog value that is brought to synapses.

    Raises: `ParameterError` for others than 1 to 32.

    >>> Words(weight=4)
    Words(weight=4, state=16, value=8)
    """

    weight: int = 8
    state: int = 16
    value: int = 8

    def __post_init__(self) -> None:
        for name in ("weight", "state", "value"):
            if not is_whole(given := getattr(self, name), 1, 32):
                raise ParameterError("Words", f"{name}={given!r}", "bits from 1 to 32", f"{name}=8, say")


class Process(Protocol):
    """Joules of each thing that a digital chip does.

    by_synapse: what is brought to synapses is brought to each of them apart, not once for all that read a line.
    """

    by_synapse: ClassVar[bool]

    @property
    def name(self) -> str:
        """In words, for tables."""
        ...

    def add(self, bits: int) -> Span:
        """A sum of words of so many bits."""
        ...

    def multiply(self, a: int, b: int) -> Span:
        """A product of words of a and b bits."""
        ...

    def word(self, bits: int, stored: float) -> Span:
        """A word that is read from or written to a memory of `stored` bits."""
        ...

    def spike(self, lines: int) -> Span:
        """A spike of one of so many lines that is brought to synapses."""
        ...

    def value(self, bits: int, lines: int) -> Span:
        """A value that is brought to synapses."""
        ...


def function(process: Process, bits: int) -> Span:
    """An exp, sigmoid or tanh of words of so many bits."""
    return (process.multiply(bits, bits) + process.add(bits)) * FUNCTION.value


@dataclass(frozen=True)
class CMOS45:
    """Integers in 45 nm (Horowitz, 2014), with a memory for each thing that is stored.

    A sum is a straight line through the published 8 and 32 bits; a product goes with the product of its widths, from 32
    bits on down. A spike is written to a queue and read from it as the number of its line; so is a value.

    >>> CMOS45().add(8).nominal * 1e12, round(CMOS45().multiply(8, 8).nominal * 1e12, 3)
    (0.03, 0.194)
    """

    by_synapse: ClassVar[bool] = False
    memory: Memory = field(default_factory=Memory)

    @property
    def name(self) -> str:
        return f"integers in 45 nm, SRAM up to {self.memory.on_chip / 1024:g} KiB"

    def add(self, bits: int) -> Span:
        few, many = ADD_INTEGER[8].value, ADD_INTEGER[32].value
        if bits <= 8:
            return few * (bits / 8)
        share = (bits - 8) / 24
        return few * (1 - share) + many * share

    def multiply(self, a: int, b: int) -> Span:
        return MULTIPLY_INTEGER[32].value * (a * b / 32**2)

    def word(self, bits: int, stored: float) -> Span:
        return self.memory.bit(stored / 8) * bits

    def spike(self, lines: int) -> Span:
        bits = address(lines)
        return 2 * bits * self.memory.bit(lines * bits / 8)

    def value(self, bits: int, lines: int) -> Span:
        return 2 * bits * self.memory.bit(lines * bits / 8)


def address(lines: int) -> int:
    """The bits of the number of one of so many lines.

    >>> address(1), address(64), address(65)
    (1, 6, 7)
    """
    return max(1, math.ceil(math.log2(max(lines, 1))))


@dataclass(frozen=True)
class Yan22:
    """The published comparison's chip in 22 nm (Yan et al., 2026); see `constants` for what of it was inferred here.

    `hops`: routers that a bit passes to each neuron that reads it: 1 in their comparison of a single neuron; 0.64 in
    their mapping of VGG16. A spike is one bit, whose energy has that of its address in it.

    >>> Yan22(hops=0.64).name
    '22 nm, as Yan et al. (2026)'
    """

    by_synapse: ClassVar[bool] = True
    hops: float = 1.0

    @property
    def name(self) -> str:
        return "22 nm, as Yan et al. (2026)"

    def add(self, bits: int) -> Span:
        return YAN_ACCUMULATE.value

    def multiply(self, a: int, b: int) -> Span:
        # what a multiply-accumulate costs above its accumulate
        return YAN_MULTIPLY.value + Span.exact(-YAN_ACCUMULATE.value.nominal)

    def word(self, bits: int, stored: float) -> Span:
        return YAN_MEMORY_BIT.value * bits

    def spike(self, lines: int) -> Span:
        return YAN_EVENT_BIT.value * self.hops

    def value(self, bits: int, lines: int) -> Span:
        return YAN_DENSE_BIT.value * (self.hops * bits)
