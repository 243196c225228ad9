"""What one compiled kernel of a program is made for, on any target."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rheobase.engine.graph.program import Program

STORED = {torch.float32: "f32", torch.float64: "f64", torch.bfloat16: "bf16"}
BAD_INPUT, BAD_STATE = 1, 2  # bits of what a forward kernel found not to be finite


@dataclass(frozen=True)
class Wanted:
    """Which gradients a backward kernel reads (`out`, `traces`) and which it computes (`inputs`, `params`)."""

    out: bool
    traces: tuple[bool, ...]
    inputs: tuple[bool, ...]
    params: tuple[bool, ...]

    @classmethod
    def everything(cls, program: Program) -> Wanted:
        """All gradients of a program."""
        traces, inputs, params = ((True,) * len(of) for of in (program.traces, program.entries, program.params))
        return cls(True, traces, inputs, params)


@dataclass(frozen=True)
class Variant:
    """A program as text, the storage of its tensors, and the gradients that are asked for."""

    program: str
    masked: bool
    stored: str  # "f32", "f64" or "bf16": how the inputs and the output lie in memory
    lane_params: tuple[bool, ...]  # a value per lane (True) or one scalar (False)
    wanted: Wanted | None  # None: the forward kernel
