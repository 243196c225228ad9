"""Triton source in, a launch out. Triton is imported here and nowhere else, when the first kernel is made.

A kernel is named by the hash of its source. Triton reads the source of a function, so the text is laid into
`linecache` under that name: nothing is written, and nothing that lies on a disk is run. Triton keeps the machine
code in its own cache. With `TRITON_INTERPRET=1` in the environment before the first kernel, kernels run in
Triton's interpreter, on tensors of the CPU: that is for tests.
"""

from __future__ import annotations

import functools
import hashlib
import linecache
import math
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.engine.graph.plan import Wanted, plan_backward
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import Variant
from rheobase.engine.toolchain import interpreted
from rheobase.engine.triton.emit import Source, emit_backward, emit_forward
from rheobase.errors import BackendUnavailable

BLOCK = 128  # lanes of a block, one to a thread: few threads that run long, so as many blocks as there can be
WARPS = BLOCK // 32
SHORTEST = 16  # steps of a segment: below, the work around a segment shows


@functools.lru_cache(maxsize=512)
def segment_length(program: str, steps: int) -> int:
    """Steps between two kept states: the length at which kept states and a segment's scratch are least together."""
    parsed = parse(program)
    everything = Wanted.everything(parsed)
    saved = max(1, len(plan_backward(program, False, everything).saved))
    best = math.isqrt(max(1, steps * len(parsed.states) // saved))
    return min(steps, max(SHORTEST, -(-best // SHORTEST) * SHORTEST))


@dataclass(frozen=True)
class Kernel:
    """A function that Triton compiles, and the source that it is made of."""

    function: Any
    source: Source


@functools.lru_cache(maxsize=512)
def kernel(variant: Variant) -> Kernel:
    """The kernel of a variant."""
    source = emit_forward(variant) if variant.wanted is None else emit_backward(variant)
    return Kernel(load(source.text), source)


def load(text: str) -> Any:
    """The function `kernel` of a module."""
    name = f"<rheobase kernel {hashlib.sha256(text.encode()).hexdigest()[:16]}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module: dict[str, Any] = {"__name__": name}
    exec(compile(text, name, "exec"), module)
    return module["kernel"]


def launch(variant: Variant, segment: int, tensors: Mapping[str, Tensor | None], dt: float) -> None:
    """Run a kernel over these tensors, by the names that its source gives them; one that is missing is None."""
    k = kernel(variant)
    form = tensors["input_0"]
    if form is None:
        raise ValueError("a kernel needs its inputs: lanes and steps are counted there")
    if not form.is_cuda and not interpreted():
        raise BackendUnavailable(
            "a Triton kernel", f"tensors on {form.device}", "tensors on a GPU", 'run the neuron with backend="llvm"'
        )
    lanes = form[0].numel()
    blocks = -(-lanes // BLOCK)
    held: dict[str, Any] = {name: _as_stored(tensors.get(name)) for name in k.source.tensors}
    if k.source.saved:
        compute = torch.float64 if variant.bits == 64 else torch.float32
        held["scratch"] = form.new_empty(blocks * segment * k.source.saved * BLOCK, dtype=compute)
    held |= {"lanes": lanes, "steps": form.shape[0], "segment": segment}
    held["dt"] = struct.unpack("<q", struct.pack("<d", dt))[0]
    with ExitStack() as stack:
        if form.is_cuda:
            stack.enter_context(torch.cuda.device(form.device))
        elif interpreted():
            # numpy, which interprets, warns where a GPU goes on with infinity or NaN
            import numpy as np

            stack.enter_context(np.errstate(all="ignore"))
        # without contraction a product is rounded in forward and backward alike, whatever stands around it
        k.function[(blocks,)](**held, BLOCK=BLOCK, num_warps=WARPS, enable_fp_fusion=False)


def _as_stored(tensor: Tensor | None) -> Tensor | None:
    """bfloat16 travels as the integers that it is made of."""
    return tensor.view(torch.int16) if tensor is not None and tensor.dtype == torch.bfloat16 else tensor
