"""State types: named tuples that torch can export, pickle, and load with `torch.load(weights_only=True)`.

A state is pickled as its tensors and the origin of its type: the module and the qualified name of the neuron's class.
On loading, the class is looked up by that name, in rheobase or among the modules already imported.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections import namedtuple
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import _register_namedtuple  # pyright: ignore[reportPrivateUsage]

from rheobase.errors import StateError

T = TypeVar("T")
RNG = "rng"  # the field with the seed and absolute step of a neuron's noise; see `core.random_numbers`


def state_type(owner: type[Any], fields: tuple[str, ...]) -> type[Any]:
    """The state type of a neuron class: a named tuple with these fields."""
    made: Any = namedtuple(f"{owner.__name__}State", fields, module=owner.__module__)
    made.__qualname__ = f"{owner.__qualname__}.State"
    return registered(made, (owner.__module__, owner.__qualname__))


@functools.cache
def wrapped_state_type(wrapper: type[Any], inner: type[Any], own: tuple[str, ...]) -> type[Any]:
    """The state type of a wrapped neuron, one for each pair: the fields of `inner`, then those in `own`."""
    made: Any = namedtuple(f"{wrapper.__name__}{inner.__name__}", (*inner._fields, *own))
    return registered(made, (wrapper.__module__, wrapper.__qualname__, inner.origin))


def registered(kind: type[T], origin: tuple[Any, ...] | None = None) -> type[T]:
    """Register a state type with torch, so that its states can be exported, saved and loaded.

    `origin` is (module, qualified name) of the neuron's class, by default of `kind` itself. For a wrapper's state, the
    origin of the inner state type is the third item.
    """
    named: Any = kind
    named.origin = origin or (kind.__module__, kind.__qualname__)
    named.__reduce__ = _reduce
    _register_namedtuple(kind, serialized_type_name=f"{kind.__module__}.{kind.__qualname__}")
    return kind


def _reduce(state: Any) -> tuple[Any, ...]:
    return loaded_state, (type(state).origin, tuple(state))


# modules of saved states, and the modules that hold their classes now
_MOVED = {
    **{
        f"rheobase.nn.{name}": f"rheobase.nn.recurrence.{name}"
        for name in ("recurrent", "recurrent_delay", "gated", "conv_gru", "cs_gru", "spik_gru")
    },
    "rheobase.nn.delay": "rheobase.nn.delays.input_history",
    "rheobase.nn.wired_delay": "rheobase.nn.delays.connection_delay",
    "rheobase.core.forced": "rheobase.core.wrappers.forced",
    "rheobase.core.wrappers.random": "rheobase.core.wrappers.noise",
}


def loaded_state(origin: tuple[Any, ...], values: tuple[Tensor, ...]) -> Any:
    """Make a state from the origin of its type (see `registered`) and its values; pickle calls this.

    Raises `StateError` for a class that is not there.
    """
    return _type_of(origin)(*values)


def _type_of(origin: tuple[Any, ...]) -> type[Any]:
    named, qualname, *inner = origin
    module: Any = _MOVED.get(named, named)
    found: Any = sys.modules.get(module)
    if found is None and module.partition(".")[0] == "rheobase":
        found = importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    own = getattr(found, "own_states", None)
    if inner and own is not None:
        return wrapped_state_type(found, _type_of(inner[0]), tuple(own))
    kind = found if hasattr(found, "origin") else getattr(found, "State", None)
    if kind is None:
        given = f"a state of {module}.{qualname}, which is not there"
        raise StateError("a saved state", given, "a class of neurons that is imported", f"import {module} first")
    return kind


torch.serialization.add_safe_globals([loaded_state])
