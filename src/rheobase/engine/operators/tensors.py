"""Tensors of operators in the form that kernels read: contiguous, parameters and lengths per lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution.finite import not_finite
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import BAD_INPUT, BAD_STATE
from rheobase.engine.operators.operator import KERNEL
from rheobase.errors import Diverged


def compute_type(form: Tensor) -> torch.dtype:
    """The dtype of states and parameters for an input of this dtype."""
    return torch.float64 if form.dtype == torch.float64 else torch.float32


def empties(form: Tensor, init: Sequence[Tensor], program: str, kept: int) -> list[Tensor]:
    """Empty results of a forward run: out, final states, traces, and `kept` rows of checkpoints."""
    compute, contiguous = compute_type(form), torch.contiguous_format
    traces = len(parse(program).traces)
    return [
        torch.empty_like(form, memory_format=contiguous),
        *(torch.empty_like(s, memory_format=contiguous) for s in init),
        *(torch.empty_like(form, dtype=compute, memory_format=contiguous) for _ in range(traces)),
        form.new_empty((kept, *form.shape[1:]), dtype=compute),
    ]


def numbered(name: str, tensors: Sequence[Tensor | None]) -> dict[str, Tensor | None]:
    """Tensors by the names of a kernel's buffers: `name:0`, `name:1`..."""
    return {f"{name}:{k}": t for k, t in enumerate(tensors)}


def dense(tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The tensors, each contiguous."""
    return [None if t is None else t.contiguous() for t in tensors]


def named(given: Any, results: Sequence[Tensor]) -> dict[str, Tensor | None]:
    """The results of a forward run by the names of a kernel's buffers."""
    states = len(given.init)
    return {
        "out": results[0],
        **numbered("final", results[1 : 1 + states]),
        **numbered("trace", results[1 + states : -1]),
        "checkpoints": results[-1] if results[-1].numel() else None,
    }


def per_lane(param: Tensor, form: Tensor, compute: torch.dtype) -> Tensor:
    """The parameter in the dtype `compute`: a scalar as it is, anything else as one value per lane."""
    param = param.to(compute)
    if param.numel() == 1:
        return param.contiguous()
    return param.expand(form.shape[1:]).contiguous()


def lengths_per_lane(lengths: Tensor, form: Tensor) -> Tensor:
    """The length of each sequence, once for each of its lanes."""
    many = lengths.to(torch.int32).view(-1, *(1,) * (form.dim() - 2))
    return many.expand(form.shape[1:]).contiguous()


def reduced(lanes: Tensor, param: Tensor) -> Tensor:
    """The gradient per lane, summed to the shape of the parameter in an order that no thread count changes.

    torch splits a sum over everything among its threads; rows of 256 are each summed by one.
    """
    if param.numel() == 1:
        flat = lanes.reshape(-1)
        while flat.numel() > 1:
            flat = torch.nn.functional.pad(flat, (0, -flat.numel() % 256)).view(-1, 256).sum(1)
        return flat.reshape(param.shape).to(param.dtype)
    return lanes.sum_to_size(param.shape).to(param.dtype)


def check(bad: int, inputs: Mapping[str, Tensor]) -> None:
    """Raise for what a forward kernel found: inputs, by their names, or states that are not finite."""
    if bad & BAD_INPUT:
        name = next(name for name, x in inputs.items() if not bool(torch.isfinite(x).all()))
        raise not_finite(KERNEL, inputs[name], name)
    if bad & BAD_STATE:
        given = "a state that became NaN or infinite"
        raise Diverged(KERNEL, given, "finite states", "run the neuron by itself: it says which, and when")
