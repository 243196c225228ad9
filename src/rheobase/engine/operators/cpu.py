"""The operators on the CPU: allocate results, call the LLVM kernels, add up the gradients of parameters."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import STORED, Variant, Wanted
from rheobase.engine.llvm import launch
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

SHORTEST, NARROW = 16, 128  # steps of a segment; lanes of a block for which its rows are to fit the cache


@functools.lru_cache(maxsize=512)
def longest_segment(program: str, bits: int) -> int:
    """Steps between two kept states: as many as the rows of a block fit the cache."""
    return max(SHORTEST, launch.CACHE_BYTES // (max(1, tape_rows(program)) * NARROW * bits // 8))


@dataclass(frozen=True)
class Call:
    """What forward and backward share: the program, its sizes, its parameters and its scalars."""

    program: str
    inputs: list[Tensor]  # each (time, batch, *neurons), contiguous
    init: list[Tensor]
    params: list[Tensor]  # scalars, or one value per lane
    lengths: Tensor | None  # one per lane
    dt: float
    rng: tuple[int, int]  # seed and absolute step

    def runner(self, wanted: Wanted | None, tensors: Mapping[str, Tensor | None]) -> launch.Runner:
        """The kernel of a direction over these tensors and those of the call."""
        form = self.inputs[0]
        steps, total, compute = form.shape[0], form.numel(), compute_type(form)
        lanes, bits = total // steps, 64 if compute == torch.float64 else 32
        wise = tuple(p.numel() != 1 or lanes == 1 for p in self.params)
        variant = Variant(self.program, self.lengths is not None, STORED[form.dtype], wise, wanted)
        segment = min(steps, longest_segment(self.program, bits))
        sizes = {"steps": steps, "segment": segment, "segments": -(-steps // segment)}
        held = {
            **numbered("input", self.inputs), **numbered("init", self.init), **numbered("param", self.params),
            "lengths": self.lengths, **tensors,
        }  # fmt: skip
        made = launch.kernel(nest_of(variant), bits)
        return launch.Runner(made, lanes, sizes, {"dt": self.dt}, held, work=total, seed=self.rng[0])


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
    call = call_of(given)
    bad = call.runner(None, named(given, results)).run(step=call.rng[1])
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
    form = call.inputs[0]
    lane = form.new_empty(form.shape[1:], dtype=compute_type(form))
    g_params = [torch.empty_like(lane) if want_it else None for want_it in want["params"]]
    tensors: dict[str, Tensor | None] = {
        "checkpoints": checkpoints if checkpoints.numel() else None,
        "g:out": None if g_out is None else g_out.contiguous(),
        **numbered("g:final", g_final), **numbered("g:trace", g_traces), **numbered("g:input", g_inputs),
        **numbered("g:init", g_init), **numbered("g:param", g_params),
    }  # fmt: skip
    call.runner(asked, tensors).run(step=call.rng[1])
    sums = [None if g is None else reduced(g, p) for g, p in zip(g_params, given.params, strict=True)]
    return [g for g in (*g_inputs, *g_init, *sums) if g is not None]
