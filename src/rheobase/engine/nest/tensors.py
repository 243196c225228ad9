"""Whether tensors fit a nest: the sizes and types that it says, and indices within their axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import MEMORY, Buffer, Nest, leaves

DTYPES = {
    "f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16,
    "i8": torch.int8, "u8": torch.uint8, "i16": torch.int16, "i32": torch.int32,
}  # fmt: skip


def fitting(
    nest: Nest, tensors: Mapping[str, Tensor | None], sizes: Mapping[str, int], lanes: int, dtype: torch.dtype
) -> dict[str, Tensor | None]:
    """The tensor of each memory buffer of the nest, dense, its lanes last.

    Raises: `ValueError` for one that is missing, of another size or type, or for an index that leaves its axis.
    """
    held = {b.name: _checked(nest, b, tensors.get(b.name), sizes, lanes, dtype) for b in nest.rows(MEMORY)}
    for array, below in sorted({(i.at.array, i.at.below) for i in _indices(nest) if i.at is not None}):
        tensor = tensors[array]
        if tensor is not None and (int(tensor.min()) < 0 or int(tensor.max()) >= sizes[below]):
            given = f"{int(tensor.min())} to {int(tensor.max())}"
            raise ValueError(f"{nest.name}: {array} holds {given}; expected 0 to {sizes[below] - 1}")
    return held


def many(axes: Sequence[Index], sizes: Mapping[str, int]) -> int:
    """Rows of a buffer with these axes."""
    return math.prod(axis.value(sizes) for axis in axes)


def _checked(
    nest: Nest, buffer: Buffer, tensor: Tensor | None, sizes: Mapping[str, int], lanes: int, dtype: torch.dtype
) -> Tensor | None:
    where = f"{nest.name}: {buffer.name}"
    if tensor is None:
        if not buffer.optional:
            raise ValueError(f"{where} is missing")
        return None
    elements = many(buffer.axes, sizes) * (1 if buffer.shared else lanes)
    wanted = DTYPES.get(buffer.stored, dtype)
    if tensor.numel() != elements or tensor.dtype != wanted or not tensor.is_contiguous():
        given = f"{tuple(tensor.shape)} of {tensor.dtype}{'' if tensor.is_contiguous() else ', not dense'}"
        raise ValueError(f"{where} is {given}; it has {elements} dense elements of {wanted}")
    return tensor


def _indices(nest: Nest) -> Iterator[Index]:
    for leaf in leaves(nest.body):
        for ref in leaf.rows:
            yield from ref.index


__all__ = ["fitting", "many"]
