"""Random numbers as a function of (seed, absolute step, lane): the same when a run is repeated or cut into pieces.

The state of a neuron with noise has the field `rng`: the seed and the absolute step, int64 (2,). The runner advances
the step, so a run that continues from a state continues the same noise.

A 32-bit finaliser with good avalanche (Wellons' lowbias32) mixes the counters; two of its words make one normal
number by Box and Muller. Kernels compute the same words in vector registers.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from rheobase.errors import ParameterError

MASK = 0xFFFFFFFF
FIRST, SECOND = 0x7FEB352D, 0x846CA68B  # multipliers of lowbias32
GOLDEN = 0x9E3779B1
MOST = 64.0  # the largest mean of a Poisson number: exp(mean) and the terms stay within a float32
ROUNDED = 1.0 + 2.0**-20  # tolerance: a mean equal to the bound may exceed it once rounded to float32
REMEDY = "add several Poisson numbers of smaller means, each with a stream of its own, or round normal ones"


def mix(x: Any) -> Any:
    """One round of mixing of 32-bit words, held in Python or int64 numbers."""
    x = ((x ^ (x >> 16)) * FIRST) & MASK
    x = ((x ^ (x >> 15)) * SECOND) & MASK
    return x ^ (x >> 16)


def keys(seed: Any, step: Any, stream: int) -> tuple[Any, Any]:
    """Two words that all lanes of one step share."""
    k = mix(((seed & MASK) + 1) & MASK)
    k = mix(k ^ ((seed >> 32) & MASK))
    k = mix((k + stream) & MASK)
    k = mix(k ^ (step & MASK))
    k = mix(k ^ ((step >> 32) & MASK))
    return k, mix(k ^ GOLDEN)


def words(lane: Any, seed: Any, step: Any, stream: int) -> tuple[Any, Any]:
    """Two random words for each lane."""
    k1, k2 = keys(seed, step, stream)
    a = mix((lane * GOLDEN + k1) & MASK)
    return a, mix((a + k2) & MASK)


def start(seed: int | None, device: torch.device) -> Tensor:
    """The `rng` at the start of a run: step 0 of `seed`, or of a seed drawn from torch's generator."""
    if seed is None:
        drawn = torch.randint(1 << 62, (1,), device=device)
        return torch.cat([drawn, torch.zeros_like(drawn)])
    return torch.tensor([seed, 0], device=device)


def advanced(rng: Tensor | None, steps: int) -> Tensor | None:
    """The `rng` after so many more steps."""
    return None if rng is None else rng + torch.tensor([0, steps], device=rng.device)


def normal(like: Any, rng: Any, stream: int = 0) -> Any:
    """Standard normal numbers of the shape of `like` (batch, *neurons); lanes count through its elements.

    `stream` tells several draws in one step apart; each needs its own.
    """
    if has_torch_function((like,)):
        return handle_torch_function(normal, (like,), like, rng, stream)
    u, v = (unit(w, like.dtype) for w in words(_lanes(like), rng[0], rng[1], stream))
    return torch.sqrt(-2.0 * torch.log(u)) * torch.cos((2.0 * math.pi) * v)


def uniform(like: Any, rng: Any, stream: int = 0) -> Any:
    """Uniform numbers in (0, 1] of the shape of `like` (batch, *neurons), from the first word of each lane.

    `stream` as in `normal`.
    """
    if has_torch_function((like,)):
        return handle_torch_function(uniform, (like,), like, rng, stream)
    return unit(words(_lanes(like), rng[0], rng[1], stream)[0], like.dtype)


def poisson(like: Any, mean: Any, rng: Any, stream: int = 0, *, most: float = 1.0) -> Any:
    """Poisson numbers of the shape of `like` (batch, *neurons), with means from 0 to `most`.

    By inversion of `uniform`: the number is the count of k >= 1 with u <= P(N >= k), for k up to where P(N >= k) of
    the mean `most` is below 2**-33, so the work grows with `most` (12 terms for 1, 47 for 16). Where a mean is
    negative, above `most` or not a number the result is NaN, with which a run ends in `errors.Diverged`. Probabilities
    are those of u: multiples of 2**-24 in float32, 2**-32 in float64. The numbers are counts: no gradient reaches
    `mean`. `normal` and `uniform` of the same stream are made of the same words: give each draw a stream of its own.

    Raises: `ParameterError` for a `most` that is not above 0, or above 64 (beyond, round `normal` numbers).

    >>> rng = torch.tensor([7, 0])
    >>> poisson(torch.zeros(2, 5), torch.tensor(0.8), rng)
    tensor([[0., 0., 2., 1., 0.],
            [3., 0., 3., 1., 2.]])
    """
    if not 0.0 < most <= MOST:
        raise ParameterError("poisson", f"most={most!r}", f"a number above 0, up to {MOST:g}", REMEDY)
    m = mean.detach()
    u, over = uniform(like, rng, stream) * torch.exp(m), 1.0 / m
    # u <= P(N >= k) is u exp(m) k! / m**k <= r_k, where r_k = P(N >= k) / P(N = k) = 1 + m / (k + 1) * r_(k + 1):
    # no difference of two probabilities, and no product of small ones
    ratios = [torch.ones_like(m)]
    for k in range(_terms(most), 1, -1):
        ratios.append(1.0 + (m * (1.0 / k)) * ratios[-1])
    count = torch.zeros_like(u)
    for k, ratio in enumerate(reversed(ratios), 1):
        u = u * (k * over)
        count = count + (u <= ratio)
    return torch.where((m >= 0.0) & (m <= most * ROUNDED), count, math.nan)


def _terms(most: float) -> int:
    """The first k with P(N > k) below 2**-33, where N is a Poisson number of this mean."""
    k, chance, below = 0, math.exp(-most), math.exp(-most)
    while k < most or 1.0 - below > 2.0**-33:
        k += 1
        chance *= most / k
        below += chance
    return k


def _lanes(like: Tensor) -> Tensor:
    return torch.arange(like.numel(), device=like.device).view(like.shape)


def unit(word: Tensor, dtype: torch.dtype) -> Tensor:
    """A word as a number in (0, 1], with as many bits as the type holds."""
    if dtype == torch.float64:
        return (word.to(dtype) + 0.5) * 2.0**-32
    return ((word >> 8).to(dtype) + 0.5) * 2.0**-24
