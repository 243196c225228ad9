"""Nodes of an ONNX graph, put down one after the other, and the bodies of its loops."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

OPSET = 18  # of ONNX 1.13 (2022); everything that is written is in it
IR_VERSION = 8  # of the same year, so that older runtimes read the file


class Builder:
    """What an ONNX graph is made of. Values are names; weights lie in the outermost graph, whose names bodies see.

    `dtype` is that of all real numbers.
    """

    def __init__(self, dtype: torch.dtype):
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._known: dict[tuple[Any, ...], str] = {}
        self._count = 0

    @property
    def kind(self) -> int:
        """ONNX's number for the type of real numbers."""
        import onnx

        return onnx.TensorProto.DOUBLE if self.dtype == torch.float64 else onnx.TensorProto.FLOAT

    def name(self, what: str) -> str:
        """A name that no other value has."""
        self._count += 1
        return f"{what}_{self._count}"

    def put(self, op: str, *inputs: str, results: Sequence[str] = (), **attributes: Any) -> str:
        """A node; returns its first result. `results` are the names of all, where they matter."""
        from onnx import helper

        results = list(results) or [self.name(op.lower())]
        self.nodes.append(helper.make_node(op, list(inputs), results, **attributes))
        return results[0]

    def number(self, mask: str) -> str:
        """A truth value as 0 or 1."""
        return self.put("Cast", mask, to=self.kind)

    def constant(self, value: Tensor | float | Sequence[int]) -> str:
        """A weight: real numbers in the type of the graph, truth values, or whole numbers (64 bits). Once each."""
        from onnx import numpy_helper

        given = value if isinstance(value, Tensor) else torch.as_tensor(value)
        if given.dtype.is_floating_point or not isinstance(value, (Tensor, list, tuple)):
            given = given.to(self.dtype)
        array = given.detach().cpu().contiguous().numpy()
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = self.name("weight")
            self.weights.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    @contextmanager
    def body(self) -> Generator[list[Any]]:
        """Inside, nodes go into the list that it gives: the body of a loop."""
        outer, inner = self.nodes, list[Any]()
        self.nodes = inner
        try:
            yield inner
        finally:
            self.nodes = outer

    def scan(self, nodes: Sequence[Any], carried: Sequence[tuple[str, str, str]], x: str, row: str, out: str) -> str:
        """A loop over the first axis of `x`, whose rows the body knows as `row`; returns the `out` of all steps.

        `carried`: for each state its value before the loop, and its names in the body before and after a step.
        """
        from onnx import helper

        def value(name: str) -> Any:
            return helper.make_tensor_value_info(name, self.kind, None)

        before = [value(name) for _, name, _ in carried]
        after = [value(name) for _, _, name in carried]
        graph = helper.make_graph(list(nodes), self.name("step"), [*before, value(row)], [*after, value(out)])
        results = [self.name("end") for _ in carried] + [self.name("sequence")]
        self.put("Scan", *(start for start, _, _ in carried), x, results=results, body=graph, num_scan_inputs=1)
        return results[-1]

    def rest(self, value: Tensor, like: str) -> str:
        """`value` (1, *shape) for every sample of `like` (time, batch, ...)."""
        batch = self.put("Gather", self.put("Shape", like), self.constant([1]), axis=0)
        return self.put(
            "Expand", self.constant(value), self.put("Concat", batch, self.constant([*value.shape[1:]]), axis=0)
        )
