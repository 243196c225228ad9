"""The kernels as backends: `LLVM` on the CPU, `TRITON` on a GPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution.backends import Request
from rheobase.core.execution.finite import bad_input, diverged
from rheobase.engine.graph.traced_programs import program_of, watched
from rheobase.engine.operators.scan import Given, scan
from rheobase.engine.toolchain import compiler, fused_multiply_add, installed, interpreted
from rheobase.errors import Diverged, InputError


class Fused:
    """A backend that runs a traced program as one operator."""

    def __init__(self, device: str, package: str, operator: str = "scan"):
        self.device, self.package, self.operator = device, package, operator

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        if request.form.device.type != self.device:
            return f"the input is on {request.form.device.type}, it runs on {self.device}"
        if not installed(self.package):
            return f"{self.package} is not installed"
        reason = program_of(request)[1]
        if reason is None and torch.compiler.is_compiling() and (hidden := watched(request)) is not None:
            return f"{hidden}, which the equations read, cannot be watched by torch.compile"
        return reason

    def run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        try:
            return self._run(request)
        except InputError as error:
            # the same error, naming the neuron instead of the kernel
            raise bad_input(request.neuron, request.inputs) or error from None
        except Diverged:
            raise diverged(request, lambda part: self._run(part)[1]) from None

    def _run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        text, reason = program_of(request)
        if text is None:
            raise RuntimeError(reason)
        half = request.form.dtype == torch.float16
        results = scan(
            Given(
                [x.float() for x in request.inputs] if half else list(request.inputs),
                request.lanes,
                list(request.neuron.values().values()),
                request.lengths,
                request.rng,
                text,
                request.neuron.dt or 0.0,
                request.check_finite,
            ),
            self.operator,
        )
        return (results.out.half() if half else results.out), request.end(results.final), results.traces


class Llvm(Fused):
    """`Fused` for the CPU."""

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        if request.form.device.type == self.device and not fused_multiply_add():
            return "the processor has no fused multiply-add (AVX2 or NEON)"
        return super().refusal(request)


class Triton(Fused):
    """`Fused` for a GPU. Asked for by name, it also runs in Triton's interpreter, on the CPU: slow, for tests."""

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        if request.form.device.type == "cpu" and asked and interpreted() and installed(self.package):
            return program_of(request)[1]
        if request.form.device.type == self.device and compiler() is None:
            return "Triton finds no C compiler (gcc, clang or $CC) to build its launcher with"
        return super().refusal(request)


LLVM, TRITON = Llvm("cpu", "llvmlite"), Triton("cuda", "triton", "scan_triton")
