"""One step of a neuron, from its declared equations, as nodes of ONNX.

The graph is the one that the kernels are made from. What depends on parameters alone is computed here, by torch, as
the reference loop does in every step; what depends on states or input becomes nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from rheobase.core import Neuron
from rheobase.engine.graph.graph import whole_power
from rheobase.engine.graph.program import parse
from rheobase.errors import NotRepresentable
from rheobase.interop.exported import program_text
from rheobase.interop.onnx_graph.builder import Builder

PLAIN = (float, int)
SIMPLE = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log",
    "tanh": "Tanh", "sigmoid": "Sigmoid", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "floor": "Floor",
    "maximum": "Max", "minimum": "Min", "clamp_min": "Max", "clamp_max": "Min", "lt": "Less", "le": "LessOrEqual",
    "gt": "Greater", "ge": "GreaterOrEqual", "eq": "Equal", "and": "And", "or": "Or", "not": "Not", "select": "Where",
}  # fmt: skip
BY_TORCH: Mapping[str, Callable[..., Tensor]] = {
    **{op: getattr(torch, op) for op in (
        "add", "sub", "mul", "div", "neg", "abs", "exp", "expm1", "log", "tanh", "sigmoid", "sqrt", "sin", "cos",
        "floor", "maximum", "minimum", "lt", "le", "gt", "ge", "eq", "ne",
    )},
    "clamp_min": torch.maximum, "clamp_max": torch.minimum, "select": torch.where,
    "and": torch.logical_and, "or": torch.logical_or, "not": torch.logical_not,
}  # fmt: skip


class Step:
    """The step of a neuron: `names` of its states, and `put`, which writes it.

    Raises: `NotRepresentable` for a neuron that draws random numbers, has several inputs, or whose equations are no
    graph.
    """

    def __init__(self, b: Builder, neuron: Neuron, owner: str):
        if len(neuron.entries) > 1:
            given = f"{neuron!r}, with the inputs {', '.join(neuron.entries)}"
            raise NotRepresentable(owner, given, "neurons with one input", "a chain of layers gives one current")
        self.b, self.neuron, self.owner = b, neuron, owner
        self.program = parse(program_text(neuron, b.dtype, owner))
        self.steady = self._steady()

    @property
    def names(self) -> tuple[str, ...]:
        """The states, in order."""
        return self.program.states

    def rest(self) -> list[Tensor]:
        """The states at rest of one sample, each (1, *shape)."""
        return [getattr(self.neuron.rest(1, dtype=self.b.dtype), name).detach() for name in self.names]

    def put(self, states: Sequence[str], current: str) -> tuple[str, list[str]]:
        """Write a step from the values of `states` under `current`: its output, and the states after it."""
        graph, b = self.program.graph, self.b
        results = [self.program.out, *self.program.post]
        found: dict[int, str] = {}
        for node in graph.needed(results, stop=self.steady):
            op, _, tag = graph.nodes[node]
            if node in self.steady:
                continue
            if op == "state":
                found[node] = states[self.names.index(str(tag))]
            elif op == "input":
                found[node] = current
            else:
                found[node] = self._node(op, [self._value(a, found) for a in graph.used(node)], tag)
        written = [
            found[k] if k in found else b.put("Expand", self._value(k, found), b.put("Shape", current)) for k in results
        ]
        # a result of a body has a name of its own, also where a state stays what it was
        out, *after = (b.put("Identity", name) for name in written)
        return out, after

    def _value(self, node: int, found: Mapping[int, str]) -> str:
        return self.b.constant(self.steady[node]) if node in self.steady else found[node]

    def _node(self, op: str, x: list[str], tag: str | float | None) -> str:
        b = self.b
        if op in SIMPLE:
            return b.put(SIMPLE[op], *x)
        if op in ("substitute", "detach"):
            return x[0]
        if op == "float":
            return b.number(x[0])
        if op == "spike":
            return b.number(b.put("GreaterOrEqual", x[0], b.constant(0.0)))
        if op == "switch":
            return b.put("Where", b.put("Equal", x[0], b.constant(0.0)), x[2], x[1])
        if op == "ne":
            return b.put("Not", b.put("Equal", *x))
        if op == "expm1":
            return expm1(b, x[0])
        if op == "power":
            product = whole_power(lambda p, q: b.put("Mul", p, q), x[0], int(-float(tag or 0)))
            return b.put("Div", b.constant(1.0), product)
        if op == "pow":
            return b.put("Pow", x[0], b.constant(float(tag or 0)))
        given = f"{self.neuron!r}, whose equations need {op!r}"
        raise NotRepresentable(self.owner, given, "operations that ONNX has, of real numbers", "export it to torch")

    def _steady(self) -> dict[int, Tensor | float]:
        """The value of each node that neither states nor input reach. Numbers stay numbers, as they do in Python."""
        graph, dtype = self.program.graph, self.b.dtype
        values = {name: value.detach().to("cpu", dtype) for name, value in self.neuron.values().items()}
        found: dict[int, Tensor | float] = {}
        for node, (op, args, tag) in enumerate(graph.nodes):
            if op == "const":
                found[node] = float(tag or 0.0)
            elif op == "number":
                found[node] = float(self.neuron.dt or 0.0)
            elif op == "param":
                found[node] = values[str(tag)]
            elif args and all(a in found for a in graph.used(node)):
                found[node] = self._by_torch(op, [found[a] for a in graph.used(node)], tag)
        return found

    def _by_torch(self, op: str, x: list[Tensor | float], tag: str | float | None) -> Tensor | float:
        numbers = all(isinstance(value, PLAIN) for value in x)
        dtype = torch.float64 if numbers else self.b.dtype
        given = [value if isinstance(value, Tensor) else torch.tensor(value, dtype=dtype) for value in x]
        if op in ("substitute", "detach"):
            return x[0]
        if op in ("float", "spike"):
            result = (given[0] if op == "float" else given[0] >= 0).to(dtype)
        elif op == "switch":
            result = torch.where(given[0] != 0, given[1], given[2])
        elif op in ("power", "pow"):
            result = given[0] ** float(tag or 0)
        else:
            result = BY_TORCH[op](*given)
        return float(result) if numbers and result.dtype == torch.float64 else result


def expm1(b: Builder, x: str) -> str:
    """exp(x) - 1, also right near 0: with u = exp(x), it is (u - 1) x / log(u), where u is neither 1 nor u - 1 = -1.

    W. Kahan's, in N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), sect. 1.14.1.
    """
    u = b.put("Exp", x)
    less = b.put("Sub", u, b.constant(1.0))
    near, far = b.put("Equal", u, b.constant(1.0)), b.put("Equal", less, b.constant(-1.0))
    infinite = b.put("Equal", u, b.constant(float("inf")))
    quotient = b.put("Mul", less, b.put("Div", x, b.put("Log", u)))
    plain = b.put("Or", far, infinite)
    return b.put("Where", near, x, b.put("Where", plain, less, quotient))
