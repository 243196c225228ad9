"""The tapped delay line as an operator, `rheobase::taps`: a sum over the last inputs of each lane.

    y[t] = weight[0] x[t] + weight[1] x[t - 1] + ... + weight[n - 1] x[t - n + 1]

`before` holds the inputs that came before the sequence. The terms are always added in this order, so a sequence that is
run in pieces gives the same bits as one run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rheobase.engine.operators.late_imports import Late
from rheobase.engine.operators.operator import Operator

kernels = Late("rheobase.engine.llvm.taps")


class Given(NamedTuple):
    """The arguments: x (time, samples, lanes), before (n - 1, samples, lanes), weight (n, lanes), of one dtype."""

    x: Tensor
    before: Tensor
    weight: Tensor


class _OnCpu:
    """The filter's kernels of the CPU."""

    def forward(self, given: Given, keep: bool) -> list[Tensor]:
        return [kernels.filtered(given.x.contiguous(), given.before.contiguous(), 0, given.weight)]

    def backward(
        self, given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> list[Tensor]:
        (g,), (want_x, want_before, want_weight) = grads, wanted
        x, before, past = given.x.contiguous(), given.before.contiguous(), given.before.shape[0]
        g = torch.zeros_like(x) if g is None else g.contiguous()
        if want_x and want_weight and not want_before:
            return list(kernels.both_gradients(g, x, before, given.weight))
        found: list[Tensor] = []
        if want_x or want_before:
            # an input acts on the sums behind it: the same filter, backwards in time
            zeros = g.new_zeros(before.shape) if want_before else None
            whole = kernels.filtered(g, zeros, past, given.weight.flip(0))
            g_before, g_x = (whole[:past], whole[past:]) if want_before else (None, whole)
            found += [g_x] if want_x else []
            found += [g_before] if g_before is not None else []
        if want_weight:
            found.append(kernels.tap_gradient(g, x, before))
        return found


def _outputs(given: Given, keep: bool) -> list[Tensor]:
    return [given.x.new_empty(given.x.shape)]


TAPS = Operator("taps", Given, differentiable=Given._fields, kernels={"CPU": _OnCpu()}, outputs=_outputs)


def taps(x: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    """The sums over a sequence, by the kernels of the CPU.

    Shapes: x (time, samples, lanes), before (n - 1, samples, lanes), weight (n, lanes), all of one dtype, float32 or
    float64; the result has the shape and dtype of x.
    """
    (y,) = TAPS(Given(x, before, weight))
    return y


def reference(x: Tensor, before: Tensor, weight: Tensor) -> Tensor:
    """The same in torch's own operations: a shifted product for each tap, in the order of the kernels."""
    n, steps = weight.shape[0], x.shape[0]
    whole = torch.cat([before, x])
    y = weight[0] * x
    for k in range(1, n):
        y = y + weight[k] * whole[n - 1 - k : n - 1 - k + steps]
    return y
