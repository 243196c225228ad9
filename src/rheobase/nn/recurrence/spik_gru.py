"""Spiking gated recurrent unit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rheobase.core.execution.check import checked_shape
from rheobase.core.surrogates import Surrogate
from rheobase.engine.operators.products import Matrix
from rheobase.nn.recurrence.gated import Gated, uniform
from rheobase.nn.recurrence.gated_cells import LeakyCurrent
from rheobase.nn.stateful import check_sequence


class SpikGRU(Gated):
    """Spiking gated recurrent unit (Dampfhoffer et al., 2022): a current-based neuron whose leak is a gate.

        z[t] = sigmoid( W_z x[t] + U_z s[t-1] + b_z )
        i[t] = alpha i[t-1] + W_i x[t] + U_i s[t-1] + b_i
        v[t] = z[t] v[t-1] + (1 - z[t]) i[t] - v_threshold s[t-1]
        s[t] = 1 where v[t] >= v_threshold

    Shapes: x (time, batch, inputs) to spikes (time, batch, hidden) in {0, 1}; each state (batch, hidden), zero at
    first. W: weight_i, weight_z (hidden, inputs); U: weight_rec_i, weight_rec_z (hidden, hidden); b: bias_i, bias_z.
    alpha: one value for each neuron.

    Raises: `ShapeError`, `DTypeError`, `StateError`, `InputError` for x and states; `ParameterError` for sizes < 1
    and v_threshold <= 0; `BackendUnavailable`.

    Numerics: states are float32 (float64 for float64); under autocast the products are made in its type. alpha is
    put back into [0, 1] at the call after a step of an optimiser has moved it out. torch.compile traces the plain
    loop.

    Differs from the paper: in nothing known. Weights and biases start uniform within 1/sqrt(hidden), alpha at 0.9.
    ds/dv = 1 / (1 + 10 (v - v_threshold)^2); the reset is not detached.

    Reference: Dampfhoffer, Mesquida, Valentian & Anghel, ICANN 2022, doi 10.1007/978-3-031-15934-3_25.

    >>> spikes, state = SpikGRU(10, 4)(torch.rand(20, 2, 10))
    >>> spikes.shape, state.v.shape
    (torch.Size([20, 2, 4]), torch.Size([2, 4]))
    """

    gates = ("i", "z")

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        surrogate: Surrogate | None = None,
        v_threshold: float = 1.0,
        detach_reset: bool = False,
    ):
        super().__init__(surrogate=surrogate, v_threshold=v_threshold, detach_reset=detach_reset)
        self.inputs, self.hidden = checked_shape("SpikGRU", (inputs, hidden))
        bound = hidden**-0.5
        self.weight_i, self.weight_z = (uniform(bound, hidden, inputs) for _ in self.gates)
        self.weight_rec_i, self.weight_rec_z = (uniform(bound, hidden, hidden) for _ in self.gates)
        self.bias_i, self.bias_z = (uniform(bound, hidden) for _ in self.gates)
        start = torch.full((hidden,), 0.9, dtype=torch.float64)
        self.alpha = nn.Parameter(start.to(torch.get_default_dtype(), copy=True))
        self.remember("alpha", start, self.alpha)
        self.product = Matrix()
        self.stages = (self.stage(LeakyCurrent),)

    def check_input(self, x: Tensor) -> None:
        check_sequence(repr(self), x, self.inputs, 3)

    def sums(self, x: Tensor) -> dict[str, Tensor]:
        given = {"i": (self.weight_i, self.bias_i), "z": (self.weight_z, self.bias_z)}
        return {gate: nn.functional.linear(x, *pair) for gate, pair in given.items()}

    def shared(self) -> dict[str, Tensor]:
        alpha = self.alpha
        if not torch.compiler.is_compiling() and bool(((alpha < 0) | (alpha > 1)).any()):
            # as the authors do it: a clamp in the equation would end the gradient of a value that has left
            with torch.no_grad():
                alpha.clamp_(0.0, 1.0)
        return {"alpha": alpha}

    def extra_repr(self) -> str:
        return self.described(str(self.inputs), str(self.hidden))
