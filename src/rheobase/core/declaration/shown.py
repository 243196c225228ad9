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
            _said(spec, [values[k] for k in spec.places(name)]),
            display(spec.unit),
            spec.meaning,
            "learnable" if name in learn else allowed(spec) if allowed(spec) != "any" else "",
        )
        for name, spec in neuron.params.items()
    ]
    states = [f"{name}{_in(spec.unit)}: {spec.meaning}" for name, spec in neuron.states.items()]
    folded = {f"States: {', '.join(neuron.states)}": "\n".join(states)}
    if described is not None and described.equations:
        folded["Equations"] = described.equations
    said = described.summary if described is not None else ""
    return Card(
        repr(neuron),
        said,
        columns=("parameter", "value", "unit", "meaning", ""),
        rows=rows,
        folded=folded,
    )


def _said(spec: ParamSpec, entries: Sequence[Tensor]) -> str:
    held = torch.stack([x.detach().double() for x in entries])
    if held.numel() == 1:
        return f"{float(held):.6g}"
    each = " x ".join(map(str, spec.size))
    which = ", ".join([f"{each} of them"] * bool(each) + ["one for each neuron"] * (held.numel() > len(entries)))
    return f"{float(held.min()):.4g} to {float(held.max()):.4g}, {which}"


def _in(unit: str) -> str:
    return f" ({display(unit)})" if display(unit) else ""
