"""Into how many compartments a section is cut: the rules that NEURON's users know."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rheobase.cells.sections import Section
from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError


@dataclass(frozen=True)
class ByLength:
    """nseg = 1 + 2 floor(L / each): an odd number, so that a node lies at 0.5 (Allen Institute's models: 40 um).

    Raises: `ParameterError` for an `each` that is not above 0.

    >>> [ByLength(40.0)(Section("dend", length=L, diameter=1)) for L in (39, 40, 100)]
    [1, 3, 5]
    """

    each: float  # um

    def __post_init__(self) -> None:
        if not is_number(self.each, above=0):
            raise ParameterError("ByLength", f"each={self.each!r}", "um, a number above 0", "ByLength(40.0)")

    def __call__(self, section: Section) -> int:
        return 1 + 2 * math.floor(section.length / self.each)


@dataclass(frozen=True)
class ByLambda:
    """The d_lambda rule (Hines and Carnevale, 2001): compartments of `share` of the length constant at `frequency`.

        lambda_f = L / (sqrt(2) 1e-5 sqrt(4 pi f Ra c_mem) sum over frusta h / sqrt(d0 + d1))
        nseg     = 2 floor((L / (share lambda_f) + 0.9) / 2) + 1

    r_axial     ohm cm
    c_mem       uF/cm2
    frequency   Hz

    Raises: `ParameterError` for a value that is not above 0.

    Reference: M. L. Hines and N. T. Carnevale, "NEURON: a tool for neuroscientists", The Neuroscientist 7 (2001)
    123-135, doi:10.1177/107385840100700207.

    >>> ByLambda(r_axial=100.0, c_mem=1.0)(Section("dend", length=1000, diameter=1))
    37
    """

    r_axial: float
    c_mem: float
    share: float = 0.1
    frequency: float = 100.0

    def __post_init__(self) -> None:
        for name in ("r_axial", "c_mem", "share", "frequency"):
            if not is_number(value := getattr(self, name), above=0):
                remedy = "ByLambda(r_axial=100.0, c_mem=1.0)"
                raise ParameterError("ByLambda", f"{name}={value!r}", "a number above 0", remedy)

    def __call__(self, section: Section) -> int:
        d = section.diameters
        constants = (np.diff(section.arc) / np.sqrt(d[:-1] + d[1:])).sum()
        constants *= math.sqrt(2) * 1e-5 * math.sqrt(4 * math.pi * self.frequency * self.r_axial * self.c_mem)
        return 2 * int((constants / self.share + 0.9) / 2) + 1


Rule = ByLength | ByLambda
DEFAULT = ByLength(40.0)


def count(section: Section, rule: int | Rule) -> int:
    """The number of compartments of a section: its own, or by the rule. Raises `ParameterError` for no rule."""
    if section.nseg is not None:
        return section.nseg
    if is_whole(rule, 1):
        return rule
    if isinstance(rule, Rule):
        return rule(section)
    expected = "a whole number from 1 on, ByLength or ByLambda"
    raise ParameterError("nseg", repr(rule), expected, "nseg=ByLength(40.0)")
