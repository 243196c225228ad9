"""SRC's fixed readout: groups of cells vote for classes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution.backends import Request, choose
from rheobase.errors import ParameterError
from rheobase.neurons.leaky_sum import LeakySum
from rheobase.nn.stateful import Stateful, check_sequence


class GroupReadout(Stateful):
    """The untrained readout of the SRC network (De Geeter, Ernst & Drion, 2024).

        o[t] = decay o[t-1] + R s[t],  R[c, j] = 1 where j mod classes = c, else -0.1

    Shapes: s (time, batch, features) to o (time, batch, classes); state o (batch, classes).

    Raises: `ParameterError` unless the features are a multiple of the classes.

    Reference: matrix and decay from the authors' exported model; doi 10.1088/2634-4386/ad473b.

    >>> readout = GroupReadout(6, classes=3)
    >>> readout.weight[0].tolist()
    [1.0, -0.10000000149011612, -0.10000000149011612, 1.0, -0.10000000149011612, -0.10000000149011612]
    """

    weight: Tensor

    def __init__(self, features: int, *, classes: int, inhibition: float = -0.1, decay: float = 0.99):
        super().__init__()
        if classes < 1 or features < classes or features % classes:
            given = f"{features} features for {classes} classes"
            raise ParameterError(
                "GroupReadout", given, "a multiple of the classes", f"use {10 * max(classes, 1)} features"
            )
        own = torch.arange(features) % classes == torch.arange(classes)[:, None]
        given = torch.where(own, 1.0, torch.tensor(inhibition, dtype=torch.float64))
        self.register_buffer("weight", given.to(torch.get_default_dtype()))
        self.remember("weight", given, self.weight)
        self.integrator = LeakySum(classes, decay=decay)

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Any]:
        check_sequence("GroupReadout", x, self.weight.shape[1], 3)
        return self.integrator(torch.nn.functional.linear(x, self.weight), state, lengths=lengths, backend=backend)

    def explained(self, x: Tensor) -> str:
        """For `rheobase.explain`."""
        _, chosen = choose(Request(self.integrator, (x,), None, (), None), "auto")
        return f"a product in plain torch, then the sum over time by {chosen}"

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, classes={self.weight.shape[0]}"
