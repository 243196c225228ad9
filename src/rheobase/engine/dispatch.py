"""The kernels as backends of the core: `llvm` on the CPU, `triton` on a GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution import Request, provide
from rheobase.core.neuron import Neuron
from rheobase.core.rollout import not_finite
from rheobase.engine import ops
from rheobase.engine.toolchain import compiler, fused_multiply_add, installed, interpreted
from rheobase.engine.trace import Untraceable, trace
from rheobase.errors import InputError


def program_of(neuron: Neuron, record: tuple[str, ...]) -> tuple[str | None, str | None]:
    """The text of the neuron's program, or the reason why there is none. Traced once for each set of records."""
    key = ("program", record, neuron.configuration())
    if key not in neuron.derived:
        try:
            neuron.derived[key] = (trace(neuron, record).text(), None)
        except Untraceable as reason:
            neuron.derived[key] = (None, f"no rule for {reason}")
    return neuron.derived[key]


# torch.compile takes the answer as a constant instead of looking into the tracer
program_of._dynamo_marked_constant = True  # type: ignore[attr-defined]


class Fused:
    """A backend that runs a traced program as one operator."""

    def __init__(self, device: str, package: str, operator: str = "scan"):
        self.device, self.package, self.operator = device, package, operator

    def refusal(self, neuron: Neuron, current: Tensor, *, asked: bool = False) -> str | None:
        if current.device.type != self.device:
            return f"the input is on {current.device.type}, it runs on {self.device}"
        if not installed(self.package):
            return f"{self.package} is not installed"
        return program_of(neuron, ())[1]

    def run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        neuron, current, state = request.neuron, request.current, request.state
        text, reason = program_of(neuron, request.record)
        if text is None:
            raise RuntimeError(reason)
        names = [name for name in neuron.State._fields if name != "step"]
        step = getattr(state, "step", None)
        half = current.dtype == torch.float16
        try:
            out, final, traces = ops.scan(
                current.float() if half else current,
                [getattr(state, name) for name in names],
                list(neuron.values().values()),
                request.lengths,
                step,
                text,
                neuron.dt or 0.0,
                neuron.seed,
                self.operator,
            )
        except InputError:
            # with the neuron's name instead of the kernel's
            raise not_finite(repr(neuron), current) from None
        end = dict(zip(names, final, strict=True))
        if step is not None:
            end["step"] = step + current.shape[0]
        return (out.half() if half else out), neuron.State(**end), traces


class Llvm(Fused):
    """`Fused` for the CPU."""

    def refusal(self, neuron: Neuron, current: Tensor, *, asked: bool = False) -> str | None:
        reason = super().refusal(neuron, current)
        if reason is None and not fused_multiply_add():
            return "the processor has no fused multiply-add (AVX2 or NEON)"
        return reason


class Triton(Fused):
    """`Fused` for a GPU. Asked for by name, it also runs in Triton's interpreter, on the CPU: slow, for tests."""

    def refusal(self, neuron: Neuron, current: Tensor, *, asked: bool = False) -> str | None:
        if current.device.type == "cpu" and asked and interpreted() and installed(self.package):
            return program_of(neuron, ())[1]
        reason = super().refusal(neuron, current)
        if reason is None and compiler() is None:
            return "Triton finds no C compiler (gcc, clang or $CC) to build its launcher with"
        return reason


provide("llvm", Llvm("cpu", "llvmlite"))
provide("triton", Triton("cuda", "triton", "scan_triton"))
