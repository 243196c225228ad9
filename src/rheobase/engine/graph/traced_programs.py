"""The program of a request: traced once, and again where something that the equations read has changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from rheobase.core.execution.backends import Request
from rheobase.core.neuron import Neuron
from rheobase.engine.graph.guards import Guards
from rheobase.engine.graph.trace import Untraceable, trace

FORMS = 8  # traces kept for one neuron; if none of them holds, something changes from call to call


@dataclass(frozen=True)
class Traced:
    """The text of a program or the reason why there is none, and the guards of the trace."""

    text: str | None
    reason: str | None
    guards: Guards


def program_of(request: Request) -> tuple[str | None, str | None]:
    """The text of a request's program, or the reason why there is none."""
    device, default = request.form.device.type, torch.get_default_dtype()
    if "program" not in request.notes:
        request.notes["program"] = _program(request.neuron, request.record, request.compute, device, default)
    return request.notes["program"]


def _program(
    neuron: Neuron, record: tuple[str, ...], dtype: torch.dtype, device: str, default: torch.dtype
) -> tuple[str | None, str | None]:
    """The stored trace whose guards hold, else a new one."""
    forms: list[Traced] = neuron.derived.setdefault(("program", record, dtype, device, default), [])
    for traced in forms:
        if traced.guards.changed() is None:
            return traced.text, traced.reason
    if len(forms) == FORMS:
        return None, f"{forms[-1].guards.changed()} changes from call to call: declare it as a param"
    forms.append(_traced(neuron, record, dtype, device))
    return forms[-1].text, forms[-1].reason


def _watchable(
    neuron: Neuron, record: tuple[str, ...], dtype: torch.dtype, device: str, default: torch.dtype
) -> tuple[tuple[tuple[int, str], ...], str | None]:
    """The attributes that the newest trace of a program depends on, for torch.compile to guard."""
    return neuron.derived["program", record, dtype, device, default][-1].guards.watchable()


# torch.compile takes the answers as constants instead of looking into the tracer
_program._dynamo_marked_constant = True  # type: ignore[attr-defined]
_watchable._dynamo_marked_constant = True  # type: ignore[attr-defined]


def watched(request: Request) -> str | None:
    """Have torch.compile guard what a trace depends on; returns the name of a value that it cannot guard, or None."""
    device = request.form.device.type
    names, hidden = _watchable(request.neuron, request.record, request.compute, device, torch.get_default_dtype())
    for depth, name in names:
        owner: Any = request.neuron
        for _ in range(depth):
            owner = owner.neuron
        found = getattr(owner, name)
        # torch.compile guards what the traced code compares: a plain value by itself, an object by its identity
        found is None if found is None or isinstance(found, bool | int | float | str) else id(found)
    return hidden


def _traced(neuron: Neuron, record: tuple[str, ...], dtype: torch.dtype, device: str) -> Traced:
    guards = Guards()
    try:
        first, second = (trace(neuron, record, dtype=dtype, device=device, guards=guards).text() for _ in range(2))
        changed = guards.changed()
    except Untraceable as reason:
        return Traced(None, str(reason), guards)
    if first != second or changed is not None:
        what = f"{changed} changes" if changed is not None else "they are not the same when they run again"
        return Traced(None, f"equations that depend on more than their arguments: {what}", guards)
    return Traced(first, None, guards)
