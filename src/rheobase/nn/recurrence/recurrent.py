"""Lateral recurrence: a layer's output at the last step is fed back to it through a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rheobase.core.declaration.assignment import check_not_inside
from rheobase.core.execution.backends import Request, choose
from rheobase.core.execution.check import check_call, check_state
from rheobase.core.execution.finite import check_end, check_finite, check_learned
from rheobase.core.execution.reference import loop, one_step
from rheobase.core.neuron import Neuron, Transition, recording
from rheobase.core.states import registered
from rheobase.engine.graph.traced_programs import program_of
from rheobase.engine.operators.products import Matrix
from rheobase.engine.operators.sequence import Given, sequence
from rheobase.engine.operators.sequence_plan import Map, Plan, Stage
from rheobase.errors import BackendUnavailable, InputError, ParameterError, ShapeError, StateError
from rheobase.nn.stateful import Stateful, last_of


@registered
class RecurrentState(NamedTuple):
    """The neuron's state, and its output: (batch, neurons) at the last step, or at several (see `RecurrentDelay`)."""

    neuron: Any
    out: Tensor


class Recurrent(Stateful):
    """A neuron with lateral weights: its current is x[t] + weight_rec out[t-1].

    Shapes: x (time, batch, n) to out (time, batch, n); weight_rec (n, n), (to, from), learnable. By default it
    starts orthogonal with a zero diagonal; `self_connections` keeps the diagonal.

    A whole sequence is one operator: per step one matrix product and one call of the neuron's kernel, on CPU or GPU.

    Raises: `ShapeError` for a matrix of another size; `ParameterError` for a neuron with several axes or inputs.

    Reference: Bittar & Garner, Front. Neurosci. 16:865897 (2022), for the initial matrix.

    >>> from rheobase import neurons
    >>> out, state = Recurrent(neurons.AdLIF(8))(torch.rand(20, 2, 8) * 3)
    >>> out.shape
    torch.Size([20, 2, 8])
    """

    def __init__(self, neuron: Neuron, weight_rec: Tensor | None = None, *, self_connections: bool = False):
        super().__init__()
        if not isinstance(neuron, Neuron) or len(neuron.shape) != 1:
            raise ParameterError("Recurrent", repr(neuron), "a neuron with one axis", "neurons.AdLIF(128), say")
        if len(neuron.entries) > 1:
            given = f"a neuron with the inputs {', '.join(neuron.entries)}"
            raise ParameterError("Recurrent", given, "a neuron with one input", "what comes back must have one place")
        n = neuron.shape[0]
        if weight_rec is None:
            weight_rec = nn.init.orthogonal_(torch.empty(n, n))
        elif tuple(weight_rec.shape) != (n, n):
            raise ShapeError("Recurrent", f"weight_rec of shape {tuple(weight_rec.shape)}", f"({n}, {n})", "(to, from)")
        self.neuron = neuron
        self.weight_rec = nn.Parameter(weight_rec.detach().clone())
        self.self_connections = self_connections

    @property
    def dt(self) -> float | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The time step of the neuron, in ms; None where it counts in steps."""
        return self.neuron.dt

    def __setattr__(self, name: str, value: Any) -> None:
        check_not_inside(self, name)
        super().__setattr__(name, value)

    @property
    def lateral(self) -> Tensor:
        """The matrix that is applied, (n, n): `weight_rec`, with a zero diagonal unless `self_connections`."""
        if self.self_connections:
            return self.weight_rec
        return self.weight_rec * (1.0 - torch.eye(self.weight_rec.shape[0]).to(self.weight_rec))

    def rest(self, batch: int, *, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Any:
        """The neuron at rest, with a last output of zero."""
        state = self.neuron.rest(batch, dtype=dtype, device=device)
        return RecurrentState(state, torch.zeros_like(state[0]))

    def forward(
        self,
        x: Tensor,
        state: Any = None,
        *,
        record: Sequence[str] = (),
        lengths: Tensor | None = None,
        backend: str = "auto",
    ) -> Any:
        """Run over a sequence: (out, state), or (out, state, rec) with `record`; arguments as of a neuron."""
        record = tuple(record)
        check_call(self.neuron, (x,), record, lengths)
        check_learned(self.neuron)
        compute = torch.float64 if x.dtype == torch.float64 else torch.float32
        if state is None:
            state = self.rest(x.shape[1], dtype=compute, device=x.device)
        elif not isinstance(state, RecurrentState):
            raise StateError(repr(self), type(state).__name__, "a RecurrentState", "pass on what this layer returned")
        check_state(self.neuron, state.neuron, x, compute)
        self._check_out(state.out, x, compute)
        request = Request(self.neuron, (x,), state.neuron, record, lengths)
        chosen = self.runs_on(x, backend)
        out, end, traces = (
            self._reference(request, state.out) if chosen == "reference" else self._fused(request, state.out, chosen)
        )
        result = RecurrentState(end, self._kept(out.to(compute), state.out, lengths))
        return (out, result, recording(record)(*traces)) if record else (out, result)

    def _check_out(self, out: Any, x: Tensor, compute: torch.dtype) -> None:
        """Raise `StateError` unless the last outputs in a state are of this layer's number, batch, type and device."""
        expected = (*self._out_axes, x.shape[1], *self.neuron.shape)
        if isinstance(out, Tensor) and (tuple(out.shape), out.dtype, out.device) == (expected, compute, x.device):
            return
        shown = (
            f"out {tuple(out.shape)} of {out.dtype} on {out.device}" if isinstance(out, Tensor) else f"out = {out!r}"
        )
        wanted = f"{expected} of {compute} on {x.device}"
        raise StateError(repr(self), f"a state with {shown}", wanted, "pass on the state that this layer returned")

    @property
    def _out_axes(self) -> tuple[int, ...]:
        """The first axes of the outputs that its state holds: none, for the last one alone."""
        return ()

    def runs_on(self, x: Tensor, backend: str = "auto") -> str:
        """The backend that runs this layer on the device of `x`.

        Raises `BackendUnavailable` for one asked for by name that cannot.
        """
        return choose(Request(self.neuron, (x,), None, (), None), backend)[1]

    def _taps(self) -> Tensor | None:
        """The weight of each of the last outputs, (taps, 1, n), oldest first; None where the last one alone counts."""
        return None

    def _kept(self, out: Tensor, before: Tensor, lengths: Tensor | None) -> Tensor:
        """The output that the state holds: the last one of each sequence."""
        return out[-1] if lengths is None else last_of(out, lengths, before)

    def _fused(self, request: Request, before: Tensor, backend: str) -> tuple[Tensor, Any, list[Tensor]]:
        """The whole sequence as one operator."""
        neuron, taps, form = self.neuron, self._taps(), request.form
        text, reason = program_of(request)
        if text is None:
            given = f"backend {backend!r}, which cannot run: {reason}"
            raise BackendUnavailable(repr(self), given, "one that can", 'use backend="auto"')
        values = neuron.values()
        states, weights = tuple(neuron.lane_states), {"lateral": self.lateral}
        if taps is not None:
            weights["taps"] = taps[:, 0]
        stage = Stage(text, ("total",), states, tuple(values), (Map("total", "lateral"),))
        plan = Plan(
            "the lateral recurrence",
            ("total",),
            states,
            tuple(values),
            tuple(weights),
            (stage,),
            Matrix(),
            str(before.dtype).removeprefix("torch."),
            taps=None if taps is None else "taps",
        )
        found = Given(
            [form.float() if form.dtype == torch.float16 else form],
            before,
            request.lanes,
            list(values.values()),
            list(weights.values()),
            request.lengths,
            request.rng,
            plan.text(),
            neuron.dt or 0.0,
        )
        try:
            out, final, traces = sequence(found, "sequence_triton" if backend == "triton" else "sequence")
        except InputError:
            check_finite(neuron, request.inputs)
            raise
        return out.to(form.dtype), request.end(final), traces

    def _reference(self, request: Request, given: Tensor) -> tuple[Tensor, Any, list[Tensor]]:
        neuron = self.neuron
        check_finite(neuron, request.inputs)
        values, weight = {name: value.to(given.dtype) for name, value in neuron.values().items()}, self.lateral.t()
        taps = self._taps()
        rows = request.form.to(given.dtype).unbind(0)

        def step(t: int, s: Any) -> Transition:
            nonlocal given
            back = given if taps is None else (taps * given).sum(0)
            found = one_step(neuron, values, s, [torch.addmm(rows[t], back, weight)])
            given = found.out if taps is None else torch.cat([given[1:], found.out[None]])
            return found

        out, end, traces = loop(request, step)
        check_end(self, end)
        return out, end, traces
