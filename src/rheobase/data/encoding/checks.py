"""What every encoder checks before it draws a spike."""

from __future__ import annotations

import math
from collections.abc import Sized
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from rheobase.errors import DTypeError, InputError, ParameterError, ShapeError

FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def check_integer(obj: str, name: str, value: Any, low: int, high: int | None, remedy: str) -> None:
    """Raise ParameterError unless `value` is an integer with low <= value <= high."""
    expected = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ParameterError(obj, f"{name}={value!r}", expected, remedy)
    if int(value) < low or (high is not None and int(value) > high):
        raise ParameterError(obj, f"{name}={value!r}", expected, remedy)


def check_span(obj: object, steps: Any, silent: Any) -> None:
    """Raise ParameterError unless `steps` is positive and `silent` leaves at least one of them."""
    name = type(obj).__name__
    check_integer(name, "steps", steps, 1, None, "give the number of time steps of the output")
    remedy = "steps counts the silent ones too; leave at least one to encode"
    check_integer(name, "silent", silent, 0, int(steps) - 1, remedy)


def check_dtype(dtype: Any) -> None:
    """Raise DTypeError unless `dtype` is None or a floating one."""
    if dtype is not None and dtype not in FLOATS:
        raise DTypeError("Rate", f"dtype={dtype!r}", "a floating dtype, or None for that of x", "torch.bfloat16, say")


def check_seed(obj: object, seed: Any) -> None:
    """Raise ParameterError unless `seed` is an integer of 64 bits."""
    check_integer(repr(obj), "seed", seed, 0, 2**64 - 1, "give a non-negative integer")


def check_images(obj: object, x: Any) -> None:
    """Raise unless `x` is a non-empty floating tensor (batch, *features) with values in [0, 1]."""
    name, remedy = repr(obj), "scale the values to [0, 1]; 8-bit pixels: x.float() / 255"
    if not isinstance(x, Tensor):
        raise DTypeError(name, f"x of type {type(x).__name__}", "a torch.Tensor", "call torch.as_tensor on it")
    if x.dtype not in FLOATS:
        raise DTypeError(name, f"x of dtype {x.dtype}", "a floating dtype with values in [0, 1]", remedy)
    if x.dim() < 2 or x.numel() == 0:
        given = f"x of shape {tuple(x.shape)}"
        raise ShapeError(name, given, "(batch, *features), each axis at least 1", "give one sample as x[None]")
    low, high = (value.item() for value in x.detach().aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        given = f"{int((~x.isfinite()).sum())} values of x that are NaN or infinite"
        raise InputError(name, given, "finite values in [0, 1]", "clean the data first")
    if low < 0 or high > 1:
        raise InputError(name, f"values of x from {low:g} to {high:g}", "values in [0, 1]", remedy)


def check_index(obj: object, index: Any, x: Tensor | Sized) -> Tensor:
    """The sample numbers, int64 (batch,), on the device of a tensor `x`; 0, 1, 2... where none are given."""
    batch, device = len(x), x.device if isinstance(x, Tensor) else None
    if index is None:
        return torch.arange(batch, device=device)
    expected, remedy = f"integers of shape ({batch},)", "give the position of each sample in its data set"
    if not isinstance(index, Tensor):
        raise DTypeError(repr(obj), f"index of type {type(index).__name__}", expected, remedy)
    if index.is_floating_point() or index.is_complex() or index.dtype == torch.bool:
        raise DTypeError(repr(obj), f"index of dtype {index.dtype}", expected, remedy)
    if index.shape != (batch,):
        raise ShapeError(repr(obj), f"index of shape {tuple(index.shape)}", expected, remedy)
    return index.to(device=device, dtype=torch.int64)


def check_planes(name: str, x: Any) -> Tensor:
    """x, if it is a tensor (batch, ..., height, width); else ShapeError."""
    if not isinstance(x, Tensor) or x.dim() < 3:
        given = f"x of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(name, given, "(batch, ..., height, width)", "do not flatten images before it")
    return x
