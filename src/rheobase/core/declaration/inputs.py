"""The inputs of a call by the names that a neuron declares: `neuron(current)`, `neuron(g_exc=..., g_inh=...)`."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.core.declaration.words import EntrySpec
from rheobase.core.execution.check import check_tensor
from rheobase.errors import ParameterError, nearest

if TYPE_CHECKING:
    from rheobase.core.neuron import Neuron

CURRENT = "current"  # the name of an input that is not declared
ONE_INPUT: Mapping[str, EntrySpec] = {CURRENT: EntrySpec("1", "input")}  # of layers that a call is checked for
RESERVED = ("state", "record", "lengths", "backend", "check_finite")  # the other arguments of a call


def input_type(owner: type[Any], names: Sequence[str]) -> type[Any] | None:
    """The named tuple in which equations receive several inputs; None for one input, which they receive as it is."""
    return None if len(names) == 1 else namedtuple(f"{owner.__name__}Input", names)  # pyright: ignore[reportUntypedNamedTuple]


def one_step_of(neuron: Neuron, values: Sequence[Any]) -> Any:
    """The inputs of one step as the equations receive them: a single value, or the named tuple of `input_type`."""
    return values[0] if neuron.Input is None else neuron.Input(*values)


def driven(neuron: Neuron, x: Tensor) -> dict[str, Tensor]:
    """The inputs of a call by name: x for the first, zeros for the others."""
    return {name: x if k == 0 else torch.zeros_like(x) for k, name in enumerate(neuron.entries)}


def gathered(neuron: Neuron, first: Any, named: Mapping[str, Any]) -> tuple[Any, ...]:
    """The inputs of a call in the order of their declaration.

    `first` is the positional argument: the one input, or several by name (a mapping or a named tuple). `named` are the
    keyword arguments.

    Raises: `ParameterError` for an unknown input, one that is missing, or one that is given twice.
    """
    if neuron.Input is None and not named and not isinstance(first, Mapping):
        return (first,)
    names, given = tuple(neuron.entries), dict(named)
    if len(names) > 1 and isinstance(first, Tensor) and CURRENT in names:
        # a tensor given by position is the input called `current`
        first = {CURRENT: first}
    if len(names) == 1 and not isinstance(first, Mapping):
        if first is not None:
            if names[0] in given:
                raise ParameterError(repr(neuron), f"{names[0]} twice", "each input once", "leave one out")
            given = {names[0]: first, **given}
    elif first is not None:
        by_name = first._asdict() if isinstance(first, tuple) and hasattr(first, "_asdict") else first  # type: ignore[attr-defined]
        if not isinstance(by_name, Mapping):
            if isinstance(first, tuple):
                check_tensor(neuron, "the input", first)
            given_type = f"one {'tensor' if isinstance(first, Tensor) else type(first).__name__}"
            raise ParameterError(repr(neuron), given_type, f"inputs by name: {', '.join(names)}", _call(names))
        twice = [name for name in by_name if name in given]
        if twice:
            raise ParameterError(repr(neuron), f"{twice[0]} twice", "each input once", "leave one out")
        given = {**by_name, **given}
    for name in given:
        if name not in names:
            raise ParameterError(repr(neuron), f"input {name!r}", "the name of an input", nearest(str(name), names))
    missing = [name for name in names if given.get(name) is None]
    if missing and len(names) > 1:
        raise ParameterError(repr(neuron), f"no {missing[0]}", f"inputs {', '.join(names)}", _call(names))
    # a missing single input (None) is refused by `check_tensor`
    return tuple(given.get(name) for name in names)


def _call(names: Sequence[str]) -> str:
    """How such a neuron is called."""
    return f"call neuron({', '.join(f'{name}=...' for name in names)}); what is not there is a tensor of zeros"


__all__ = ["CURRENT", "ONE_INPUT", "RESERVED", "driven", "gathered", "input_type", "one_step_of"]
