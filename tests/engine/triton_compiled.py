"""The GPU kernels through Triton's compiler and NVIDIA's assembler, for a GPU that need not be there.

`test_triton.py` runs this file in a process of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from rheobase import Neuron, Noisy, neurons
from rheobase.engine.graph.trace import trace
from rheobase.engine.graph.variant import Variant, Wanted
from rheobase.engine.nest.scan import nest_of
from rheobase.engine.triton.launch import BLOCK, WARPS, Kernel, kernel
from rheobase.engine.triton.nests import argument
from tests.engine.whole_numbers import bits_nest

IO = {"f32": "*fp32", "f64": "*fp64", "bf16": "*i16"}


def compiled(variant: Variant, *, kept: bool) -> Any:
    """The machine code of a variant, with states kept between segments or not."""
    types = dict.fromkeys(("input:0", "out", "g:out", "g:input:0"), IO[variant.stored])
    absent = () if kept else ("checkpoints",)
    return machine_code(kernel_of(variant), "*fp64" if variant.stored == "f64" else "*fp32", types, absent)


def machine_code(k: Kernel, own: str, types: dict[str, str], absent: Sequence[str] = ()) -> Any:
    """Of a kernel whose tensors have these types, the others `own`."""
    fixed: dict[str, Any] = {"BLOCK": BLOCK} | dict.fromkeys(absent)
    types = {"lengths": "*i32", "bad": "*i32", "rng": "*i64"} | types
    signature = {argument(name): types.get(name, own) for name in k.source.tensors}
    signature |= {name: "i64" if name == "dt" else "i32" for name in k.source.numbers}
    signature |= dict.fromkeys(fixed, "constexpr")
    source = ASTSource(fn=k.function, signature=signature, constexprs=fixed)
    options = {"num_warps": WARPS, "enable_fp_fusion": False}
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)


def test_bits() -> None:
    assert machine_code(kernel(bits_nest(), 32), "*fp32", {"above": "*u8", "there": "*u8"}).asm["cubin"]


def kernel_of(variant: Variant) -> Kernel:
    return kernel(nest_of(variant), 64 if variant.stored == "f64" else 32)


def variants(neuron: Neuron, stored: str, masked: bool) -> tuple[Variant, Variant]:
    text = trace(neuron, neuron.lane_states[:1]).text()
    n = len(neuron.params)
    wanted = Wanted(True, (True,), (True,), (True,) * n)
    mixed = tuple(k % 2 == 1 for k in range(n))
    return Variant(text, masked, stored, mixed, None), Variant(text, masked, stored, mixed, wanted)


CASES = [
    (neurons.LIF(3, dt=1.0), "f32", False),
    (neurons.LIF(3, dt=1.0), "bf16", True),
    (neurons.SRC(3), "f64", False),
    (Noisy(neurons.IF(3, dt=1.0)), "f32", True),
]


@pytest.mark.parametrize(("neuron", "stored", "masked"), CASES, ids=lambda x: str(x).partition("(")[0])
def test_every_operation_is_as_written(neuron: Neuron, stored: str, masked: bool) -> None:
    """Nothing is fused that the source does not fuse, nothing is approximate, no register is spilled."""
    for variant in variants(neuron, stored, masked):
        code = compiled(variant, kept=masked)
        text = kernel_of(variant).source.text
        ptx = code.asm["ptx"]
        assert len(re.findall(r"\bfma\.rn\.", ptx)) <= text.count("tl.fma(")
        assert not re.findall(r"\.approx|\.full\.|\.ftz", ptx)
        assert ".local" not in ptx
        assert code.asm["cubin"]
