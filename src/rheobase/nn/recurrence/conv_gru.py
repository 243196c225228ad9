"""Convolutional gated recurrent unit: the analog baseline of the spiking ones."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.core.execution.check import check_call, check_state
from rheobase.core.execution.finite import check_end, check_finite
from rheobase.core.execution.reference import while_alive
from rheobase.core.states import registered
from rheobase.engine.operators.products import Product
from rheobase.engine.operators.sequence import Given, sequence
from rheobase.engine.operators.sequence_plan import Map, Plan
from rheobase.nn.recurrence.conv_geometry import Size, Window
from rheobase.nn.recurrence.gated import AsNeuron, chosen_for, declared, owned, product_precision, uniform
from rheobase.nn.recurrence.gated_cells import ResetHidden, UpdateHidden
from rheobase.nn.stateful import Stateful, last_of


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

    Numerics: one convolution of the input for all steps; then a loop with the products of each step, and kernels for
    what stands between them.

    Differs from the paper: weights and biases start uniform within 1/sqrt(fan in), as torch does.

    Reference: Ballas, Yao, Pal & Courville, ICLR 2016, arXiv 1511.06432, eq. 8 to 11.

    >>> out, state = ConvGRU(1, 4)(torch.rand(5, 2, 1, 12, 12))
    >>> out.shape, state.h.shape
    (torch.Size([5, 2, 4, 12, 12]), torch.Size([2, 4, 12, 12]))
    """

    gates = ("z", "r", "n")

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        kernel_size: Size = 3,
        stride: Size = 1,
        padding: Size | None = None,
        groups: int = 1,
    ):
        super().__init__()
        self.window = w = Window.of("ConvGRU", in_channels, channels, kernel_size, stride, padding, groups)
        outer, inner = (1 / math.sqrt(math.prod(s[1:])) for s in (w.outer, w.inner))
        self.weight_z, self.weight_r, self.weight_n = (uniform(outer, *w.outer) for _ in self.gates)
        self.weight_rec_z, self.weight_rec_r, self.weight_rec_n = (uniform(inner, *w.inner) for _ in self.gates)
        # in a tuple, since a module would list them as parts of the network
        self.stages = (ResetHidden(1), UpdateHidden(1))
        self.bias_z, self.bias_r, self.bias_n = (uniform(outer, channels) for _ in self.gates)

    def forward(
        self, x: Tensor, state: ConvGRUState | None = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, ConvGRUState]:
        if isinstance(x, Tensor):
            self.window.check(repr(self), x)
        seen: Any = AsNeuron(self, tuple(getattr(x, "shape", ()))[2:], ConvGRUState)
        check_call(seen, (x,), (), lengths)
        check_finite(seen, (x,))
        chosen = self.runs_on(x, backend)
        compute = torch.promote_types(x.dtype, torch.float32)
        images, product = self.window.images(x.to(compute)), self.window.product
        sums = {
            g: self.window.convolved(images, getattr(self, f"weight_{g}"), getattr(self, f"bias_{g}"))
            .unflatten(0, x.shape[:2])
            .to(compute)
            for g in self.gates
        }
        rest, shape = state is None, sums["z"].shape[1:]
        if state is None:
            state = ConvGRUState(sums["z"].new_zeros(shape))
        else:
            like: Any = AsNeuron(self, tuple(shape[1:]), ConvGRUState)
            check_state(like, state, x, compute)
        if chosen == "reference":
            out, h = self._reference(sums, state.h, lengths, product)
        else:
            out, h = self._fused(sums, state.h, lengths, product, rest, chosen)
        return out.to(x.dtype), ConvGRUState(h)

    def runs_on(self, x: Tensor, backend: str = "auto") -> str:
        """The backend that runs this layer on the device of `x`.

        Raises `BackendUnavailable` for one asked for by name that cannot.
        """
        return chosen_for(self.stages, x, backend)

    def _reference(
        self, sums: dict[str, Tensor], h: Tensor, lengths: Tensor | None, product: Product
    ) -> tuple[Tensor, Tensor]:
        outs = list[Tensor]()
        for t in range(len(sums["z"])):
            z = torch.sigmoid(sums["z"][t] + product.forward(h, self.weight_rec_z).to(h.dtype))
            r = torch.sigmoid(sums["r"][t] + product.forward(h, self.weight_rec_r).to(h.dtype))
            n = torch.tanh(sums["n"][t] + product.forward(r * h, self.weight_rec_n).to(h.dtype))
            after = (1.0 - z) * h + z * n
            out = after
            if lengths is not None:
                alive = lengths > t
                after, out = while_alive(alive, after, h), while_alive(alive, out, torch.zeros_like(out))
            outs.append(out)
            h = after
        check_end(self, (h,))
        return torch.stack(outs), h

    def _fused(
        self, sums: dict[str, Tensor], h: Tensor, lengths: Tensor | None, product: Product, rest: bool, backend: str
    ) -> tuple[Tensor, Tensor]:
        maps = [[Map("a_z", "z"), Map("a_r", "r")], [Map("a_n", "n", "kept")]]
        plan = Plan(
            "the gated recurrence",
            tuple(f"a_{g}" for g in sums),
            ("kept",),
            (),
            self.gates,
            declared(self, h, backend, self.stages, maps, "h"),
            product,
            product_precision(h),
            rest,
        )
        weights = [getattr(self, f"weight_rec_{g}") for g in self.gates]
        call = Given(
            list(sums.values()),
            h,
            [torch.zeros_like(h)],
            [],
            weights,
            lengths,
            None,
            plan.text(),
            0.0,
            owned(sums, product),
        )
        with torch.autocast(h.device.type, enabled=False):
            out, _, _ = sequence(call, "sequence_triton" if backend == "triton" else "sequence")
        return out, out[-1] if lengths is None else last_of(out, lengths, h)

    def extra_repr(self) -> str:
        return ", ".join(self.window.described())
