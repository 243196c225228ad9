"""The operators on the CPU: allocate results, call the LLVM kernels, add up the gradients of parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rheobase.engine.graph.plan import Wanted
from rheobase.engine.graph.program import parse
from rheobase.engine.llvm.launch import Call, longest_segment, run
from rheobase.engine.operators.scan import SCANS, Given, split
from rheobase.engine.operators.tensors import check, compute_type, empties, lengths_per_lane, per_lane, reduced


def outputs(given: Given, keep: bool) -> list[Tensor]:
    """Empty results of a forward run: out, final states, traces, checkpoints."""
    form, init = given.inputs[0], given.init
    longest = longest_segment(given.program, 64 if form.dtype == torch.float64 else 32)
    segments = -(-form.shape[0] // longest)
    return empties(form, init, given.program, (segments - 1) * len(init) if keep else 0)


def call_of(given: Given) -> Call:
    """The arguments of a kernel, in the form that it reads: contiguous, parameters and lengths per lane."""
    form = given.inputs[0]
    compute = compute_type(form)
    return Call(
        given.program,
        [x.contiguous() for x in given.inputs],
        [s.contiguous() for s in given.init],
        [per_lane(p, form, compute) for p in given.params],
        None if given.lengths is None else lengths_per_lane(given.lengths, form),
        given.dt,
        (0, 0) if given.rng is None else tuple(given.rng.tolist()),
    )


def forward(given: Given, keep: bool) -> list[Tensor]:
    """The forward operator."""
    results = outputs(given, keep)
    call, states = call_of(given), len(given.init)
    pointers: dict[str, Tensor | None] = {"out": results[0]}
    pointers |= {f"final:{k}": t for k, t in enumerate(results[1 : 1 + states])}
    pointers |= {f"trace:{k}": t for k, t in enumerate(results[1 + states : -1])}
    if results[-1].numel():
        pointers["checkpoints"] = results[-1]
    bad = run(call, call.variant(None), pointers)
    if given.check and bad:
        check(bad, dict(zip(parse(given.program).entries, call.inputs, strict=True)))
    return results


def backward(
    given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor]:
    """The backward operator."""
    call, (checkpoints,) = call_of(given), saved
    g_out, g_final, g_traces = split(given, grads)
    want = SCANS["scan"].wanted(given, wanted)
    asked = Wanted(
        g_out is not None, tuple(g is not None for g in g_traces), tuple(want["inputs"]), tuple(want["params"])
    )
    g_inputs = [
        torch.empty_like(x) if want_it else None for x, want_it in zip(call.inputs, want["inputs"], strict=True)
    ]
    g_init = [torch.empty_like(s) if want_it else None for s, want_it in zip(call.init, want["init"], strict=True)]
    lane = call.form.new_empty(call.form.shape[1:], dtype=call.compute)
    g_params = [torch.empty_like(lane) if want_it else None for want_it in want["params"]]
    pointers: dict[str, Tensor | None] = {
        "g_out": None if g_out is None else g_out.contiguous(),
        "checkpoints": checkpoints if checkpoints.numel() else None,
    }
    # laid out here, so that they live until the kernel has run
    for name, tensors in (
        ("g_final", g_final), ("g_trace", g_traces), ("g_input", g_inputs), ("g_init", g_init), ("g_param", g_params),
    ):  # fmt: skip
        pointers |= {f"{name}:{k}": None if t is None else t.contiguous() for k, t in enumerate(tensors)}
    run(call, call.variant(asked), pointers)
    sums = [None if g is None else reduced(g, p) for g, p in zip(g_params, given.params, strict=True)]
    return [g for g in (*g_inputs, *g_init, *sums) if g is not None]
