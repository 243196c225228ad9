"""The operators on the CPU: allocate results, call the LLVM kernels, add up the gradients of parameters."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.core.finite import not_finite
from rheobase.engine.launch import BAD_INPUT, BAD_STATE, Call, longest_segment, run
from rheobase.engine.plan import Wanted
from rheobase.engine.program import parse
from rheobase.errors import Diverged

KERNEL = "the fused kernel of a neuron"


def _segments(current: Tensor, program: str) -> int:
    bits = 64 if current.dtype == torch.float64 else 32
    return -(-current.shape[0] // longest_segment(program, bits))


def outputs(current: Tensor, init: list[Tensor], program: str, keep: bool) -> list[Tensor]:
    """Empty results of a forward run: out, final states, traces, checkpoints."""
    return empties(current, init, program, (_segments(current, program) - 1) * len(init) if keep else 0)


def empties(current: Tensor, init: list[Tensor], program: str, kept: int) -> list[Tensor]:
    """Empty results of a forward run that keeps so many rows of states between segments."""
    compute = torch.float64 if current.dtype == torch.float64 else torch.float32
    traces = len(parse(program).traces)
    lanes = current.new_empty((), dtype=compute)
    return [
        torch.empty_like(current, memory_format=torch.contiguous_format),
        *(torch.empty_like(s, memory_format=torch.contiguous_format) for s in init),
        *(torch.empty_like(current, dtype=compute, memory_format=torch.contiguous_format) for _ in range(traces)),
        lanes.new_empty((kept, *current.shape[1:])),
    ]


def gradients(current: Tensor, init: list[Tensor], params: list[Tensor], wanted: list[bool]) -> list[Tensor]:
    """Empty gradients of the tensors (current, *init, *params) that want one."""
    tensors = (current, *init, *params)
    contiguous = torch.contiguous_format
    return [torch.empty_like(t, memory_format=contiguous) for t, want in zip(tensors, wanted, strict=True) if want]


def per_lane(param: Tensor, current: Tensor, compute: torch.dtype) -> Tensor:
    """A scalar as it is; anything else as one value per lane."""
    param = param.to(compute)
    if param.numel() == 1:
        return param.contiguous()
    return param.expand(current.shape[1:]).contiguous()


def lengths_per_lane(lengths: Tensor, current: Tensor) -> Tensor:
    """The length of each sequence, once for each of its lanes."""
    many = lengths.to(torch.int32).view(-1, *(1,) * (current.dim() - 2))
    return many.expand(current.shape[1:]).contiguous()


def call_of(
    current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, rng: Tensor | None,
    program: str, dt: float,
) -> Call:  # fmt: skip
    """The arguments of a kernel, in the form that it reads: contiguous, parameters and lengths per lane."""
    compute = torch.float64 if current.dtype == torch.float64 else torch.float32
    wise = None if lengths is None else lengths_per_lane(lengths, current)
    return Call(
        program,
        current.contiguous(),
        [s.contiguous() for s in init],
        [per_lane(p, current, compute) for p in params],
        wise,
        dt,
        (0, 0) if rng is None else tuple(rng.tolist()),
    )


def scan(
    current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None, rng: Tensor | None,
    program: str, dt: float, check_finite: bool, keep: bool,
) -> list[Tensor]:  # fmt: skip
    """The forward operator."""
    results = outputs(current, init, program, keep)
    call = call_of(current, init, params, lengths, rng, program, dt)
    states = len(init)
    pointers: dict[str, Tensor | None] = {"out": results[0]}
    pointers |= {f"final:{k}": t for k, t in enumerate(results[1 : 1 + states])}
    pointers |= {f"trace:{k}": t for k, t in enumerate(results[1 + states : -1])}
    if results[-1].numel():
        pointers["checkpoints"] = results[-1]
    bad = run(call, call.variant(None), pointers)
    if check_finite:
        check(bad, call.current)
    return results


def check(bad: int, current: Tensor) -> None:
    """Raise for what a forward kernel found: input or states that are not finite."""
    if bad & BAD_INPUT:
        raise not_finite(KERNEL, current)
    if bad & BAD_STATE:
        given = "a state that became NaN or infinite"
        raise Diverged(KERNEL, given, "finite states", "run the neuron by itself: it says which, and when")


def scan_backward(
    grads: list[Tensor | None], current: Tensor, init: list[Tensor], params: list[Tensor], lengths: Tensor | None,
    rng: Tensor | None, checkpoints: Tensor, program: str, dt: float, wanted: list[bool],
) -> list[Tensor]:  # fmt: skip
    """The backward operator: gradients of (current, *init, *params) where wanted, in that order."""
    call = call_of(current, init, params, lengths, rng, program, dt)
    states = len(init)
    g_out, g_final, g_traces = grads[0], grads[1 : 1 + states], grads[1 + states :]
    want_init, want_params = wanted[1 : 1 + states], wanted[1 + states :]
    asked = Wanted(g_out is not None, tuple(g is not None for g in g_traces), wanted[0], tuple(want_params))
    g_input = torch.empty_like(call.current) if wanted[0] else None
    g_init = [torch.empty_like(s) if want else None for s, want in zip(call.init, want_init, strict=True)]
    lane = call.current.new_empty(call.current.shape[1:], dtype=call.compute)
    g_params = [torch.empty_like(lane) if want else None for want in want_params]
    pointers: dict[str, Tensor | None] = {
        "g_out": None if g_out is None else g_out.contiguous(),
        "g_input": g_input,
        "checkpoints": checkpoints if checkpoints.numel() else None,
    }
    for name, tensors in (
        ("g_final", g_final),
        ("g_trace", g_traces),
        ("g_init", g_init),
        ("g_param", g_params),
    ):
        pointers |= {f"{name}:{k}": None if t is None else t.contiguous() for k, t in enumerate(tensors)}
    run(call, call.variant(asked), pointers)
    found = [
        g_input,
        *g_init,
        *(None if g is None else reduced(g, p) for g, p in zip(g_params, params, strict=True)),
    ]
    return [g for g in found if g is not None]


def reduced(lanes: Tensor, param: Tensor) -> Tensor:
    """The gradient per lane, summed to the shape of the parameter in an order that no thread count changes.

    torch splits a sum over everything among its threads; rows of 256 are each summed by one.
    """
    if param.numel() == 1:
        flat = lanes.reshape(-1)
        while flat.numel() > 1:
            flat = torch.nn.functional.pad(flat, (0, -flat.numel() % 256)).view(-1, 256).sum(1)
        return flat.reshape(param.shape).to(param.dtype)
    return lanes.sum_to_size(param.shape).to(param.dtype)
