"""Snapshots of values that equations read, and the functions that these may call.

A snapshot holds all that can change the numbers of a step: fields of objects, items of tables, attributes of classes
and of functions. Only what is a library's, and what cannot change, is compared by identity.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rheobase.engine.graph.symbols import UNDECLARED, Untraceable

PLAIN = (bool, int, str, bytes, complex, torch.dtype, torch.device, enum.Enum, types.NoneType)
# their functions give the same for the same arguments, and read nothing that a user would change
LIBRARIES = frozenset(
    {
        "torch",
        "numpy",
        "scipy",
        "math",
        "cmath",
        "operator",
        "functools",
        "typing",
        "collections",
        "dataclasses",
        "enum",
        "abc",
        "types",
        "builtins",
        "rheobase",
    }
)
METHOD = types.FunctionType | types.MethodType | types.BuiltinFunctionType | types.MethodWrapperType
SLOTS = ("__name__", "__doc__")
WRAPPED = (staticmethod, classmethod, property, functools.cached_property)


class Same:
    """Equal to another of the same object only."""

    __slots__ = ("it",)

    def __init__(self, it: Any):
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.it is other.it

    def __hash__(self) -> int:
        return id(self.it)


def is_library(module: str | None) -> bool:
    """Whether a module of that name is one of a library."""
    return module is not None and module.partition(".")[0] in LIBRARIES


def snapshot(value: Any, name: str) -> tuple[Any, bool]:
    """A form of the value to compare with later readings of it, and whether the object itself cannot change.

    Raises `Untraceable` for what cannot be compared.
    """
    if isinstance(value, float):
        return (float, value.hex()), True  # tells -0.0 from 0.0, and NaN is NaN
    if isinstance(value, PLAIN):
        return (type(value), value), True
    if isinstance(value, Tensor | np.ndarray):
        raise Untraceable(UNDECLARED.format(f"reads {name}, a tensor"))
    if isinstance(value, nn.Module):
        raise Untraceable(f"reads {name}, a module (equations are pointwise: write it out)")
    refuse_random(value, name)
    if isinstance(value, np.generic):
        return (type(value), value.tobytes()), True
    if isinstance(value, tuple | list | set | frozenset):
        items = [snapshot(item, name) for item in value]
        shots = tuple(shot for shot, _ in items)
        lasting = isinstance(value, tuple | frozenset) and all(fixed for _, fixed in items)
        return (type(value), frozenset(shots) if isinstance(value, set | frozenset) else shots), lasting
    if isinstance(value, dict):
        pairs = tuple((snapshot(k, name)[0], snapshot(v, name)[0]) for k, v in value.items())
        return (dict, pairs), False
    if isinstance(value, functools.partial):
        return (
            functools.partial,
            *(snapshot(part, name)[0] for part in (value.func, value.args, value.keywords)),
        ), False
    if isinstance(value, types.FunctionType):
        own, lasting = _fields(vars(value), name)
        return (Same(value), own), lasting
    if isinstance(value, type):
        own, lasting = _of_class(value, name)
        return (Same(value), own), lasting
    if isinstance(value, types.MethodType):
        return (types.MethodType, Same(value.__func__), Same(value.__self__)), True  # made anew at every look
    if isinstance(value, METHOD) or (isinstance(value, types.ModuleType) and is_library(value.__name__)):
        return Same(value), True
    if callable(value) and is_library(type(value).__module__) and not hasattr(value, "__wrapped__"):
        return Same(value), True
    fields = vars_of(value)
    if fields is None:
        raise Untraceable(f"reads {name}, an object of type {type(value).__name__}, which cannot be compared")
    shots = tuple((k, *snapshot(v, f"{name}.{k}")) for k, v in fields.items())
    shared, alone = _of_class(type(value), name, hidden=fields)
    frozen = dataclasses.is_dataclass(value) and type(value).__dataclass_params__.frozen  # type: ignore[attr-defined]
    return (type(value), tuple(shot[:2] for shot in shots), shared), frozen and alone and all(s[2] for s in shots)


def _of_class(kind: type, name: str, hidden: Any = ()) -> tuple[Any, bool]:
    """What a user's class gives its instances under names other than these; whether that is functions alone.

    A named tuple has its fields, and functions.
    """
    if issubclass(kind, tuple):
        return (), True
    return _fields({k: v for k, v in members(kind).items() if k not in hidden}, f"{name} ({kind.__name__})")


def _fields(found: dict[str, Any], name: str) -> tuple[Any, bool]:
    """Snapshots of attributes by name, of functions and properties by identity; whether there are no others."""
    functions = {k: v for k, v in found.items() if isinstance(v, METHOD) or hasattr(type(v), "__get__")}
    values = tuple((k, snapshot(v, f"{name}.{k}")[0]) for k, v in found.items() if k not in functions)
    return (tuple((k, Same(v)) for k, v in functions.items()), values), not values


def members(kind: type) -> dict[str, Any]:
    """The attributes of a class by name, without those of libraries and of Python itself."""
    found: dict[str, Any] = {}
    for base in kind.__mro__:
        if not is_library(base.__module__):
            for name, value in vars(base).items():
                python = name.startswith("__") and not isinstance(value, types.FunctionType)
                if not python and not name.startswith("_abc_"):
                    found.setdefault(name, value)
    return found


def vars_of(value: Any) -> dict[str, Any] | None:
    """The attributes of an object; None where they cannot be listed."""
    if isinstance(value, types.ModuleType):
        return None
    if hasattr(value, "__dict__"):
        return dict(vars(value))
    slots = [s for base in type(value).__mro__ for s in getattr(base, "__slots__", ()) if s not in SLOTS]
    return {s: getattr(value, s) for s in slots if hasattr(value, s)} if slots else None


def functions_of(value: Any) -> Iterator[Any]:
    """The functions that using a value may call: its own, those of what it holds, and those of its class."""
    left, seen = [value], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, (*PLAIN, float, Tensor, types.ModuleType, nn.Module)):
            continue
        seen.add(id(one))
        if isinstance(one, METHOD | functools.partial):
            yield one
        if isinstance(one, functools.partial):
            left += [one.args, one.keywords]
        elif isinstance(one, tuple | list | set | frozenset):
            left += one
        elif isinstance(one, dict):
            left += one.values()
        elif isinstance(one, WRAPPED):
            left += [getattr(one, part, None) for part in ("__func__", "fget", "func")]
        elif not isinstance(one, METHOD):
            left += members(one if isinstance(one, type) else type(one)).values()
            left += (vars_of(one) or {}).values() if not isinstance(one, type) else ()


GENERATORS = ("random", "_random", "numpy.random")


def refuse_random(value: Any, name: str) -> None:
    """Raise `Untraceable` for what draws random numbers of Python or NumPy: a generator, or a function of one.

    That two traces differ does not tell: of a rare event they may by chance be alike.
    """
    owner = getattr(value, "__self__", None)
    owner = value if owner is None or isinstance(owner, types.ModuleType) else owner
    for module in (getattr(value, "__module__", None), type(owner).__module__):
        if any(f"{module}.".startswith(f"{known}.") for known in GENERATORS):
            raise Untraceable(f"{name}, a random number (Noisy, Escape and PoissonInput have those that kernels draw)")
