"""Defines a torch operator and its gradient from one description.

    class Given(NamedTuple):
        x: Tensor
        weight: Tensor
        lengths: Tensor | None

    SUM = Operator("sum", Given, differentiable=("x", "weight"), kernels={"CPU": kernels}, outputs=outputs)
    y, = SUM(Given(x, weight, None))

defines `rheobase::sum` and `rheobase::sum_backward` with these arguments as their schema, their Meta kernels (shapes
only), the autograd rule, and the errors under vmap and for a second derivative; so torch.compile, torch.export and DDP
see them. They are defined with the low-level library calls, which import nothing: `import rheobase` stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from types import MappingProxyType
from typing import Any, NoReturn, Protocol

import torch
from torch import Tensor
from torch.autograd import forward_ad

from rheobase.core.execution.profiler_rows import backward_row, present_row
from rheobase.engine.operators.late_imports import Late
from rheobase.errors import NotDifferentiable

LIBRARY = torch.library.Library("rheobase", "DEF")
KERNEL = "the fused kernel of a neuron"
SCHEMA = {
    "Tensor": "Tensor",
    "list[Tensor]": "Tensor[]",
    "Tensor | None": "Tensor?",
    "str": "str",
    "float": "float",
    "bool": "bool",
    "int": "int",
}


class Kernels(Protocol):
    """The kernels of an operator on a kind of device; `given` is the named tuple of its arguments."""

    def forward(self, given: Any, keep: bool) -> list[Tensor]:
        """All outputs; the hidden ones, which are for `backward`, are filled only if `keep`."""
        ...

    def backward(
        self, given: Any, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> list[Tensor]:
        """The gradients of the differentiable tensors that are `wanted`, in order; `grads` are of visible outputs."""
        ...


class Operator:
    """An operator and its gradient.

    `given`: a named tuple type, the arguments; its annotations become the schema.
    `differentiable`: the arguments that have a gradient, each a tensor or a list of tensors.
    `outputs(given, keep)`: allocates the results, of which the last `hidden` are for `backward` alone.
    `saves`: indices of the results that `backward` gets as `saved`; by default those of all hidden ones.
    `forgets`: arguments of which `backward` needs shape and dtype alone, so that their values are not saved. Each maps
    to the name of a bool argument; where that is True, the values are saved.
    """

    def __init__(
        self,
        name: str,
        given: type[Any],
        *,
        differentiable: tuple[str, ...],
        kernels: Mapping[str, Kernels | Late],
        outputs: Callable[[Any, bool], list[Tensor]],
        hidden: int = 0,
        saves: tuple[int, ...] | None = None,
        forgets: Mapping[str, str] = MappingProxyType({}),
    ):
        self.name, self.given, self.differentiable, self.hidden = name, given, differentiable, hidden
        self.outputs = outputs
        self.saves = tuple(range(-hidden, 0)) if saves is None else saves
        self.width, self.forgets = len(given._fields), forgets
        if [argument for argument in given._fields if argument in differentiable] != list(differentiable):
            raise ValueError(
                f"{name}: differentiable {differentiable} must be arguments, in the order of {given._fields}"
            )
        kinds = {name: getattr(kind, "__forward_arg__", kind) for name, kind in given.__annotations__.items()}
        arguments = ", ".join(f"{SCHEMA[kind]} {argument}" for argument, kind in kinds.items())
        LIBRARY.define(f"{name}({arguments}, bool keep) -> Tensor[]")
        LIBRARY.define(f"{name}_backward({arguments}, Tensor[] saved, Tensor?[] grads, bool[] wanted) -> Tensor[]")
        # where tensors stand among the arguments, whether they are many, and whether they have a gradient
        self.places = [
            (k, SCHEMA[kind] == "Tensor[]", argument in differentiable)
            for k, (argument, kind) in enumerate(kinds.items())
            if SCHEMA[kind].startswith("Tensor")
        ]
        self.op: Any = getattr(torch.ops.rheobase, name).default
        self.backward_op: Any = getattr(torch.ops.rheobase, f"{name}_backward").default
        LIBRARY.impl(name, self._fake, "Meta")
        LIBRARY.impl(f"{name}_backward", self._backward_fake, "Meta")
        for device, runs in kernels.items():
            LIBRARY.impl(name, self._forward_on(runs), device)
            LIBRARY.impl(f"{name}_backward", self._backward_on(runs), device)
        LIBRARY.impl(name, self._autograd, "Autograd")
        LIBRARY.impl(f"{name}_backward", self._backward_autograd, "Autograd")
        for key in ("FuncTorchBatched", "Batched"):
            LIBRARY.impl(name, no_vmap, key)
            LIBRARY.impl(f"{name}_backward", no_vmap, key)

    def __call__(self, given: Any) -> list[Tensor]:
        """Run it: the visible outputs, in order."""
        results = self.op(*given, False)
        return results[: len(results) - self.hidden]

    def tensors(self, given: Any) -> list[Tensor]:
        """The differentiable tensors, in order."""
        return [x for name in self.differentiable for x in _listed(getattr(given, name))]

    def wanted(self, given: Any, wanted: Sequence[bool]) -> dict[str, list[bool]]:
        """The flat list `wanted` by argument: which tensors of each differentiable one need a gradient."""
        rest = iter(wanted)
        return {name: [next(rest) for _ in _listed(getattr(given, name))] for name in self.differentiable}

    def packed(self, given: Any) -> list[Any]:
        """The arguments as one list, with tensors replaced by how many there are, followed by the tensors in order."""
        bare, tensors = list(given), list[Tensor]()
        for k, many, _ in self.places:
            value = bare[k]
            if many:
                tensors += value
                bare[k] = len(value)
            elif value is not None:
                tensors.append(value)
                bare[k] = 1
        return [bare, *tensors]

    def forgotten(self, bare: list[Any]) -> list[int]:
        """The positions, among the tensors of a call, of those whose values `backward` does not need (`forgets`)."""
        found, at, fields = list[int](), 0, self.given._fields
        for k, _, _ in self.places:
            count, keeps = bare[k] or 0, self.forgets.get(fields[k])
            if keeps is not None and not bare[fields.index(keeps)]:
                found += range(at, at + count)
            at += count
        return found

    def unpacked(self, bare: list[Any], tensors: Sequence[Tensor]) -> list[Any]:
        """The arguments, from the two parts that `packed` made."""
        whole, at = list(bare), 0
        for k, many, _ in self.places:
            count = whole[k]
            if count is not None:
                whole[k] = list(tensors[at : at + count]) if many else tensors[at]
                at += count
        return whole

    def asked(self, bare: list[Any], needed: Sequence[bool]) -> list[bool]:
        """`needed`, which has one entry for each tensor of a call, for the differentiable tensors alone."""
        found, at = list[bool](), 0
        for k, _, differentiable in self.places:
            count = bare[k] or 0
            if differentiable:
                found += needed[at : at + count]
            at += count
        return found

    # --- what torch calls -----------------------------------------------------------------------------
    def _fake(self, *arguments: Any) -> list[Tensor]:
        return self.outputs(self.given(*arguments[:-1]), arguments[-1])

    def _forward_on(self, kernels: Kernels | Late) -> Callable[..., list[Tensor]]:
        return lambda *arguments: kernels.forward(self.given(*arguments[:-1]), arguments[-1])

    def _backward_on(self, kernels: Kernels | Late) -> Callable[..., list[Tensor]]:
        return lambda *arguments: kernels.backward(self.given(*arguments[: self.width]), *arguments[self.width :])

    def _backward_fake(self, *arguments: Any) -> list[Tensor]:
        return gradients(self.tensors(self.given(*arguments[: self.width])), arguments[-1])

    def _autograd(self, *arguments: Any) -> list[Tensor]:
        given = self.given(*arguments[:-1])
        tensors = self.tensors(given)
        check_transforms(*tensors)
        if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
            bare, *found = self.packed(given)
            shapes = {k: _Shape.apply(found[k]) for k in self.forgotten(bare)}
            results = _Rule.apply(self, bare, tuple(shapes), *found, *shapes.values())
            return [*results, *(tensors[0].new_empty(0) for _ in range(self.hidden))]  # type: ignore[misc]
        with below_autograd():
            return self.op(*arguments)

    def _backward_autograd(self, *arguments: Any) -> list[Tensor]:
        given = self.given(*arguments[: self.width])
        grads = arguments[-2]
        return once(lambda: self.backward_op(*arguments), *grads, *self.tensors(given))


def _listed(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else value


class _Rule(torch.autograd.Function):
    """The autograd rule of every operator. It saves the tensors of the call, and the results in `operator.saves`."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, operator: Operator, bare: list[Any], forgotten: tuple[int, ...], *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        count = len(tensors) - len(forgotten)
        shapes = dict(zip(forgotten, tensors[count:], strict=True))
        with below_autograd():
            results = operator.op(*operator.unpacked(bare, tensors[:count]), True)
        kept = (shapes.get(k, t) for k, t in enumerate(tensors[:count]))
        ctx.save_for_backward(*(results[k] for k in operator.saves), *kept)
        ctx.operator, ctx.bare, ctx.shapes = operator, bare, len(forgotten)
        ctx.row = present_row()
        ctx.set_materialize_grads(False)
        return tuple(results[: len(results) - operator.hidden])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        operator: Operator = ctx.operator
        count, found = len(operator.saves), ctx.saved_tensors
        needed = ctx.needs_input_grad[3 : len(ctx.needs_input_grad) - ctx.shapes]
        # `needed` also covers tensors without a gradient (lengths, say), which `asked` leaves out
        asked = operator.asked(ctx.bare, needed)
        given = operator.unpacked(ctx.bare, found[count:])
        # the backward operator's own rule only raises for second derivatives: skipped where no graph is recorded
        with backward_row(ctx.row), nullcontext() if torch.is_grad_enabled() else below_autograd():
            results = iter(operator.backward_op(*given, list(found[:count]), list(grads), asked))
        return None, None, None, *(next(results) if need else None for need in needed), *(None,) * ctx.shapes


class _Shape(torch.autograd.Function):
    """Stands for a tensor whose values are not saved: its shape, dtype and node, so that a second derivative raises."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.set_materialize_grads(False)
        return x.new_empty(()).expand(x.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        if grads[0] is not None:
            raise no_derivative("a second derivative")
        return None


class _Once(torch.autograd.Function):
    """Runs a backward operator, and raises `NotDifferentiable` where its result is differentiated."""

    @staticmethod
    def forward(ctx: Any, call: Any, *tensors: Tensor) -> tuple[Tensor, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        with below_autograd():
            return tuple(call())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        raise no_derivative("a second derivative")


def below_autograd() -> Any:
    """A context in which operators run their device kernels directly, without their autograd rules."""
    return torch._C._AutoDispatchBelowAutograd()  # pyright: ignore[reportPrivateUsage]


def once(call: Callable[[], list[Tensor]], *tensors: Tensor | None) -> list[Tensor]:
    """The result of `call`, a backward operator on these tensors; differentiating it raises `NotDifferentiable`."""
    given = [t for t in tensors if t is not None]
    check_transforms(*given)
    if torch.is_grad_enabled() and any(t.requires_grad for t in given):
        return list(_Once.apply(call, *given))  # type: ignore[arg-type]
    with below_autograd():
        return call()


def gradients(tensors: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
    """Empty gradients of the tensors that want one."""
    contiguous = torch.contiguous_format
    return [torch.empty_like(t, memory_format=contiguous) for t, want in zip(tensors, wanted, strict=True) if want]


def no_derivative(what: str, remedy: str = 'run the neuron with backend="reference"') -> NotDifferentiable:
    """The error for a derivative that the kernels do not have."""
    return NotDifferentiable(KERNEL, what, "first derivatives in reverse mode", remedy)


def check_transforms(*tensors: Tensor | None) -> None:
    """Raise under torch.func transforms and forward-mode AD, which would take the derivative of a kernel for zero."""
    if torch._C._are_functorch_transforms_active():  # pyright: ignore[reportPrivateUsage]
        raise no_derivative("a transform of torch.func (grad, vjp, jvp...)")
    if forward_ad._current_level >= 0 and any(  # pyright: ignore[reportPrivateUsage]
        t is not None and forward_ad.unpack_dual(t).tangent is not None for t in tensors
    ):
        raise no_derivative("a forward-mode derivative (jvp)")


def no_vmap(*args: Any) -> NoReturn:
    """The batching rule: there is none."""
    raise no_derivative("vmap", "put the mapped axis into the batch axis of the input")
