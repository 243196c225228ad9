"""The operators that torch sees: `rheobase::scan` and `rheobase::scan_backward`, with fake and autograd rules.

They are defined with the low-level library calls, which import nothing; so torch.compile, torch.export and DDP
see them, and `import rheobase` stays light. A program travels as text, so an exported graph needs nothing else.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.engine import cpu
from rheobase.engine.program import parse
from rheobase.errors import NotDifferentiable

LIBRARY = torch.library.Library("rheobase", "DEF")
LIBRARY.define(
    "scan(Tensor current, Tensor[] init, Tensor[] params, Tensor? lengths, Tensor? step, "
    "str program, float dt, int seed, bool keep) -> Tensor[]"
)
LIBRARY.define(
    "scan_backward(Tensor?[] grads, Tensor current, Tensor[] init, Tensor[] params, Tensor? lengths, Tensor? step, "
    "Tensor checkpoints, str program, float dt, int seed, bool[] wanted) -> Tensor[]"
)


def _scan_fake(
    current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, step: Tensor | None,
    program: str, dt: float, seed: int, keep: bool,
) -> list[Tensor]:  # fmt: skip
    return cpu.outputs(current, init, program, keep)


def _scan_backward_fake(
    grads: list[Tensor | None], current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None,
    step: Tensor | None, checkpoints: Tensor, program: str, dt: float, seed: int, wanted: list[bool],
) -> list[Tensor]:  # fmt: skip
    return cpu.gradients(current, init, params, wanted)


def below_autograd() -> Any:
    """Within it, an operator is called as the backend has it, without its autograd rule."""
    return torch._C._AutoDispatchBelowAutograd()  # pyright: ignore[reportPrivateUsage]


class _Scan(torch.autograd.Function):
    """The autograd rule. Saved: the input, the initial state, the parameters, one state per segment."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, lengths: Tensor | None, step: Tensor | None, program: str, dt: float, seed: int,
        states: int, current: Tensor, *tensors: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        init, params = list(tensors[:states]), list(tensors[states:])
        with below_autograd():
            *results, checkpoints = torch.ops.rheobase.scan(
                current, init, params, lengths, step, program, dt, seed, True
            )
        ctx.save_for_backward(lengths, step, checkpoints, current, *tensors)
        ctx.program, ctx.dt, ctx.seed, ctx.states = program, dt, seed, states
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, step, checkpoints, current, *tensors = ctx.saved_tensors
        init, params = tensors[: ctx.states], tensors[ctx.states :]
        needed = ctx.needs_input_grad[6:]
        found = torch.ops.rheobase.scan_backward(
            list(grads),
            current,
            init,
            params,
            lengths,
            step,
            checkpoints,
            ctx.program,
            ctx.dt,
            ctx.seed,
            list(needed),
        )
        results = iter(found)
        return None, None, None, None, None, None, *(next(results) if need else None for need in needed)

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        raise no_derivative("a forward-mode derivative (jvp)")

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        raise no_derivative("vmap")


class _ScanBackward(torch.autograd.Function):
    """The gradient has no gradient: it runs, and says so where it is differentiated again."""

    @staticmethod
    def forward(ctx: Any, call: Any, *tensors: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        with below_autograd():
            return tuple(call())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        raise no_derivative("a second derivative")


def no_derivative(what: str) -> NotDifferentiable:
    """The error for a derivative that the kernels do not have."""
    return NotDifferentiable(
        "the fused kernel of a neuron",
        what,
        "first derivatives in reverse mode",
        'run the neuron with backend="reference"',
    )


def _scan_autograd(
    current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, step: Tensor | None,
    program: str, dt: float, seed: int, keep: bool,
) -> list[Tensor]:  # fmt: skip
    tensors = (current, *init, *params)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        results = _Scan.apply(lengths, step, program, dt, seed, len(init), *tensors)
        return [*results, current.new_empty(0)]  # type: ignore[misc]
    with below_autograd():
        return torch.ops.rheobase.scan(current, init, params, lengths, step, program, dt, seed, keep)


def _scan_backward_autograd(
    grads: list[Tensor | None], current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None,
    step: Tensor | None, checkpoints: Tensor, program: str, dt: float, seed: int, wanted: list[bool],
) -> list[Tensor]:  # fmt: skip
    def call() -> list[Tensor]:
        return torch.ops.rheobase.scan_backward(
            grads, current, init, params, lengths, step, checkpoints, program, dt, seed, wanted
        )

    tensors = [t for t in (*grads, current, *init, *params) if t is not None]
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return list(_ScanBackward.apply(call, *tensors))  # type: ignore[arg-type]
    with below_autograd():
        return call()


LIBRARY.impl("scan", _scan_fake, "Meta")
LIBRARY.impl("scan_backward", _scan_backward_fake, "Meta")
LIBRARY.impl("scan", cpu.scan, "CPU")
LIBRARY.impl("scan_backward", cpu.scan_backward, "CPU")
LIBRARY.impl("scan", _scan_autograd, "Autograd")
LIBRARY.impl("scan_backward", _scan_backward_autograd, "Autograd")


def scan(
    current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, step: Tensor | None,
    program: str, dt: float, seed: int,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:  # fmt: skip
    """Run a program: (out, final states, traces)."""
    results = torch.ops.rheobase.scan(current, init, params, lengths, step, program, dt, seed, False)
    states = len(init)
    traces = len(parse(program).traces)
    return results[0], list(results[1 : 1 + states]), list(results[1 + states : 1 + states + traces])
