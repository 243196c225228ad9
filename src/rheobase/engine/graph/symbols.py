"""Symbols: what the equations compute with while they are traced. Each operation on them becomes a node of a graph.

A symbol is a real number of each lane or a mask (true or false in each lane), and follows torch's rules of types: what
torch refuses is refused, and what torch would compute in another type than the step's own (the sum of two masks and a
number, say) is refused as well, since a kernel computes in one type. `Untraceable` names the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rheobase.core.interpreters.abstract import AbstractValue, operation
from rheobase.engine.graph.graph import BOOLEAN, Graph


class Untraceable(Exception):
    """The equations use something that a kernel cannot do as torch does it."""


class Tracer(TorchFunctionMode):
    """The graph that is being made, and the dtype and device of its values.

    While the mode is active it sees every call of torch. So it tells the tensors that the equations make of numbers,
    which are constants, from those that come from elsewhere and may change.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device):
        super().__init__()
        self.graph, self.dtype, self.device = Graph(), dtype, device
        self.constants: dict[int, Tensor] = {}  # by identity; kept, so that no other takes the place of one
        # a number beside a mask makes a tensor of this type
        self.plain = torch.get_default_dtype()

    def symbol(self, op: str, *args: int, tag: str | float | None = None) -> Symbol:
        return Symbol(self, self.graph.put(op, *args, tag=tag))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if any(issubclass(kind, Symbol) for kind in types):
            return Symbol.apply(operation(func), args, kwargs)
        name = operation(func)
        if name == "_set_grad_enabled":
            raise Untraceable("torch.no_grad or enable_grad inside a step (use self.detached)")
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        if not (name in MAKERS or (given and name in RULES and all(map(self.constant, given)))):
            if given and not all(map(self.constant, given)):
                raise Untraceable(UNDECLARED.format("reads a tensor"))
            raise Untraceable(f"torch.{name} inside a step")
        found = func(*args, **kwargs)
        if isinstance(found, Tensor):
            self.constants[id(found)] = found
        return found

    def constant(self, tensor: Tensor) -> bool:
        """Whether the equations made this tensor of numbers."""
        return id(tensor) in self.constants


UNDECLARED = "{} that is not declared: declare it as a param, or a choice as an option"
# what makes a tensor of numbers
MAKERS = frozenset({"tensor", "as_tensor", "scalar_tensor", "zeros", "ones", "full", "result_type", "get_default_dtype",
                    "finfo", "iinfo"})  # fmt: skip


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
        if not torch.is_grad_enabled():
            raise Untraceable("an operation whose gradient torch is told elsewhere (autograd.Function, no_grad)")
        rule = RULES.get(name)
        if rule is None:
            called = name if name.startswith("Tensor.") else f"torch.{name}"
            raise Untraceable(QUESTIONS.get(name) or f"no rule for {called}")
        try:
            return rule(*args, **kwargs)
        except TypeError as error:
            raise Untraceable(f"torch.{name} called in this way ({error})") from None


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


def _tracer_of(*values: Any) -> Tracer:
    return next(v.tracer for v in values if isinstance(v, Symbol))


def _is_mask(value: Any) -> bool:
    return isinstance(value, Symbol) and value.boolean


def _number(tracer: Tracer, value: Any) -> int | float | bool | None:
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
    number = _number(tracer, value)
    if number is not None:
        return tracer.graph.const(float(number))
    return tracer.graph.put("float", value.node) if value.boolean else value.node


def _reals(op: str, *values: Any) -> Tracer:
    """Raise where one of them is a mask."""
    if any(map(_is_mask, values)):
        raise Untraceable(f"{op} of a mask (use torch.where, or .to(v.dtype))")
    return _tracer_of(*values)


def _unary(op: str, x: Any) -> Symbol:
    tracer = _reals(op, x)
    return tracer.symbol(op, lift(tracer, x))


def _typed(op: str, a: Any, b: Any) -> Tracer:
    """Raise where torch refuses the pair, or makes something of another type than the step's."""
    tracer = _tracer_of(a, b)
    masks = _is_mask(a), _is_mask(b)
    if op == "sub" and torch.bool in (_kind(tracer, a), _kind(tracer, b)):
        raise Untraceable("a subtraction with a truth value, which torch refuses")
    for mask, other in zip(masks, (b, a), strict=True):
        if mask and not isinstance(other, Symbol):
            kind = other.dtype if isinstance(other, Tensor) else tracer.plain if isinstance(other, float) else None
            if kind != tracer.dtype:
                given = "a whole number" if kind is None else f"a number in {kind}"
                raise Untraceable(f"{op} of a mask and {given} (use torch.where, or .to(v.dtype))")
    return tracer


def _binary(op: str, a: Any, b: Any, *, alpha: float = 1, out: None = None) -> Symbol:
    if _is_mask(a) and _is_mask(b):
        return _masks(op, a, b, alpha)
    tracer = _typed(op, a, b)
    right = lift(tracer, b)
    if alpha != 1:
        right = tracer.graph.put("mul", tracer.graph.const(float(alpha)), right)
    return tracer.symbol(op, lift(tracer, a), right)


def _masks(op: str, a: Any, b: Any, alpha: float) -> Symbol:
    """Torch adds and multiplies masks as truth values."""
    logical = {"add": "or", "mul": "and"}.get(op)
    if logical is None or alpha != 1:
        raise Untraceable(f"{op} of two masks (torch refuses it, or makes another type of it)")
    return _logical(logical, a, b)


def _between(op: str, a: Any, b: Any) -> Symbol:
    if not isinstance(b, Tensor):
        raise Untraceable(f"a {op} along an axis (equations are of one lane)")
    return _binary(op, a, b)


def _comparison(op: str, a: Any, b: Any) -> Symbol:
    tracer = _tracer_of(a, b)
    if _is_mask(a) or _is_mask(b):
        raise Untraceable(f"{op} of a mask (use &, | and ~)")
    return tracer.symbol(op, lift(tracer, a), lift(tracer, b))


def _logical(op: str, *masks: Any) -> Symbol:
    if not all(map(_is_mask, masks)):
        raise Untraceable(f"logical {op} of values that are not masks")
    return _tracer_of(*masks).symbol(op, *(m.node for m in masks))


def _different(a: Any, b: Any) -> Symbol:
    return _logical("and", _logical("or", a, b), _logical("not", _logical("and", a, b)))


def _power(x: Any, exponent: Any) -> Any:
    """Powers up to 64: whole ones as products, 0.5 as the square root, any other number as `pow`."""
    if not isinstance(x, Symbol):
        raise Untraceable("a power whose exponent is not a number")
    tracer = _reals("a power", x)
    exponent = _number(tracer, exponent)
    if exponent is None:
        raise Untraceable("a power whose exponent is not a number")
    if exponent == 0.5:
        return _unary("sqrt", x)
    if not math.isfinite(exponent) or exponent == 0 or abs(exponent) > 64:
        raise Untraceable(f"a power of {exponent}")
    if exponent != int(exponent):
        return tracer.symbol("pow", x.node, tag=float(exponent))
    if exponent < -1:
        # whole: the derivative of a quotient of products is NaN at 0, where that of the power is infinite
        return tracer.symbol("power", x.node, tag=float(exponent))
    found = x.tracer.graph.whole_power(x.node, int(abs(exponent)))
    return Symbol(tracer, found if exponent > 0 else tracer.graph.put("div", tracer.graph.const(1.0), found))


def _where(mask: Any, a: Any, b: Any) -> Symbol:
    if not _is_mask(mask):
        raise Untraceable("torch.where on something that is not a comparison of symbols")
    tracer = mask.tracer
    if _is_mask(a) and _is_mask(b):
        return _logical("or", _logical("and", mask, a), _logical("and", _logical("not", mask), b))
    if not any(isinstance(x, Symbol) and not x.boolean for x in (a, b)):
        kinds = {_kind(tracer, x) for x in (a, b)} - {torch.bool, torch.int64}
        if kinds != {tracer.dtype}:
            raise Untraceable("torch.where between numbers, of which torch makes another type than the step's")
    return tracer.symbol("select", mask.node, lift(tracer, a), lift(tracer, b))


def _kind(tracer: Tracer, x: Any) -> torch.dtype:
    """The type in which torch sees a value."""
    if isinstance(x, Tensor):
        return (torch.bool if x.boolean else tracer.dtype) if isinstance(x, Symbol) else x.dtype
    return torch.bool if isinstance(x, bool) else torch.int64 if isinstance(x, int) else tracer.plain


def _relu(x: Any, inplace: bool = False) -> Symbol:
    tracer = _reals("relu", x)
    if inplace:
        raise Untraceable(QUESTIONS["add_"])
    zero = tracer.graph.const(0.0)
    return tracer.symbol("select", tracer.graph.put("le", x.node, zero), zero, x.node)  # not x > 0: NaN passes through


def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    tracer = _reals("clamp", *(v for v in (x, min, max) if v is not None))
    if not isinstance(x, Symbol) or (min is None and max is None):
        raise Untraceable("clamp without a bound, or of a number")
    if len({isinstance(bound, Tensor) for bound in (min, max) if bound is not None}) > 1:
        raise Untraceable("clamp between a number and a tensor")
    if any(isinstance(bound, float) and math.isnan(bound) for bound in (min, max)):
        raise Untraceable("clamp at NaN")
    low, high = (None if bound is None else lift(tracer, bound) for bound in (min, max))
    if low is not None and high is not None and isinstance(min, Tensor):
        # a lower bound that is not the lower one takes no gradient
        put = tracer.graph.put
        low = put("select", put("lt", low, high), low, put("detach", low))
    x = x if low is None else tracer.symbol("clamp_min", x.node, low)
    return x if high is None else tracer.symbol("clamp_max", x.node, high)


def _spike(x: Any, surrogate: Any) -> Symbol:
    tracer = _reals("spike", x)
    return tracer.symbol("spike", x.node, lift(tracer, surrogate.derivative(x)))


def _switch(z: Any, on: Any, off: Any) -> Symbol:
    tracer = _reals("switch", z, on, off)
    return tracer.symbol("switch", *(lift(tracer, v) for v in (z, on, off)))


def _substitute(value: Any, through: Any) -> Symbol:
    tracer = _reals("substitute", value, through)
    return tracer.symbol("substitute", lift(tracer, value), lift(tracer, through))


def _like(name: str, number: float | None = None) -> Callable[..., Symbol]:
    """A number in the type of x: the one given, or the second argument."""

    def rule(x: Any, value: Any = number, *, dtype: Any = None, device: Any = None) -> Symbol:
        tracer = _reals(name, x)
        if dtype not in (None, tracer.dtype) or isinstance(value, Symbol):
            raise Untraceable(f"{name} in another type, or of a value that is no number")
        return Symbol(tracer, lift(tracer, value))

    return rule


def _noise(kind: str) -> Callable[..., Symbol]:
    return lambda like, key, stream: like.tracer.symbol("noise", tag=f"{kind}:{stream}")


def _same(x: Any, **kwargs: Any) -> Symbol:
    """The value itself, mask or number."""
    if kwargs.keys() - {"memory_format"}:
        raise Untraceable(f"clone with {', '.join(kwargs)}")
    return Symbol(x.tracer, x.node)


def _detach(x: Any) -> Symbol:
    return _same(x) if x.boolean else x.tracer.symbol("detach", x.node)


def _to(x: Any, *args: Any, dtype: Any = None, device: Any = None, **kwargs: Any) -> Symbol:
    """A mask as a number, or a value in the type that it has; a kernel computes in one type, on one device."""
    like = [a for a in args if isinstance(a, Symbol)]
    dtypes = [a for a in (*args, dtype) if isinstance(a, torch.dtype)] + [_kind(x.tracer, a) for a in like]
    devices = [torch.device(a) for a in (*args, device) if isinstance(a, (str, torch.device))]
    known = len(dtypes) + len(devices) - len(like) + sum(a is None for a in args)
    if known + len(like) < len(args) or kwargs.keys() - {"non_blocking", "copy", "memory_format"}:
        raise Untraceable("a conversion of this kind")
    if any(d.type != x.tracer.device.type for d in devices):
        raise Untraceable("a change of device")
    return _cast(x, dtypes[-1]) if dtypes else _same(x)


def _cast(x: Any, dtype: torch.dtype) -> Symbol:
    if dtype == _kind(x.tracer, x):
        return _same(x)
    if dtype != x.tracer.dtype:
        raise Untraceable(f"a change of dtype to {dtype} (kernels compute in the type of the state, {x.tracer.dtype})")
    return Symbol(x.tracer, lift(x.tracer, x))


def _flipped(op: str) -> Callable[..., Symbol]:
    return lambda a, b, **k: _binary(op, b, a, **k)


UNARY = ("neg", "abs", "exp", "expm1", "log", "tanh", "sigmoid", "sqrt", "sin", "cos", "floor")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
RULES: dict[str, Callable[..., Any]] = {
    **{op: (lambda x, op=op: _unary(op, x)) for op in UNARY},
    **{op: (lambda a, b, op=op, **k: _binary(op, a, b, **k)) for op in ("add", "sub", "mul", "div")},
    **{f"r{op}": _flipped(op) for op in ("add", "sub", "mul", "div")},
    **{op: (lambda a, b, op=op: _binary(op, a, b)) for op in ("maximum", "minimum")},
    **{op: (lambda a, b, op=op: _comparison(op, a, b)) for op in COMPARISONS},
    "true_divide": lambda a, b: _binary("div", a, b),
    "truediv": lambda a, b: _binary("div", a, b),
    "rtruediv": _flipped("div"),
    "divide": lambda a, b: _binary("div", a, b),
    "multiply": lambda a, b: _binary("mul", a, b),
    "negative": lambda x: _unary("neg", x),
    "positive": lambda x: Symbol(_reals("positive", x), x.node),
    "absolute": lambda x: _unary("abs", x),
    "max": lambda a, b: _between("maximum", a, b),
    "min": lambda a, b: _between("minimum", a, b),
    "square": lambda x: _power(x, 2),
    "reciprocal": lambda x: _binary("div", 1.0, x) if _reals("reciprocal", x) else x,
    "rsqrt": lambda x: _binary("div", 1.0, _unary("sqrt", x)),
    "pow": _power,
    **dict.fromkeys(("and", "logical_and", "bitwise_and"), lambda a, b: _logical("and", a, b)),
    **dict.fromkeys(("or", "logical_or", "bitwise_or"), lambda a, b: _logical("or", a, b)),
    **dict.fromkeys(("xor", "logical_xor", "bitwise_xor"), _different),
    **dict.fromkeys(("invert", "logical_not", "bitwise_not"), lambda a: _logical("not", a)),
    "where": _where,
    "relu": _relu,
    **dict.fromkeys(("clamp", "clip"), _clamp),
    "clamp_min": lambda x, min: _clamp(x, min=min),
    "clamp_max": lambda x, max: _clamp(x, max=max),
    "zeros_like": _like("zeros_like", 0.0),
    "ones_like": _like("ones_like", 1.0),
    "full_like": _like("full_like"),
    "detach": _detach,
    "clone": _same,
    "to": _to,
    "type_as": lambda x, other: _cast(x, _kind(x.tracer, other)),
    "float": lambda x: _cast(x, torch.float32),
    "double": lambda x: _cast(x, torch.float64),
    "spike": _spike,
    "switch": _switch,
    "substitute": _substitute,
    **{kind: _noise(kind) for kind in ("normal", "uniform")},
    "Tensor.dtype": lambda x: _kind(x.tracer, x),
    "Tensor.device": lambda x: x.tracer.device,
    "is_floating_point": lambda x: not x.boolean,
    "isnan": lambda x: _comparison("ne", x, x),
    "isfinite": lambda x: _comparison("lt", _unary("abs", x), math.inf),
}
