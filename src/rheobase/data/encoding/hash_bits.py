"""Random bits as a function of (seed, sample, step, feature): the same in any batch.

The keys of a sample's lanes come from a 64-bit mixer in the manner of SplitMix64 (Steele, Lea & Flood, 2014).
A lane's word at one step is a 32-bit multiply-and-xorshift hash of its first key and the step, into which its
second key is added half-way, so that 64 bits of key tell two lanes apart. All arithmetic wraps in int32 and
int64, since torch has few operations on unsigned words.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.core.random_numbers import FIRST, SECOND


def _signed(value: int, bits: int) -> int:
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


_WEYL64 = _signed(0x9E3779B97F4A7C15, 64)
_MIX64 = (_signed(0xBF58476D1CE4E5B9, 64), _signed(0x94D049BB133111EB, 64))
# The shifts and multipliers of lowbias32, found by search to change each output bit with probability 1/2.
_MIX32 = (_signed(FIRST, 32), _signed(SECOND, 32))
_SHIFT32 = (16, 15, 16)


def _fold64(z: Tensor, shift: int) -> Tensor:
    # torch shifts keep the sign; the mask makes the shift logical, without which a bit would be lost.
    return z ^ ((z >> shift) & ((1 << (64 - shift)) - 1))


def mix64(z: Tensor) -> Tensor:
    """Scramble int64 values, one to one.

    >>> mix64(torch.tensor([0, 1])).tolist()
    [0, 6238072747940578789]
    """
    z = _fold64(z, 30) * _MIX64[0]
    z = _fold64(z, 27) * _MIX64[1]
    return _fold64(z, 31)


def _stream(key: Tensor, position: Tensor) -> Tensor:
    return mix64(key + (position + 1) * _WEYL64)


def permutation(n: int, seed: int) -> Tensor:
    """The numbers 0 to n - 1 in an order that depends on the seed alone, not on torch's generator or version.

    >>> permutation(5, seed=0).tolist()
    [0, 3, 2, 4, 1]
    """
    key = mix64(torch.tensor(_signed(seed, 64)))
    return torch.argsort(_stream(key, torch.arange(n)), stable=True)


def lane_keys(seed: int, index: Tensor, lanes: int) -> tuple[Tensor, Tensor]:
    """Two int32 keys for each lane of each sample, both of shape (samples, lanes)."""
    root = mix64(torch.tensor(_signed(seed, 64), device=index.device))
    sample = _stream(root, index)
    keys = _stream(sample[:, None], torch.arange(lanes, device=index.device))  # (samples, lanes)
    halves = keys.view(torch.int32).view(*keys.shape, 2)
    return halves[..., 0].contiguous(), halves[..., 1].contiguous()


def draws(seed: int, index: Tensor) -> Tensor:
    """Two numbers from 0 to 2^31 - 1 for each sample, (2, samples) int64.

    >>> draws(0, torch.arange(2)).tolist() == draws(0, torch.arange(5))[:, :2].tolist()
    True
    """
    return torch.stack(lane_keys(seed, index, 1)).squeeze(-1).long() & 0x7FFFFFFF


def _fold32_in_place(z: Tensor, scratch: Tensor, shift: int) -> None:
    torch.bitwise_right_shift(z, shift, out=scratch)
    z.bitwise_xor_(scratch.bitwise_and_((1 << (32 - shift)) - 1))


def step_keys(start: int, stop: int, device: torch.device) -> Tensor:
    """One int32 key for each step, no two alike.

    A plain counter would let the hash see inputs that differ in one bit, where its bias is largest.
    """
    z = torch.arange(start, stop, dtype=torch.int32, device=device)
    scratch = torch.empty_like(z)
    for shift, factor in zip(_SHIFT32, (*_MIX32, 1), strict=True):
        _fold32_in_place(z, scratch, shift)
        z.mul_(factor)
    return z


def fill_words(z: Tensor, scratch: Tensor, lanes: tuple[Tensor, Tensor], steps: Tensor) -> None:
    """Write random int32 words into `z` (steps, samples, lanes), using `scratch` of the same shape."""
    first, second = lanes
    torch.add(first, steps[:, None, None], out=z)
    _fold32_in_place(z, scratch, _SHIFT32[0])
    torch.add(second, z, alpha=_MIX32[0], out=z)
    _fold32_in_place(z, scratch, _SHIFT32[1])
    z.mul_(_MIX32[1])
    _fold32_in_place(z, scratch, _SHIFT32[2])
