"""The operators in Triton kernels: allocate results, launch, add up the gradients of parameters.

After a forward launch the host waits once, to learn whether the inputs were finite; while a CUDA graph is captured
it cannot wait, and does not look.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rheobase.engine.graph.plan import Wanted
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import BAD_INPUT, BAD_STATE, STORED, Variant
from rheobase.engine.operators.scan import SCANS, Given, split
from rheobase.engine.operators.tensors import check, compute_type, empties, lengths_per_lane, per_lane, reduced
from rheobase.engine.triton.launch import launch, segment_length


def outputs(given: Given, keep: bool) -> list[Tensor]:
    """Empty results of a forward run: out, final states, traces, checkpoints."""
    form, steps = given.inputs[0], given.inputs[0].shape[0]
    segments = -(-steps // segment_length(given.program, steps))
    return empties(form, given.init, given.program, (segments - 1) * len(given.init) if keep else 0)


def _variant(given: Given, wanted: Wanted | None) -> Variant:
    wise = tuple(p.numel() != 1 for p in given.params)
    return Variant(given.program, given.lengths is not None, STORED[given.inputs[0].dtype], wise, wanted)


def _arguments(given: Given) -> dict[str, Tensor | None]:
    """What both kernels read, contiguous; parameters and lengths one to a lane."""
    form, rng = given.inputs[0], given.rng
    if rng is None and parse(given.program).noisy:
        rng = torch.zeros(2, dtype=torch.int64, device=form.device)
    lengths = None if given.lengths is None else lengths_per_lane(given.lengths, form)
    params = [per_lane(p, form, compute_type(form)) for p in given.params]
    numbered = _numbered("input", given.inputs) | _numbered("init", given.init) | _numbered("param", params)
    return {"rng": rng, "lengths": lengths, **numbered}


def _numbered(name: str, tensors: Sequence[Tensor | None]) -> dict[str, Tensor | None]:
    return {f"{name}_{k}": None if t is None else t.contiguous() for k, t in enumerate(tensors)}


def forward(given: Given, keep: bool) -> list[Tensor]:
    """The forward operator."""
    results, form = outputs(given, keep), given.inputs[0]
    states = len(given.init)
    bad = torch.zeros(2, dtype=torch.int32, device=form.device)
    named = _arguments(given)
    named |= {"out": results[0], "bad": bad, "checkpoints": results[-1] if results[-1].numel() else None}
    named |= _numbered("final", results[1 : 1 + states]) | _numbered("trace", results[1 + states : -1])
    launch(_variant(given, None), segment_length(given.program, form.shape[0]), named, given.dt)
    if given.check and not (form.is_cuda and torch.cuda.is_current_stream_capturing()):
        of_input, of_state = bad.tolist()
        entries = parse(given.program).entries
        check(of_input * BAD_INPUT + of_state * BAD_STATE, dict(zip(entries, given.inputs, strict=True)))
    return results


def backward(
    given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
) -> list[Tensor]:
    """The backward operator."""
    form, (checkpoints,) = given.inputs[0], saved
    g_out, g_final, g_traces = split(given, grads)
    want = SCANS["scan_triton"].wanted(given, wanted)
    asked = Wanted(
        g_out is not None, tuple(g is not None for g in g_traces), tuple(want["inputs"]), tuple(want["params"])
    )
    named = _arguments(given)
    lane = form.new_empty(form.shape[1:], dtype=compute_type(form))
    contiguous = torch.contiguous_format
    g_inputs = [torch.empty_like(form, memory_format=contiguous) if want_it else None for want_it in want["inputs"]]
    g_init = [torch.empty_like(lane) if want_it else None for want_it in want["init"]]
    g_params = [torch.empty_like(lane) if want_it else None for want_it in want["params"]]
    named["checkpoints"] = checkpoints if checkpoints.numel() else None
    named["g_out"] = None if g_out is None else g_out.contiguous()
    named |= _numbered("g_final", g_final) | _numbered("g_trace", g_traces) | _numbered("g_input", g_inputs)
    named |= _numbered("g_init", g_init) | _numbered("g_param", g_params)
    launch(_variant(given, asked), segment_length(given.program, form.shape[0]), named, given.dt)
    sums = [None if g is None else reduced(g, p) for g, p in zip(g_params, given.params, strict=True)]
    return [g for g in (*g_inputs, *g_init, *sums) if g is not None]
