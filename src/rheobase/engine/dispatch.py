"""The kernels as backends of the core: `llvm` on the CPU, `triton` on a GPU."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution import Request, provide
from rheobase.core.neuron import Neuron
from rheobase.core.rollout import check_finite
from rheobase.engine import ops
from rheobase.engine.launch_triton import compiler, interpreted
from rheobase.engine.trace import Untraceable, trace


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
        if not _installed(self.package):
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
        except FloatingPointError:
            check_finite(neuron, current)  # says where
            raise
        end = dict(zip(names, final, strict=True))
        if step is not None:
            end["step"] = step + current.shape[0]
        return (out.half() if half else out), neuron.State(**end), traces


class Triton(Fused):
    """`Fused` for a GPU. Asked for by name, it also runs in Triton's interpreter, on the CPU: slow, for tests."""

    def refusal(self, neuron: Neuron, current: Tensor, *, asked: bool = False) -> str | None:
        if current.device.type == "cpu" and asked and interpreted() and _installed(self.package):
            return program_of(neuron, ())[1]
        reason = super().refusal(neuron, current)
        if reason is None and compiler() is None:
            return "Triton finds no C compiler (gcc, clang or $CC) to build its launcher with"
        return reason


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


_installed._dynamo_marked_constant = True  # type: ignore[attr-defined]

provide("llvm", Fused("cpu", "llvmlite"))
provide("triton", Triton("cuda", "triton", "scan_triton"))
