"""The tapped delay line as an operator, `rheobase::taps`: a sum over the last inputs of each lane.

    y[t] = weight[0] x[t] + weight[1] x[t - 1] + ... + weight[n - 1] x[t - n + 1]

`before` holds the inputs that came before the sequence. A step's sum is made in this order wherever a sequence is cut,
so pieces are the whole bit for bit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.engine.late import Late
from rheobase.engine.ops import LIBRARY, below_autograd, check_transforms, no_vmap, once

kernels = Late("rheobase.engine.taps_llvm")

LIBRARY.define("taps(Tensor x, Tensor before, Tensor weight) -> Tensor")
LIBRARY.define("taps_backward(Tensor g, Tensor x, Tensor before, Tensor weight, bool[] wanted) -> Tensor[]")


def _fake(x: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    return x.new_empty(x.shape)


def _forward(x: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    return kernels.filtered(x.contiguous(), before.contiguous(), 0, weight)


def _backward_fake(g: Tensor, x: Tensor, before: Tensor, weight: Tensor, wanted: list[bool]) -> list[Tensor]:
    return [t.new_empty(t.shape) for t, want in zip((x, before, weight), wanted, strict=True) if want]


def _backward(g: Tensor, x: Tensor, before: Tensor, weight: Tensor, wanted: list[bool]) -> list[Tensor]:
    g, x, before, past = g.contiguous(), x.contiguous(), before.contiguous(), before.shape[0]
    if wanted == [True, False, True]:
        return list(kernels.both_gradients(g, x, before, weight))
    found: list[Tensor] = []
    if wanted[0] or wanted[1]:
        # an input acts on the sums behind it: the same filter, backwards in time
        zeros = g.new_zeros(before.shape) if wanted[1] else None
        whole = kernels.filtered(g, zeros, past, weight.flip(0))
        g_before, g_x = (whole[:past], whole[past:]) if wanted[1] else (None, whole)
        found += [g_x] if wanted[0] else []
        found += [g_before] if g_before is not None else []
    if wanted[2]:
        found.append(kernels.tap_gradient(g, x, before))
    return found


class _Taps(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, x: Tensor, before: Tensor, weight: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, before, weight)
        with below_autograd():
            return torch.ops.rheobase.taps(x, before, weight)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        x, before, weight = ctx.saved_tensors
        found = iter(torch.ops.rheobase.taps_backward(g, x, before, weight, list(ctx.needs_input_grad)))
        return tuple(next(found) if need else None for need in ctx.needs_input_grad)


def _autograd(x: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    check_transforms(x, before, weight)
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x, before, weight)):
        return _Taps.apply(x, before, weight)  # type: ignore[return-value]
    with below_autograd():
        return torch.ops.rheobase.taps(x, before, weight)


def _backward_autograd(g: Tensor, x: Tensor, before: Tensor, weight: Tensor, wanted: list[bool]) -> list[Tensor]:
    return once(lambda: torch.ops.rheobase.taps_backward(g, x, before, weight, wanted), g, x, before, weight)


LIBRARY.impl("taps", _fake, "Meta")
LIBRARY.impl("taps_backward", _backward_fake, "Meta")
LIBRARY.impl("taps", _forward, "CPU")
LIBRARY.impl("taps_backward", _backward, "CPU")
LIBRARY.impl("taps", _autograd, "Autograd")
LIBRARY.impl("taps_backward", _backward_autograd, "Autograd")
for _key in ("FuncTorchBatched", "Batched"):
    LIBRARY.impl("taps", no_vmap, _key)
    LIBRARY.impl("taps_backward", no_vmap, _key)


def taps(x: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    """The sums over a sequence, by the kernels of the CPU.

    Shapes: x (time, samples, lanes), before (n - 1, samples, lanes), weight (n, lanes), all of one dtype, float32 or
    float64; the result is as x.
    """
    return torch.ops.rheobase.taps(x, before, weight)


def reference(x: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    """The same in torch's own operations: a shifted product for each tap, in the order of the kernels."""
    n, steps = weight.shape[0], x.shape[0]
    whole = torch.cat([before, x])
    y = weight[0] * x
    for k in range(1, n):
        y = y + weight[k] * whole[n - 1 - k : n - 1 - k + steps]
    return y
