"""The operators in Triton kernels: allocate results, launch, add up the gradients of parameters.

After a forward launch the host waits once, to learn whether the input was finite; while a CUDA graph is captured
it cannot wait, and does not look.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rheobase.engine import cpu
from rheobase.engine.emit_llvm import Variant
from rheobase.engine.launch import BAD_INPUT, BAD_STATE, STORED
from rheobase.engine.launch_triton import launch, segment_length
from rheobase.engine.plan import Wanted
from rheobase.engine.program import parse


def outputs(current: Tensor, init: list[Tensor], program: str, keep: bool) -> list[Tensor]:
    """Empty results of a forward run: out, final states, traces, checkpoints."""
    steps = current.shape[0]
    segments = -(-steps // segment_length(program, steps))
    return cpu.empties(current, init, program, (segments - 1) * len(init) if keep else 0)


def _variant(
    current: Tensor, params: list[Tensor], lengths: Tensor | None, program: str, wanted: Wanted | None
) -> Variant:
    wise = tuple(p.numel() != 1 for p in params)
    return Variant(program, lengths is not None, STORED[current.dtype], wise, wanted)


def _arguments(
    current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, rng: Tensor | None, program: str
) -> dict[str, Tensor | None]:
    """What both kernels read, contiguous; parameters and lengths one to a lane."""
    compute = torch.float64 if current.dtype == torch.float64 else torch.float32
    if rng is None and parse(program).noisy:
        rng = torch.zeros(2, dtype=torch.int64, device=current.device)
    named: dict[str, Tensor | None] = {"current": current.contiguous(), "rng": rng}
    named["lengths"] = None if lengths is None else cpu.lengths_per_lane(lengths, current)
    named |= _numbered("init", init) | _numbered("param", [cpu.per_lane(p, current, compute) for p in params])
    return named


def _numbered(name: str, tensors: Sequence[Tensor | None]) -> dict[str, Tensor | None]:
    return {f"{name}_{k}": None if t is None else t.contiguous() for k, t in enumerate(tensors)}


def scan(
    current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, rng: Tensor | None,
    program: str, dt: float, check_finite: bool, keep: bool,
) -> list[Tensor]:  # fmt: skip
    """The forward operator."""
    results = outputs(current, init, program, keep)
    states = len(init)
    bad = torch.zeros(2, dtype=torch.int32, device=current.device)
    named = _arguments(current, init, params, lengths, rng, program)
    named |= {"out": results[0], "bad": bad, "checkpoints": results[-1] if results[-1].numel() else None}
    named |= _numbered("final", results[1 : 1 + states]) | _numbered("trace", results[1 + states : -1])
    segment = segment_length(program, current.shape[0])
    launch(_variant(current, params, lengths, program, None), segment, named, dt)
    if check_finite and not (current.is_cuda and torch.cuda.is_current_stream_capturing()):
        of_input, of_state = bad.tolist()
        cpu.check(of_input * BAD_INPUT + of_state * BAD_STATE, current)
    return results


def scan_backward(
    grads: list[Tensor | None], current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None,
    rng: Tensor | None, checkpoints: Tensor, program: str, dt: float, wanted: list[bool],
) -> list[Tensor]:  # fmt: skip
    """The backward operator: gradients of (current, *init, *params) where wanted, in that order."""
    states = len(init)
    g_out, g_final, g_traces = grads[0], grads[1 : 1 + states], grads[1 + states :]
    want_init, want_params = wanted[1 : 1 + states], wanted[1 + states :]
    asked = Wanted(g_out is not None, tuple(g is not None for g in g_traces), wanted[0], tuple(want_params))
    named = _arguments(current, init, params, lengths, rng, program)
    compute = torch.float64 if current.dtype == torch.float64 else torch.float32
    lane = current.new_empty(current.shape[1:], dtype=compute)
    g_current = torch.empty_like(current, memory_format=torch.contiguous_format) if wanted[0] else None
    g_init = [torch.empty_like(lane) if want else None for want in want_init]
    g_params = [torch.empty_like(lane) if want else None for want in want_params]
    named |= {"g_current": g_current, "checkpoints": checkpoints if checkpoints.numel() else None}
    named["g_out"] = None if g_out is None else g_out.contiguous()
    named |= _numbered("g_final", g_final) | _numbered("g_trace", g_traces)
    named |= _numbered("g_init", g_init) | _numbered("g_param", g_params)
    segment = segment_length(program, current.shape[0])
    launch(_variant(current, params, lengths, program, asked), segment, named, dt)
    reduced = [None if g is None else cpu.reduced(g, p) for g, p in zip(g_params, params, strict=True)]
    return [g for g in (g_current, *g_init, *reduced) if g is not None]
