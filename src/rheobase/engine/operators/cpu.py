"""The time loop of a neuron in the LLVM kernels of the CPU."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from torch import Tensor

from rheobase.engine.graph.variant import Wanted
from rheobase.engine.llvm import launch
from rheobase.engine.nest.scan import nest_of, tape_rows
from rheobase.engine.operators.call import Call, Ready

SHORTEST, NARROW = 16, 128  # steps of a segment; lanes of a block for which its rows are to fit the cache


@functools.lru_cache(maxsize=512)
def longest_segment(program: str, bits: int) -> int:
    """The most steps for which the tape of a block fits the cache."""
    return max(SHORTEST, launch.CACHE_BYTES // (max(1, tape_rows(program)) * NARROW * bits // 8))


def longest(program: str, bits: int, steps: int) -> int:
    """Steps between two checkpoints of the states."""
    return longest_segment(program, bits)


def ready(call: Call, wanted: Wanted | None, tensors: Mapping[str, Tensor | None]) -> Ready:
    """The kernel of a call, forward (`wanted` is None) or backward."""
    bits = call.bits
    made = launch.kernel(nest_of(call.variant(wanted)), bits)
    seed, start = (0, 0) if call.rng is None else call.rng.tolist()
    # a forward run that keeps no states is one segment: nobody needs the adjoint, whose tape says how long others are
    whole = wanted is None and tensors.get("checkpoints") is None
    most = call.form.shape[0] if whole else longest_segment(call.program, bits)
    held, sizes = {**call.tensors, **tensors}, call.sizes(most)
    return launch.Runner(made, call.lanes, sizes, {"dt": call.dt}, held, work=call.form.numel(), seed=seed, start=start)
