"""The operators in Triton kernels: allocate results, launch, add up the gradients of parameters.

After a forward launch the host waits once, to learn whether the inputs were finite; while a CUDA graph is captured
it cannot wait, and does not look.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import BAD_INPUT, BAD_STATE, STORED, Variant, Wanted
from rheobase.engine.nest.scan import nest_of, tape_rows
from rheobase.engine.operators.scan import SCANS, Given, split
from rheobase.engine.operators.tensors import (
    check,
    compute_type,
    empties,
    lengths_per_lane,
    named,
    numbered,
    per_lane,
    reduced,
)
from rheobase.engine.triton.launch import launch

SHORTEST = 16  # steps of a segment: below, the work around a segment shows


@functools.lru_cache(maxsize=512)
def segment_length(program: str, steps: int) -> int:
    """Steps between two kept states: the length at which kept states and a segment's scratch are least together."""
    best = math.isqrt(max(1, steps * len(parse(program).states) // max(1, tape_rows(program))))
    return min(steps, max(SHORTEST, -(-best // SHORTEST) * SHORTEST))


def outputs(given: Given, keep: bool) -> list[Tensor]:
    """Empty results of a forward run: out, final states, traces, checkpoints."""
    form, steps = given.inputs[0], given.inputs[0].shape[0]
    segments = -(-steps // segment_length(given.program, steps))
    return empties(form, given.init, given.program, (segments - 1) * len(given.init) if keep else 0)


def _launch(given: Given, wanted: Wanted | None, tensors: Mapping[str, Tensor | None]) -> None:
    """Run the kernel of a direction over these tensors and those of the call, contiguous, parameters one to a lane."""
    form, rng = given.inputs[0], given.rng
    compute, steps = compute_type(form), form.shape[0]
    if rng is None and parse(given.program).noisy:
        rng = torch.zeros(2, dtype=torch.int64, device=form.device)
    wise = tuple(p.numel() != 1 for p in given.params)
    variant = Variant(given.program, given.lengths is not None, STORED[form.dtype], wise, wanted)
    segment = segment_length(given.program, steps)
    held = {
        "rng": rng, "lengths": None if given.lengths is None else lengths_per_lane(given.lengths, form),
        **numbered("input", given.inputs), **numbered("init", given.init),
        **numbered("param", [per_lane(p, form, compute) for p in given.params]), **tensors,
    }  # fmt: skip
    sizes = {"steps": steps, "segment": segment, "segments": -(-steps // segment)}
    bits = 64 if compute == torch.float64 else 32
    launch(nest_of(variant), bits, held, sizes, {"dt": given.dt}, lanes=form[0].numel(), form=form)


def forward(given: Given, keep: bool) -> list[Tensor]:
    """The forward operator."""
    results, form = outputs(given, keep), given.inputs[0]
    bad = torch.zeros(2, dtype=torch.int32, device=form.device)
    _launch(given, None, {"bad": bad, **named(given, results)})
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
    lane = form.new_empty(form.shape[1:], dtype=compute_type(form))
    contiguous = torch.contiguous_format
    g_inputs = [torch.empty_like(form, memory_format=contiguous) if want_it else None for want_it in want["inputs"]]
    g_init = [torch.empty_like(lane) if want_it else None for want_it in want["init"]]
    g_params = [torch.empty_like(lane) if want_it else None for want_it in want["params"]]
    tensors: dict[str, Tensor | None] = {
        "checkpoints": checkpoints if checkpoints.numel() else None,
        "g:out": None if g_out is None else g_out.contiguous(),
        **numbered("g:final", g_final), **numbered("g:trace", g_traces), **numbered("g:input", g_inputs),
        **numbered("g:init", g_init), **numbered("g:param", g_params),
    }  # fmt: skip
    _launch(given, asked, tensors)
    sums = [None if g is None else reduced(g, p) for g, p in zip(g_params, given.params, strict=True)]
    return [g for g in (*g_inputs, *g_init, *sums) if g is not None]
