"""The operations in one step of a neuron, counted in the graph that the engine traces of it."""

from __future__ import annotations

from typing import NamedTuple

from rheobase.core.neuron import Neuron
from rheobase.engine.graph.trace import Untraceable, trace
from rheobase.errors import ParameterError

SUMS = frozenset({"add", "sub"})
PRODUCTS = frozenset({"mul", "div"})
FUNCTIONS = frozenset({"exp", "expm1", "log", "tanh", "sigmoid", "sqrt", "sin", "cos", "pow"})


class Update(NamedTuple):
    """The numbers of operations in one step of one neuron; a division counts as a product."""

    products: int
    functions: int
    sums: int


def update(neuron: Neuron) -> Update:
    """The multiplications, functions and sums in one step of a neuron.

    What depends on parameters and dt alone (a decay exp(-dt / tau), say) is computed once and not counted; neither are
    comparisons and the selection of values by a spike.

    Raises: `ParameterError` for a neuron with an operation that the engine has no rule for.

    >>> from rheobase.neurons import LIF, SRC
    >>> update(LIF(1, dt=1.0)), update(SRC(1)).functions
    (Update(products=1, functions=0, sums=4), 3)
    """
    try:
        program = trace(neuron, ())
    except Untraceable as reason:
        given = f"an operation without a rule ({reason})"
        raise ParameterError(
            f"update of {neuron!r}", given, "a neuron that can be traced", "count it by hand"
        ) from None
    graph = program.graph
    moving = graph.depends([*graph.leaves("state").values(), *graph.leaves("input").values()])
    made = [graph.nodes[k].op for k in graph.needed([program.out, *program.post]) if k in moving]
    return Update(*(sum(op in kind for op in made) for kind in (PRODUCTS, FUNCTIONS, SUMS)))
