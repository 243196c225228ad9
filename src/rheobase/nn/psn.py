"""Parallel spiking neurons: a matrix product over time instead of a loop over steps.

Without a reset the membrane potential is a weighted sum of inputs, and the weights can be learned. No step then depends
on the result of another, so these are layers: there is no `step` or `dynamics` that a neuron would declare.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from rheobase.checks import is_number, is_whole
from rheobase.core import primitives
from rheobase.core.declaration.inputs import ONE_INPUT
from rheobase.core.execution.check import check_call, checked_shape
from rheobase.core.execution.finite import check_learned, finite, not_finite
from rheobase.core.surrogates import ATan, Surrogate
from rheobase.errors import ParameterError, ShapeError, StateError
from rheobase.nn.stateful import Stateful, alive_steps

# Steps in one product of SlidingPSN: a band of `order` in a matrix of all steps would be mostly zeros.
_BLOCK = 64


class _Parallel(Stateful):
    """The common part of the three: h, a weighted sum of inputs over time, fires where it reaches the threshold."""

    graded = False  # what comes out is spikes, so they are counted as a neuron's are
    entries = ONE_INPUT
    weight: Tensor
    v_threshold: Tensor

    def __init__(self, shape: tuple[int | Sequence[int], ...], surrogate: Surrogate | None):
        super().__init__()
        name = type(self).__name__
        self.shape = checked_shape(name, shape)
        self.surrogate: Surrogate = ATan() if surrogate is None else surrogate
        if isinstance(self.surrogate, type) or not isinstance(self.surrogate, Surrogate):
            expected = "derivative and primitive"
            raise ParameterError(name, f"surrogate {surrogate!r}", expected, "see rheobase.surrogates")
        self.smooth = False

    def values(self) -> dict[str, Tensor]:
        """The parameters, by name."""
        return dict(self.named_parameters(recurse=False))

    def check_names(self, names: Sequence[str]) -> None:
        """Accept all names: this layer records none, but `check_call` expects the method."""

    def smoothed(self) -> Self:
        """A copy whose spikes are the surrogate's primitive and whose gradients are exact: for gradcheck."""
        twin = copy.deepcopy(self)
        twin.smooth = True
        return twin

    def _checked(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """x as float32 or float64, in which the sum is made."""
        like_a_neuron: Any = self
        check_call(like_a_neuron, (x,), (), lengths)
        check_learned(self)
        if not torch.compiler.is_compiling():
            low, high = (float(v) for v in x.detach().aminmax())
            if not (math.isfinite(low) and math.isfinite(high)):
                raise not_finite(repr(self), x)
        return x.to(torch.promote_types(x.dtype, torch.float32))

    def _fire(self, h: Tensor) -> Tensor:
        return self.surrogate.primitive(h) if self.smooth else primitives.spike(h, self.surrogate)

    def _described(self, *own: str) -> str:
        given = [] if self.surrogate == ATan() else [f"surrogate={self.surrogate!r}"]
        return ", ".join([*map(str, self.shape), *own, *given])


class _Whole(_Parallel):
    """Weights from every step to every step, for sequences of a fixed length, which run in one product."""

    def __init__(self, shape: tuple[int | Sequence[int], ...], steps: int, surrogate: Surrogate | None):
        super().__init__(shape, surrogate)
        self.steps = _positive(type(self).__name__, "steps", steps)
        # uniform within 1/sqrt(steps), as torch's Linear starts
        self.weight = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(steps, steps), a=math.sqrt(5)))
        self.v_threshold = nn.Parameter(torch.ones(steps))

    def weight_in_force(self) -> Tensor:
        """The weights as they are applied, (steps, steps): to, from."""
        raise NotImplementedError

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Tensor]:
        given = x
        x = self._checked(x, lengths)
        if x.shape[0] != self.steps:
            wrong = f"a sequence of {x.shape[0]} steps"
            raise ShapeError(repr(self), wrong, f"{self.steps} steps", "nn.SlidingPSN takes sequences of any length")
        if state is not None:
            remedy = "start from None; nn.SlidingPSN takes a sequence in pieces"
            raise StateError(repr(self), "the state of a sequence that has ended", "None: it runs whole", remedy)
        mask = None if lengths is None else alive_steps(x, lengths)
        if mask is not None:
            # weights may reach forward in time, where inputs after the end must not count
            x = torch.where(mask, x, 0.0)
        with torch.autocast(x.device.type, enabled=False):
            weight, v_threshold = self.weight_in_force().to(x.dtype), self.v_threshold.to(x.dtype)
            h = torch.addmm(-v_threshold[:, None], weight, x.flatten(1))  # (time, batch * neurons)
        out = self._fire(h).view_as(x)
        out = out if mask is None else torch.where(mask, out, 0.0)
        return out.to(given.dtype), torch.full((), self.steps, device=x.device)


class PSN(_Whole):
    """Parallel spiking neuron (Fang et al., 2023): every step sees the inputs of all steps, later ones too.

        h = W x,  spike where h - v_threshold >= 0

    Shapes: x (time, batch, *shape) to spikes of the same shape; weight W (steps, steps), (to, from), and v_threshold
    (steps,), learnable and shared by all neurons. The returned state is the number of steps, from which no run
    continues. With `lengths`, inputs after the end count as zero.

    Raises: `ShapeError` unless x has `steps` steps; `StateError` for a state: a sequence runs whole; the errors of
    a neuron for x.

    Numerics: one matrix product, in float32 (float64 for float64) also under autocast, as neurons compute.

    Differs from the paper: in nothing. W starts uniform within 1/sqrt(steps), v_threshold at 1, as the authors'
    code has it.

    Reference: Fang, Yu, Zhou, Chen, Ma, Masquelier & Tian, NeurIPS 2023, arXiv 2304.12760.

    >>> spikes, _ = PSN(512, steps=20)(torch.rand(20, 2, 512))
    >>> spikes.shape
    torch.Size([20, 2, 512])
    """

    def __init__(self, *shape: int | Sequence[int], steps: int, surrogate: Surrogate | None = None):
        super().__init__(shape, steps, surrogate)

    def weight_in_force(self) -> Tensor:
        return self.weight

    def extra_repr(self) -> str:
        return self._described(f"steps={self.steps}")


class MaskedPSN(_Whole):
    """Masked parallel spiking neuron (Fang et al., 2023): a step sees itself and the `order` - 1 steps before it.

        h = (W * M) x,  spike where h - v_threshold >= 0
        M = lambda_ M_order + (1 - lambda_),  M_order[t, s] = 1 where t - order < s <= t, else 0

    `lambda_` may be moved from 0 (a PSN) to 1 during training: `layer.lambda_ = 0.5`. Only at 1 is it causal.

    Shapes, Raises, Numerics, Reference: those of `PSN`; `ParameterError` for an order or lambda_ out of range.

    Differs from the paper: `lambda_` is 1 by default; the authors' code starts it at 0.

    >>> layer = MaskedPSN(512, steps=4, order=2)
    >>> (layer.weight_in_force() != 0).int()
    tensor([[1, 0, 0, 0],
            [1, 1, 0, 0],
            [0, 1, 1, 0],
            [0, 0, 1, 1]], dtype=torch.int32)
    """

    mask: Tensor
    mask_share: Tensor

    def __init__(
        self,
        *shape: int | Sequence[int],
        steps: int,
        order: int,
        lambda_: float = 1.0,
        surrogate: Surrogate | None = None,
    ):
        super().__init__(shape, steps, surrogate)
        self.order = _positive("MaskedPSN", "order", order)
        mask = torch.ones(steps, steps).tril().triu(1 - order)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("mask_share", torch.zeros(()))
        self.lambda_ = lambda_

    def _masked(self) -> float:
        return float(self.mask_share)

    def _mask(self, value: float) -> None:
        if not is_number(value, least=0, most=1):
            remedy = "0 masks nothing, 1 all that is not causal"
            raise ParameterError("MaskedPSN", f"lambda_ = {value!r}", "a number from 0 to 1", remedy)
        self.mask_share.fill_(value)

    # the underscore tells the paper's letter from Python's word
    lambda_ = property(_masked, _mask, doc="How far the mask is in force; it is saved with the weights.")

    def weight_in_force(self) -> Tensor:
        return self.weight * (1.0 - self.mask_share * (1.0 - self.mask))

    def extra_repr(self) -> str:
        # the shortest decimal that is this float32
        share = [] if self.lambda_ == 1.0 else [f"lambda_={self.lambda_:.7g}"]
        return self._described(f"steps={self.steps}", f"order={self.order}", *share)


class SlidingPSN(_Parallel):
    """Sliding parallel spiking neuron (Fang et al., 2023): the last `order` inputs, weighted alike at every step.

        h[t] = sum_i weight[i] x[t - order + 1 + i],  i = 0 ... order - 1;  spike where h[t] - v_threshold >= 0

    Shapes: x (time, batch, *shape), any number of steps, to spikes of the same shape; the state is the last order - 1
    inputs (batch, order - 1, *shape), zero at first, so that chunks give what the whole gives. weight (order,) and
    v_threshold () are learnable and shared by all neurons.

    Raises: `ParameterError` for order < 1; `StateError` for a state of another shape, type or device; the errors
    of a neuron for x.

    Numerics: products with a banded matrix, 64 steps at a time (several times faster on a CPU than a depthwise
    convolution), in float32 (float64 for float64) also under autocast, as neurons compute.

    Differs from the paper: in nothing. weight[i] starts at 2^(i - order + 1), v_threshold at 1.

    Reference: as `PSN`.

    >>> layer, x = SlidingPSN(8, order=4), torch.rand(30, 2, 8)
    >>> first, state = layer(x[:12])
    >>> torch.equal(torch.cat([first, layer(x[12:], state)[0]]), layer(x)[0])
    True
    """

    def __init__(self, *shape: int | Sequence[int], order: int, surrogate: Surrogate | None = None):
        super().__init__(shape, surrogate)
        self.order = _positive("SlidingPSN", "order", order)
        self.weight = nn.Parameter(torch.exp2(torch.arange(1.0 - order, 1.0)))
        self.v_threshold = nn.Parameter(torch.ones(()))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Tensor:
        """The state before any input, zeros (batch, order - 1, *shape)."""
        like = self.weight
        return torch.zeros(batch, self.order - 1, *self.shape, dtype=dtype or like.dtype, device=device or like.device)

    def forward(
        self, x: Tensor, state: Tensor | None = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Tensor]:
        given = x
        x = self._checked(x, lengths)
        if state is None:
            state = self.rest(x.shape[1], dtype=x.dtype, device=x.device)
        self._check_state(state, x)
        before = state.transpose(0, 1)  # (order - 1, batch, *shape)
        with torch.autocast(x.device.type, enabled=False):
            h, after = self._slide(x.flatten(1), before.flatten(1))
            out = self._fire(h - self.v_threshold.to(x.dtype)).view_as(x)
        if lengths is None:
            end = after.view_as(before).transpose(0, 1).contiguous()
            return out.to(given.dtype), end
        # the inputs before the end of each sequence
        lane = torch.arange(x.shape[1], device=x.device)[:, None]
        when = lengths.long()[:, None] + torch.arange(self.order - 1, device=x.device)  # (batch, order - 1)
        end = torch.cat([before, x])[when, lane]
        return torch.where(alive_steps(x, lengths), out, 0.0).to(given.dtype), end

    def _slide(self, x: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted sums (time, lanes) and the last inputs (order - 1, lanes)."""
        steps = min(x.shape[0], max(_BLOCK, self.order))
        band = self._band(steps, x.dtype)
        sums: list[Tensor] = []
        for block in x.split(steps):
            n = len(block)
            seen = torch.cat([tail, block])
            sums.append(band[:n, : n + self.order - 1] @ seen)
            tail = seen[n:]
        return torch.cat(sums), tail

    def _band(self, steps: int, dtype: torch.dtype) -> Tensor:
        """(steps, steps + order - 1): row t holds the weights from column t on."""
        width = steps + self.order - 1
        # one row with a gap of `steps` zeros, repeated: each row of `width` begins one place later in it
        row = torch.cat([self.weight.to(dtype), self.weight.new_zeros(steps, dtype=dtype)])
        return row.repeat(steps)[: steps * width].view(steps, width)

    def _check_state(self, state: Any, x: Tensor) -> None:
        expected = f"{x.dtype} of shape {(x.shape[1], self.order - 1, *self.shape)} on {x.device}"
        if not isinstance(state, Tensor):
            given = f"a state of type {type(state).__name__}"
        elif (x.shape[1], self.order - 1, *self.shape) != tuple(state.shape):
            given = f"a state of shape {tuple(state.shape)}"
        elif state.dtype != x.dtype or state.device != x.device:
            given = f"a state of {state.dtype} on {state.device}"
        elif not finite((state,)):
            # a comparison with NaN is false: the neuron would be silent
            given, expected = "a state that is NaN or infinite", "finite states"
        else:
            return
        raise StateError(repr(self), given, expected, "pass on the state that this layer returned; None is no input")

    def extra_repr(self) -> str:
        return self._described(f"order={self.order}")


def _positive(owner: str, name: str, value: Any) -> int:
    if not is_whole(value, 1):
        raise ParameterError(owner, f"{name} = {value!r}", "an integer >= 1", "count steps, not ms")
    return value
