"""Symbols: what the equations compute with while they are traced. Each operation on them becomes a node of a graph.

A symbol is a real number of each lane or a mask (true or false in each lane), and follows torch's rules of types: what
torch refuses is refused, and what torch would compute in another type than the step's own (the sum of two masks and a
number, say) is refused as well, since a kernel computes in one type. `Untraceable` names the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rheobase.core.interpreters.abstract import AbstractValue, operation
from rheobase.engine.graph.graph import BOOLEAN, OF_WHOLE, Graph

# by the name of an operation of torch, what it makes of symbols
Rules: TypeAlias = Mapping[str, Callable[..., Any]]


class Untraceable(Exception):
    """The equations use something that a kernel cannot do as torch does it."""


class Tracer(TorchFunctionMode):
    """The graph that is being made, and the dtype and device of its values.

    While the mode is active it sees every call of torch. So it tells the tensors that the equations make of numbers,
    which are constants, from those that come from elsewhere and may change.
    """

    def __init__(self, rules: Rules, dtype: torch.dtype, device: torch.device):
        super().__init__()
        self.rules = rules
        self.graph, self.dtype, self.device = Graph(), dtype, device
        self.constants: dict[int, Tensor] = {}  # by identity; kept, so that no other takes the place of one
        # a number beside a mask makes a tensor of this type
        self.plain = torch.get_default_dtype()

    @property
    def whole(self) -> bool:
        """Whether values are whole numbers."""
        return not self.dtype.is_floating_point

    def symbol(self, op: str, *args: int, tag: str | float | None = None) -> Symbol:
        if self.whole and op not in OF_WHOLE:
            raise Untraceable(f"{op} of whole numbers ({self.dtype})")
        return Symbol(self, self.graph.put(op, *args, tag=tag))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if any(issubclass(kind, Symbol) for kind in types):
            return self.apply(operation(func), args, kwargs)
        name = operation(func)
        if name == "_set_grad_enabled":
            raise Untraceable("torch.no_grad or enable_grad inside a step (use self.detached)")
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        if not (name in MAKERS or (given and name in self.rules and all(map(self.constant, given)))):
            if given and not all(map(self.constant, given)):
                raise Untraceable(UNDECLARED.format("reads a tensor"))
            raise Untraceable(f"torch.{name} inside a step")
        found = func(*args, **kwargs)
        if isinstance(found, Tensor):
            self.constants[id(found)] = found
        return found

    def apply(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What the rule of an operation gives."""
        if not torch.is_grad_enabled():
            raise Untraceable("an operation whose gradient torch is told elsewhere (autograd.Function, no_grad)")
        rule = self.rules.get(name)
        if rule is None:
            called = name if name.startswith("Tensor.") else f"torch.{name}"
            raise Untraceable(QUESTIONS.get(name) or f"no rule for {called}")
        try:
            return rule(*args, **kwargs)
        except TypeError as error:
            raise Untraceable(f"torch.{name} called in this way ({error})") from None

    def constant(self, tensor: Tensor) -> bool:
        """Whether the equations made this tensor of numbers."""
        return id(tensor) in self.constants


UNDECLARED = "{} that is not declared: declare it as a param, or a choice as an option"
# what makes a tensor of numbers
MAKERS = frozenset(
    {
        "tensor",
        "as_tensor",
        "scalar_tensor",
        "zeros",
        "ones",
        "full",
        "result_type",
        "get_default_dtype",
        "finfo",
        "iinfo",
    }
)


class Symbol(AbstractValue):
    """A node of a graph that behaves like a tensor."""

    def __init__(self, tracer: Tracer, node: int):
        self.tracer, self.node = tracer, node

    @property
    def boolean(self) -> bool:
        """Whether it is a mask."""
        return self.tracer.graph.nodes[self.node].op in BOOLEAN

    @classmethod
    def apply(cls, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Symbol)]
        if not given:
            raise Untraceable(f"torch.{name} of a list of values")
        return given[0].tracer.apply(name, args, kwargs)


QUESTIONS = {
    "__bool__": "a branch on a value (use torch.where)",
    "__float__": "a value taken out of the step as a number (float, math.exp...)",
    "__int__": "a value taken out of the step as a number (int)",
    "__index__": "a value taken out of the step as a number (index)",
    "item": "a value taken out of the step as a number (item)",
    "__array__": "a value given to numpy",
    "__len__": "a question about the shape (equations are of one lane)",
    "Tensor.shape": "a question about the shape (equations are of one lane)",
    "getitem": "an index (equations are of one lane)",
    "add_": "in-place arithmetic",
}


def tracer_of(*values: Any) -> Tracer:
    return next(v.tracer for v in values if isinstance(v, Symbol))


def is_mask(value: Any) -> bool:
    return isinstance(value, Symbol) and value.boolean


def number_of(tracer: Tracer, value: Any) -> int | float | bool | None:
    """The Python number that a value is or holds; None for a symbol."""
    if isinstance(value, Symbol):
        return None
    if isinstance(value, Tensor):
        if value.dim() != 0:
            raise Untraceable(f"a constant tensor of shape {tuple(value.shape)} (declare it as a param)")
        if not tracer.constant(value):
            raise Untraceable(UNDECLARED.format("reads a tensor"))
        return _plain(value)
    if not isinstance(value, (int, float)):
        raise Untraceable(f"a value of type {type(value).__name__}")
    return value


def _plain(tensor: Tensor) -> Any:
    with torch._C.DisableTorchFunction():  # pyright: ignore[reportPrivateUsage]
        return tensor.item()


def lift(tracer: Tracer, value: Any) -> int:
    """The node of a number or a symbol as a real number; a mask is 0 or 1."""
    number = number_of(tracer, value)
    if number is not None:
        return tracer.graph.const(float(_whole(tracer, number) if tracer.whole else number))
    return tracer.graph.put("float", value.node) if value.boolean else value.node


def _whole(tracer: Tracer, number: float) -> int:
    """The number, where torch leaves whole numbers beside it what they are."""
    info = torch.iinfo(tracer.dtype)
    if isinstance(number, float):
        raise Untraceable(f"the number {number} beside whole ones, of which torch makes real ones")
    if not info.min <= number <= info.max:
        raise Untraceable(f"the number {number}, which {tracer.dtype} does not hold")
    return number


def reals(op: str, *values: Any) -> Tracer:
    """Raise where one of them is a mask."""
    if any(map(is_mask, values)):
        raise Untraceable(f"{op} of a mask (use torch.where, or .to(v.dtype))")
    return tracer_of(*values)


def kind_of(tracer: Tracer, x: Any) -> torch.dtype:
    """The type in which torch sees a value."""
    if isinstance(x, Tensor):
        return (torch.bool if x.boolean else tracer.dtype) if isinstance(x, Symbol) else x.dtype
    return torch.bool if isinstance(x, bool) else torch.int64 if isinstance(x, int) else tracer.plain
