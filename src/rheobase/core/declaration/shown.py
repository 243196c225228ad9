"""A neuron and its named sets as cards, for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.cards import Card
from rheobase.core.declaration.describe import Description, allowed, display
from rheobase.core.declaration.population import Declared
from rheobase.core.declaration.words import ParamSpec

if TYPE_CHECKING:
    from rheobase.core.neuron import Neuron


def neuron_card(neuron: Neuron) -> Card:
    """The values of a neuron's parameters, its states, and its equations folded away."""
    inner: Any = neuron
    while not isinstance(inner, Declared) and hasattr(inner, "neuron"):
        inner = inner.neuron
    described = Description.of(type(inner)) if isinstance(inner, Declared) else None
    learn = getattr(inner, "learn", ())
    values = neuron.values()
    rows = [
        (
            name,
            _value(spec, [values[k] for k in spec.places(name)]),
            display(spec.unit),
            spec.meaning,
            _remark(spec, learnable=name in learn),
        )
        for name, spec in neuron.params.items()
    ]
    states = [f"{name}{_in(spec.unit)}: {spec.meaning}" for name, spec in neuron.states.items()]
    folded = {f"States: {', '.join(neuron.states)}": "\n".join(states)}
    if described is not None and described.equations:
        folded["Equations"] = described.equations
    summary = described.summary if described is not None else ""
    return Card(repr(neuron), summary, columns=("parameter", "value", "unit", "meaning", ""), rows=rows, folded=folded)


def _remark(spec: ParamSpec, *, learnable: bool) -> str:
    if learnable:
        return "learnable"
    bounds = allowed(spec)
    return "" if bounds == "any" else bounds


def _value(spec: ParamSpec, entries: Sequence[Tensor]) -> str:
    """The value of a parameter as text; its range, where it has several entries or one value for each neuron."""
    values = torch.stack([x.detach().double() for x in entries])
    if values.numel() == 1:
        return f"{float(values):.6g}"
    parts = [f"{float(values.min()):.4g} to {float(values.max()):.4g}"]
    if spec.size:
        parts.append(f"{' x '.join(map(str, spec.size))} of them")
    if values.numel() > len(entries):
        parts.append("one for each neuron")
    return ", ".join(parts)


def _in(unit: str) -> str:
    return f" ({display(unit)})" if display(unit) else ""
