"""The time loop of a neuron as operators: `rheobase::scan`, and `rheobase::scan_triton`.

They are two, since Triton kernels keep other states between segments, and since their interpreter runs on tensors of
the CPU. A program travels as text, so an exported graph needs nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from rheobase.engine.operators.late import Late
from rheobase.engine.operators.operator import Operator


class Given(NamedTuple):
    """What a program runs on. `check`: whether inputs and states that are not finite end in an error."""

    inputs: list[Tensor]  # each (time, batch, *neurons)
    init: list[Tensor]
    params: list[Tensor]
    lengths: Tensor | None
    rng: Tensor | None
    program: str
    dt: float
    check: bool = True


class Results(NamedTuple):
    """What comes out of a program."""

    out: Tensor
    final: list[Tensor]
    traces: list[Tensor]


DIFFERENTIABLE = ("inputs", "init", "params")
cpu, gpu = Late("rheobase.engine.operators.cpu"), Late("rheobase.engine.operators.gpu")
# no look into a kernel's module before there is a kernel to run
SCANS = {
    name: Operator(
        name, Given, differentiable=DIFFERENTIABLE, kernels={"CPU": on_cpu, "CUDA": gpu},
        outputs=on_cpu.function("outputs"), hidden=1,
    )
    for name, on_cpu in (("scan", cpu), ("scan_triton", gpu))
}  # fmt: skip


def scan(given: Given, operator: str = "scan") -> Results:
    """Run a program."""
    out, *rest = SCANS[operator](given)
    # no look into the program: torch.compile traces this function
    states = len(given.init)
    return Results(out, rest[:states], rest[states:])


def split(given: Any, grads: Any) -> tuple[Tensor | None, list[Tensor | None], list[Tensor | None]]:
    """The gradients that come in: of the output, of the final states, of the traces."""
    states = len(given.init)
    return grads[0], list(grads[1 : 1 + states]), list(grads[1 + states :])
