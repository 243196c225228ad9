"""The graph of one step: pointwise operations in static single assignment, without duplicates.

A node is `(op, args, tag)`; args are indices of earlier nodes. Equal nodes are the same node, so common
subexpressions are found as the graph is built. Nodes that no root needs stay in the list; `needed` leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
BOOLEAN = COMPARISONS | {"and", "or", "not", "alive"}
# worth keeping for the way back rather than computing again
COSTLY = frozenset({"exp", "expm1", "log", "tanh", "sigmoid", "sqrt", "sin", "cos", "div", "power", "pow"})
COMMUTATIVE = frozenset({"add", "mul", "and", "or", "eq", "ne"})
# of whole numbers alone
BITWISE = frozenset({"bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "left_shift", "right_shift"})
SATURATING = frozenset({"saturating_add", "saturating_sub"})
# what a kernel of whole numbers computes as torch does; of the others, torch makes real numbers
OF_WHOLE = frozenset(
    {
        *BOOLEAN,
        *BITWISE,
        *SATURATING,
        "const",
        "read",
        "number",
        "add",
        "sub",
        "mul",
        "neg",
        "abs",
        "maximum",
        "minimum",
        "clamp_min",
        "clamp_max",
        "float",
        "select",
        "switch",
        "substitute",
        "detach",
    }
)


T = TypeVar("T")


def whole_power(mul: Callable[[T, T], T], x: T, n: int) -> T:
    """x to the n-th by repeated squaring, n >= 1."""
    square, result = x, None
    while n:
        if n & 1:
            result = square if result is None else mul(result, square)
        n >>= 1
        if n:
            square = mul(square, square)
    return x if result is None else result


class Node(NamedTuple):
    op: str
    args: tuple[int, ...] = ()
    tag: str | float | None = None


@dataclass
class Graph:
    """A list of nodes, and the index of each by its content."""

    nodes: list[Node] = field(default_factory=list)
    index: dict[tuple[str, tuple[int, ...], str], int] = field(default_factory=dict)

    def copy(self) -> Graph:
        return Graph(list(self.nodes), dict(self.index))

    def put(self, op: str, *args: int, tag: str | float | None = None) -> int:
        """The index of this node, made if it is new."""
        simpler = self._simplify(op, args)
        if simpler is not None:
            return simpler
        if op in COMMUTATIVE:
            args = tuple(sorted(args))
        return self.append(Node(op, args, tag))

    def append(self, node: Node) -> int:
        """The index of this node, made if it is new, without simplification."""
        # repr tells 0.0 from -0.0, which compare equal
        key = (node.op, node.args, repr(node.tag))
        if key not in self.index:
            self.index[key] = len(self.nodes)
            self.nodes.append(node)
        return self.index[key]

    def const(self, value: float) -> int:
        return self.put("const", tag=float(value))

    def whole_power(self, x: int, n: int) -> int:
        """x to the n-th as products, n >= 1; for 2 and 3 multiplied in the same order as in torch."""
        return whole_power(lambda a, b: self.put("mul", a, b), x, n)

    def value(self, node: int) -> float | None:
        """The number, if the node is a constant."""
        op, _, tag = self.nodes[node]
        return tag if op == "const" and isinstance(tag, float) else None

    def _simplify(self, op: str, args: tuple[int, ...]) -> int | None:
        """Only identities that hold for every float, NaN and infinity included."""
        if op == "mul":
            for one, other in (args, args[::-1]):
                if self.value(one) == 1.0:
                    return other
        if op == "div" and self.value(args[1]) == 1.0:
            return args[0]
        if op == "neg" and self.nodes[args[0]].op == "neg":
            return self.nodes[args[0]].args[0]
        if op in ("detach", "float") and self.nodes[args[0]].op == op:
            return args[0]
        if op == "select" and args[1] == args[2]:
            return args[1]
        if op == "neg":
            value = self.value(args[0])
            if value is not None:
                return self.const(-value)
        return None

    def used(self, node: int) -> tuple[int, ...]:
        """The arguments that the node's value needs; the others only shape its gradient."""
        op, args, _ = self.nodes[node]
        return args[:1] if op in ("spike", "substitute") else args

    def needed(self, roots: Iterable[int], stop: Iterable[int] = (), *, gradients: bool = False) -> list[int]:
        """The nodes that the values of the roots need, in order, without the arguments of those in `stop`.

        With `gradients`, also those that only shape a gradient.
        """
        stopped, wanted, todo = set(stop), set[int](), list(roots)
        while todo:
            node = todo.pop()
            if node not in wanted:
                wanted.add(node)
                if node not in stopped:
                    todo.extend(self.nodes[node].args if gradients else self.used(node))
        return sorted(wanted)

    def depends(self, on: Iterable[int]) -> set[int]:
        """The nodes whose value depends on one of these."""
        reached = set(on)
        for k, node in enumerate(self.nodes):
            if any(a in reached for a in node.args):
                reached.add(k)
        return reached

    def leaves(self, op: str) -> dict[str, int]:
        """The index of each node with this op, by its tag."""
        return {str(node.tag): k for k, node in enumerate(self.nodes) if node.op == op}
