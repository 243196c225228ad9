"""The vector-Jacobian product of a step, as more nodes of the same graph: reverse accumulation by rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rheobase.engine.graph.graph import Graph

# a rule gives, for the gradient g of node y = op(*args), the gradient of each argument (None: no gradient)
Rule = Callable[..., tuple[int | None, ...]]


def adjoint(graph: Graph, seeds: Iterable[tuple[int, int]], targets: Iterable[int]) -> dict[int, int]:
    """Add the nodes that carry gradients back from the seeds `(node, gradient)` to the targets.

    Returns the gradient node of every target that is reached; one that is not has gradient zero.
    """
    targets = list(targets)
    active = graph.depends(targets)
    gradient: dict[int, int] = {}

    def accumulate(node: int, g: int) -> None:
        gradient[node] = graph.put("add", gradient[node], g) if node in gradient else g

    for node, g in seeds:
        if node in active:
            accumulate(node, g)
    stop = set(targets)
    for node in range(max(gradient, default=-1), -1, -1):
        if node not in gradient or node in stop:
            continue
        op, args, _ = graph.nodes[node]
        rule = RULES.get(op)
        if rule is None:
            continue
        for arg, g in zip(args, rule(graph, gradient[node], node, *args), strict=True):
            if g is not None and arg in active:
                accumulate(arg, g)
    return {target: gradient[target] for target in targets if target in gradient}


def _select(graph: Graph, g: int, y: int, mask: int, a: int, b: int) -> tuple[int | None, ...]:
    zero = graph.const(0.0)
    return None, graph.put("select", mask, g, zero), graph.put("select", mask, zero, g)


def _extreme(beyond: str, loser: str) -> Rule:
    """maximum and minimum: half the gradient to each of two equal arguments, all of it to each where one is NaN."""

    def rule(graph: Graph, g: int, y: int, a: int, b: int) -> tuple[int | None, ...]:
        zero, half = graph.const(0.0), graph.put("mul", graph.const(0.5), g)
        shared = graph.put("select", graph.put("eq", a, b), half, g)
        lost = graph.put(loser, a, b), graph.put(beyond, a, b)
        return tuple(graph.put("select", mask, zero, shared) for mask in lost)

    return rule


def _clamped(inside: str, outside: str) -> Rule:
    """A bound takes the gradient of what it cuts."""

    def rule(graph: Graph, g: int, y: int, x: int, bound: int) -> tuple[int | None, ...]:
        zero = graph.const(0.0)
        return tuple(graph.put("select", graph.put(order, x, bound), g, zero) for order in (inside, outside))

    return rule


def _power(graph: Graph, g: int, y: int, x: int) -> tuple[int | None, ...]:
    exponent = float(graph.nodes[y].tag)  # type: ignore[arg-type]
    slope = graph.put("mul", graph.const(exponent), graph.put(graph.nodes[y].op, x, tag=exponent - 1.0))
    return (graph.put("mul", g, slope),)


def _switch(graph: Graph, g: int, y: int, z: int, on: int, off: int) -> tuple[int | None, ...]:
    put = graph.put
    return (
        put("mul", g, put("sub", on, off)),
        put("mul", g, z),
        put("mul", g, put("sub", graph.const(1.0), z)),
    )


def _abs(graph: Graph, g: int, y: int, x: int) -> tuple[int | None, ...]:
    zero = graph.const(0.0)
    below = graph.put("select", graph.put("lt", x, zero), graph.put("neg", g), zero)
    return (graph.put("select", graph.put("gt", x, zero), g, below),)


def _div(graph: Graph, g: int, y: int, a: int, b: int) -> tuple[int | None, ...]:
    put = graph.put
    if graph.value(a) == 1.0:  # a reciprocal, without another division
        return None, put("neg", put("mul", put("mul", g, y), y))
    over = put("div", g, b)
    return over, put("neg", put("mul", over, y))


def _unary(slope: Callable[[Graph, int, int], int]) -> Rule:
    """`slope(graph, y, x)` is dy/dx."""
    return lambda graph, g, y, x: (graph.put("mul", g, slope(graph, y, x)),)


def _one_minus(graph: Graph, x: int) -> int:
    return graph.put("sub", graph.const(1.0), x)


RULES: Mapping[str, Rule] = {
    "add": lambda graph, g, y, a, b: (g, g),
    "sub": lambda graph, g, y, a, b: (g, graph.put("neg", g)),
    "mul": lambda graph, g, y, a, b: (graph.put("mul", g, b), graph.put("mul", g, a)),
    "div": _div,
    "neg": lambda graph, g, y, x: (graph.put("neg", g),),
    "abs": _abs,
    "exp": _unary(lambda graph, y, x: y),
    "expm1": _unary(lambda graph, y, x: graph.put("add", y, graph.const(1.0))),
    "log": lambda graph, g, y, x: (graph.put("div", g, x),),
    "sqrt": lambda graph, g, y, x: (graph.put("div", graph.put("mul", graph.const(0.5), g), y),),
    "tanh": _unary(lambda graph, y, x: _one_minus(graph, graph.put("mul", y, y))),
    "sigmoid": _unary(lambda graph, y, x: graph.put("mul", y, _one_minus(graph, y))),
    "sin": _unary(lambda graph, y, x: graph.put("cos", x)),
    "cos": _unary(lambda graph, y, x: graph.put("neg", graph.put("sin", x))),
    "maximum": _extreme("gt", "lt"),
    "minimum": _extreme("lt", "gt"),
    "clamp_min": _clamped("ge", "lt"),
    "clamp_max": _clamped("le", "gt"),
    "power": _power,
    "pow": _power,
    "select": _select,
    "spike": lambda graph, g, y, x, derivative: (graph.put("mul", g, derivative), None),
    "switch": _switch,
    "substitute": lambda graph, g, y, value, through: (None, g),
}
