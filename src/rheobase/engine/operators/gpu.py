"""The time loop of a neuron in Triton kernels.

The host waits once, to learn whether inputs and states were finite; while a CUDA graph is captured it cannot wait, and
does not look.
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
    """Steps between two kept states: the length at which kept states and a segment's scratch are least together."""
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
        """Run over these tensors, so many steps after those of the call; what was raised is not known yet."""
        call = self.call
        self.tensors.update(tensors or {})
        if self.noisy:
            rng = torch.zeros(2, dtype=torch.int64, device=call.form.device) if call.rng is None else call.rng
            self.tensors["rng"] = torch.stack([rng[0], rng[1] + step])
        launch(self.nest, call.bits, self.tensors, self.sizes, {"dt": call.dt}, lanes=call.lanes, form=call.form)
        return 0

    def flags(self) -> int:
        """Those of all runs; none while a graph is captured."""
        return 0 if self.bad.is_cuda and torch.cuda.is_current_stream_capturing() else raised(self.bad)


def ready(call: Call, wanted: Wanted | None, tensors: Mapping[str, Tensor | None]) -> Ready:
    """The kernel of a call, forward or back."""
    return Runner(call, wanted, tensors)
