"""A neuron in words: what its docstring and its declarations say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from inspect import cleandoc
from textwrap import dedent
from typing import Any

from rheobase.core.declaration.population import Declared
from rheobase.core.declaration.words import ParamSpec
from rheobase.core.map import MapNeuron

STEPS = "steps"
_CITED = re.compile(r"\(([^()]*?),? (\d{4})\b[^()]*\)")
_REFERENCE = re.compile(r"(?:after )?(.*?(?: et al\.|& [^,]+)),.*?\((\d{4})\)")
_SECTION = re.compile(r"^(Shapes|Raises|Numerics|Differs from the paper|Reference|Example): ?", re.MULTILINE)


@dataclass(frozen=True)
class Description:
    """The parts of a neuron's docstring, whose form is checked by `tests/house`."""

    kind: type[Declared]
    summary: str
    authors: str
    year: str
    equations: str
    sections: dict[str, str]
    example: str

    @classmethod
    def of(cls, kind: type[Declared]) -> Description:
        text = cleandoc(kind.__doc__ or "")
        head, *pieces = _SECTION.split(text)
        raw = dict(zip(pieces[::2], pieces[1::2], strict=True))
        sections = {name: _unwrapped(content) for name, content in raw.items()}
        summary, _, equations = head.partition("\n\n")
        cited = _CITED.search(summary)
        # channels cite in their section Reference, not in the summary
        cited = cited or _REFERENCE.match(sections.get("Reference", ""))
        authors, year = (cited[1], cited[2]) if cited else ("", "")
        example = dedent(raw.get("Example", "")).strip()
        return cls(kind, _unwrapped(summary), authors, year, equations.rstrip(), sections, example)

    @property
    def time(self) -> str:
        """The unit of time: "ms", or "steps" for a neuron without dt."""
        return STEPS if issubclass(self.kind, MapNeuron) else "ms"

    def as_json(self) -> dict[str, Any]:
        """The description and all declarations as a dict that can be written as JSON."""
        kind = self.kind
        return {
            "name": kind.__name__,
            "summary": self.summary,
            "authors": self.authors,
            "year": self.year,
            "reference": self.sections.get("Reference", ""),
            "equations": self.equations,
            "time": self.time,
            "inputs": {k: {"unit": e.unit, "meaning": e.meaning} for k, e in kind.entries.items()},
            "input_unit": kind.input_unit,
            "graded": kind.graded,
            "parameters": {
                k: {"default": p.default, "unit": p.unit, "meaning": p.meaning, "allowed": allowed(p)}
                for k, p in kind.params.items()
            },
            "options": {
                k: {"default": o.default, "choices": list(o.choices), "meaning": o.meaning}
                for k, o in kind.declared_options.items()
            },
            "states": {k: {"initial": s.initial, "unit": s.unit, "meaning": s.meaning} for k, s in kind.states.items()},
            "sets": {
                k: {"meaning": s.meaning, "source": s.source, "values": dict(s.values), "options": dict(s.options)}
                for k, s in kind.sets().items()
            },
        }


def driver(kind: type[Declared]) -> str:
    """The label of the input that plots and tools vary: "input", or the first of several; the others are zero.

    >>> from rheobase import neurons
    >>> driver(neurons.LIF), driver(neurons.CondLIF)
    ('input', 'g_exc')
    """
    return "input" if kind.Input is None else next(iter(kind.entries))


def inputs(kind: type[Declared]) -> str:
    """The inputs in words.

    >>> from rheobase import neurons
    >>> inputs(neurons.AdEx), inputs(neurons.LIF)
    ('in pA', 'a plain number')
    >>> inputs(neurons.CondLIF)
    'by name: g_exc (excitatory conductance) in nS, g_inh (inhibitory conductance) in nS'
    """
    in_unit = {name: f"in {e.unit}" if display(e.unit) else "a plain number" for name, e in kind.entries.items()}
    if kind.Input is None:
        return next(iter(in_unit.values()))
    return "by name: " + ", ".join(f"{name} ({kind.entries[name].meaning}) {unit}" for name, unit in in_unit.items())


def allowed(spec: ParamSpec) -> str:
    """The values that a parameter may take, in a few characters.

    >>> from rheobase import neurons
    >>> allowed(neurons.LIF.params["tau_mem"]), allowed(neurons.SRC.params["b_h"])
    ('> 0', 'cut to <= -4')
    """
    return f"{_bounds(spec)}, whole" if spec.whole else _bounds(spec)


def _bounds(spec: ParamSpec) -> str:
    if spec.positive:
        return "> 0"
    if spec.nonnegative:
        return ">= 0"
    if spec.range is not None:
        return f"{spec.range[0]:g} to {spec.range[1]:g}"
    if spec.clamp is not None:
        low, high = spec.clamp
        if low is None or high is None:
            return f"cut to <= {high:g}" if low is None else f"cut to >= {low:g}"
        return f"cut to {low:.4g} .. {high:.4g}"
    return "any"


def display(unit: str) -> str:
    """A unit as tables and axes show it: empty for a plain number.

    >>> display("1"), display("ms")
    ('', 'ms')
    """
    return "" if unit == "1" else unit


def labelled(name: str, unit: str) -> str:
    """A name with its unit, for an axis.

    >>> labelled("v", "mV"), labelled("h", "1")
    ('v (mV)', 'h')
    """
    return f"{name} ({display(unit)})" if display(unit) else name


def _unwrapped(text: str) -> str:
    return " ".join(text.split())
