"""Numbers of a fixed point."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.checks import is_whole
from rheobase.errors import ParameterError


@dataclass(frozen=True)
class Format:
    """Qm.n: numbers of m bits before the binary point, n behind it, and a sign: -2^m to 2^m - 2^-n in steps of 2^-n.

    `whole` is m, which may be below 0 where all numbers are small; `fraction` is n. The sign is a bit of its own, as in
    ARM's notation (in AMD's m counts it).

    Raises: `ParameterError` unless there is a bit beside the sign, and no more than 52.

    >>> str(Format(0, 4)), Format(0, 4).bits, Format(0, 4).ends
    ('Q0.4', 5, (-1.0, 0.9375))
    """

    whole: int
    fraction: int

    def __post_init__(self) -> None:
        if not is_whole(self.whole, -64, 52) or not is_whole(self.fraction, -64, 64) or not 2 <= self.bits <= 53:
            given = f"Q{self.whole!r}.{self.fraction!r}"
            raise ParameterError("Format", given, "whole numbers m and n with 1 <= m + n <= 52", "Format(0, 4), say")

    @property
    def bits(self) -> int:
        """All bits, that of the sign among them."""
        return 1 + self.whole + self.fraction

    @property
    def step(self) -> float:
        """The distance between two numbers."""
        return 2.0**-self.fraction

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest number."""
        return -(2.0**self.whole), 2.0**self.whole - self.step

    def levels(self, x: Tensor) -> Tensor:
        """What is stored for x: whole numbers, the nearest number in steps, at the ends what is beyond them; int64."""
        most = 2.0 ** (self.whole + self.fraction)
        return torch.round(x.detach().double() / self.step).clamp(-most, most - 1).long()

    def beyond(self, x: Tensor) -> int:
        """How many of x are beyond the ends."""
        return int((torch.round(x.detach().double() / self.step) != self.levels(x)).sum())

    @classmethod
    def nearest(cls, x: Tensor, bits: int) -> Format:
        """The format of so many bits in which x changes least, by the sum of squares: the largest of x may be cut.

        >>> str(Format.nearest(torch.tensor([0.9, -0.4, 0.2]), bits=5))
        'Q0.4'
        """
        size = float(x.detach().abs().max()) if x.numel() else 0.0
        if not size:
            return cls(0, bits - 1)
        # 2^whole >= size
        whole = int(torch.ceil(torch.log2(torch.tensor(size, dtype=torch.float64))))
        tried = [cls(m, bits - 1 - m) for m in range(whole + 1, whole - 4, -1)]
        return min(tried, key=lambda one: float((one.levels(x).double() * one.step - x.detach().double()).pow(2).sum()))

    def __str__(self) -> str:
        return f"Q{self.whole}.{self.fraction}"
