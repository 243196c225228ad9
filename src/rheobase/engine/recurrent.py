"""The time loop with a matrix product inside, as one operator: `rheobase::recur`.

Forward, a step is one `addmm` and one call of the neuron's forward kernel. The total current is kept, so that the
states of a stretch can be computed again, bit for bit, by one fused scan; backward, a step is one call of the
backward kernel and one product with the matrix, and the gradient of the matrix is one product at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.core.execution import Request
from rheobase.core.finite import check_finite, divergence, not_finite
from rheobase.engine.dispatch import program_of
from rheobase.engine.late import Late
from rheobase.engine.ops import LIBRARY, below_autograd, check_transforms, no_vmap, once
from rheobase.engine.plan import Wanted
from rheobase.engine.program import Program, parse
from rheobase.errors import InputError

if TYPE_CHECKING:
    from rheobase.engine.launch import Call

cpu, launch = Late("rheobase.engine.cpu"), Late("rheobase.engine.launch")
STRETCH = 32  # steps between two kept states

_ARGUMENTS = (
    "Tensor current, Tensor[] init, Tensor[] params, Tensor out0, Tensor weight, Tensor? lengths, Tensor? rng, "
    "str program, float dt"
)
LIBRARY.define(f"recur({_ARGUMENTS}) -> Tensor[]")
LIBRARY.define(f"recur_backward(Tensor?[] grads, Tensor out, Tensor kept, {_ARGUMENTS}, bool[] wanted) -> Tensor[]")


def _outputs(current: Tensor, init: list[Tensor], program: str) -> list[Tensor]:
    """out, final states, traces, the total current, and the states at the start of each stretch."""
    compute = torch.float64 if current.dtype == torch.float64 else torch.float32
    stretches = -(-current.shape[0] // STRETCH)
    return [
        current.new_empty(current.shape),
        *(s.new_empty(s.shape) for s in init),
        *(current.new_empty(current.shape, dtype=compute) for _ in parse(program).traces),
        current.new_empty(current.shape, dtype=compute),
        current.new_empty((stretches, len(init), *current.shape[1:]), dtype=compute),
    ]


def _fake(
    current: Tensor, init: list[Tensor], params: list[Tensor], out0: Tensor, weight: Tensor, lengths: Tensor | None,
    rng: Tensor | None, program: str, dt: float,
) -> list[Tensor]:  # fmt: skip
    return _outputs(current, init, program)


def _forward(
    current: Tensor, init: list[Tensor], params: list[Tensor], out0: Tensor, weight: Tensor, lengths: Tensor | None,
    rng: Tensor | None, program: str, dt: float,
) -> list[Tensor]:  # fmt: skip
    results = _outputs(current, init, program)
    n, traces = len(init), len(parse(program).traces)
    out, final, seen, total, kept = (
        results[0],
        results[1 : 1 + n],
        results[1 + n : 1 + n + traces],
        *results[-2:],
    )
    for state, start in zip(final, init, strict=True):
        state.copy_(start)
    wide = out if out.dtype == total.dtype else torch.empty_like(total)
    first = cpu.call_of(total[:1], final, params, lengths, rng, program, dt)
    runner = launch.Runner(first, first.variant(None))
    z, transposed = out0, weight.t().to(total.dtype)
    left = None if first.lengths is None else first.lengths.clone()
    for t in range(current.shape[0]):
        if t % STRETCH == 0:
            for k, state in enumerate(final):
                kept[t // STRETCH, k].copy_(state)
        torch.addmm(current[t].to(total.dtype), z, transposed, out=total[t])
        pointers: dict[str, Tensor | None] = {"input": total[t], "out": wide[t], "lengths": left}
        # the states are updated where they lie
        pointers |= {f"{name}:{k}": s for k, s in enumerate(final) for name in ("init", "final")}
        pointers |= {f"trace:{k}": trace[t] for k, trace in enumerate(seen)}
        bad = runner.run(pointers, first.rng[1] + t)
        if bad & launch.BAD_INPUT:
            raise not_finite("the lateral recurrence", total[t])
        if bad:
            raise divergence("the lateral recurrence", "a state that became NaN or infinite", t)
        if left is not None:
            left.sub_(1)
        z = wide[t]
    if wide is not out:
        out.copy_(wide)
    return results


def _backward(
    grads: list[Tensor | None], out: Tensor, kept: Tensor, total: Tensor, init: list[Tensor], params: list[Tensor],
    out0: Tensor, weight: Tensor, lengths: Tensor | None, rng: Tensor | None, program: str, dt: float,
    wanted: list[bool],
) -> list[Tensor]:  # fmt: skip
    n = len(init)
    g_out, g_final, g_traces = grads[0], grads[1 : 1 + n], grads[1 + n :]
    want_init, want_params = wanted[1 : 1 + n], wanted[1 + n : 1 + n + len(params)]
    g_total = torch.empty_like(total)
    g_states = [torch.zeros_like(s) if g is None else g.clone(memory_format=torch.contiguous_format)
                for s, g in zip(init, g_final, strict=True)]  # fmt: skip
    lane = total.new_empty(total.shape[1:])
    asked = Wanted(True, tuple(g is not None for g in g_traces), True, tuple(want_params))
    g_params = [torch.zeros_like(lane) if want else None for want in want_params]
    part = [torch.empty_like(lane) if want else None for want in want_params]
    states_of = _with_states(program)
    matrix = weight.to(total.dtype)
    back = None
    first = cpu.call_of(total[:1], list(init), params, lengths, rng, program, dt)
    full = first.lengths
    left = None if full is None else full.clone()
    runner = launch.Runner(first, first.variant(asked))
    for stretch in range(kept.shape[0] - 1, -1, -1):
        start, end = stretch * STRETCH, min(stretch * STRETCH + STRETCH, total.shape[0])
        befores = _states(states_of, total[start:end], kept[stretch], full, first, start)
        for t in range(end - 1, start - 1, -1):
            g = torch.zeros_like(lane) if g_out is None else g_out[t].to(total.dtype)
            if back is not None:
                g = torch.addmm(g, back, matrix)
            pointers: dict[str, Tensor | None] = {
                "input": total[t],
                "g_out": g.contiguous(),
                "g_input": g_total[t],
            }
            pointers["lengths"] = left
            pointers |= {f"init:{k}": s[t - start] for k, s in enumerate(befores)}
            pointers |= {f"{name}:{k}": s for k, s in enumerate(g_states) for name in ("g_final", "g_init")}
            pointers |= {
                f"g_trace:{k}": s[t].to(total.dtype).contiguous() for k, s in enumerate(g_traces) if s is not None
            }
            pointers |= {f"g_param:{k}": s for k, s in enumerate(part)}
            if full is not None and left is not None:
                torch.sub(full, t, out=left)
            runner.run(pointers, first.rng[1] + t)
            for whole, piece in zip(g_params, part, strict=True):
                if whole is not None and piece is not None:
                    whole.add_(piece)
            back = g_total[t]
    before = torch.cat([out0[None], out[:-1].to(total.dtype)])
    found = [
        g_total.to(out.dtype) if wanted[0] else None,
        *(g if want else None for g, want in zip(g_states, want_init, strict=True)),
        *(None if g is None else cpu.reduced(g, p) for g, p in zip(g_params, params, strict=True)),
        g_total[0] @ matrix if wanted[-2] else None,
        (g_total.flatten(0, 1).t() @ before.flatten(0, 1)).to(weight.dtype) if wanted[-1] else None,
    ]
    return [g for g in found if g is not None]


def _with_states(program: str) -> str:
    """The program whose traces are its states after each step."""
    p = parse(program)
    return Program(p.graph, p.states, p.params, p.out, p.post, p.post, p.states).text()


def _states(
    program: str, total: Tensor, start: Tensor, lengths: Tensor | None, like: Call, t0: int,
) -> list[Tensor]:  # fmt: skip
    """The states before each step of a stretch: the very numbers of the forward pass."""
    init = [s.contiguous() for s in start]
    left = None if lengths is None else (lengths - t0).to(torch.int32)
    call = launch.Call(program, total.contiguous(), init, like.params, left, like.dt, (like.rng[0], like.rng[1] + t0))
    traces = [torch.empty_like(total) for _ in init]
    scrap = torch.empty_like(total)
    runner = launch.Runner(call, call.variant(None))
    pointers: dict[str, Tensor | None] = {"input": call.current, "out": scrap}
    pointers |= {f"final:{k}": torch.empty_like(s) for k, s in enumerate(init)}
    pointers |= {f"trace:{k}": trace for k, trace in enumerate(traces)}
    runner.run(pointers, call.rng[1])
    return [torch.cat([s[None], trace[:-1]]) for s, trace in zip(init, traces, strict=True)]


def _backward_fake(
    grads: list[Tensor | None], out: Tensor, kept: Tensor, total: Tensor, init: list[Tensor], params: list[Tensor],
    out0: Tensor, weight: Tensor, lengths: Tensor | None, rng: Tensor | None, program: str, dt: float,
    wanted: list[bool],
) -> list[Tensor]:  # fmt: skip
    tensors = (out, *init, *params, out0, weight)
    return [t.new_empty(t.shape) for t, want in zip(tensors, wanted, strict=True) if want]


class _Recur(torch.autograd.Function):
    """The autograd rule. Saved: the total current, the output, one state per stretch."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, lengths: Tensor | None, rng: Tensor | None, program: str, dt: float, states: int,
        current: Tensor, *tensors: Tensor,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        init, params, out0, weight = list(tensors[:states]), list(tensors[states:-2]), *tensors[-2:]
        with below_autograd():
            *results, total, kept = torch.ops.rheobase.recur(
                current, init, params, out0, weight, lengths, rng, program, dt
            )
        ctx.save_for_backward(lengths, rng, results[0], kept, total, *tensors)
        ctx.program, ctx.dt, ctx.states = program, dt, states
        ctx.set_materialize_grads(False)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        lengths, rng, out, kept, total, *tensors = ctx.saved_tensors
        init, params, out0, weight = tensors[: ctx.states], tensors[ctx.states : -2], *tensors[-2:]
        needed = ctx.needs_input_grad[5:]
        found = iter(torch.ops.rheobase.recur_backward(
            list(grads), out, kept, total, init, params, out0, weight, lengths, rng, ctx.program, ctx.dt,
            list(needed),
        ))  # fmt: skip
        return None, None, None, None, None, *(next(found) if need else None for need in needed)


def _autograd(
    current: Tensor, init: list[Tensor], params: list[Tensor], out0: Tensor, weight: Tensor, lengths: Tensor | None,
    rng: Tensor | None, program: str, dt: float,
) -> list[Tensor]:  # fmt: skip
    tensors = (current, *init, *params, out0, weight)
    check_transforms(*tensors)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        results = _Recur.apply(lengths, rng, program, dt, len(init), *tensors)
        return [*results, current.new_empty(0), current.new_empty(0)]  # type: ignore[misc]
    with below_autograd():
        return torch.ops.rheobase.recur(current, init, params, out0, weight, lengths, rng, program, dt)


def _backward_autograd(
    grads: list[Tensor | None], out: Tensor, kept: Tensor, total: Tensor, init: list[Tensor], params: list[Tensor],
    *rest: Any,
) -> list[Tensor]:  # fmt: skip
    def call() -> list[Tensor]:
        return torch.ops.rheobase.recur_backward(grads, out, kept, total, init, params, *rest)

    out0, weight = rest[:2]
    return once(call, *grads, out, *init, *params, out0, weight)


LIBRARY.impl("recur", _fake, "Meta")
LIBRARY.impl("recur_backward", _backward_fake, "Meta")
LIBRARY.impl("recur", _forward, "CPU")
LIBRARY.impl("recur_backward", _backward, "CPU")
LIBRARY.impl("recur", _autograd, "Autograd")
LIBRARY.impl("recur_backward", _backward_autograd, "Autograd")
for _key in ("FuncTorchBatched", "Batched"):
    LIBRARY.impl("recur", no_vmap, _key)
    LIBRARY.impl("recur_backward", no_vmap, _key)


def recur(request: Request, out0: Tensor, weight: Tensor) -> tuple[Tensor, Any, list[Tensor]]:
    """Run a neuron with lateral weights over a sequence: (out, final state, traces)."""
    neuron = request.neuron
    text, reason = program_of(request)
    if text is None:
        raise RuntimeError(reason)
    states = len(neuron.lane_states)
    try:
        results = torch.ops.rheobase.recur(
            request.current, request.lanes, list(neuron.values().values()), out0, weight, request.lengths, request.rng,
            text, neuron.dt or 0.0,
        )  # fmt: skip
    except InputError:
        check_finite(neuron, request.current)
        raise
    return results[0], request.end(results[1 : 1 + states]), list(results[1 + states : -2])
