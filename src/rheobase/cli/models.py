"""The neurons by name, and what their docstrings and declarations say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from rheobase import neurons
from rheobase.core import MapNeuron, OdeNeuron, ParamSpec
from rheobase.core.declared import Declared
from rheobase.errors import ParameterError, nearest

_CITED = re.compile(r"\(([^()]*?),? (\d{4})\b[^()]*\)")
_SECTION = re.compile(r"^(Shapes|Raises|Numerics|Differs from the paper|Reference|Example): ?", re.MULTILINE)


def names() -> list[str]:
    """The names of all neurons, in the order of the alphabet."""
    return sorted(neurons.__all__, key=str.lower)


def find(name: str) -> type[Declared]:
    """The neuron of that name; upper and lower case do not matter.

    Raises: `ParameterError` with the nearest name.

    >>> find("lif").__name__
    'LIF'
    """
    by_lower = {known.lower(): known for known in names()}
    known = by_lower.get(name.lower())
    if known is None:
        close = nearest(by_lower.get(_closest(name, by_lower), name), names())
        raise ParameterError("neuron", repr(name), "the name of a neuron", close)
    return getattr(neurons, known)


def _closest(name: str, by_lower: Mapping[str, str]) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(name.lower(), by_lower, n=1)), "")


@dataclass(frozen=True)
class Description:
    """A neuron in words: from its docstring, which the house rules hold to one form."""

    kind: type[Declared]
    summary: str
    authors: str
    year: str
    equations: str
    sections: dict[str, str]

    @classmethod
    def of(cls, kind: type[Declared]) -> Description:
        text = cleandoc(kind.__doc__ or "")
        pieces = _SECTION.split(text)
        head, sections = pieces[0], dict(zip(pieces[1::2], map(_unwrapped, pieces[2::2]), strict=True))
        summary, _, equations = head.partition("\n\n")
        cited = _CITED.search(summary)
        authors, year = (cited[1], cited[2]) if cited else ("", "")
        return cls(kind, _unwrapped(summary), authors, year, equations.rstrip(), sections)

    @property
    def time(self) -> str:
        """How the neuron counts time."""
        return "ms" if issubclass(self.kind, OdeNeuron) else "steps"

    def as_json(self) -> dict[str, Any]:
        """Everything, in words and numbers that JSON can say."""
        kind = self.kind
        return {
            "name": kind.__name__, "summary": self.summary, "authors": self.authors, "year": self.year,
            "reference": self.sections.get("Reference", ""), "equations": self.equations, "time": self.time,
            "input_unit": kind.input_unit, "graded": kind.graded,
            "parameters": {
                k: {"default": p.default, "unit": p.unit, "meaning": p.meaning, "allowed": allowed(p)}
                for k, p in kind.params.items()
            },
            "options": {
                k: {"default": o.default, "choices": list(o.choices), "meaning": o.meaning}
                for k, o in kind.declared_options.items()
            },
            "states": {
                k: {"initial": s.initial, "unit": s.unit, "meaning": s.meaning} for k, s in kind.states.items()
            },
        }  # fmt: skip


def allowed(spec: ParamSpec) -> str:
    """The values that a parameter may take, in a few characters.

    >>> allowed(neurons.LIF.params["tau_mem"]), allowed(neurons.SRC.params["b_h"])
    ('> 0', 'cut to <= -4')
    """
    if spec.positive:
        return "> 0"
    if spec.range is not None:
        return f"{spec.range[0]:g} to {spec.range[1]:g}"
    if spec.clamp is not None:
        low, high = spec.clamp
        if low is None or high is None:
            return f"cut to <= {high:g}" if low is None else f"cut to >= {low:g}"
        return f"cut to {low:.4g} .. {high:.4g}"
    return "any"


def make(kind: type[Declared], size: int, dt: float, **values: Any) -> Declared:
    """A population of `size` neurons; those that count in steps take no dt."""
    return kind(size, **values) if issubclass(kind, MapNeuron) else kind(size, dt=dt, **values)


def _unwrapped(text: str) -> str:
    return " ".join(text.split())
