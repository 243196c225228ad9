"""Equations in, graph out: a neuron's step is run once on symbols that write down what is done to them.

Symbols take part in torch functions through `__torch_function__`, so the equations are the very lines that
the reference loop runs. An operation without a rule raises `Untraceable`, which names it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rheobase.core.neuron import Bound, Neuron
from rheobase.engine.graph import BOOLEAN, Graph
from rheobase.engine.program import Program


class Untraceable(Exception):
    """The equations use an operation that the engine has no rule for."""


class Sym:
    """A node of a graph that behaves like a tensor. `dtype`, `device` and `shape` tell nothing on purpose."""

    dtype = "symbolic"
    device = "symbolic"
    __array_priority__ = 1000

    def __init__(self, graph: Graph, node: int):
        self.graph, self.node = graph, node

    @property
    def boolean(self) -> bool:
        return self.graph.nodes[self.node].op in BOOLEAN

    def __bool__(self) -> bool:
        raise Untraceable("a branch on a value (use torch.where)")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = RULES.get(name)
        if method is None:
            raise Untraceable(f"Tensor.{name}")
        return lambda *args, **kwargs: method(self, *args, **kwargs)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", str(func))
        rule = RULES.get(name.strip("_") if name.startswith("__") else name)
        if rule is None:
            raise Untraceable(f"torch.{name}")
        return rule(*args, **(kwargs or {}))

    def __add__(self, o: Any) -> Sym:
        return _binary("add", self, o)

    def __radd__(self, o: Any) -> Sym:
        return _binary("add", o, self)

    def __sub__(self, o: Any) -> Sym:
        return _binary("sub", self, o)

    def __rsub__(self, o: Any) -> Sym:
        return _binary("sub", o, self)

    def __mul__(self, o: Any) -> Sym:
        return _binary("mul", self, o)

    def __rmul__(self, o: Any) -> Sym:
        return _binary("mul", o, self)

    def __truediv__(self, o: Any) -> Sym:
        return _binary("div", self, o)

    def __rtruediv__(self, o: Any) -> Sym:
        return _binary("div", o, self)

    def __pow__(self, o: Any) -> Sym:
        return _power(self, o)

    def __neg__(self) -> Sym:
        return _unary("neg", self)

    def __abs__(self) -> Sym:
        return _unary("abs", self)

    def __lt__(self, o: Any) -> Sym:
        return _binary("lt", self, o)

    def __le__(self, o: Any) -> Sym:
        return _binary("le", self, o)

    def __gt__(self, o: Any) -> Sym:
        return _binary("gt", self, o)

    def __ge__(self, o: Any) -> Sym:
        return _binary("ge", self, o)

    def __eq__(self, o: Any) -> Any:
        return _binary("eq", self, o)

    def __ne__(self, o: Any) -> Any:
        return _binary("ne", self, o)

    def __and__(self, o: Any) -> Sym:
        return _logical("and", self, o)

    def __or__(self, o: Any) -> Sym:
        return _logical("or", self, o)

    def __invert__(self) -> Sym:
        return _logical("not", self)

    __hash__ = None  # type: ignore[assignment]


def _graph_of(*values: Any) -> Graph:
    return next(v.graph for v in values if isinstance(v, Sym))


def _lift(graph: Graph, value: Any) -> int:
    """The node of a number, a symbol, or a mask used as a number."""
    if isinstance(value, Sym):
        return graph.put("float", value.node) if value.boolean else value.node
    if isinstance(value, Tensor):
        if value.dim() != 0:
            raise Untraceable(f"a constant tensor of shape {tuple(value.shape)} (declare it as a param)")
        value = value.detach().item()
    if not isinstance(value, (int, float)):
        raise Untraceable(f"a value of type {type(value).__name__}")
    return graph.const(float(value))


def _unary(op: str, x: Any) -> Sym:
    return Sym(x.graph, x.graph.put(op, _lift(x.graph, x)))


def _binary(op: str, a: Any, b: Any, *, alpha: float = 1) -> Sym:
    graph = _graph_of(a, b)
    right = _lift(graph, b)
    if alpha != 1:
        right = graph.put("mul", graph.const(float(alpha)), right)
    return Sym(graph, graph.put(op, _lift(graph, a), right))


def _logical(op: str, *masks: Any) -> Sym:
    if not all(isinstance(m, Sym) and m.boolean for m in masks):
        raise Untraceable(f"logical {op} of values that are not masks")
    graph = _graph_of(*masks)
    return Sym(graph, graph.put(op, *(m.node for m in masks)))


def _power(x: Any, exponent: Any) -> Sym:
    """Whole powers up to 64 as products, in the order of torch for 2 and 3; 0.5 as the square root."""
    if not isinstance(exponent, (int, float)) or not isinstance(x, Sym):
        raise Untraceable("a power whose exponent is not a number")
    if exponent == 0.5:
        return _unary("sqrt", x)
    if exponent != int(exponent) or not 1 <= abs(exponent) <= 64:
        raise Untraceable(f"a power of {exponent}")
    n, square, result = int(abs(exponent)), x, None
    while n:
        if n & 1:
            result = square if result is None else result * square
        n >>= 1
        if n:
            square = square * square
    return 1.0 / result if exponent < 0 else result  # type: ignore[operator]


def _where(mask: Any, a: Any, b: Any) -> Sym:
    if not isinstance(mask, Sym) or not mask.boolean:
        raise Untraceable("torch.where on something that is not a comparison of symbols")
    graph = mask.graph
    return Sym(graph, graph.put("select", mask.node, _lift(graph, a), _lift(graph, b)))


def _relu(x: Sym) -> Sym:
    return _where(x <= 0.0, 0.0, x)  # not x > 0: NaN passes through


def _clamp(x: Sym, min: Any = None, max: Any = None) -> Sym:
    if min is not None:
        x = _where(x < min, min, x)
    return x if max is None else _where(x > max, max, x)


def _spike(x: Sym, surrogate: Any) -> Sym:
    derivative = surrogate.derivative(x)
    return Sym(x.graph, x.graph.put("spike", x.node, _lift(x.graph, derivative)))


def _switch(z: Any, on: Any, off: Any) -> Sym:
    graph = _graph_of(z, on, off)
    return Sym(graph, graph.put("switch", *(_lift(graph, v) for v in (z, on, off))))


def _substitute(value: Any, through: Any) -> Sym:
    graph = _graph_of(value, through)
    return Sym(graph, graph.put("substitute", _lift(graph, value), _lift(graph, through)))


def _like(number: float) -> Callable[..., Sym]:
    return lambda x, **kwargs: Sym(x.graph, x.graph.const(number))


def _noise(kind: str) -> Callable[..., Sym]:
    return lambda like, seed, step, stream: Sym(like.graph, like.graph.put("noise", tag=f"{kind}:{stream}"))


def _identity(x: Sym, *args: Any, **kwargs: Any) -> Sym:
    return Sym(x.graph, _lift(x.graph, x))


def _cast(x: Sym, *args: Any, **kwargs: Any) -> Sym:
    """A mask as a number, or a value in the type it has; a kernel computes in one type."""
    if not x.boolean and any(isinstance(a, torch.dtype) for a in (*args, *kwargs.values())):
        raise Untraceable("a change of dtype (kernels compute in the type of the state)")
    return _identity(x)


def _full_like(x: Sym, value: Any, **kwargs: Any) -> Sym:
    return Sym(x.graph, _lift(x.graph, value))


RULES: dict[str, Callable[..., Any]] = {
    **{op: (lambda x, op=op: _unary(op, x)) for op in ("neg", "abs", "exp", "expm1", "log", "tanh", "sigmoid", "sqrt")},
    **{op: (lambda x, op=op: _unary(op, x)) for op in ("sin", "cos", "floor", "detach")},
    **{op: (lambda a, b, op=op, **k: _binary(op, a, b, **k)) for op in ("add", "sub", "mul", "div")},
    **{
        op: (lambda a, b, op=op: _binary(op, a, b)) for op in ("maximum", "minimum", "lt", "le", "gt", "ge", "eq", "ne")
    },
    "true_divide": lambda a, b: _binary("div", a, b),
    "truediv": lambda a, b: _binary("div", a, b),
    "rtruediv": lambda a, b: _binary("div", b, a),
    "rdiv": lambda a, b: _binary("div", b, a),
    "rsub": lambda a, b, **k: _binary("sub", b, a, **k),
    "radd": lambda a, b: _binary("add", b, a),
    "rmul": lambda a, b: _binary("mul", b, a),
    "multiply": lambda a, b: _binary("mul", a, b),
    "negative": lambda x: _unary("neg", x),
    "absolute": lambda x: _unary("abs", x),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
    "rsqrt": lambda x: 1.0 / _unary("sqrt", x),
    "pow": _power,
    "logical_and": lambda a, b: _logical("and", a, b),
    "logical_or": lambda a, b: _logical("or", a, b),
    "logical_not": lambda a: _logical("not", a),
    "where": _where,
    "relu": _relu,
    "clamp": _clamp,
    "clip": _clamp,
    "clamp_min": lambda x, low: _clamp(x, min=low),
    "clamp_max": lambda x, high: _clamp(x, max=high),
    "zeros_like": _like(0.0),
    "ones_like": _like(1.0),
    "full_like": _full_like,
    "to": _cast,
    "type_as": _identity,
    "float": lambda x: _cast(x, torch.float32),
    "double": lambda x: _cast(x, torch.float64),
    "clone": _identity,
    "spike": _spike,
    "switch": _switch,
    "substitute": _substitute,
    **{kind: _noise(kind) for kind in ("normal", "uniform")},
}


def trace(neuron: Neuron, record: tuple[str, ...] = ()) -> Program:
    """The program of one step of the neuron, with the states in `record` among its results.

    Raises `Untraceable` for an operation without a rule.
    """
    graph = Graph()
    names = tuple(name for name in neuron.State._fields if name != "step")
    params = tuple(neuron.params)
    held = {name: Sym(graph, graph.put("state", tag=name)) for name in names}
    if "step" in neuron.State._fields:
        held["step"] = Sym(graph, graph.const(0.0))
    values = {name: Sym(graph, graph.put("param", tag=name)) for name in params}
    bound = Bound(neuron, values, Sym(graph, graph.put("dt")) if neuron.dt is not None else None)
    try:
        # not under no_grad: torch.export, where it traces a neuron for the first time, would write that down
        z, post, pre = bound.transition(neuron.State(**held), Sym(graph, graph.put("input")))
    except TypeError as error:
        # indexing, functions of Python's math module, keywords that a rule does not know
        raise Untraceable(f"something that tensors do and symbols do not ({error})") from None

    def node(s: Any, name: str) -> int:
        return _lift(graph, getattr(s, name))

    named = [r.partition(".") for r in record]
    traces = tuple(node(pre if when else post, field) for field, _, when in named)
    traced = tuple(field for field, _, _ in named)
    return Program(graph, names, params, _lift(graph, z), tuple(node(post, name) for name in names), traces, traced)
