"""The time loop of a neuron in Triton kernels.

The host synchronises once, to learn whether inputs and states were finite. It cannot while a CUDA graph is captured:
then the check is left out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import Wanted
from rheobase.engine.nest.nest import FLAGS
from rheobase.engine.nest.scan import nest_of, tape_rows
from rheobase.engine.operators.call import Call, Ready
from rheobase.engine.triton.launch import launch, raised

SHORTEST = 16  # steps of a segment: below, the work around a segment shows


@functools.lru_cache(maxsize=512)
def longest(program: str, bits: int, steps: int) -> int:
    """Steps between two checkpoints of the states: those for which checkpoints and tape take the least memory."""
    best = math.isqrt(max(1, steps * len(parse(program).states) // max(1, tape_rows(program))))
    return max(SHORTEST, -(-best // SHORTEST) * SHORTEST)


class Runner:
    """A kernel ready to run, again and again, with other tensors each time."""

    def __init__(self, call: Call, wanted: Wanted | None, tensors: Mapping[str, Tensor | None]):
        self.call, self.nest = call, nest_of(call.variant(wanted))
        self.sizes = call.sizes(longest(call.program, call.bits, call.form.shape[0]))
        self.bad = torch.zeros(FLAGS, dtype=torch.int32, device=call.form.device)
        self.tensors = {**call.tensors, **tensors, "bad": self.bad}
        self.noisy = parse(call.program).noisy

    def run(self, tensors: Mapping[str, Tensor | None] | None = None, step: int = 0) -> int:
        """Run as `Ready.run` says. Returns 0: no flag is known yet."""
        call = self.call
        self.tensors.update(tensors or {})
        if self.noisy:
            rng = torch.zeros(2, dtype=torch.int64, device=call.form.device) if call.rng is None else call.rng
            self.tensors["rng"] = torch.stack([rng[0], rng[1] + step])
        launch(self.nest, call.bits, self.tensors, self.sizes, {"dt": call.dt}, lanes=call.lanes, form=call.form)
        return 0

    def flags(self) -> int:
        """The flags of all runs; 0 during the capture of a CUDA graph."""
        return 0 if self.bad.is_cuda and torch.cuda.is_current_stream_capturing() else raised(self.bad)


def ready(call: Call, wanted: Wanted | None, tensors: Mapping[str, Tensor | None]) -> Ready:
    """The kernel of a call, forward (`wanted` is None) or backward."""
    return Runner(call, wanted, tensors)
