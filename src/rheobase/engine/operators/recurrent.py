"""The time loop with a matrix product inside, as one operator: `rheobase::recur`.

Forward, a step is one `addmm` and one call of the neuron's forward kernel. The total current is kept, so that the
states of a stretch can be computed again, bit for bit, by one fused scan; backward, a step is one call of the
backward kernel and one product with the matrix, and the gradient of the matrix is one product at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from rheobase.core.execution import Request
from rheobase.core.finite import check_finite, divergence, not_finite
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.programs import program_of
from rheobase.engine.graph.variant import BAD_INPUT, Wanted
from rheobase.engine.operators import scan
from rheobase.engine.operators.late import Late
from rheobase.engine.operators.operator import Operator
from rheobase.engine.operators.tensors import compute_type, reduced
from rheobase.errors import InputError

if TYPE_CHECKING:
    from rheobase.engine.operators.cpu import Call

cpu = Late("rheobase.engine.operators.cpu")
STRETCH = 32  # steps between two kept states


class Given(NamedTuple):
    """What runs: a program of one input, the output before the first step, and the matrix (to, from)."""

    current: Tensor  # (time, batch, neurons)
    init: list[Tensor]
    params: list[Tensor]
    out0: Tensor
    weight: Tensor
    lengths: Tensor | None
    rng: Tensor | None
    program: str
    dt: float

    def point(self, total: Tensor, init: list[Tensor]) -> scan.Given:
        """The neuron alone, on its total current."""
        return scan.Given([total], init, self.params, self.lengths, self.rng, self.program, self.dt)


def _outputs(given: Given, keep: bool) -> list[Tensor]:
    """out, final states, traces, the total current, and the states at the start of each stretch."""
    current, init, compute = given.current, given.init, compute_type(given.current)
    stretches = -(-current.shape[0] // STRETCH)
    return [
        current.new_empty(current.shape),
        *(s.new_empty(s.shape) for s in init),
        *(current.new_empty(current.shape, dtype=compute) for _ in parse(given.program).traces),
        current.new_empty(current.shape, dtype=compute),
        current.new_empty((stretches, len(init), *current.shape[1:]), dtype=compute),
    ]


def _forward(given: Given, keep: bool) -> list[Tensor]:
    results = _outputs(given, keep)
    current, init = given.current, given.init
    n, traces = len(init), len(parse(given.program).traces)
    out, final, seen, total, kept = (
        results[0],
        results[1 : 1 + n],
        results[1 + n : 1 + n + traces],
        *results[-2:],
    )
    for state, start in zip(final, init, strict=True):
        state.copy_(start)
    wide = out if out.dtype == total.dtype else torch.empty_like(total)
    first = cpu.call_of(given.point(total[:1], final))
    runner = first.runner(None, {})
    z, transposed = given.out0, given.weight.t().to(total.dtype)
    left = None if first.lengths is None else first.lengths.clone()
    for t in range(current.shape[0]):
        if t % STRETCH == 0:
            for k, state in enumerate(final):
                kept[t // STRETCH, k].copy_(state)
        torch.addmm(current[t].to(total.dtype), z, transposed, out=total[t])
        pointers: dict[str, Tensor | None] = {"input:0": total[t], "out": wide[t], "lengths": left}
        # the states are updated where they lie
        pointers |= {f"{name}:{k}": s for k, s in enumerate(final) for name in ("init", "final")}
        pointers |= {f"trace:{k}": trace[t] for k, trace in enumerate(seen)}
        bad = runner.run(pointers, first.rng[1] + t)
        if bad & BAD_INPUT:
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
    given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor]:
    (out, total, kept), init = saved, given.init
    g_out, g_final, g_traces = scan.split(given, grads)
    want = RECUR.wanted(given, wanted)
    g_total = torch.empty_like(total)
    g_states = [torch.zeros_like(s) if g is None else g.clone(memory_format=torch.contiguous_format)
                for s, g in zip(init, g_final, strict=True)]  # fmt: skip
    lane = total.new_empty(total.shape[1:])
    asked = Wanted(True, tuple(g is not None for g in g_traces), (True,), tuple(want["params"]))
    g_params = [torch.zeros_like(lane) if want_it else None for want_it in want["params"]]
    part = [torch.empty_like(lane) if want_it else None for want_it in want["params"]]
    states_of = parse(given.program).with_states().text()
    matrix = given.weight.to(total.dtype)
    back = None
    first = cpu.call_of(given.point(total[:1], list(init)))
    full = first.lengths
    left = None if full is None else full.clone()
    runner = first.runner(asked, {})
    for stretch in range(kept.shape[0] - 1, -1, -1):
        start, end = stretch * STRETCH, min(stretch * STRETCH + STRETCH, total.shape[0])
        befores = _states(states_of, total[start:end], kept[stretch], full, first, start)
        for t in range(end - 1, start - 1, -1):
            g = torch.zeros_like(lane) if g_out is None else g_out[t].to(total.dtype)
            if back is not None:
                g = torch.addmm(g, back, matrix)
            pointers: dict[str, Tensor | None] = {
                "input:0": total[t],
                "g:out": g.contiguous(),
                "g:input:0": g_total[t],
            }
            pointers["lengths"] = left
            pointers |= {f"init:{k}": s[t - start] for k, s in enumerate(befores)}
            pointers |= {f"{name}:{k}": s for k, s in enumerate(g_states) for name in ("g:final", "g:init")}
            pointers |= {
                f"g:trace:{k}": s[t].to(total.dtype).contiguous() for k, s in enumerate(g_traces) if s is not None
            }
            pointers |= {f"g:param:{k}": s for k, s in enumerate(part)}
            if full is not None and left is not None:
                torch.sub(full, t, out=left)
            runner.run(pointers, first.rng[1] + t)
            for whole, piece in zip(g_params, part, strict=True):
                if whole is not None and piece is not None:
                    whole.add_(piece)
            back = g_total[t]
    before = torch.cat([given.out0[None], out[:-1].to(total.dtype)])
    found = [
        g_total.to(out.dtype) if want["current"][0] else None,
        *(g if want_it else None for g, want_it in zip(g_states, want["init"], strict=True)),
        *(None if g is None else reduced(g, p) for g, p in zip(g_params, given.params, strict=True)),
        g_total[0] @ matrix if want["out0"][0] else None,
        (g_total.flatten(0, 1).t() @ before.flatten(0, 1)).to(given.weight.dtype) if want["weight"][0] else None,
    ]
    return [g for g in found if g is not None]


def _states(
    program: str, total: Tensor, start: Tensor, lengths: Tensor | None, like: Call, t0: int,
) -> list[Tensor]:  # fmt: skip
    """The states before each step of a stretch: the very numbers of the forward pass."""
    init = [s.contiguous() for s in start]
    left = None if lengths is None else (lengths - t0).to(torch.int32)
    call = cpu.Call(program, [total.contiguous()], init, like.params, left, like.dt, (like.rng[0], like.rng[1] + t0))
    traces = [torch.empty_like(total) for _ in init]
    tensors: dict[str, Tensor | None] = {"out": torch.empty_like(total)}
    tensors |= {f"final:{k}": torch.empty_like(s) for k, s in enumerate(init)}
    tensors |= {f"trace:{k}": trace for k, trace in enumerate(traces)}
    call.runner(None, tensors).run(step=call.rng[1])
    return [torch.cat([s[None], trace[:-1]]) for s, trace in zip(init, traces, strict=True)]


class _OnCpu:
    """The operator on the CPU."""

    def forward(self, given: Given, keep: bool) -> list[Tensor]:
        return _forward(given, keep)

    def backward(
        self, given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> list[Tensor]:
        return _backward(given, saved, grads, wanted)


RECUR = Operator(
    "recur", Given, differentiable=("current", "init", "params", "out0", "weight"), kernels={"CPU": _OnCpu()},
    outputs=_outputs, hidden=2, saves=(0, -2, -1),
)  # fmt: skip


def recur(request: Request, out0: Tensor, weight: Tensor) -> tuple[Tensor, Any, list[Tensor]]:
    """Run a neuron with lateral weights over a sequence: (out, final state, traces)."""
    neuron = request.neuron
    text, reason = program_of(request)
    if text is None:
        raise RuntimeError(reason)
    states = len(neuron.lane_states)
    given = Given(
        request.form, request.lanes, list(neuron.values().values()), out0, weight, request.lengths, request.rng,
        text, neuron.dt or 0.0,
    )  # fmt: skip
    try:
        results = RECUR(given)
    except InputError:
        check_finite(neuron, request.inputs)
        raise
    return results[0], request.end(results[1 : 1 + states]), list(results[1 + states :])
