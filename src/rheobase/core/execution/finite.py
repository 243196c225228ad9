"""Errors for NaN and infinity: in the input, and in the states, with the step at which they appear and a remedy."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rheobase.core.declaration.inputs import CURRENT, one_step_of
from rheobase.core.integrators import ExpEuler, ExpMidpoint
from rheobase.errors import Diverged, InputError, StateError

if TYPE_CHECKING:
    from rheobase.core.execution.backends import Request
    from rheobase.core.neuron import Neuron

LOOK = "look at the size of its input and at its parameters"
MODES = torch._C._TorchDispatchModeKey  # pyright: ignore[reportPrivateUsage]


def concrete() -> bool:
    """Whether tensors have values that can be read: not while torch traces, transforms or exports a function."""
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
    """The error for the first input with a NaN or infinity; None if there is none, or values cannot be read."""
    if not concrete():
        return None
    for name, x in zip(neuron.entries, inputs, strict=True):
        if not x.is_meta and not bool(torch.isfinite(x).all()):
            return not_finite(repr(neuron), x, name)
    return None


def finite(state: Any) -> bool:
    """Whether every value of a state is finite; True where values cannot be read (see `concrete`)."""
    return not concrete() or all(s.is_meta or bool(torch.isfinite(s).all()) for s in state)


def check_end(owner: nn.Module, state: Any) -> None:
    """Raise `Diverged` where the last state of a layer's plain loop is NaN or infinite."""
    if not finite(state):
        raise divergence(repr(owner), "a state that became NaN or infinite", None)


def check_learned(owner: nn.Module) -> None:
    """Raise `Diverged` for a learnable value that is NaN or infinite.

    Not all of them reach the states: a threshold of NaN leaves every neuron silent.
    """
    if not concrete():
        return
    for name, value in owner.named_parameters():
        if value.is_meta or math.isfinite(float(value.detach().sum())):  # one operation, where all is well
            continue
        if not bool(torch.isfinite(value.detach()).all()):
            kind = type(owner).__name__
            remedy = "look at the optimiser's step that made it: a lower learning rate, or a bound on the gradient"
            raise Diverged(kind, f"a parameter {name} that is NaN or infinite", "finite parameters", remedy)


def not_finite(owner: str, x: Tensor, name: str = CURRENT) -> InputError:
    """The error for an input x with a NaN or infinity; it names the first such element."""
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
    """The error for a call whose states became NaN or infinite; it names the first step at which they did.

    `run` runs a request and returns its final state, or raises `Diverged` where that is not finite. The step is found
    by bisection over the length, so that nothing need be recorded.
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
    """The error for states that are not finite after `step`, or after an unknown step (None); `what` names them."""
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
