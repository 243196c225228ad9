"""The operators that torch sees: `rheobase::scan` and `rheobase::scan_backward`, with fake and autograd rules.

`rheobase::scan_triton` is the same in Triton kernels: another operator, since they keep other states between
segments, and since their interpreter runs on tensors of the CPU.

They are defined with the low-level library calls, which import nothing; so torch.compile, torch.export and DDP
see them, and `import rheobase` stays light. A program travels as text, so an exported graph needs nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from rheobase.engine.late import Late
from rheobase.errors import NotDifferentiable

LIBRARY = torch.library.Library("rheobase", "DEF")
# the operators, and the kernels that run them
cpu, gpu = Late("rheobase.engine.cpu"), Late("rheobase.engine.gpu")
KERNELS = {"scan": cpu, "scan_triton": gpu}
for _name in KERNELS:
    LIBRARY.define(
        f"{_name}(Tensor current, Tensor[] init, Tensor[] params, Tensor? lengths, Tensor? rng, "
        "str program, float dt, bool check, bool keep) -> Tensor[]"
    )
    LIBRARY.define(
        f"{_name}_backward(Tensor?[] grads, Tensor current, Tensor[] init, Tensor[] params, Tensor? lengths, "
        "Tensor? rng, Tensor checkpoints, str program, float dt, bool[] wanted) -> Tensor[]"
    )


def _operator(name: str) -> Any:
    return getattr(torch.ops.rheobase, name)


def _scan_fake(
    kernels: Any, current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None,
    rng: Tensor | None, program: str, dt: float, check: bool, keep: bool,
) -> list[Tensor]:  # fmt: skip
    return kernels.outputs(current, init, program, keep)


def _scan_backward_fake(
    grads: list[Tensor | None], current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None,
    rng: Tensor | None, checkpoints: Tensor, program: str, dt: float, wanted: list[bool],
) -> list[Tensor]:  # fmt: skip
    return cpu.gradients(current, init, params, wanted)


def below_autograd() -> Any:
    """Within it, an operator is called as the backend has it, without its autograd rule."""
    return torch._C._AutoDispatchBelowAutograd()  # pyright: ignore[reportPrivateUsage]


class _Scan(torch.autograd.Function):
    """The autograd rule. Saved: the input, the initial state, the parameters, one state per segment."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, name: str, lengths: Tensor | None, rng: Tensor | None, program: str, dt: float, check: bool,
        states: int, current: Tensor, *tensors: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        init, params = list(tensors[:states]), list(tensors[states:])
        with below_autograd():
            *results, checkpoints = _operator(name)(current, init, params, lengths, rng, program, dt, check, True)
        ctx.save_for_backward(lengths, rng, checkpoints, current, *tensors)
        ctx.name, ctx.program, ctx.dt, ctx.states = name, program, dt, states
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, rng, checkpoints, current, *tensors = ctx.saved_tensors
        init, params = tensors[: ctx.states], tensors[ctx.states :]
        needed = ctx.needs_input_grad[7:]
        scalars = (ctx.program, ctx.dt, list(needed))
        # the rule of the gradient only says that it has none: without a graph of it, the way around it is shorter
        with nullcontext() if torch.is_grad_enabled() else below_autograd():
            results = iter(
                _operator(f"{ctx.name}_backward")(
                    list(grads), current, init, params, lengths, rng, checkpoints, *scalars
                )
            )
        return *(None,) * 7, *(next(results) if need else None for need in needed)


class _Once(torch.autograd.Function):
    """The gradient has no gradient: it runs, and says so where it is differentiated again."""

    @staticmethod
    def forward(ctx: Any, call: Any, *tensors: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        with below_autograd():
            return tuple(call())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        raise no_derivative("a second derivative")


def once(call: Callable[[], list[Tensor]], *tensors: Tensor | None) -> list[Tensor]:
    """The result of a backward operator on these tensors, which is not differentiable again."""
    given = [t for t in tensors if t is not None]
    check_transforms(*given)
    if torch.is_grad_enabled() and any(t.requires_grad for t in given):
        return list(_Once.apply(call, *given))  # type: ignore[arg-type]
    with below_autograd():
        return call()


def no_derivative(what: str, remedy: str = 'run the neuron with backend="reference"') -> NotDifferentiable:
    """The error for a derivative that the kernels do not have."""
    return NotDifferentiable(cpu.KERNEL, what, "first derivatives in reverse mode", remedy)


def check_transforms(*tensors: Tensor | None) -> None:
    """Raise under a transform that would not see a kernel: it would take its derivative for zero."""
    if torch._C._are_functorch_transforms_active():  # pyright: ignore[reportPrivateUsage]
        raise no_derivative("a transform of torch.func (grad, vjp, jvp...)")
    if forward_ad._current_level >= 0 and any(  # pyright: ignore[reportPrivateUsage]
        t is not None and forward_ad.unpack_dual(t).tangent is not None for t in tensors
    ):
        raise no_derivative("a forward-mode derivative (jvp)")


def no_vmap(*args: Any) -> Any:
    """The batching rule: there is none."""
    raise no_derivative("vmap", "put the mapped axis into the batch axis of the input")


def _scan_autograd(
    name: str, current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, rng: Tensor | None,
    program: str, dt: float, check: bool, keep: bool,
) -> list[Tensor]:  # fmt: skip
    tensors = (current, *init, *params)
    check_transforms(*tensors)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        results = _Scan.apply(name, lengths, rng, program, dt, check, len(init), *tensors)
        return [*results, current.new_empty(0)]  # type: ignore[misc]
    with below_autograd():
        return _operator(name)(current, init, params, lengths, rng, program, dt, check, keep)


def _scan_backward_autograd(
    name: str, grads: list[Tensor | None], current: Tensor, init: list[Tensor], params: list[Tensor],
    lengths: Tensor | None, rng: Tensor | None, checkpoints: Tensor, program: str, dt: float,
    wanted: list[bool],
) -> list[Tensor]:  # fmt: skip
    def call() -> list[Tensor]:
        return _operator(f"{name}_backward")(
            grads, current, init, params, lengths, rng, checkpoints, program, dt, wanted
        )

    return once(call, *grads, current, *init, *params)


for _name, _kernels in KERNELS.items():
    LIBRARY.impl(_name, functools.partial(_scan_fake, _kernels), "Meta")
    LIBRARY.impl(f"{_name}_backward", _scan_backward_fake, "Meta")
    LIBRARY.impl(_name, _kernels.function("scan"), "CPU")
    LIBRARY.impl(f"{_name}_backward", _kernels.function("scan_backward"), "CPU")
    LIBRARY.impl(_name, gpu.function("scan"), "CUDA")
    LIBRARY.impl(f"{_name}_backward", gpu.function("scan_backward"), "CUDA")
    for _key in ("FuncTorchBatched", "Batched"):
        LIBRARY.impl(_name, no_vmap, _key)
        LIBRARY.impl(f"{_name}_backward", no_vmap, _key)
    LIBRARY.impl(_name, functools.partial(_scan_autograd, _name), "Autograd")
    LIBRARY.impl(f"{_name}_backward", functools.partial(_scan_backward_autograd, _name), "Autograd")


def scan(
    current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, rng: Tensor | None,
    program: str, dt: float, operator: str = "scan", check: bool = True,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:  # fmt: skip
    """Run a program: (out, final states, traces)."""
    results = _operator(operator)(current, init, params, lengths, rng, program, dt, check, False)
    states = len(init)
    # no look into the program: torch.compile traces this function; the last result is what the way back needs
    return results[0], list(results[1 : 1 + states]), list(results[1 + states : -1])
