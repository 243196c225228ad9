"""What a call of a neuron returns: an ordinary tuple that says, where it is taken for a tensor, that it is none."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import register_pytree_node

from rheobase.core.execution.check import IN_A_ROW
from rheobase.errors import DTypeError


class Returned(tuple[Any, ...]):
    """(out, state), or (out, state, rec) with `record`. A tuple in all respects.

    torch's Sequential hands it to the next layer as it is, and in other libraries a neuron returns the spikes alone.
    A function of torch that gets it, and an attribute of tensors that is asked of it, raise with the remedy.

    >>> import torch
    >>> Returned((torch.zeros(2), None)).sum()
    Traceback (most recent call last):
        ...
    AttributeError: the (out, state) of a neuron is a tuple, and has no attribute 'sum'. Remedy: out, state = ...
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        remedy = f". Remedy: {IN_A_ROW}" if hasattr(torch.Tensor, name) else ""
        raise AttributeError(f"the (out, state) of a neuron is a tuple, and has no attribute {name!r}{remedy}")

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", str(func))
        raise DTypeError(f"torch's {name}", "the (out, state) of a neuron", "a torch.Tensor", IN_A_ROW)


def returned(*values: Any) -> tuple[Any, ...]:
    """These values as a call returns them; a compiled or exported graph returns a plain tuple."""
    return values if torch.compiler.is_compiling() else Returned(values)


def _parts(pair: Returned) -> tuple[list[Any], None]:
    return list(pair), None


def _whole(parts: Any, _: None) -> Returned:
    return Returned(parts)


# so that torch.func and torch.utils go through it as through a tuple
register_pytree_node(Returned, _parts, _whole, serialized_type_name=f"{__name__}.Returned")
