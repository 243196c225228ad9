"""Layers wired as a graph, with branches, sums and cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rheobase.core.execution.check import check_lengths
from rheobase.core.neuron import Neuron
from rheobase.core.ode import OdeNeuron
from rheobase.core.states import registered
from rheobase.errors import ParameterError, ShapeError, StateError, nearest
from rheobase.nn.axes import check_axes
from rheobase.nn.sequential import Sequential, one_dt
from rheobase.nn.stateful import Stateful, check_sequence

INPUT, OUTPUT = "input", "output"
Edge = tuple[str, str]


@registered
class GraphState(NamedTuple):
    """The state of each layer, and the last output of each neuron in a cycle; None where there is none."""

    layers: tuple[Any, ...]
    given: tuple[Any, ...]


class Graph(Stateful):
    """Layers by name, and edges from `input` over the layers to `output`; a layer gets the sum of what feeds it.

    Layers outside of cycles run over the whole sequence at once. A cycle runs step by step in Python; the output of a
    spiking neuron reaches the other layers of its cycle one step later, as in `Recurrent`. In a cycle without spiking
    neurons, this holds for its leaky integrators. A neuron with lateral weights is faster as `Recurrent(neuron)`.

    Shapes: x (time, batch, ...) to out (time, batch, ...), as the layers take and give them.

    Raises: `ParameterError` for an edge to a layer that there is not, a layer that nothing feeds or that feeds nothing,
    a cycle without a neuron, and neurons of different dt; `ShapeError` where two layers that feed a third give
    different shapes; `StateError`.

    >>> from rheobase import neurons
    >>> layers = {"a": nn.Linear(4, 3), "b": neurons.LIF(3, dt=1.0), "back": nn.Linear(3, 3)}
    >>> edges = [("input", "a"), ("a", "b"), ("b", "back"), ("back", "b"), ("b", "output"), ("a", "output")]
    >>> out, state = Graph(layers, edges)(torch.rand(10, 2, 4))
    >>> out.shape
    torch.Size([10, 2, 3])
    """

    def __init__(self, layers: Mapping[str, nn.Module], edges: Sequence[Edge]):
        super().__init__()
        self.edges = tuple((str(a), str(b)) for a, b in edges)
        for name, layer in layers.items():
            if not isinstance(layer, nn.Module) or name in (INPUT, OUTPUT) or "." in name or hasattr(self, name):
                given = f"the layer {name!r}: {type(layer).__name__}"
                raise ParameterError("Graph", given, "a module, under a name of its own without a dot", "rename it")
            self.add_module(name, layer)
        check_axes("Graph", self.named_children())
        self._check_edges()
        one_dt("Graph", layers.values())
        self.groups = tuple(self._groups())

    @property
    def layers(self) -> dict[str, nn.Module]:
        """The layers by name."""
        return {name: layer for name, layer in self._modules.items() if layer is not None}

    @property
    def dt(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The time step that its layers share, in ms; None where all count in steps. Raises `ParameterError`."""
        return one_dt("Graph", self.layers.values())

    def before(self, name: str) -> list[str]:
        """The names of what feeds a layer."""
        return [a for a, b in self.edges if b == name]

    def _check_edges(self) -> None:
        names = {INPUT, OUTPUT, *self.layers}
        for edge in self.edges:
            for end in edge:
                if end not in names:
                    raise ParameterError("Graph", f"the edge {edge}", "edges of its layers", nearest(end, names))
            if edge[1] == INPUT or edge[0] == OUTPUT or self.edges.count(edge) > 1:
                raise ParameterError(
                    "Graph", f"the edge {edge}", "each edge once, none to input or from output", "leave it out"
                )
        for name in (*self.layers, OUTPUT):
            if not self.before(name):
                raise ParameterError("Graph", f"no edge to {name!r}", "at least one", "connect it, or leave it out")
        for name in (INPUT, *self.layers):
            if not any(a == name for a, _ in self.edges):
                raise ParameterError("Graph", f"no edge from {name!r}", "at least one", "connect it, or leave it out")

    def _groups(self) -> Iterator[tuple[str, ...]]:
        """The layers in the order in which they run; those of a cycle form one group, in the order within a step."""
        reach = {name: self._reached(name) for name in self.layers}
        done: set[str] = set()
        while len(done) < len(self.layers):
            for name in self.layers:
                cycle = [n for n in self.layers if n == name or (n in reach[name] and name in reach[n])]
                outside = {a for n in cycle for a in self.before(n)} - set(cycle) - {INPUT}
                if name not in done and outside <= done:
                    done.update(cycle)
                    looped = len(cycle) > 1 or (name, name) in self.edges
                    yield tuple(self._within(cycle)) if looped else (name,)
                    break

    def _reached(self, name: str) -> set[str]:
        found: set[str] = set()
        ahead = [name]
        while ahead:
            new = {b for a, b in self.edges if a in ahead} - found
            found |= new
            ahead = list(new)
        return found

    def held(self, cycle: Sequence[str]) -> set[str]:
        """The layers of a cycle whose output reaches the others one step later."""
        cells = {n: getattr(self.layers[n], "neuron", self.layers[n]) for n in cycle}
        neurons = {n for n, cell in cells.items() if isinstance(cell, Neuron)}
        spiking = {n for n in neurons if not (isinstance(cells[n], OdeNeuron) and cells[n].graded)}
        return neurons if self._loop(cycle, spiking) else spiking

    def _loop(self, cycle: Sequence[str], cut: set[str]) -> list[str]:
        """The layers that still form a cycle if the outputs of the layers in `cut` come a step later."""
        left = list(cycle)
        while True:
            free = [n for n in left if not any(a in left and a not in cut for a in self.before(n))]
            if not free:
                return left
            left = [n for n in left if n not in free]

    def _within(self, cycle: list[str]) -> list[str]:
        """The order of a cycle's layers within a step. Raises `ParameterError` for a cycle without delay."""
        cut = self.held(cycle)
        left = self._loop(cycle, cut)
        if left:
            given = f"a cycle of {', '.join(left)} without delay"
            raise ParameterError("Graph", given, "a neuron in every cycle", "its output takes a step to come back")
        order: list[str] = []
        while len(order) < len(cycle):
            waiting = set(cycle) - cut - set(order)
            order.append(next(n for n in cycle if n not in order and waiting.isdisjoint(self.before(n))))
        return order

    def forward(
        self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, GraphState]:
        """Run over a sequence: (out, state)."""
        values, after = self._run(x, state, lengths, backend)
        return values[OUTPUT], after

    def outputs(self, x: Tensor, *, lengths: Tensor | None = None, backend: str = "auto") -> dict[str, Tensor]:
        """The output of each layer by name, for plots and counts. Starts at rest."""
        values, _ = self._run(x, None, lengths, backend)
        return {name: values[name] for name in self.layers}

    def _run(self, x: Tensor, state: Any, lengths: Tensor | None, backend: str) -> tuple[dict[str, Tensor], GraphState]:
        check_sequence("Graph", x, None, None)
        if lengths is not None:
            check_lengths("Graph", x, lengths)
        if not torch.compiler.is_compiling():
            one_dt("Graph", self.layers.values())
        names = tuple(self.layers)
        if state is None:
            state = GraphState((None,) * len(names), (None,) * len(names))
        if not isinstance(state, GraphState) or len(state.layers) != len(names):
            raise StateError("Graph", type(state).__name__, "the state of this graph", "pass on what it returned")
        states = dict(zip(names, state.layers, strict=True))
        given = dict(zip(names, state.given, strict=True))
        values: dict[str, Tensor] = {INPUT: x}
        for name, *others in self.groups:
            if others or (name, name) in self.edges:
                values |= self._cycle((name, *others), values, states, given, lengths, backend)
            else:
                values[name] = self._layer(name, self._total(name, values), states, lengths, backend)
        values[OUTPUT] = self._total(OUTPUT, values)
        return values, GraphState(tuple(states[n] for n in names), tuple(given[n] for n in names))

    def _layer(self, name: str, x: Tensor, states: dict[str, Any], lengths: Tensor | None, backend: str) -> Tensor:
        layer = self.layers[name]
        if not isinstance(layer, (Neuron, Stateful, Sequential)):
            return layer(x)
        out, states[name] = layer(x, states[name], lengths=lengths, backend=backend)
        return out

    def _total(self, name: str, values: Mapping[str, Tensor]) -> Tensor:
        """The sum of those values that feed a layer."""
        first, *others = [(a, values[a]) for a in self.before(name) if a in values]
        total = first[1]
        for a, part in others:
            if part.shape != total.shape:
                given = f"{tuple(total.shape)} from {first[0]!r} and {tuple(part.shape)} from {a!r}"
                raise ShapeError(f"Graph, into {name!r}", given, "one shape", "what feeds a layer is summed")
            total = total + part
        return total

    def _cycle(
        self,
        group: Sequence[str],
        values: Mapping[str, Tensor],
        states: dict[str, Any],
        given: dict[str, Any],
        lengths: Tensor | None,
        backend: str,
    ) -> dict[str, Tensor]:
        """Run a cycle step by step: the outputs of its layers. `given` holds the last outputs of its neurons."""
        x, held = values[INPUT], self.held(group)
        for n in held:
            if given[n] is None:
                cell: Any = getattr(self.layers[n], "neuron", self.layers[n])
                given[n] = x.new_zeros(1, x.shape[1], *cell.shape)
        sources = {a for n in group for a in self.before(n)}
        fed = {a: value for a, value in values.items() if a in sources}
        found: dict[str, list[Tensor]] = {n: [] for n in group}
        for t in range(len(x)):
            alive = None if lengths is None else (lengths.to(x.device) > t).long()
            now = {a: value[t : t + 1] for a, value in fed.items()} | {n: given[n] for n in held}
            for n in group:
                out = self._layer(n, self._total(n, now), states, alive, backend)
                found[n].append(out)
                if n not in held:
                    now[n] = out
            for n in held:
                out = found[n][-1]
                if alive is not None:
                    out = torch.where(alive.bool().view(1, -1, *(1,) * (out.dim() - 2)), out, given[n])
                given[n] = out
        return {n: torch.cat(parts) for n, parts in found.items()}

    def extra_repr(self) -> str:
        return ", ".join(f"{a} -> {b}" for a, b in self.edges)
