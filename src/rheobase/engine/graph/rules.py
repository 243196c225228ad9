"""What each operation of torch makes of symbols: nodes of the graph, or a refusal that says why.

A kernel computes in one type, and a rule gives what torch gives in that type: real numbers, or whole ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rheobase.engine.graph.symbols import (
    QUESTIONS,
    Rules,
    Symbol,
    Tracer,
    Untraceable,
    is_mask,
    kind_of,
    lift,
    number_of,
    reals,
    tracer_of,
)


def tracer(dtype: torch.dtype, device: torch.device) -> Tracer:
    """A new graph to trace equations into, by these rules."""
    return Tracer(RULES, dtype, device)


def _unary(op: str, x: Any) -> Symbol:
    tracer = reals(op, x)
    return tracer.symbol(op, lift(tracer, x))


def _typed(op: str, a: Any, b: Any) -> Tracer:
    """Raise where torch refuses the pair, or makes something of another type than the step's."""
    tracer = tracer_of(a, b)
    masks = is_mask(a), is_mask(b)
    if op == "sub" and torch.bool in (kind_of(tracer, a), kind_of(tracer, b)):
        raise Untraceable("a subtraction with a truth value, which torch refuses")
    for mask, other in zip(masks, (b, a), strict=True):
        if mask and not isinstance(other, Symbol):
            kind = other.dtype if isinstance(other, Tensor) else tracer.plain if isinstance(other, float) else None
            if kind != tracer.dtype:
                given = "a whole number" if kind is None else f"a number in {kind}"
                raise Untraceable(f"{op} of a mask and {given} (use torch.where, or .to(v.dtype))")
    return tracer


def _binary(op: str, a: Any, b: Any, *, alpha: float = 1, out: None = None) -> Symbol:
    if is_mask(a) and is_mask(b):
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
    tracer = tracer_of(a, b)
    if is_mask(a) or is_mask(b):
        raise Untraceable(f"{op} of a mask (use &, | and ~)")
    return tracer.symbol(op, lift(tracer, a), lift(tracer, b))


def _logical(op: str, *masks: Any) -> Symbol:
    if not all(map(is_mask, masks)):
        raise Untraceable(f"logical {op} of values that are not masks")
    return tracer_of(*masks).symbol(op, *(m.node for m in masks))


def _bitwise(op: str, *values: Any) -> Symbol:
    """Of masks, as truth values; of whole numbers, bit by bit."""
    tracer = tracer_of(*values)
    if not tracer.whole or any(map(is_mask, values)):
        return _different(*values) if op == "xor" else _logical(op, *values)
    return tracer.symbol(f"bitwise_{op}", *(lift(tracer, value) for value in values))


def _saturating(op: str, a: Any, b: Any) -> Symbol:
    if not (isinstance(a, Symbol) and isinstance(b, Symbol)):
        raise Untraceable(f"{op} of a number")
    tracer = reals(op, a, b)
    if not tracer.whole:
        raise Untraceable(f"{op} of real numbers")
    return tracer.symbol(op, a.node, b.node)


def _shift(op: str, x: Any, places: Any) -> Symbol:
    tracer = reals(op, x)
    if not tracer.whole or not isinstance(x, Symbol) or not isinstance(places, int):
        raise Untraceable(f"{op} of real numbers, or by a number of places that is not fixed")
    if not 0 <= places < torch.iinfo(tracer.dtype).bits:
        raise Untraceable(f"{op} by {places} places of {tracer.dtype}")
    return tracer.symbol(op, x.node, tag=float(places))


def _different(a: Any, b: Any) -> Symbol:
    return _logical("and", _logical("or", a, b), _logical("not", _logical("and", a, b)))


def _power(x: Any, exponent: Any) -> Any:
    """Powers up to 64: whole ones as products, 0.5 as the square root, any other number as `pow`."""
    if not isinstance(x, Symbol):
        raise Untraceable("a power whose exponent is not a number")
    tracer = reals("a power", x)
    exponent = number_of(tracer, exponent)
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
    if not is_mask(mask):
        raise Untraceable("torch.where on something that is not a comparison of symbols")
    tracer = mask.tracer
    if is_mask(a) and is_mask(b):
        return _logical("or", _logical("and", mask, a), _logical("and", _logical("not", mask), b))
    if not any(isinstance(x, Symbol) and not x.boolean for x in (a, b)):
        kinds = {kind_of(tracer, x) for x in (a, b)} - {torch.bool, torch.int64}
        if kinds != {tracer.dtype}:
            raise Untraceable("torch.where between numbers, of which torch makes another type than the step's")
    return tracer.symbol("select", mask.node, lift(tracer, a), lift(tracer, b))


def _relu(x: Any, inplace: bool = False) -> Symbol:
    tracer = reals("relu", x)
    if inplace:
        raise Untraceable(QUESTIONS["add_"])
    zero = tracer.graph.const(0.0)
    return tracer.symbol("select", tracer.graph.put("le", x.node, zero), zero, x.node)  # not x > 0: NaN passes through


def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    tracer = reals("clamp", *(v for v in (x, min, max) if v is not None))
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
    tracer = reals("spike", x)
    return tracer.symbol("spike", x.node, lift(tracer, surrogate.derivative(x)))


def _switch(z: Any, on: Any, off: Any) -> Symbol:
    tracer = reals("switch", z, on, off)
    return tracer.symbol("switch", *(lift(tracer, v) for v in (z, on, off)))


def _substitute(value: Any, through: Any) -> Symbol:
    tracer = reals("substitute", value, through)
    return tracer.symbol("substitute", lift(tracer, value), lift(tracer, through))


def _like(name: str, number: int | None = None) -> Callable[..., Symbol]:
    """A number in the type of x: the one given, or the second argument."""

    def rule(x: Any, value: Any = number, *, dtype: Any = None, device: Any = None) -> Symbol:
        tracer = reals(name, x)
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
    dtypes = [a for a in (*args, dtype) if isinstance(a, torch.dtype)] + [kind_of(x.tracer, a) for a in like]
    devices = [torch.device(a) for a in (*args, device) if isinstance(a, (str, torch.device))]
    known = len(dtypes) + len(devices) - len(like) + sum(a is None for a in args)
    if known + len(like) < len(args) or kwargs.keys() - {"non_blocking", "copy", "memory_format"}:
        raise Untraceable("a conversion of this kind")
    if any(d.type != x.tracer.device.type for d in devices):
        raise Untraceable("a change of device")
    return _cast(x, dtypes[-1]) if dtypes else _same(x)


def _cast(x: Any, dtype: torch.dtype) -> Symbol:
    if dtype == kind_of(x.tracer, x):
        return _same(x)
    if dtype != x.tracer.dtype:
        raise Untraceable(f"a change of dtype to {dtype} (kernels compute in the type of the state, {x.tracer.dtype})")
    return Symbol(x.tracer, lift(x.tracer, x))


def _flipped(op: str) -> Callable[..., Symbol]:
    return lambda a, b, **k: _binary(op, b, a, **k)


UNARY = ("neg", "abs", "exp", "expm1", "log", "tanh", "sigmoid", "sqrt", "sin", "cos", "floor")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
RULES: Rules = {
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
    "positive": lambda x: Symbol(reals("positive", x), x.node),
    "absolute": lambda x: _unary("abs", x),
    "max": lambda a, b: _between("maximum", a, b),
    "min": lambda a, b: _between("minimum", a, b),
    "square": lambda x: _power(x, 2),
    "reciprocal": lambda x: _binary("div", 1.0, x) if reals("reciprocal", x) else x,
    "rsqrt": lambda x: _binary("div", 1.0, _unary("sqrt", x)),
    "pow": _power,
    **{f"logical_{op}": (lambda *masks, op=op: _logical(op, *masks)) for op in ("and", "or", "not")},
    "logical_xor": _different,
    **{op: (lambda a, b, op=op: _bitwise(op, a, b)) for op in ("and", "or", "xor")},
    **{f"bitwise_{op}": (lambda *values, op=op: _bitwise(op, *values)) for op in ("and", "or", "xor", "not")},
    **{f"r{op}": (lambda a, b, op=op: _bitwise(op, b, a)) for op in ("and", "or", "xor")},
    "invert": lambda x: _bitwise("not", x),
    **dict.fromkeys(("lshift", "bitwise_left_shift"), lambda x, places: _shift("left_shift", x, places)),
    **dict.fromkeys(("rshift", "bitwise_right_shift"), lambda x, places: _shift("right_shift", x, places)),
    **{op: (lambda a, b, op=op: _saturating(op, a, b)) for op in ("saturating_add", "saturating_sub")},
    "where": _where,
    "relu": _relu,
    **dict.fromkeys(("clamp", "clip"), _clamp),
    "clamp_min": lambda x, min: _clamp(x, min=min),
    "clamp_max": lambda x, max: _clamp(x, max=max),
    "zeros_like": _like("zeros_like", 0),
    "ones_like": _like("ones_like", 1),
    "full_like": _like("full_like"),
    "detach": _detach,
    "clone": _same,
    "to": _to,
    "type_as": lambda x, other: _cast(x, kind_of(x.tracer, other)),
    "float": lambda x: _cast(x, torch.float32),
    "double": lambda x: _cast(x, torch.float64),
    "spike": _spike,
    "switch": _switch,
    "substitute": _substitute,
    **{kind: _noise(kind) for kind in ("normal", "uniform")},
    "Tensor.dtype": lambda x: kind_of(x.tracer, x),
    "Tensor.device": lambda x: x.tracer.device,
    "is_floating_point": lambda x: not (x.boolean or x.tracer.whole),
    "isnan": lambda x: _comparison("ne", x, x),
    "isfinite": lambda x: _comparison("lt", _unary("abs", x), math.inf),
}
