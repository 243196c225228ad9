"""From images to sequences: rate, thermometer, latency and direct-current codes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.data.encoding.checks import check_dtype, check_images, check_index, check_seed, check_span
from rheobase.data.encoding.hash_bits import fill_words, lane_keys, step_keys
from rheobase.engine.llvm import bernoulli
from rheobase.errors import ParameterError

_LEVELS = 1 << 16
# Words drawn at a time. On a CPU the two buffers stay in its cache; on a GPU fewer, larger launches win.
_TILE_CPU, _TILE_GPU = 1 << 18, 1 << 24


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns a batch of samples into a sequence.

    Called with x (batch, *features) in [0, 1], it returns (steps, batch, *features) in the dtype and on the
    device of x; `EventFrames` is called with recordings of events (`Events`). Equal `seed` and `index` give equal
    output, whatever the rest of the batch. A trainer passes the position of each sample in its data set as `index`,
    and a new seed each epoch.

    >>> import torch
    >>> coded = Rate(5)(torch.rand(2, 3), seed=0)  # one of them
    >>> coded.shape
    torch.Size([5, 2, 3])
    """

    @property
    def steps(self) -> int:
        """Length of the output in time steps."""
        ...

    def __call__(self, x: Any, *, seed: int, index: Tensor | None = None) -> Tensor:
        """Encode the batch."""
        ...


@dataclass(frozen=True)
class Rate:
    """Rate code: at each step a spike with probability p = gain * x, independent of all others.

    The first `silent` of the `steps` steps are empty. The draw of one (seed, index, step, feature) never
    changes: not with the batch it is in, the number of threads, or a larger `steps`.

    **Shapes**: x (batch, *features) in [0, 1] -> spikes (steps, batch, *features), 0 or 1, in `dtype`, or that of
    x. No gradient.

    **Numerics**: p is rounded to the nearest multiple of 2^-16 (by at most 7.7e-6), since each draw compares
    16 random bits, two draws to one hashed word. p = 0 never spikes and p = 1 always does. A spike is exact in
    torch.bfloat16, and takes half the memory there.

    **Raises**: ParameterError for steps, gain, silent or a seed out of range; DTypeError, ShapeError and
    InputError for x.

    >>> spikes = Rate(220, gain=0.25, silent=20)(torch.ones(3, 28, 28), seed=0)
    >>> spikes.shape, spikes[:20].sum().item(), round(spikes[20:].mean().item(), 2)
    (torch.Size([220, 3, 28, 28]), 0.0, 0.25)
    """

    steps: int
    gain: float = field(default=1.0, kw_only=True)
    silent: int = field(default=0, kw_only=True)
    dtype: torch.dtype | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_span(self, self.steps, self.silent)
        check_dtype(self.dtype)
        if not is_number(self.gain, above=0, most=1):
            expected = "a number with 0 < gain <= 1, so that gain * x is a probability"
            raise ParameterError(
                "Rate", f"gain={self.gain!r}", expected, "give the spikes per step of a pixel of value 1"
            )

    @torch.no_grad()
    def __call__(self, x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
        """Spikes (steps, batch, *features); `index` (batch,) numbers the samples, 0, 1, 2... if absent."""
        check_images(self, x)
        check_seed(self, seed)
        index = check_index(self, index, x)
        level = (x.reshape(len(x), -1).float() * (self.gain * _LEVELS)).round()  # (batch, features)
        out = torch.empty(self.steps, *level.shape, dtype=self.dtype or x.dtype, device=x.device)
        out[: self.silent] = 0
        _draw(out, self.silent, level, seed, index)
        return out.view(self.steps, *x.shape)


def _draw(out: Tensor, start: int, level: Tensor, seed: int, index: Tensor) -> None:
    """Fill out[start:] (time, batch, features) with draws of probability level / 2^16."""
    steps, batch, features = out.shape
    lanes = (features + 1) // 2
    if bernoulli.supports(out):
        keys, times = lane_keys(seed, index, lanes), step_keys(start, steps, out.device)
        bernoulli.fill(out[start:], level, *keys, times)
        return
    tile = _TILE_CPU if out.device.type == "cpu" else _TILE_GPU
    rows = max(1, min(batch, tile // lanes))
    span = max(1, min(steps - start, tile // (rows * lanes)))
    words = torch.empty(span, rows, lanes, dtype=torch.int32, device=out.device)
    scratch = torch.empty_like(words)
    times = step_keys(start, steps, out.device)
    # 65536 levels and int16 bits: the top level does not fit and is written as a mask.
    threshold = (level - _LEVELS // 2).clamp_(max=_LEVELS // 2 - 1).to(torch.int16)
    certain = level >= _LEVELS
    has_certain = bool(certain.any())
    for b in range(0, batch, rows):
        here = slice(b, b + rows)
        keys = lane_keys(seed, index[here], lanes)
        count = len(keys[0])
        for t in range(start, steps, span):
            n = min(span, steps - t)
            z = words[:n, :count]
            fill_words(z, scratch[:n, :count], keys, times[t - start : t - start + n])
            target = out[t : t + n, here]
            torch.lt(z.view(torch.int16)[..., :features], threshold[here], out=target)
            if has_certain:
                target.masked_fill_(certain[here], 1.0)


@dataclass(frozen=True)
class Thermometer:
    """Thermometer code: a feature spikes in as many of the first steps as it is bright.

    The feature x spikes in each of the first round(x * (steps - silent)) steps after the silent ones, halves to even.

    **Shapes**: x (batch, *features) in [0, 1] -> spikes (steps, batch, *features), 0 or 1, in the dtype of x.
    No gradient.

    **Raises**: ParameterError for steps or silent out of range; DTypeError, ShapeError and InputError for x.

    >>> Thermometer(4)(torch.tensor([[1.0, 0.5, 0.3, 0.1]])).squeeze(1).T.tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """

    steps: int
    silent: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        check_span(self, self.steps, self.silent)

    @torch.no_grad()
    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Spikes (steps, batch, *features). Nothing is random: seed and index have no effect."""
        check_images(self, x)
        check_seed(self, seed)
        check_index(self, index, x)
        count = (x.double() * (self.steps - self.silent)).round()  # (batch, *features)
        step = torch.arange(self.steps, device=x.device).view(-1, *[1] * x.dim()) - self.silent
        return ((step >= 0) & (step < count)).to(x.dtype)


@dataclass(frozen=True)
class Latency:
    """Latency code: one spike per feature, the brighter the earlier; a feature of 0 never spikes.

    The spike of x falls on step silent + round((1 - x) * (steps - silent - 1)): x = 1 on the first step after
    the silent ones, the smallest x on the last.

    **Shapes**: x (batch, *features) in [0, 1] -> spikes (steps, batch, *features), 0 or 1, in the dtype of x.
    No gradient.

    **Raises**: ParameterError for steps or silent out of range; DTypeError, ShapeError and InputError for x.

    >>> Latency(5)(torch.tensor([[1.0, 0.5, 0.01, 0.0]])).squeeze(1).T.tolist()[:3]
    [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]]
    """

    steps: int
    silent: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        check_span(self, self.steps, self.silent)

    @torch.no_grad()
    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Spikes (steps, batch, *features). Nothing is random: seed and index have no effect."""
        check_images(self, x)
        check_seed(self, seed)
        check_index(self, index, x)
        last = self.steps - self.silent - 1
        when = self.silent + ((1 - x.double()) * last).round().long()  # (batch, *features)
        out = torch.zeros(self.steps, *x.shape, dtype=x.dtype, device=x.device)
        return out.scatter_(0, when[None], (x > 0).to(x.dtype)[None])


@dataclass(frozen=True)
class Direct:
    """Direct current: the sample itself at every step.

    **Shapes**: x (batch, *features) in [0, 1] -> (steps, batch, *features), a view of x: it takes no memory,
    gradients flow back to x, and it must not be written to.

    **Raises**: ParameterError for steps out of range; DTypeError, ShapeError and InputError for x.

    >>> Direct(100)(torch.rand(8, 64)).stride()
    (0, 64, 1)
    """

    steps: int

    def __post_init__(self) -> None:
        check_span(self, self.steps, 0)

    def __call__(self, x: Tensor, *, seed: int = 0, index: Tensor | None = None) -> Tensor:
        """Current (steps, batch, *features). Nothing is random: seed and index have no effect."""
        check_images(self, x)
        check_seed(self, seed)
        check_index(self, index, x)
        return x.expand(self.steps, *x.shape)
