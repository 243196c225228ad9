"""The kernels as backends of the core: `llvm` on the CPU, `triton` on a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution import Request, provide
from rheobase.core.finite import diverged, not_finite
from rheobase.core.neuron import Neuron
from rheobase.engine import ops
from rheobase.engine.guards import Guards
from rheobase.engine.toolchain import compiler, fused_multiply_add, installed, interpreted
from rheobase.engine.trace import Untraceable, trace
from rheobase.errors import Diverged, InputError

FORMS = 8  # of one neuron that are kept; more says that something changes from call to call


@dataclass(frozen=True)
class Traced:
    """The text of a program or the reason why there is none, and what the trace rests on."""

    text: str | None
    reason: str | None
    guards: Guards


def program_of(request: Request) -> tuple[str | None, str | None]:
    """The text of a request's program, or the reason why there is none."""
    device, default = request.current.device.type, torch.get_default_dtype()
    if "program" not in request.notes:
        request.notes["program"] = _program(request.neuron, request.record, request.compute, device, default)
    return request.notes["program"]


def _program(
    neuron: Neuron, record: tuple[str, ...], dtype: torch.dtype, device: str, default: torch.dtype
) -> tuple[str | None, str | None]:
    """Traced anew where something that the equations read is no longer what it was."""
    forms: list[Traced] = neuron.derived.setdefault(("program", record, dtype, device, default), [])
    for traced in forms:
        if traced.guards.changed() is None:
            return traced.text, traced.reason
    if len(forms) == FORMS:
        return None, f"{forms[-1].guards.changed()} changes from call to call: declare it as a param"
    forms.append(_traced(neuron, record, dtype, device))
    return forms[-1].text, forms[-1].reason


def _watchable(
    neuron: Neuron, record: tuple[str, ...], dtype: torch.dtype, device: str, default: torch.dtype
) -> tuple[tuple[tuple[int, str], ...], str | None]:
    """What the newest trace of a program rests on, for torch.compile."""
    return neuron.derived["program", record, dtype, device, default][-1].guards.watchable()


# torch.compile takes the answers as constants instead of looking into the tracer
_program._dynamo_marked_constant = True  # type: ignore[attr-defined]
_watchable._dynamo_marked_constant = True  # type: ignore[attr-defined]


def _watched(request: Request) -> str | None:
    """Have torch.compile watch what a trace rests on; the name of something that it cannot."""
    device = request.current.device.type
    names, hidden = _watchable(request.neuron, request.record, request.compute, device, torch.get_default_dtype())
    for depth, name in names:
        owner: Any = request.neuron
        for _ in range(depth):
            owner = owner.neuron
        found = getattr(owner, name)
        # a look at a value makes it part of what the compiled code is checked by; an object is, by its identity
        found is None if found is None or isinstance(found, bool | int | float | str) else id(found)
    return hidden


def _traced(neuron: Neuron, record: tuple[str, ...], dtype: torch.dtype, device: str) -> Traced:
    guards = Guards()
    try:
        first, second = (trace(neuron, record, dtype=dtype, device=device, guards=guards).text() for _ in range(2))
        changed = guards.changed()
    except Untraceable as reason:
        return Traced(None, str(reason), guards)
    if first != second or changed is not None:
        what = f"{changed} changes" if changed is not None else "they are not the same when they run again"
        return Traced(None, f"equations that depend on more than their arguments: {what}", guards)
    return Traced(first, None, guards)


class Fused:
    """A backend that runs a traced program as one operator."""

    def __init__(self, device: str, package: str, operator: str = "scan"):
        self.device, self.package, self.operator = device, package, operator

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        if request.current.device.type != self.device:
            return f"the input is on {request.current.device.type}, it runs on {self.device}"
        if not installed(self.package):
            return f"{self.package} is not installed"
        reason = program_of(request)[1]
        if reason is None and torch.compiler.is_compiling() and (hidden := _watched(request)) is not None:
            return f"{hidden}, which the equations read, cannot be watched by torch.compile"
        return reason

    def run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        try:
            return self._run(request)
        except InputError:
            # with the neuron's name instead of the kernel's
            raise not_finite(repr(request.neuron), request.current) from None
        except Diverged:
            raise diverged(request, lambda part: self._run(part)[1]) from None

    def _run(self, request: Request) -> tuple[Tensor, Any, list[Tensor]]:
        text, reason = program_of(request)
        if text is None:
            raise RuntimeError(reason)
        half = request.current.dtype == torch.float16
        out, final, traces = ops.scan(
            request.current.float() if half else request.current,
            request.lanes,
            list(request.neuron.values().values()),
            request.lengths,
            request.rng,
            text,
            request.neuron.dt or 0.0,
            self.operator,
            request.check_finite,
        )
        return (out.half() if half else out), request.end(final), traces


class Llvm(Fused):
    """`Fused` for the CPU."""

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        if request.current.device.type == self.device and not fused_multiply_add():
            return "the processor has no fused multiply-add (AVX2 or NEON)"
        return super().refusal(request)


class Triton(Fused):
    """`Fused` for a GPU. Asked for by name, it also runs in Triton's interpreter, on the CPU: slow, for tests."""

    def refusal(self, request: Request, *, asked: bool = False) -> str | None:
        if request.current.device.type == "cpu" and asked and interpreted() and installed(self.package):
            return program_of(request)[1]
        if request.current.device.type == self.device and compiler() is None:
            return "Triton finds no C compiler (gcc, clang or $CC) to build its launcher with"
        return super().refusal(request)


provide("llvm", Llvm("cpu", "llvmlite"))
provide("triton", Triton("cuda", "triton", "scan_triton"))
