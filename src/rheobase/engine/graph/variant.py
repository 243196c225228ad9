"""What one compiled kernel of a program is made for, on any target."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rheobase.engine.graph.program import Program

STORED = {torch.float32: "f32", torch.float64: "f64", torch.bfloat16: "bf16"}
BAD_INPUT, BAD_STATE = 1, 2  # bits of what a forward kernel found not to be finite


@dataclass(frozen=True)
class Wanted:
    """Which gradients come in and which go out."""

    out: bool
    traces: tuple[bool, ...]
    inputs: tuple[bool, ...]
    params: tuple[bool, ...]

    @classmethod
    def everything(cls, program: Program) -> Wanted:
        """All that a program has."""
        traces, inputs, params = ((True,) * len(of) for of in (program.traces, program.entries, program.params))
        return cls(True, traces, inputs, params)


@dataclass(frozen=True)
class Variant:
    """A program, and how its tensors lie in memory."""

    program: str
    masked: bool
    stored: str  # "f32", "f64" or "bf16": how the inputs and the output lie in memory
    lane_params: tuple[bool, ...]  # a value per lane (True) or one scalar (False)
    wanted: Wanted | None  # None: the forward kernel

    @property
    def bits(self) -> int:
        return 64 if self.stored == "f64" else 32
