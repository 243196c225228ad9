"""Indices of rows: sums of products of loop variables and sizes, or an entry of an array of indices.

>>> t, k = Index.name("t"), Index.name("k")
>>> str(t - k + 1), str(t * Index.name("segment"))
('1 - k + t', 'segment*t')
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Union

Monomial = tuple[str, ...]
Whole = Union["Index", int]


@dataclass(frozen=True)
class At:
    """An entry of an array of indices, `parent[c]` say; it is below the size that `below` names."""

    array: str
    place: Index
    below: str

    def __str__(self) -> str:
        return f"{self.array}[{self.place}]"


@dataclass(frozen=True)
class Index:
    """A sum of monomials (products of names) with whole coefficients, and at most one `At`, which stands alone."""

    terms: tuple[tuple[Monomial, int], ...] = ()
    at: At | None = None

    @classmethod
    def of(cls, value: Whole) -> Index:
        return value if isinstance(value, Index) else cls._sum({(): value})

    @classmethod
    def name(cls, name: str) -> Index:
        """A loop variable or a size."""
        return cls._sum({(name,): 1})

    @classmethod
    def _sum(cls, terms: Mapping[Monomial, int]) -> Index:
        return cls(tuple(sorted((m, n) for m, n in terms.items() if n)))

    def __add__(self, other: Whole) -> Index:
        total = dict(self.terms)
        for monomial, n in Index.of(other)._plain("+").terms:
            total[monomial] = total.get(monomial, 0) + n
        return self._plain("+")._sum(total)

    __radd__ = __add__

    def __neg__(self) -> Index:
        return Index(tuple((m, -n) for m, n in self._plain("-").terms))

    def __sub__(self, other: Whole) -> Index:
        return self + -Index.of(other)

    def __rsub__(self, other: Whole) -> Index:
        return Index.of(other) + -self

    def __mul__(self, other: Whole) -> Index:
        total: dict[Monomial, int] = {}
        for a, n in self._plain("*").terms:
            for b, m in Index.of(other)._plain("*").terms:
                both = tuple(sorted((*a, *b)))
                total[both] = total.get(both, 0) + n * m
        return Index._sum(total)

    __rmul__ = __mul__

    def _plain(self, operation: str) -> Index:
        if self.at is not None:
            raise ValueError(f"{self} {operation} ...: what an array of indices holds is an index by itself")
        return self

    @property
    def constant(self) -> int | None:
        """Its value if it contains no name, else None."""
        if self.at is not None or any(monomial for monomial, _ in self.terms):
            return None
        return self.terms[0][1] if self.terms else 0

    def names(self) -> Iterator[str]:
        """The variables and sizes in it."""
        for monomial, _ in self.terms:
            yield from monomial
        if self.at is not None:
            yield from self.at.place.names()

    def value(self, known: Mapping[str, int]) -> int:
        """Its value, given the values of its names."""
        total = 0
        for monomial, n in self.terms:
            for name in monomial:
                n *= known[name]
            total += n
        return total

    def replaced(self, known: Mapping[str, Index]) -> Index:
        """The index with some names replaced by other indices."""
        total = Index()
        for monomial, n in self.terms:
            product = Index.of(n)
            for name in monomial:
                product = product * known.get(name, Index.name(name))
            total = total + product
        if self.at is not None:
            return Index((), At(self.at.array, self.at.place.replaced(known), self.at.below))
        return total

    def __str__(self) -> str:
        if self.at is not None:
            return str(self.at)
        text = ""
        for monomial, n in self.terms:
            size = "*".join([*([str(abs(n))] if abs(n) != 1 or not monomial else []), *monomial])
            text += (f" {'-' if n < 0 else '+'} " if text else "-" * (n < 0)) + size
        return text or "0"


def at(array: str, place: Whole, below: str) -> Index:
    """The index `array[place]`; its values are from 0 to below the size `below`.

    >>> str(at("parent", Index.name("c"), below="compartments"))
    'parent[c]'
    """
    return Index((), At(array, Index.of(place), below))


def names(*given: str) -> tuple[Index, ...]:
    """Indices of these names."""
    return tuple(Index.name(name) for name in given)


__all__ = ["At", "Index", "Whole", "at", "names"]
