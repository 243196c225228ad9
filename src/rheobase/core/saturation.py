"""Sums of whole numbers that stop at the ends of their type, as accumulators of chips do.

Each is one function for tensors and, through `__torch_function__`, for anything that traces.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from rheobase.errors import DTypeError

_WIDER = {torch.int8: torch.int16, torch.int16: torch.int32, torch.int32: torch.int64}


def saturating_add(a: Tensor, b: Tensor) -> Tensor:
    """min(max(a + b, least), most), where least and most are the ends of the type of both: int8, int16 or int32.

    Raises: `DTypeError` for other types, or two types.

    >>> saturating_add(torch.tensor([100, -100, 1], dtype=torch.int8), torch.tensor([100, -100, 1], dtype=torch.int8))
    tensor([ 127, -128,    2], dtype=torch.int8)
    """
    if has_torch_function((a, b)):
        return handle_torch_function(saturating_add, (a, b), a, b)
    wide, least, most = _ends("saturating_add", a, b)
    return (a.to(wide) + b.to(wide)).clamp(least, most).to(a.dtype)


def saturating_sub(a: Tensor, b: Tensor) -> Tensor:
    """min(max(a - b, least), most), where least and most are the ends of the type of both: int8, int16 or int32.

    Raises: `DTypeError` for other types, or two types.

    >>> saturating_sub(torch.tensor([-100, 100, 1], dtype=torch.int8), torch.tensor([100, -100, 1], dtype=torch.int8))
    tensor([-128,  127,    0], dtype=torch.int8)
    """
    if has_torch_function((a, b)):
        return handle_torch_function(saturating_sub, (a, b), a, b)
    wide, least, most = _ends("saturating_sub", a, b)
    return (a.to(wide) - b.to(wide)).clamp(least, most).to(a.dtype)


def _ends(name: str, a: Tensor, b: Tensor) -> tuple[torch.dtype, int, int]:
    wide = _WIDER.get(a.dtype)
    if wide is None or b.dtype != a.dtype:
        expected = "two tensors of int8, two of int16 or two of int32"
        raise DTypeError(name, f"{a.dtype} and {b.dtype}", expected, "convert both with .to(torch.int16), say")
    info = torch.iinfo(a.dtype)
    return wide, info.min, info.max
