"""The reference loop: one step after the other in plain torch. Every kernel is tested against it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.core.declaration.inputs import one_step_of
from rheobase.core.execution.backends import Request, provide
from rheobase.core.execution.finite import check_finite, diverged, finite
from rheobase.core.neuron import Neuron, Transition
from rheobase.core.random_numbers import advanced
from rheobase.errors import DeclarationError, Diverged


class Reference:
    """The reference backend: it runs any neuron on any device, with any derivative that torch supports."""

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        return None

    def run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        if request.check_finite:
            check_finite(request.neuron, request.inputs)
        if not torch.compiler.is_compiling() and torch.is_inference_mode_enabled():
            # inference tensors have no version counter, by which `one_step` detects changes in place
            with torch.inference_mode(False), torch.no_grad():
                state = type(request.state)(*(s.clone() for s in request.state))
                inputs = tuple(x.clone() for x in request.inputs)
                return self.run(dataclasses.replace(request, inputs=inputs, state=state))
        out, end, traces = self._run(request)
        if request.check_finite and not finite(end):
            raise diverged(request, self._end)
        return out, end, traces

    def _end(self, request: Request) -> Any:
        """The last state of a request whose states stay finite."""
        _, end, _ = self._run(request)
        if not finite(end):
            raise Diverged(repr(request.neuron), "a state that is not finite", "finite states", "see the first step")
        return end

    def _run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        neuron, compute = request.neuron, request.compute
        values = {name: value.to(compute) for name, value in neuron.values().items()}
        rows = list(zip(*(x.to(compute).unbind(0) for x in request.inputs), strict=True))
        return loop(request, lambda t, s: one_step(neuron, values, s, rows[t]))


def loop(request: Request, step: Callable[[int, Any], Transition]) -> tuple[Tensor, Any, list[Tensor]]:
    """Call `step(t, state)` for each step of a request: its output, last state and recorded traces.

    After a sequence has ended (`lengths`), its output is zero and its state constant.
    """
    neuron, s = request.neuron, request.state
    outs: list[Tensor] = []
    traces: dict[str, list[Tensor]] = {name: [] for name in request.record}
    for t in range(request.form.shape[0]):
        z, post, pre = step(t, s)
        if request.lengths is not None:
            alive = request.lengths > t
            z = while_alive(alive, z, torch.zeros_like(z))
            post, pre = (state_while_alive(neuron, alive, a, s) for a in (post, pre))
        outs.append(z)
        for name, trace in traces.items():
            field, _, when = name.partition(".")
            trace.append(getattr(pre if when else post, field))
        s = post if request.rng is None else post._replace(rng=advanced(request.rng, t + 1))
    return torch.stack(outs).to(request.form.dtype), s, [torch.stack(t) for t in traces.values()]


def one_step(neuron: Neuron, values: Mapping[str, Tensor], s: Any, row: Sequence[Tensor]) -> Transition:
    """One step, with every result expanded to a value for each lane: equations may give numbers, masks or parameters.

    `row` holds the inputs of the step, each (batch, *shape), in the order of the neuron's entries.

    Raises `DeclarationError` for equations that change what they were given.
    """

    def fill(state: Any) -> Any:
        return state._replace(**{name: _fill(getattr(state, name), i) for name in neuron.lane_states})

    i = row[0]
    given = {**s._asdict(), **values, **dict(zip(neuron.entries, row, strict=True))}
    before = versions(given)
    z, post, pre = neuron.step_once(values, s, one_step_of(neuron, row))
    for name, was, now in zip(given, before, versions(given), strict=True):
        if was != now:
            raise DeclarationError(
                repr(neuron),
                f"equations that change {name} in place (v += ..., v.add_(...))",
                "new values",
                "write v = v + ...: what a step is given belongs to its caller",
            )
    return Transition(_fill(z, i), fill(post), fill(pre))


def versions(tensors: Mapping[str, Tensor]) -> list[int]:
    """The number of in-place changes of each tensor; 0 for inference tensors and under torch.compile, where unknown."""
    if torch.compiler.is_compiling():
        return [0] * len(tensors)
    return [0 if x.is_inference() else x._version for x in tensors.values()]  # pyright: ignore[reportPrivateUsage]


def state_while_alive(neuron: Neuron, alive: Tensor, now: Any, before: Any) -> Any:
    """`while_alive` for each lane state."""
    chosen = {name: while_alive(alive, getattr(now, name), getattr(before, name)) for name in neuron.lane_states}
    return now._replace(**chosen)


def _fill(x: Any, like: Tensor) -> Tensor:
    if isinstance(x, Tensor) and x.shape == like.shape and x.dtype == like.dtype:
        return x
    return torch.as_tensor(x, dtype=like.dtype, device=like.device).expand(like.shape)


def while_alive(alive: Tensor, now: Tensor, before: Tensor) -> Tensor:
    """`now` for each sequence that is `alive`, bool (batch,), and `before` for each that has ended."""
    return torch.where(alive.view(-1, *(1,) * (now.dim() - 1)), now, before)


provide("reference", Reference())
