"""A chain of layers that passes sequences forward and carries every state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.core.execution.check import check_tensor
from rheobase.core.execution.profiler_rows import in_row, named_rows, profiled, row_of
from rheobase.core.neuron import Neuron
from rheobase.errors import ParameterError, StateError
from rheobase.nn.axes import check_axes
from rheobase.nn.shown import network_card
from rheobase.nn.stateful import Stateful


class Sequential(nn.Module):
    """Layers in a row, each over the whole sequence at once. Neurons and plain torch modules may stand in it.

    Shapes: x (time, batch, ...) to out (time, batch, ...). The states are a tuple with one entry for each layer
    that has a state; None starts all of them at rest.

    Raises: `ParameterError` where two neurons have different dt, and for a torch module that takes axis 1, here the
    batch, for its channels (BatchNorm1d, Conv1d, Softmax(1), ...); `StateError` for states of another network.

    >>> import torch
    >>> from rheobase import neurons
    >>> net = Sequential(nn.Linear(4, 3), neurons.LIF(3, dt=1.0), nn.Linear(3, 2), neurons.LI(2, dt=1.0))
    >>> out, states = net(torch.zeros(10, 1, 4))
    >>> out.shape, len(states)
    (torch.Size([10, 1, 2]), 2)
    """

    def __init__(self, *layers: nn.Module):
        super().__init__()
        if not layers:
            raise ParameterError("Sequential", "no layer", "at least one", "give layers as arguments")
        for k, layer in enumerate(layers):
            if not isinstance(layer, nn.Module):
                raise ParameterError("Sequential", f"{type(layer).__name__} as layer {k}", "a module", "make it one")
            self.add_module(str(k), layer)
        check_axes("Sequential", self.named_children())
        one_dt("Sequential", layers)

    @property
    def dt(self) -> float | None:
        """The time step that all neurons share, in ms; None where all count in steps. Raises `ParameterError`."""
        return one_dt("Sequential", self.layers)

    @property
    def layers(self) -> tuple[nn.Module, ...]:
        """The layers in order."""
        return tuple(self._modules[str(k)] for k in range(len(self._modules)))  # type: ignore[misc]

    @property
    def stateful(self) -> tuple[nn.Module, ...]:
        """The layers that have a state, in order: one entry of the states for each."""
        return tuple(layer for layer in self.layers if isinstance(layer, (Neuron, Stateful, Sequential)))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not profiled():
            return super().__call__(*args, **kwargs)
        with named_rows(self), row_of(self):
            return super().__call__(*args, **kwargs)

    def forward(
        self,
        x: Tensor,
        states: Sequence[Any] | None = None,
        *,
        lengths: Tensor | None = None,
        backend: str = "auto",
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """Run the chain: (out, states)."""
        after: list[Any] = []
        for out, state in self._run(x, states, lengths, backend):
            x = out
            after.extend(state)
        return x, tuple(after)

    def outputs(self, x: Tensor, *, lengths: Tensor | None = None, backend: str = "auto") -> list[Tensor]:
        """The output of every layer, for plots and counts. Starts at rest."""
        with named_rows(self) if profiled() else nullcontext():
            return [out for out, _ in self._run(x, None, lengths, backend)]

    def _run(
        self, x: Tensor, states: Sequence[Any] | None, lengths: Tensor | None, backend: str
    ) -> Iterator[tuple[Tensor, tuple[Any, ...]]]:
        if isinstance(x, tuple) and not hasattr(x, "_fields"):
            # not a mapping or a named tuple, by which a first neuron may get several inputs
            check_tensor("Sequential", "input", x)
        if not torch.compiler.is_compiling():
            one_dt("Sequential", self.layers)  # again, since a neuron's may have been changed
        stateful = self.stateful
        if states is not None and (not isinstance(states, (tuple, list)) or len(states) != len(stateful)):
            given = f"{len(states)} states" if isinstance(states, (tuple, list)) else type(states).__name__
            raise StateError("Sequential", given, f"{len(stateful)}", "pass on the states that this network returned")
        before = iter([None] * len(stateful) if states is None else states)
        for layer in self.layers:
            if isinstance(layer, (Neuron, Stateful, Sequential)):
                x, state = layer(x, next(before), lengths=lengths, backend=backend)
                yield x, (state,)
            else:
                x = in_row(layer, layer, x)
                yield x, ()

    def _repr_html_(self) -> str:
        """The network in a notebook: a row for each layer."""
        return network_card(self).html()

    def __len__(self) -> int:
        return len(self._modules)

    def __getitem__(self, k: int) -> nn.Module:
        return self.layers[k]


def one_dt(owner: str, layers: Iterable[nn.Module]) -> float | None:
    """The time step in ms that all layers share; None where all count in steps.

    Raises: `ParameterError` for two that differ.
    """
    first: Any = None
    for layer in layers:
        for part in layer.modules():
            if isinstance(part, (Neuron, Stateful)) and part.dt is not None:
                first = part if first is None else first
                if part.dt != first.dt:
                    raise ParameterError(owner, f"{part!r}", f"dt={first.dt} as in {first!r}", "use one dt")
    return None if first is None else first.dt
