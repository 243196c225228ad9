"""Equations run on values that are not numbers: on symbols (the engine), on units (the unit checker).

An abstract value takes the place of a tensor in the equations. It is a subclass of `Tensor`, so that Python and torch
accept it as one. Every operation on it is passed to the rules of its class, and so is every query of it (its dtype, its
shape, whether it is positive).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CONVERSIONS = frozenset({"__bool__", "__float__", "__int__", "__index__", "__complex__", "__array__", "__len__"})
_NOTHING = torch.empty((), device="meta")  # what an abstract value holds: no memory, no numbers


class AbstractValue(Tensor):
    """A tensor without data. Abstract: a subclass defines `apply`, to which torch passes every operation on it."""

    @staticmethod
    def __new__(cls: type[Any], *args: Any, **kwargs: Any) -> Any:
        return Tensor._make_subclass(cls, _NOTHING)  # pyright: ignore[reportArgumentType]

    @classmethod
    def apply(cls, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of the operation `name` ("add", "rsub", "exp", "where"...; of a property: "Tensor.dtype")."""
        raise NotImplementedError

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return cls.apply(operation(func), args, kwargs or {})


def operation(func: Any) -> str:
    """The name of a torch function, the same for a function, a method and an operator.

    A conversion to a Python number keeps its dunder name, and a property is named "Tensor.<property>".

    >>> operation(torch.add), operation(Tensor.__rsub__), operation(Tensor.__float__), operation(Tensor.shape.__get__)
    ('add', 'rsub', '__float__', 'Tensor.shape')
    """
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        return f"Tensor.{func.__self__.__name__}"
    return name.strip("_") if name.startswith("__") and name not in CONVERSIONS else name
