"""A delay line: the last inputs, side by side."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.checks import is_whole
from rheobase.core.execution.check import checked_shape
from rheobase.errors import ParameterError
from rheobase.nn.delays.fir import History


class DelayLine(History):
    """The last `taps` inputs side by side: out[t] = (x[t], x[t - 1], ..., x[t - taps + 1]), zeros before the start.

    A linear layer behind it has a weight for each input and each delay: several synapses between two neurons, each with
    a delay and a weight of its own, as in SpikeProp (Bohte, Kok & La Poutre, 2002).

    Shapes: x (time, batch, inputs) to (time, batch, taps * inputs), the newest first; the state (taps - 1, batch,
    inputs) holds the last inputs, oldest first.

    Raises: `ParameterError` for taps below 1; `ShapeError`.

    Numerics: a sequence run in pieces gives the same bits as the whole.

    Differs from the paper: delays begin at 0 steps, where the paper's are 1 to 16 ms.

    Reference: Bohte, Kok & La Poutre, Neurocomputing 48, 17-37 (2002), doi 10.1016/S0925-2312(01)00658-0, sect. 2.

    >>> line = DelayLine(1, taps=3)
    >>> line(torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1))[0][:, 0].tolist()
    [[1.0, 0.0, 0.0], [2.0, 1.0, 0.0], [3.0, 2.0, 1.0]]
    """

    def __init__(self, inputs: int, *, taps: int):
        if not is_whole(taps, 1):
            raise ParameterError("DelayLine", f"taps={taps!r}", "a whole number of at least 1", "1 is the input alone")
        super().__init__(checked_shape("DelayLine", (inputs,)), taps)

    def sums(self, x: Tensor, before: Tensor, backend: str) -> Tensor:
        """The inputs of each delay; nothing is summed."""
        steps, past = x.shape[0], self.taps - 1
        whole = torch.cat([before, x])
        return torch.cat([whole[past - k : past - k + steps] for k in range(self.taps)], -1)

    def extra_repr(self) -> str:
        return f"{self.shape[0]}, taps={self.taps}"
