"""Random numbers as a function of (seed, absolute step, lane): the same whatever is run in pieces or twice.

A 32-bit finaliser with good avalanche (Wellons' lowbias32) mixes the counters; two of its words make one normal
number by Box and Muller. Kernels compute the same words in vector registers.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

MASK = 0xFFFFFFFF
FIRST, SECOND = 0x7FEB352D, 0x846CA68B  # multipliers of lowbias32
GOLDEN = 0x9E3779B1


def mix(x: Any) -> Any:
    """One round of mixing of 32-bit words, held in Python or int64 numbers."""
    x = ((x ^ (x >> 16)) * FIRST) & MASK
    x = ((x ^ (x >> 15)) * SECOND) & MASK
    return x ^ (x >> 16)


def keys(seed: int, step: Any, stream: int) -> tuple[Any, Any]:
    """Two words that all lanes of one step share."""
    k = mix((seed & MASK) + 1 & MASK)
    k = mix(k ^ (seed >> 32 & MASK))
    k = mix(k + stream & MASK)
    k = mix(k ^ (step & MASK))
    k = mix(k ^ (step >> 32 & MASK))
    return k, mix(k ^ GOLDEN)


def words(lane: Any, seed: int, step: Any, stream: int) -> tuple[Any, Any]:
    """Two random words for each lane."""
    k1, k2 = keys(seed, step, stream)
    a = mix(lane * GOLDEN + k1 & MASK)
    return a, mix(a + k2 & MASK)


def normal(like: Any, seed: int, step: Any, stream: int = 0) -> Any:
    """Standard normal numbers of the shape of `like` (batch, *neurons); lanes count through its elements."""
    if has_torch_function((like,)):
        return handle_torch_function(normal, (like,), like, seed, step, stream)
    lane = torch.arange(like.numel(), device=like.device).view(like.shape)
    u, v = (_unit(w, like.dtype) for w in words(lane, seed, step, stream))
    return torch.sqrt(-2.0 * torch.log(u)) * torch.cos((2.0 * math.pi) * v)


def uniform(like: Any, seed: int, step: Any, stream: int = 0) -> Any:
    """Numbers drawn evenly from (0, 1], of the shape of `like` (batch, *neurons); the first word of each lane."""
    if has_torch_function((like,)):
        return handle_torch_function(uniform, (like,), like, seed, step, stream)
    lane = torch.arange(like.numel(), device=like.device).view(like.shape)
    return _unit(words(lane, seed, step, stream)[0], like.dtype)


def _unit(word: Tensor, dtype: torch.dtype) -> Tensor:
    """A word as a number in (0, 1], with as many bits as the type holds."""
    if dtype == torch.float64:
        return (word.to(dtype) + 0.5) * 2.0**-32
    return ((word >> 8).to(dtype) + 0.5) * 2.0**-24
