"""Triton source in, a launch out. Triton is imported here and nowhere else, when the first kernel is made.

A kernel is named by the hash of its source. Triton reads the source of a function, so the text is put into `linecache`
under that name: no source is written to a disk, or run from one. Triton keeps the machine code in its own cache. With
`TRITON_INTERPRET=1` in the environment before the first kernel, kernels run in Triton's interpreter, on tensors of the
CPU: that is for tests.
"""

from __future__ import annotations

import functools
import hashlib
import linecache
import struct
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.engine.nest.index import Index
from rheobase.engine.nest.nest import BLOCK as BLOCK_ROWS
from rheobase.engine.nest.nest import FLAGS, Nest
from rheobase.engine.nest.tensors import DTYPES, fitting, many
from rheobase.engine.nest.verify import verify
from rheobase.engine.toolchain import interpreted
from rheobase.engine.triton.nests import Printer, Source, argument
from rheobase.errors import BackendUnavailable

BLOCK = 128  # lanes of a block, one to a thread: few threads that run long, so as many blocks as there can be
WARPS = BLOCK // 32


@dataclass(frozen=True, eq=False)
class Kernel:
    """A function that Triton compiles, the source that it is made of, and the axes of its rows in scratch."""

    function: Any
    source: Source
    scratch: tuple[tuple[Index, ...], ...]


@functools.lru_cache(maxsize=512)
def kernel(nest: Nest, bits: int) -> Kernel:
    """The kernel of a nest. Raises `IllFormed`."""
    source = Printer(verify(nest), bits).source()
    return Kernel(load(source.text), source, tuple(buffer.axes for buffer in nest.rows(BLOCK_ROWS) if buffer.axes))


def load(text: str) -> Any:
    """The function `kernel` of a module, given as text."""
    name = f"<rheobase kernel {hashlib.sha256(text.encode()).hexdigest()[:16]}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module: dict[str, Any] = {"__name__": name}
    exec(compile(text, name, "exec"), module)
    return module["kernel"]


def run(
    nest: Nest,
    tensors: Mapping[str, Tensor | None],
    sizes: Mapping[str, int],
    numbers: Mapping[str, float],
    *,
    lanes: int,
    dtype: torch.dtype,
    seed: int = 0,
    step: int = 0,
) -> int:
    """Run a nest over tensors by the names of its memory buffers, each dense, its lanes last. Returns its flags.

    Raises: `ValueError` for a tensor that is missing, of another size or type, for an index that leaves its axis, or
    for a type or a number in which the nest does not compute.
    """
    held = fitting(nest, tensors, sizes, numbers, lanes, dtype)
    form = next(tensor for tensor in held.values() if tensor is not None)
    bad, rng = torch.zeros(FLAGS, dtype=torch.int32, device=form.device), torch.tensor([seed, step], device=form.device)
    launch(nest, 8 * dtype.itemsize, {**held, "bad": bad, "rng": rng}, sizes, numbers, lanes=lanes, form=form)
    return raised(bad)


def raised(bad: Tensor) -> int:
    """The flags of a launch, from what it left in `bad`."""
    return sum(one << k for k, one in enumerate(bad.tolist()))


def launch(
    nest: Nest,
    bits: int,
    tensors: Mapping[str, Tensor | None],
    sizes: Mapping[str, int],
    numbers: Mapping[str, float],
    *,
    lanes: int,
    form: Tensor,
) -> None:
    """Run a nest over tensors by the names of its memory buffers; a missing name counts as None. Checks nothing.

    `tensors` also has `bad`, int32 (FLAGS,), which takes the flags, and for noise `rng`, its seed and step. `form` is
    any tensor on the device.
    """
    if not form.is_cuda and not interpreted():
        raise BackendUnavailable(
            "a Triton kernel", f"tensors on {form.device}", "tensors on a GPU", 'run the neuron with backend="llvm"'
        )
    k = kernel(nest, bits)
    blocks = -(-lanes // BLOCK)
    rows = sum(many(axes, sizes) for axes in k.scratch)
    compute = DTYPES[nest.own] if nest.whole else torch.float64 if bits == 64 else torch.float32
    held: dict[str, Any] = {argument(name): _as_stored(tensors.get(name)) for name in k.source.tensors}
    held["scratch"] = form.new_empty(blocks * rows * BLOCK, dtype=compute) if rows else None
    held |= {"lanes": lanes, **{name: sizes[name] for name in nest.sizes}}
    held |= {name: struct.unpack("<q", struct.pack("<d", numbers[name]))[0] for name in nest.numbers}
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
