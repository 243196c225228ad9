"""Checks of attribute assignment: setting what no equation reads is an error instead of having no effect."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import Any

from rheobase.core.declaration.elsewhere import elsewhere
from rheobase.errors import ParameterError, nearest

WORDS = ("fire", "switch", "detached", "substituted")  # methods of the base class that equations call
OF_NEURONS = ("dt", "learn", "surrogate", "detach_reset", "detach_spike", "integrator", "seed")
CLOSE = 0.8  # similarity (difflib) from which on an unknown name counts as a misspelt parameter


def check_read(neuron: Any, name: str, base: type[Any]) -> None:
    """Raise `ParameterError` for setting an attribute that the equations of a neuron will not read.

    Refused are: a method, since equations look methods up in the class; `learn`, which is fixed at construction; and,
    for neurons of this library, another library's name for a parameter, or a misspelt one. `base` is the common base
    class of all declarations.
    """
    kind, owner = type(neuron), type(neuron).__name__
    if name == "learn" and name in vars(neuron):
        raise ParameterError(owner, "learn set to another", "what it was made with", f"make a new {owner}(..., learn=)")
    if name in WORDS or any(_method(vars(one).get(name)) for one in kind.__mro__ if one not in base.__mro__):
        given = f"{name}, a method of the class, set on one neuron"
        remedy = elsewhere(owner, name, None, list(inspect.signature(kind).parameters))
        raise ParameterError(owner, given, "an attribute", remedy or f"define {name} in a class of your own")
    own = name in vars(neuron) or hasattr(kind, name) or name in {*neuron._parameters, *neuron._buffers}
    if own or name.startswith("_") or name in (*OF_NEURONS, "shape", "options"):
        return
    if kind.__module__.partition(".")[0] == "rheobase":
        known = [k for k in inspect.signature(kind).parameters if k != "shape"]
        remedy = elsewhere(owner, name, None, known)
        if remedy is None and difflib.get_close_matches(name, known, n=1, cutoff=CLOSE):
            remedy = nearest(name, known)
        if remedy is not None:
            raise ParameterError(owner, f"{name}, which its equations do not read", "one that they read", remedy)


def check_not_inside(holder: Any, name: str) -> None:
    """Raise `ParameterError` for setting an attribute of the wrapped neuron on its wrapper."""
    inner = vars(holder).get("_modules", {}).get("neuron")  # a module that is being copied has none yet
    if inner is None or name in holder._parameters or name in holder._buffers:
        return
    path = "neuron"
    while True:
        deeper = inner._modules.get("neuron")
        if name in vars(inner) or name in getattr(inner, "own_params", ()) or deeper is None:
            break
        inner, path = deeper, f"{path}.neuron"
    options = getattr(type(inner), "declared_options", {})
    if name in inner.params or name in options or (name in OF_NEURONS and hasattr(inner, name)):
        given = f"{name} set on it, which is read of the {type(inner).__name__} inside"
        expected = "attributes of its own"
        raise ParameterError(type(holder).__name__, given, expected, f"set it there: layer.{path}.{name} = ...")


def _method(member: Any) -> bool:
    kinds: Any = (staticmethod, classmethod, functools.cached_property)
    return isinstance(member, kinds) or (callable(member) and not isinstance(member, type))
