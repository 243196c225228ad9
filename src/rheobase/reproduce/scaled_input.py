"""Neurons with scaled input, for published networks that add the input to the potential unscaled."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rheobase import nn
from rheobase.core import Neuron
from rheobase.energy import Work
from rheobase.energy.counts import work


class ScaledInput(nn.Stateful):
    """A neuron whose input is scaled first: with 1/(1 - exp(-dt/tau)), LIF adds its input to the potential."""

    def __init__(self, neuron: Neuron, factor: float):
        super().__init__()
        self.neuron, self.factor, self.dt = neuron, factor, neuron.dt

    def forward(self, x: Tensor, state: Any = None, **call: Any) -> Any:
        return self.neuron(self.factor * x, state, **call)

    def counted(self, x: Tensor, out: Tensor) -> Work:
        """The work of the neuron: the factor can stand in the weights before it."""
        return work(self.neuron, x, out=out)

    def extra_repr(self) -> str:
        return f"factor={self.factor:.4g}"
