"""Operations whose gradient is not the derivative of their value: spike, switch, substitute, derived.

Each is one function for tensors and, through `__torch_function__`, for anything that traces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function

from rheobase.core.interpreters.abstract import AbstractValue
from rheobase.core.surrogates import Surrogate
from rheobase.errors import DeclarationError


class _Spike(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, surrogate: Surrogate) -> Tensor:
        return (x >= 0).to(x.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Surrogate], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.save_for_forward(inputs[0])
        ctx.surrogate = inputs[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        return grad * ctx.surrogate.derivative(x), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, _: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (x,) = ctx.saved_tensors
        return tangent * ctx.surrogate.derivative(x)


class _Switch(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, on: Tensor, off: Tensor) -> Tensor:
        return torch.where(z != 0, on, off)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        z, on, off = ctx.saved_tensors
        partial = grad * (on - off), grad * z, grad * (1 - z)
        return tuple(g.sum_to_size(x.shape) for g, x in zip(partial, (z, on, off), strict=True))

    @staticmethod
    def jvp(ctx: Any, dz: Tensor | None, don: Tensor | None, doff: Tensor | None) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        z, on, off = ctx.saved_tensors
        return sum(d * g for d, g in ((dz, on - off), (don, z), (doff, 1 - z)) if d is not None)  # type: ignore[return-value]


class _Substitute(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(value: Tensor, through: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return None, grad

    @staticmethod
    def jvp(ctx: Any, _: Any, tangent: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return tangent.clone()


def spike(x: Any, surrogate: Surrogate) -> Any:
    """1 where x >= 0, else 0; its gradient is `surrogate.derivative(x)`."""
    if has_torch_function((x,)):
        return handle_torch_function(spike, (x,), x, surrogate)
    if torch.compiler.is_compiling():
        return (x >= 0).to(x.dtype) + surrogate.derivative(x).detach() * _nothing(x)
    return _Spike.apply(x, surrogate)


def switch(z: Any, on: Any, off: Any) -> Any:
    """`on` where z is not 0, else `off`; its gradient is that of z * on + (1 - z) * off."""
    if has_torch_function((z, on, off)):
        return handle_torch_function(switch, (z, on, off), z, on, off)
    if not z.is_floating_point():
        raise DeclarationError("switch", f"z of {z.dtype}", "a spike, 0.0 or 1.0", "torch.where switches by a mask")
    on, off = (x if isinstance(x, Tensor) else torch.as_tensor(x, dtype=z.dtype, device=z.device) for x in (on, off))
    if torch.compiler.is_compiling():
        return torch.where(z != 0, on, off) + (on - off).detach() * _nothing(z)
    return _Switch.apply(z, on, off)


def substitute(value: Any, through: Any) -> Any:
    """The value of `value` with the gradient of `through` (a straight-through estimator)."""
    if has_torch_function((value, through)):
        return handle_torch_function(substitute, (value, through), value, through)
    like = through if isinstance(through, Tensor) else value
    value, through = torch.broadcast_tensors(
        *(torch.as_tensor(x).to(like.device, like.dtype) for x in (value, through))
    )
    if torch.compiler.is_compiling():
        return value.detach() + _nothing(through)
    return _Substitute.apply(value, through)


def derived(values: Mapping[str, Any], through: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """`values`; a kernel differentiates the expressions of `through()` instead, which have the same derivative.

    `through()` needs fewer operations to differentiate. Tensors keep their own graph, which has second derivatives too.
    """
    if not any(isinstance(x, AbstractValue) for x in values.values()):
        return dict(values)
    found = through()
    return {name: substitute(x, found[name]) for name, x in values.items()}


def _nothing(x: Any) -> Any:
    """Zero, with the gradient of x. torch.compile takes no function that has a forward-mode rule, but it takes this."""
    return x - x.detach()
