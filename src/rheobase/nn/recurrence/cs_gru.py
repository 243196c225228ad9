"""Convolutional spiking gated recurrent unit."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rheobase.core.surrogates import Surrogate
from rheobase.errors import ParameterError
from rheobase.nn.recurrence.conv_geometry import Size, Window
from rheobase.nn.recurrence.gated import Gated, uniform
from rheobase.nn.recurrence.gated_cells import CurrentGate, GatedCurrent, UpdateGate

READS = ("current", "spikes")


class CSGRU(Gated):
    """Convolutional spiking gated recurrent unit (Abdennadher et al., 2025); * is a convolution.

        r[t] = sigmoid( W_r * x[t] + U_r * s[t-1] + b_r )
        i[t] = r[t] i[t-1] + W_i * x[t] + U_i * s[t-1] + b_i
        z[t] = sigmoid( W_z * i[t] + U_z * s[t-1] + b_z )
        v[t] = z[t] v[t-1] + (1 - z[t]) i[t] - v_threshold s[t-1]
        s[t] = 1 where v[t] >= v_threshold

    With update_reads="spikes", W_z reads x[t] in the place of i[t], as SpikGRU's does: then every product is with
    spikes, and a chip without multipliers can run the cell (`energy.operations` counts the difference).

    Shapes: x (time, batch, in_channels, height, width) to spikes (time, batch, channels, height', width') in {0, 1};
    each state (batch, channels, height', width'), zero at first. W_r, W_i (and W_z where it reads x): weight_g
    (channels, in_channels / groups, *kernel_size), with the stride and padding. W_z on i, and U (weight_rec_g):
    (channels, channels / groups, *kernel_size), padded to keep the size; an even kernel sees one more at the end.

    Raises: `ShapeError`, `DTypeError`, `StateError`, `InputError` for x and states; `ParameterError` for sizes that
    are no positive integers, groups that do not divide the channels, another word for update_reads, and
    v_threshold <= 0; `BackendUnavailable`.

    Numerics: states are float32 (float64 for float64); under autocast the products are made in its type. Where few
    cells spike, the products with U visit only the spikes; gradients may be made in tiles (Winograd), with rounding
    errors a few times those of plain sums. torch.compile traces the plain loop. Memory while training is about nine
    values for each cell and step. The spikes come in channels-last order.

    Differs from the paper: in nothing known; the equations, the start (uniform within 1/sqrt(channels); W_r and U_r
    within 1/sqrt(fan in), as torch does) and ds/dv = 1 / (1 + 10 (v - v_threshold)^2) are those of the authors' code,
    with kernel 3, stride 1, groups 1. update_reads="spikes" is ours.

    Reference: Abdennadher, Cicciarella & Rossi (2025), arXiv 2510.25696.

    >>> spikes, state = CSGRU(1, 8)(torch.rand(5, 2, 1, 12, 12))
    >>> spikes.shape, state.v.shape
    (torch.Size([5, 2, 8, 12, 12]), torch.Size([2, 8, 12, 12]))
    """

    gates = ("r", "i", "z")

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        kernel_size: Size = 3,
        stride: Size = 1,
        padding: Size | None = None,
        groups: int = 1,
        update_reads: str = "current",
        surrogate: Surrogate | None = None,
        v_threshold: float = 1.0,
        detach_reset: bool = False,
    ):
        super().__init__(surrogate=surrogate, v_threshold=v_threshold, detach_reset=detach_reset)
        if update_reads not in READS:
            raise ParameterError("CSGRU", f"update_reads={update_reads!r}", f"one of {READS}", "the paper: 'current'")
        self.window = w = Window.of("CSGRU", in_channels, channels, kernel_size, stride, padding, groups)
        self.update_reads = update_reads
        on_current, bound = update_reads == "current", channels**-0.5
        self.weight_r, self.weight_rec_r = (uniform(math.prod(s[1:]) ** -0.5, *s) for s in (w.outer, w.inner))
        self.weight_i, self.weight_rec_i = uniform(bound, *w.outer), uniform(bound, *w.inner)
        self.weight_z = uniform(bound, *(w.inner if on_current else w.outer))
        self.weight_rec_z = uniform(bound, *w.inner)
        self.bias_r, self.bias_i, self.bias_z = (uniform(bound, channels) for _ in self.gates)
        self.product = w.product
        self.stages = tuple(map(self.stage, (CurrentGate, UpdateGate) if on_current else (GatedCurrent,)))

    def check_input(self, x: Tensor) -> None:
        self.window.check(repr(self), x)

    def sums(self, x: Tensor) -> dict[str, Tensor]:
        images = self.window.images(x)

        def convolved(gate: str) -> Tensor:
            made = self.window.convolved(images, getattr(self, f"weight_{gate}"), getattr(self, f"bias_{gate}"))
            return made.unflatten(0, x.shape[:2])

        found = {gate: convolved(gate) for gate in ("r", "i")}
        if self.update_reads == "spikes":
            return found | {"z": convolved("z")}
        # z gets nothing from the input; a tensor of its own, since the sums of each step are added there
        zeros = torch.zeros_like(found["i"], dtype=self.bias_z.dtype)
        return found | {"z": zeros + self.bias_z.view(-1, 1, 1)}

    def extra_repr(self) -> str:
        own = [] if self.update_reads == "current" else [f"update_reads={self.update_reads!r}"]
        return self.described(*self.window.described(), *own)
