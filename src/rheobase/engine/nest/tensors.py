"""Checks that tensors fit a nest: their sizes and dtypes, and the values of arrays of indices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import BITS, MEMORY, WHOLE, Buffer, Nest, leaves

DTYPES = {
    "f32": torch.float32,
    "f64": torch.float64,
    "bf16": torch.bfloat16,
    "bits": torch.uint8,
    "i8": torch.int8,
    "u8": torch.uint8,
    "i16": torch.int16,
    "i32": torch.int32,
}


def fitting(
    nest: Nest,
    tensors: Mapping[str, Tensor | None],
    sizes: Mapping[str, int],
    numbers: Mapping[str, float],
    lanes: int,
    dtype: torch.dtype,
) -> dict[str, Tensor | None]:
    """The tensor of each memory buffer of the nest, dense, its lanes last.

    Raises: `ValueError` for one that is missing, of another size or type, for an index that leaves its axis, or for a
    type or a number in which the nest does not compute.
    """
    _check_own(nest, numbers, dtype)
    held = {b.name: _checked(nest, b, tensors.get(b.name), sizes, lanes, dtype) for b in nest.rows(MEMORY)}
    for array, below in sorted({(i.at.array, i.at.below) for i in _indices(nest) if i.at is not None}):
        tensor = tensors[array]
        if tensor is not None and tensor.numel() and (int(tensor.min()) < 0 or int(tensor.max()) >= sizes[below]):
            given = f"{int(tensor.min())} to {int(tensor.max())}"
            raise ValueError(f"{nest.name}: {array} holds {given}; expected 0 to {sizes[below] - 1}")
    return held


def many(axes: Sequence[Index], sizes: Mapping[str, int]) -> int:
    """How many rows a buffer with these axes has."""
    return math.prod(axis.value(sizes) for axis in axes)


def bytes_of(lanes: int) -> int:
    """Bytes of a row of bits: whole 64 lanes."""
    return 8 * -(-lanes // 64)


def as_bits(mask: Tensor) -> Tensor:
    """Pack a mask or numbers (..., lanes) into rows of bits (..., bytes), set where not 0; `as_mask` is the inverse.

    >>> as_bits(torch.tensor([0.0, 1.0, 1.0]))
    tensor([6, 0, 0, 0, 0, 0, 0, 0], dtype=torch.uint8)
    """
    lanes = mask.shape[-1]
    wide = torch.nn.functional.pad((mask != 0).to(torch.uint8), (0, 8 * bytes_of(lanes) - lanes))
    places = 2 ** torch.arange(8, dtype=torch.uint8, device=mask.device)
    return (wide.unflatten(-1, (-1, 8)) * places).sum(-1, dtype=torch.uint8)


def as_mask(bits: Tensor, lanes: int) -> Tensor:
    """The mask (..., lanes) of rows of bits; `as_mask(bits, lanes).nonzero()` lists the lanes that are set.

    >>> as_mask(as_bits(torch.tensor([0.0, 1.0, 1.0])), 3)
    tensor([False,  True,  True])
    """
    places = 2 ** torch.arange(8, dtype=torch.uint8, device=bits.device)
    return ((bits.unsqueeze(-1) & places) != 0).flatten(-2)[..., :lanes]


def _check_own(nest: Nest, numbers: Mapping[str, float], dtype: torch.dtype) -> None:
    if not nest.whole:
        if dtype not in (torch.float32, torch.float64):
            raise ValueError(f"{nest.name}: it computes in float32 or float64, and not in {dtype}")
        return
    if dtype != DTYPES[nest.own]:
        raise ValueError(f"{nest.name}: it computes in {DTYPES[nest.own]}, and not in {dtype}")
    least, most = WHOLE[nest.own]
    for name in nest.numbers:
        if not float(numbers[name]).is_integer() or not least <= numbers[name] <= most:
            raise ValueError(f"{nest.name}: {name} is {numbers[name]!r}; expected a whole number of {dtype}")


def _checked(
    nest: Nest, buffer: Buffer, tensor: Tensor | None, sizes: Mapping[str, int], lanes: int, dtype: torch.dtype
) -> Tensor | None:
    where = f"{nest.name}: {buffer.name}"
    if tensor is None:
        if not buffer.optional:
            raise ValueError(f"{where} is missing")
        return None
    elements = many(buffer.axes, sizes) * (1 if buffer.shared else bytes_of(lanes) if buffer.stored == BITS else lanes)
    wanted = DTYPES.get(buffer.stored, dtype)
    if tensor.numel() != elements or tensor.dtype != wanted or not tensor.is_contiguous():
        given = f"{tuple(tensor.shape)} of {tensor.dtype}{'' if tensor.is_contiguous() else ', not dense'}"
        raise ValueError(f"{where} is {given}; it has {elements} dense elements of {wanted}")
    return tensor


def _indices(nest: Nest) -> Iterator[Index]:
    for leaf in leaves(nest.body):
        for ref in leaf.rows:
            yield from ref.index


__all__ = ["as_bits", "as_mask", "bytes_of", "fitting", "many"]
