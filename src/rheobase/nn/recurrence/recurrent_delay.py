"""Lateral recurrence with delays: a neuron's output is fed back to the layer some steps later."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core.neuron import Neuron
from rheobase.nn.delays.fir import latest
from rheobase.nn.delays.tap_kernels import Positions
from rheobase.nn.recurrence.recurrent import Recurrent, RecurrentState


class RecurrentDelay(Recurrent):
    """A neuron with lateral weights whose axons have delays: x[t] + weight_rec sum_k K_k(d) out[t - 1 - k].

    Each neuron's delay d in steps, beyond the one step that any recurrence takes, is learned with a kernel K of `width`
    steps, by default taps / 2 (see `nn.delays.tap_kernels`). It is narrowed while training:
    `layer.positions.anneal(width)`; at 0 a delay is one tap. With all d = 0 and width 0 it is `Recurrent`.

    Shapes: x (time, batch, n) to out (time, batch, n); weight_rec (n, n), d (n,).

    Raises: as `Recurrent`.

    Reference: Queant, Rancon, Cottereau & Masquelier, arXiv 2509.24852 (2025).

    >>> from rheobase import neurons
    >>> layer = RecurrentDelay(neurons.AdLIF(8), taps=5)
    >>> layer(3 * torch.rand(20, 2, 8))[0].shape
    torch.Size([20, 2, 8])
    """

    def __init__(
        self,
        neuron: Neuron,
        weight_rec: Tensor | None = None,
        *,
        taps: int,
        kernel: str = "triangular",
        width: float | None = None,
        self_connections: bool = False,
    ):
        super().__init__(neuron, weight_rec, self_connections=self_connections)
        self.positions = Positions(neuron.shape, taps, kernel=kernel, width=taps / 2 if width is None else width)

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        """The neuron at rest, with last outputs of zero; `out` is (taps, batch, n), oldest first."""
        state = self.neuron.rest(batch, dtype=dtype, device=device)
        return RecurrentState(state, state[0].new_zeros(self.positions.taps, *state[0].shape))

    @property
    def _out_axes(self) -> tuple[int, ...]:
        """The first axes of the outputs that its state holds: as many as there are taps."""
        return (self.positions.taps,)

    def _taps(self) -> Tensor:
        return self.positions().flip(0)[:, None]

    def _kept(self, out: Tensor, before: Tensor, lengths: Tensor | None) -> Tensor:
        return latest(out, before, lengths)
