"""One run of a program over a sequence, as every target sees it: its tensors, their names, and its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from rheobase.engine.graph.variant import STORED, Variant, Wanted
from rheobase.engine.operators.tensors import compute_type, numbered


@dataclass(frozen=True)
class Call:
    """The arguments that forward and backward share. Tensors of lanes are dense, and all in one memory order."""

    program: str
    inputs: list[Tensor]  # each (time, batch, *neurons)
    init: list[Tensor]
    params: list[Tensor]  # scalars, or one value per lane
    lengths: Tensor | None  # int32, one per lane
    dt: float
    rng: Tensor | None  # seed and absolute step

    @property
    def form(self) -> Tensor:
        """The first input, whose axes, dtype and device are those of all."""
        return self.inputs[0]

    @property
    def lanes(self) -> int:
        return self.form.numel() // self.form.shape[0]

    @property
    def bits(self) -> int:
        return 64 if compute_type(self.form) == torch.float64 else 32

    def variant(self, wanted: Wanted | None) -> Variant:
        """The variant that runs it: forward (None), or backward with these gradients."""
        per_lane = tuple(p.numel() != 1 or self.lanes == 1 for p in self.params)
        return Variant(self.program, self.lengths is not None, STORED[self.form.dtype], per_lane, wanted)

    def sizes(self, longest: int) -> dict[str, int]:
        """The sizes of the time loop, with segments of at most `longest` steps."""
        steps = self.form.shape[0]
        segment = min(steps, longest)
        return {"steps": steps, "segment": segment, "segments": -(-steps // segment)}

    @property
    def tensors(self) -> dict[str, Tensor | None]:
        """The tensors by the names of the kernel's buffers."""
        return {
            **numbered("input", self.inputs),
            **numbered("init", self.init),
            **numbered("param", self.params),
            "lengths": self.lengths,
        }


class Ready(Protocol):
    """A kernel that runs again and again, with other tensors each time."""

    def run(self, tensors: Mapping[str, Tensor | None] | None = None, step: int = 0) -> int:
        """Run with `tensors` in place of earlier ones of the same names. Returns the flags that are known so far.

        `step`: how many steps after the start of the call the run begins; its noise depends on it.
        """
        ...

    def flags(self) -> int:
        """All flags that the runs have raised; a GPU is waited for."""
        ...
