"""The time loop of a neuron as operators: `rheobase::scan`, and `rheobase::scan_triton`.

They are two, since Triton kernels have segments of another length and so other checkpoints, and since Triton's
interpreter runs on tensors of the CPU. A program travels as text, so an exported graph needs nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import Wanted
from rheobase.engine.operators.call import Call
from rheobase.engine.operators.late_imports import Late
from rheobase.engine.operators.operator import Operator
from rheobase.engine.operators.tensors import (
    check,
    compute_type,
    dense,
    empties,
    lengths_per_lane,
    numbered,
    per_lane,
    reduced,
)


class Given(NamedTuple):
    """The arguments of the operator, in the order of the program's names.

    Shapes: inputs (time, batch, *neurons); init (batch, *neurons); params scalars, or of a shape that broadcasts to
    that; lengths (batch,); rng (2,) int64, seed and absolute step. `check`: whether an input or state that is not
    finite raises an error.
    """

    inputs: list[Tensor]
    init: list[Tensor]
    params: list[Tensor]
    lengths: Tensor | None
    rng: Tensor | None
    program: str
    dt: float
    check: bool = True

    def call(self) -> Call:
        """The arguments as kernels read them: dense, parameters and lengths per lane."""
        form = self.inputs[0]
        compute = compute_type(form)
        return Call(
            self.program,
            [x.contiguous() for x in self.inputs],
            [s.contiguous() for s in self.init],
            [per_lane(p, form, compute) for p in self.params],
            None if self.lengths is None else lengths_per_lane(self.lengths, form),
            self.dt,
            self.rng,
        )


class Results(NamedTuple):
    """The results: out and traces (time, batch, *neurons), final states (batch, *neurons)."""

    out: Tensor
    final: list[Tensor]
    traces: list[Tensor]


class Kernels:
    """The time loop on `target`, which is the module `cpu` or `gpu` of this package."""

    def __init__(self, name: str, target: Any):
        self.name, self.target = name, target

    def outputs(self, given: Given, keep: bool) -> list[Tensor]:
        """Empty results of a forward run: out, final states, traces, checkpoints."""
        form, init = given.inputs[0], given.init
        bits, steps = 64 if form.dtype == torch.float64 else 32, form.shape[0]
        segments = -(-steps // min(steps, self.target.longest(given.program, bits, steps))) if keep else 1
        return empties(form, init, given.program, (segments - 1) * len(init))

    def forward(self, given: Given, keep: bool) -> list[Tensor]:
        """The forward operator."""
        results, call = self.outputs(given, keep), given.call()
        states = len(given.init)
        tensors: dict[str, Tensor | None] = {
            "out": results[0],
            "checkpoints": results[-1] if results[-1].numel() else None,
            **numbered("final", results[1 : 1 + states]),
            **numbered("trace", results[1 + states : -1]),
        }
        ready = self.target.ready(call, None, tensors)
        ready.run()
        if given.check and (bad := ready.flags()):
            check(bad, dict(zip(parse(given.program).entries, call.inputs, strict=True)))
        return results

    def backward(
        self, given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> list[Tensor]:
        """The backward operator."""
        call, (checkpoints,) = given.call(), saved
        g_out, g_final, g_traces = split(given, grads)
        want = SCANS[self.name].wanted(given, wanted)
        asked = Wanted(
            g_out is not None, tuple(g is not None for g in g_traces), tuple(want["inputs"]), tuple(want["params"])
        )
        lane = call.form.new_empty(call.form.shape[1:], dtype=compute_type(call.form))
        g_inputs, g_init, g_params = (
            [torch.empty_like(x) if want_it else None for x, want_it in zip(of, want[name], strict=True)]
            for name, of in (("inputs", call.inputs), ("init", call.init), ("params", [lane] * len(given.params)))
        )
        # made contiguous here, so that they live until the kernel has run
        tensors: dict[str, Tensor | None] = {
            "checkpoints": checkpoints if checkpoints.numel() else None,
            "g:out": None if g_out is None else g_out.contiguous(),
            **numbered("g:final", dense(g_final)),
            **numbered("g:trace", dense(g_traces)),
            **numbered("g:input", g_inputs),
            **numbered("g:init", g_init),
            **numbered("g:param", g_params),
        }
        self.target.ready(call, asked, tensors).run()
        sums = [None if g is None else reduced(g, p) for g, p in zip(g_params, given.params, strict=True)]
        return [g for g in (*g_inputs, *g_init, *sums) if g is not None]


DIFFERENTIABLE = ("inputs", "init", "params")
# no look into a kernel's module before there is a kernel to run
cpu, gpu = (Late(f"rheobase.engine.operators.{name}") for name in ("cpu", "gpu"))
ON_CPU, ON_GPU, INTERPRETED = Kernels("scan", cpu), Kernels("scan", gpu), Kernels("scan_triton", gpu)
SCANS = {
    "scan": Operator(
        "scan",
        Given,
        differentiable=DIFFERENTIABLE,
        kernels={"CPU": ON_CPU, "CUDA": ON_GPU},
        outputs=ON_CPU.outputs,
        hidden=1,
    ),
    "scan_triton": Operator(
        "scan_triton",
        Given,
        differentiable=DIFFERENTIABLE,
        kernels={"CPU": INTERPRETED, "CUDA": INTERPRETED},
        outputs=INTERPRETED.outputs,
        hidden=1,
    ),
}


def scan(given: Given, operator: str = "scan") -> Results:
    """Run a program."""
    out, *rest = SCANS[operator](given)
    # no look into the program: torch.compile traces this function
    states = len(given.init)
    return Results(out, rest[:states], rest[states:])


def split(given: Any, grads: Any) -> tuple[Tensor | None, list[Tensor | None], list[Tensor | None]]:
    """Split `grads` into the gradients of the output, of the final states and of the traces."""
    states = len(given.init)
    return grads[0], list(grads[1 : 1 + states]), list(grads[1 + states :])
