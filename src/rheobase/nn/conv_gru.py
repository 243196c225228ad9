"""Convolutional gated recurrent unit: the analog baseline of the spiking ones."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.core.check import check_call, check_state
from rheobase.core.finite import check_finite
from rheobase.core.rollout import held
from rheobase.core.states import registered
from rheobase.errors import BackendUnavailable
from rheobase.nn.gated import AsNeuron, uniform
from rheobase.nn.stateful import Stateful
from rheobase.nn.window import Size, Window


@registered
class ConvGRUState(NamedTuple):
    """The hidden value (batch, channels, height, width)."""

    h: Tensor


class ConvGRU(Stateful):
    """Convolutional gated recurrent unit (Ballas et al., 2016); * is a convolution.

        z[t] = sigmoid( W_z * x[t] + U_z * h[t-1] + b_z )
        r[t] = sigmoid( W_r * x[t] + U_r * h[t-1] + b_r )
        n[t] = tanh( W_n * x[t] + U_n * (r[t] h[t-1]) + b_n )
        h[t] = (1 - z[t]) h[t-1] + z[t] n[t]

    Shapes: x (time, batch, in_channels, height, width) to h (time, batch, channels, height', width'); the state is
    the last h, zero at first. Weights as those of `CSGRU`: weight_g on x, weight_rec_g on h.

    Raises: `ShapeError`, `DTypeError`, `StateError`, `InputError` for x and states; `ParameterError` for sizes that
    are no positive integers and groups that do not divide the channels; `BackendUnavailable`.

    Numerics: a loop in plain torch behind one convolution of the input for all steps; there is no kernel for it.

    Differs from the paper: weights and biases start uniform within 1/sqrt(fan in), as torch does.

    Reference: Ballas, Yao, Pal & Courville, ICLR 2016, arXiv 1511.06432, eq. 8 to 11.

    >>> out, state = ConvGRU(1, 4)(torch.rand(5, 2, 1, 12, 12))
    >>> out.shape, state.h.shape
    (torch.Size([5, 2, 4, 12, 12]), torch.Size([2, 4, 12, 12]))
    """

    gates = ("z", "r", "n")

    def __init__(
        self, in_channels: int, channels: int, *, kernel_size: Size = 3, stride: Size = 1, padding: Size | None = None,
        groups: int = 1,
    ):  # fmt: skip
        super().__init__()
        self.window = w = Window.of("ConvGRU", in_channels, channels, kernel_size, stride, padding, groups)
        outer, inner = (1 / math.sqrt(math.prod(s[1:])) for s in (w.outer, w.inner))
        self.weight_z, self.weight_r, self.weight_n = (uniform(outer, *w.outer) for _ in self.gates)
        self.weight_rec_z, self.weight_rec_r, self.weight_rec_n = (uniform(inner, *w.inner) for _ in self.gates)
        self.bias_z, self.bias_r, self.bias_n = (uniform(outer, channels) for _ in self.gates)

    def forward(
        self, x: Tensor, state: ConvGRUState | None = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, ConvGRUState]:
        if isinstance(x, Tensor):
            self.window.check(repr(self), x)
        seen: Any = AsNeuron(self, tuple(getattr(x, "shape", ()))[2:], ConvGRUState)
        check_call(seen, (x,), (), lengths)
        check_finite(seen, (x,))
        if backend not in ("auto", "reference"):
            given = f"backend {backend!r}, which cannot run: it is a loop in plain torch"
            raise BackendUnavailable(repr(self), given, "'auto' or 'reference'", "leave backend out")
        compute = torch.promote_types(x.dtype, torch.float32)
        images, product = self.window.images(x.to(compute)), self.window.product
        of_z, of_r, of_n = (
            self.window.convolved(images, getattr(self, f"weight_{g}"), getattr(self, f"bias_{g}")).unflatten(
                0, x.shape[:2]
            )
            for g in self.gates
        )
        if state is None:
            state = ConvGRUState(torch.zeros_like(of_z[0]))
        else:
            like: Any = AsNeuron(self, tuple(of_z.shape[2:]), ConvGRUState)
            check_state(like, state, x, compute)
        h, outs = state.h, list[Tensor]()
        for t in range(x.shape[0]):
            z = torch.sigmoid(of_z[t] + product.forward(h, self.weight_rec_z).to(compute))
            r = torch.sigmoid(of_r[t] + product.forward(h, self.weight_rec_r).to(compute))
            n = torch.tanh(of_n[t] + product.forward(r * h, self.weight_rec_n).to(compute))
            after = (1.0 - z) * h + z * n
            out = after
            if lengths is not None:
                alive = lengths > t
                after, out = held(alive, after, h), held(alive, out, torch.zeros_like(out))
            outs.append(out)
            h = after
        return torch.stack(outs).to(x.dtype), ConvGRUState(h)

    def extra_repr(self) -> str:
        return ", ".join(self.window.described())
