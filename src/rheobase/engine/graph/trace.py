"""Equations in, graph out: a neuron's step is run once on symbols that write down what is done to them.

The lines that are traced are the lines that the reference loop runs. `Untraceable` says what a kernel could not do as
torch does it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch

from rheobase.core.bound import Bound
from rheobase.core.declaration.inputs import one_step_of
from rheobase.core.declaration.words import places
from rheobase.core.neuron import Neuron
from rheobase.engine.graph.guards import Guards
from rheobase.engine.graph.program import Program
from rheobase.engine.graph.rules import tracer as new_tracer
from rheobase.engine.graph.symbols import Tracer, Untraceable, lift


def trace(
    neuron: Neuron,
    record: tuple[str, ...] = (),
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    guards: Guards | None = None,
) -> Program:
    """The program of one step of the neuron, with the states in `record` among its results.

    `dtype` and `device` are what the equations see when they ask a value for them. `guards` records what they read
    beside parameters and states.

    Raises `Untraceable` for every exception in the equations.
    """
    tracer = new_tracer(dtype, torch.device(device))
    guards = Guards() if guards is None else guards
    try:
        with plain_torch(), tracer:
            return _program(neuron, record, tracer, guards)
    except Untraceable:
        raise
    except Exception as error:
        raise Untraceable(f"the trace of its equations ended in {type(error).__name__}: {error}") from error


def _program(neuron: Neuron, record: tuple[str, ...], tracer: Tracer, guards: Guards) -> Program:
    names, params = neuron.lane_states, places(neuron.params)
    states = {name: tracer.symbol("state", tag=name) for name in names}
    values = {name: tracer.symbol("param", tag=name) for name in params}
    guards.attribute(neuron, "transition", type(neuron).transition)
    dt = None if neuron.dt is None else tracer.symbol("number", tag="dt")
    bound = Bound(neuron, values, dt, guards.attribute)
    entries = tuple(neuron.entries)
    i = one_step_of(neuron, [tracer.symbol("input", tag=name) for name in entries])
    z, post, pre = bound.transition(neuron.whole_state(states, None), i)

    def node(s: Any, name: str) -> int:
        return lift(tracer, getattr(s, name))

    named = [r.partition(".") for r in record]
    traces = tuple(node(pre if when else post, field) for field, _, when in named)
    traced = tuple(field for field, _, _ in named)
    ends = tuple(node(post, name) for name in names)
    return Program(tracer.graph, entries, names, params, lift(tracer, z), ends, traces, traced)


@contextmanager
def plain_torch() -> Generator[None]:
    """Gradients on, and no transform of torch.func: what surrounds the first call is not part of the equations.

    The switch bypasses torch functions: torch.export, where it traces a neuron for the first time, would record it.
    """
    before = torch.is_grad_enabled()
    _set_grad(True)
    try:
        with torch._C._DisableFuncTorch():  # pyright: ignore[reportPrivateUsage]
            yield
    finally:
        _set_grad(before)


def _set_grad(enabled: bool) -> None:
    with torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]
        torch._C._set_grad_enabled(enabled)  # pyright: ignore[reportPrivateUsage]


__all__ = ["Untraceable", "plain_torch", "trace"]
