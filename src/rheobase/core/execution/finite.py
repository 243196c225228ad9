"""NaN and infinity: refused in the input, and told where the states become so, with the step and what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.core.declaration.inputs import CURRENT, one_step_of
from rheobase.core.integrators import ExpEuler, ExpMidpoint
from rheobase.errors import Diverged, InputError, StateError

if TYPE_CHECKING:
    from rheobase.core.execution.backends import Request
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


def check_finite(neuron: Neuron, inputs: Sequence[Tensor]) -> None:
    """Raise `InputError` with the first place where an input is NaN or infinite."""
    found = bad_input(neuron, inputs)
    if found is not None:
        raise found


def bad_input(neuron: Neuron, inputs: Sequence[Tensor]) -> InputError | None:
    """The error for the first input that is somewhere NaN or infinite; none while values cannot be looked at."""
    if not concrete():
        return None
    for name, x in zip(neuron.entries, inputs, strict=True):
        if not x.is_meta and not bool(torch.isfinite(x).all()):
            return not_finite(repr(neuron), x, name)
    return None


def finite(state: Any) -> bool:
    """Whether all that a state holds is finite; true while values cannot be looked at."""
    return not concrete() or all(s.is_meta or bool(torch.isfinite(s).all()) for s in state)


def not_finite(owner: str, x: Tensor, name: str = CURRENT) -> InputError:
    """The error for an input that is somewhere NaN or infinite; names the first place."""
    bad = ~torch.isfinite(x)
    where = tuple(int(k) for k in bad.nonzero()[0])
    value = float(x.detach()[where])
    return InputError(
        owner,
        f"{name}[{', '.join(map(str, where))}] = {value} ({int(bad.sum())} such values)",
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
        good, fails = 0, request.form.shape[0]
        while fails - good > 1:
            middle = (good + fails) // 2
            try:
                run(_first(request, middle))
                good = middle
            except Diverged:
                fails = middle
        before = run(_first(request, good)) if good else request.state
        values = {k: v.to(before[0].dtype) for k, v in neuron.values().items()}
        i = one_step_of(neuron, [x[good].to(before[0].dtype) for x in request.inputs])
        _, post, _ = neuron.step_once(values, before, i)
    found = [(k, getattr(post, k)) for k in neuron.lane_states]
    named = [_first_bad(k, x) for k, x in found if not bool(torch.isfinite(x).all())]
    return divergence(repr(neuron), ", ".join(named) or "a state that is not finite", good, _remedy(neuron))


def _first_bad(name: str, x: Tensor) -> str:
    """A state and its first value that is not finite, (sample, *neuron)."""
    where = tuple(int(k) for k in (~torch.isfinite(x)).nonzero()[0])
    return f"{name}[{', '.join(map(str, where))}] = {float(x[where])}"


def divergence(owner: str, what: str, step: int | None, remedy: str = LOOK) -> Diverged:
    """The error for states that are no longer finite after a step; None where it is not known which."""
    when = "" if step is None else f" after step {step}"
    return Diverged(owner, f"{what}{when}", "states that stay finite", remedy)


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
    inputs = tuple(x[:steps] for x in request.inputs)
    return dataclasses.replace(request, inputs=inputs, record=(), lengths=lengths)
