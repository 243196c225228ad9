"""One loop over time with products in it, as an operator: `rheobase::sequence`, `rheobase::sequence_triton`.

A plan (`sequence_plan.py`) states what a step does: products of the last output, or of a state of this step, are
added to sums; pointwise kernels run between them. Forward saves the sums that the kernels read, and the states at the
start of each stretch of `STRETCH` steps. Backward computes the states of a stretch again by one fused scan. Its steps
run the adjoints of the same kernels and compute the input gradients of the products; the gradient of each weight is one
product over many steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from rheobase.engine.graph.program import parse as parse_program
from rheobase.engine.operators.late_imports import Late
from rheobase.engine.operators.operator import Operator
from rheobase.engine.operators.scan import cpu, gpu
from rheobase.engine.operators.sequence_plan import parse
from rheobase.engine.operators.tensors import compute_type

there, back = (Late(f"rheobase.engine.operators.sequence_{way}") for way in ("loop", "back"))
STRETCH = 32  # steps between two checkpoints of the states


class Given(NamedTuple):
    """The arguments of the operator; each list is in the order of the plan's names.

    Shapes: init (batch, *shape); params scalars, or of a shape that broadcasts to that; weights as their product has
    them; lengths (batch,); rng (2,) int64, seed and absolute step.
    """

    sums: list[Tensor]  # before any product is added: (time, batch, *shape)
    feedback: Tensor  # the output before the first step (batch, *shape), or the last n of them, oldest first
    init: list[Tensor]
    params: list[Tensor]
    weights: list[Tensor]
    lengths: Tensor | None
    rng: Tensor | None
    plan: str
    dt: float
    owned: bool = False  # the sums may be overwritten: nobody else has them, and they are in `product`'s order


class Results(NamedTuple):
    """The results: out and traces (time, batch, *shape), final states (batch, *shape)."""

    out: Tensor
    final: list[Tensor]
    traces: list[Tensor]


def outputs(given: Given, keep: bool) -> list[Tensor]:
    """Empty results: out, final states, traces, the sums that the kernels read, the states at each stretch."""
    form, plan, compute = given.sums[0], parse(given.plan), compute_type(given.sums[0])
    like, steps = form[0].to(compute), form.shape[0]
    empty = plan.product.empty
    traces = sum(len(parse_program(stage.program).traces) for stage in plan.stages)
    sums = 0 if given.owned else len(given.sums) * steps
    kept = (sums, len(given.init) * -(-steps // STRETCH)) if keep else (0, 0)
    return [
        empty(steps, form[0]),
        *(empty(1, like)[0] for _ in given.init),
        *(empty(steps, like) for _ in range(traces)),
        *(empty(rows, like) for rows in kept),
    ]


class Kernels:
    """The loop over kernels of `target`, the module `cpu` or `gpu`."""

    def __init__(self, name: str, target: Any):
        self.name, self.target = name, target

    def forward(self, given: Given, keep: bool) -> list[Tensor]:
        """The forward operator."""
        return there.forward(given, outputs(given, keep), self.target)

    def backward(
        self, given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> list[Tensor]:
        """The backward operator."""
        return back.backward(given, saved, grads, SEQUENCES[self.name].wanted(given, wanted), self.target)


SEQUENCES = {
    name: Operator(
        name,
        Given,
        differentiable=("sums", "feedback", "init", "params", "weights"),
        kernels=kernels,
        outputs=outputs,
        hidden=2,
        saves=(0, -2, -1),
        forgets={"sums": "owned"},
    )
    for name, kernels in (
        ("sequence", {"CPU": Kernels("sequence", cpu), "CUDA": Kernels("sequence", gpu)}),
        ("sequence_triton", {device: Kernels("sequence_triton", gpu) for device in ("CPU", "CUDA")}),
    )
}


def sequence(given: Given, operator: str = "sequence") -> Results:
    """Run a plan. The final states are those of the plan, without the feedback; traces are those of its stages."""
    out, *rest = SEQUENCES[operator](given)
    states = len(given.init)
    return Results(out, rest[:states], rest[states:])


__all__ = ["SEQUENCES", "STRETCH", "Given", "Results", "outputs", "sequence"]
