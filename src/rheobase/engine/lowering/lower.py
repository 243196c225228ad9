"""Lowers one node of a graph to the operations of a writer over vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rheobase.engine.graph.graph import Graph, whole_power
from rheobase.engine.lowering.vector_math import FUNCTIONS, fraction_power
from rheobase.engine.lowering.vectors import Value, Vectors

# LLVM's ordered predicates are false for NaN, as are torch's comparisons; "ne" is true for NaN
BEYOND = {"clamp_min": "olt", "clamp_max": "ogt"}
SHIFTS = {"left_shift": "shl", "right_shift": "ashr"}
PREDICATES = {"lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge", "eq": "oeq", "ne": "une"}


def lower(w: Vectors, graph: Graph, node: int, values: Mapping[int, Value]) -> Value:
    """Write one node, given the values of its arguments; returns its value, which is a mask for a boolean node."""
    op, _, tag = graph.nodes[node]
    if op == "const":
        return w.const(float(tag))  # type: ignore[arg-type]
    x = [values[a] for a in graph.used(node)]
    if op == "power":
        return w.div(w.const(1.0), whole_power(w.mul, x[0], int(-float(tag))))  # type: ignore[arg-type]
    if op == "pow":
        return _pow(w, x[0], float(tag))  # type: ignore[arg-type]
    if op in BEYOND:
        beyond = w.cmp(BEYOND[op], x[0], x[1])
        # of a bound that is not a number, the result is none either
        known = graph.value(graph.nodes[node].args[1]) is not None
        return w.select(beyond if known else w.mor(beyond, w.cmp("uno", x[1], x[1])), x[1], x[0])
    if op in PREDICATES:
        return w.cmp(PREDICATES[op], x[0], x[1])
    if op in SHIFTS:
        return w.iop(SHIFTS[op], x[0], w.iconst(int(float(tag))))  # type: ignore[arg-type]
    if op in FUNCTIONS:
        return FUNCTIONS[op](w, x[0])
    return INSTRUCTIONS[op](w, *x)


def _pow(w: Vectors, x: Value, exponent: float) -> Value:
    """x to a power that is not whole: the products of its whole part, times x to the rest."""
    size = abs(exponent)
    found = fraction_power(w, x, size - int(size))
    if size > 1:
        found = w.mul(whole_power(w.mul, w.unary("fabs", x), int(size)), found)
    return found if exponent > 0 else w.div(w.const(1.0), found)


def whole(w: Vectors, x: Value, least: int, most: int) -> Value:
    """The whole number nearest to x, of two the even one, from `least` to `most`; of NaN, 0. It is still a float."""
    digits = 23 if w.bits == 32 else 52
    # beyond 2^digits every float is whole; below, adding and taking off 1.5 times that much rounds
    big = w.const(1.5 * 2.0**digits)
    rounded = w.sub(w.add(x, big), big)
    x = w.select(w.cmp("olt", w.unary("fabs", x), w.const(2.0 ** (digits - 1))), rounded, x)
    x = w.select(w.cmp("uno", x, x), w.const(0.0), x)
    low, high = float(least), float(most) if w.bits == 64 or most < 2**24 else 2.0**31 - 2.0**7
    x = w.select(w.cmp("olt", x, w.const(low)), w.const(low), x)
    return w.select(w.cmp("ogt", x, w.const(high)), w.const(high), x)


def within(w: Vectors, x: Value, least: int, most: int) -> Value:
    """A whole number of a kernel of whole numbers, from `least` to `most` where its type has numbers beyond them."""
    top = 2 ** (w.bits - 1)
    x = x if least <= -top else w.select(w.cmp("olt", x, w.const(least)), w.const(least), x)
    return x if most >= top - 1 else w.select(w.cmp("ogt", x, w.const(most)), w.const(most), x)


def _spike(w: Vectors, x: Value) -> Value:
    return w.select(w.cmp("oge", x, w.const(0.0)), w.const(1.0), w.const(0.0))


INSTRUCTIONS: Mapping[str, Callable[..., Value]] = {
    "add": lambda w, a, b: w.add(a, b),
    "sub": lambda w, a, b: w.sub(a, b),
    "mul": lambda w, a, b: w.mul(a, b),
    "div": lambda w, a, b: w.div(a, b),
    "fma": lambda w, a, b, c: w.fma(a, b, c),
    "neg": lambda w, x: w.neg(x),
    "abs": lambda w, x: w.unary("fabs", x),
    "sqrt": lambda w, x: w.unary("sqrt", x),
    "floor": lambda w, x: w.unary("floor", x),
    "maximum": lambda w, a, b: w.maximum(a, b),
    "minimum": lambda w, a, b: w.minimum(a, b),
    "and": lambda w, a, b: w.mand(a, b),
    "or": lambda w, a, b: w.mor(a, b),
    "not": lambda w, a: w.mnot(a),
    "float": lambda w, a: w.select(a, w.const(1.0), w.const(0.0)),
    "select": lambda w, m, a, b: w.select(m, a, b),
    "spike": _spike,
    "switch": lambda w, z, on, off: w.select(w.cmp("une", z, w.const(0.0)), on, off),
    "substitute": lambda w, value: value,
    "detach": lambda w, x: x,
    **{f"bitwise_{op}": (lambda w, a, b, op=op: w.iop(op, a, b)) for op in ("and", "or", "xor")},
    "bitwise_not": lambda w, x: w.iop("xor", x, w.iconst(-1)),
    "saturating_add": lambda w, a, b: w.saturating("add", a, b),
    "saturating_sub": lambda w, a, b: w.saturating("sub", a, b),
}
