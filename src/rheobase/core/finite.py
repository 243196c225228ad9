"""NaN and infinity: refused in the input, and told where the states become so, with the step and what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.core.integrators import ExpEuler, ExpMidpoint
from rheobase.errors import Diverged, InputError, StateError

if TYPE_CHECKING:
    from rheobase.core.execution import Request
    from rheobase.core.neuron import Neuron

LOOK = "look at the size of its input and at its parameters"
MODES = torch._C._TorchDispatchModeKey  # pyright: ignore[reportPrivateUsage]


def concrete() -> bool:
    """Whether tensors have values that may be looked at: not while torch traces, transforms or exports a function."""
    return not (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()  # pyright: ignore[reportPrivateUsage]
        or any(torch._C._get_dispatch_mode(mode) for mode in (MODES.FAKE, MODES.PROXY, MODES.FUNCTIONAL))  # pyright: ignore[reportPrivateUsage]
    )


def check_finite(neuron: Neuron, current: Tensor) -> None:
    """Raise `InputError` with the first place where `current` is NaN or infinite."""
    if concrete() and not current.is_meta and not bool(torch.isfinite(current).all()):
        raise not_finite(repr(neuron), current)


def finite(state: Any) -> bool:
    """Whether all that a state holds is finite; true while values cannot be looked at."""
    return not concrete() or all(s.is_meta or bool(torch.isfinite(s).all()) for s in state)


def not_finite(owner: str, current: Tensor) -> InputError:
    """The error for a current that is somewhere NaN or infinite; names the first place."""
    bad = ~torch.isfinite(current)
    where = tuple(int(k) for k in bad.nonzero()[0])
    value = float(current[where])
    return InputError(
        owner,
        f"current[{', '.join(map(str, where))}] = {value} ({int(bad.sum())} such values)",
        "finite numbers",
        "look at the layer before, its learning rate and its data",
    )


def diverged(request: Request, run: Callable[[Request], Any]) -> Diverged | StateError:
    """The error for a call whose states did not stay finite; `run` runs a request and raises `Diverged` where it fails.

    The first step at which they fail is found by bisection over the length, so that nothing need be recorded.
    """
    neuron = request.neuron
    bad = [name for name in neuron.lane_states if not bool(torch.isfinite(getattr(request.state, name)).all())]
    if bad:
        given, remedy = f"a state whose {bad[0]} is NaN or infinite", "start from None, or look at what made that state"
        return StateError(repr(neuron), given, "finite states", remedy)
    with torch.no_grad():
        good, fails = 0, request.current.shape[0]
        while fails - good > 1:
            middle = (good + fails) // 2
            try:
                run(_first(request, middle))
                good = middle
            except Diverged:
                fails = middle
        before = run(_first(request, good)) if good else request.state
        values = {k: v.to(before[0].dtype) for k, v in neuron.values().items()}
        _, post, _ = neuron.step_once(values, before, request.current[good].to(before[0].dtype))
    found = [(k, getattr(post, k)) for k in neuron.lane_states]
    named = [_first_bad(k, x) for k, x in found if not bool(torch.isfinite(x).all())]
    return divergence(repr(neuron), ", ".join(named) or "a state that is not finite", good, _remedy(neuron))


def _first_bad(name: str, x: Tensor) -> str:
    """A state and its first value that is not finite, (sample, *neuron)."""
    where = tuple(int(k) for k in (~torch.isfinite(x)).nonzero()[0])
    return f"{name}[{', '.join(map(str, where))}] = {float(x[where])}"


def divergence(owner: str, what: str, step: int, remedy: str = LOOK) -> Diverged:
    """The error for states that are no longer finite after a step."""
    return Diverged(owner, f"{what} after step {step}", "states that stay finite", remedy)


def _remedy(neuron: Any) -> str:
    if neuron.dt is None:
        return LOOK
    integrator, inner = None, neuron
    while integrator is None and inner is not None:
        integrator, inner = getattr(inner, "integrator", None), getattr(inner, "neuron", None)
    steps = f"take a dt below {neuron.dt:g} ms"
    if integrator is not None and not isinstance(integrator, ExpEuler | ExpMidpoint):
        steps += ", or integrator=ExpEuler(), by which no relaxation overshoots"
    return f"{steps}; or {LOOK}"


def _first(request: Request, steps: int) -> Request:
    lengths = None if request.lengths is None else request.lengths.clamp(max=steps)
    return dataclasses.replace(request, current=request.current[:steps], record=(), lengths=lengths)
