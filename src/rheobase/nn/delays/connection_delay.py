"""Delays of connections: one for each neuron's axon, or one for each synapse."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rheobase.core.execution.check import checked_shape
from rheobase.nn.delays.fir import History, Taps
from rheobase.nn.delays.tap_kernels import Positions


class AxonalDelay(Taps):
    """Each neuron's output comes d steps later: out[t] = sum_k K_k(d) x[t - k].

    The delay d of each neuron, in steps, is learned with a kernel K of `width` steps, by default taps / 2 (see
    `nn.delays.tap_kernels`). It is narrowed while training: `delay.positions.anneal(width)`; at 0 a delay is one tap.

    Shapes: x (time, batch, *shape) to the same; the state (taps - 1, batch, *shape) as in `Delay`.

    Raises: `ParameterError`, `ShapeError`.

    Numerics: a sequence run in pieces gives the same bits as the whole.

    Reference: Hammouamri, Khalfaoui-Hassani & Masquelier, ICLR (2024), arXiv 2306.17670, for the kernel.

    >>> delay = AxonalDelay(2, taps=5, width=0.0)
    >>> delay.positions.d.data = torch.tensor([0.0, 3.0])
    >>> x = torch.zeros(5, 1, 2)
    >>> x[0] = 1.0
    >>> delay(x)[0][:, 0].T.tolist()
    [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]]
    """

    def __init__(self, *shape: int | Sequence[int], taps: int, kernel: str = "gaussian", width: float | None = None):
        sizes = checked_shape("AxonalDelay", shape)
        super().__init__(sizes, taps)
        self.positions = Positions(sizes, taps, kernel=kernel, width=taps / 2 if width is None else width)

    def weights(self) -> Tensor:
        """The kernel of each neuron, (taps, *shape)."""
        return self.positions()

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.shape))


class SynapticDelay(History):
    """A linear layer with a delay for each synapse: out[t, o] = sum_i w_oi sum_k K_k(d_oi) x[t - k, i] + bias_o.

    The delays d, in steps, are learned with a kernel K of `width` steps, by default taps / 2 (see
    `nn.delays.tap_kernels`). It is narrowed while training: `delay.positions.anneal(width)`; at 0 a delay is one tap.

    Shapes: x (time, batch, in) to (time, batch, out); weight, d (out, in); the state (taps - 1, batch, in) holds the
    last inputs. Cost and memory are those of `taps` linear layers.

    Raises: `ParameterError`, `ShapeError`.

    Numerics: a sequence run in pieces gives the whole to rounding: a product with more rows may be summed in another
    order.

    Differs from the paper: its zero padding of both sides of the kernel; here delays are 0 to taps - 1.

    Reference: Hammouamri, Khalfaoui-Hassani & Masquelier, ICLR (2024), arXiv 2306.17670.

    >>> layer = SynapticDelay(3, 2, taps=10)
    >>> layer(torch.zeros(7, 1, 3))[0].shape
    torch.Size([7, 1, 2])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        taps: int,
        kernel: str = "gaussian",
        width: float | None = None,
        bias: bool = False,
    ):
        (inputs,) = checked_shape("SynapticDelay", (inputs,))
        (outputs,) = checked_shape("SynapticDelay", (outputs,))
        super().__init__((inputs,), taps)
        self.positions = Positions((outputs, inputs), taps, kernel=kernel, width=taps / 2 if width is None else width)
        self.weight = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(outputs, inputs), a=math.sqrt(5)))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def sums(self, x: Tensor, before: Tensor, backend: str) -> Tensor:
        steps, past = x.shape[0], self.taps - 1
        whole = torch.cat([before, x])
        weights = (self.weight * self.positions()).to(x.dtype)
        used = range(self.taps)
        if float(self.positions.width) == 0.0:
            # a tap that no synapse has costs nothing
            used = weights.detach().flatten(1).any(1).nonzero()[:, 0].tolist()
        out = x.new_zeros(*x.shape[:2], self.weight.shape[0])
        for k in used:
            out = out + nn.functional.linear(whole[past - k : past - k + steps], weights[k])
        return out if self.bias is None else out + self.bias.to(x.dtype)

    def explained(self, x: Tensor) -> str:
        """For `rheobase.explain`."""
        return f"plain torch: a product for each of {self.taps} taps"

    def extra_repr(self) -> str:
        return f"{self.shape[0]}, {self.weight.shape[0]}"
