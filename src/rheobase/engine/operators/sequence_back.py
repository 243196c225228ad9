"""The loop of a sequence with products in it, backwards: the adjoints of its kernels and of its products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.engine.graph.variant import Wanted
from rheobase.engine.operators.call import Ready
from rheobase.engine.operators.sequence import STRETCH, Given
from rheobase.engine.operators.sequence_loop import Tape
from rheobase.engine.operators.sequence_plan import FEEDBACK, Stage
from rheobase.engine.operators.tensors import reduced


def backward(
    given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], want: Mapping[str, list[bool]], target: Any
) -> list[Tensor]:
    """The gradients of the tensors that `want` asks for, in the order of the arguments."""
    return _Back(Tape(given, target), saved, grads, want).run()


class _Back:
    """The backward pass over one call."""

    def __init__(
        self, tape: Tape, saved: Sequence[Tensor], grads: Sequence[Tensor | None], want: Mapping[str, list[bool]]
    ):
        self.tape, self.want = tape, want
        plan, names = tape.plan, tape.plan.states
        out, total, self.kept = saved
        self.out = out.to(tape.compute)
        self.outs, self.total = self.out.unbind(0), tape.totals(total)
        self.g_total = tape.of_sums(tape.empty(len(plan.sums) * tape.steps))
        self.totals, self.g_totals = (
            {name: x.unbind(0) for name, x in of.items()} for of in (self.total, self.g_total)
        )
        self.g_out, g_final, self.g_traces = grads[0], grads[1 : 1 + len(names)], grads[1 + len(names) :]
        self.g = {name: torch.zeros_like(tape.like) for name in names}
        for name, given in zip(names, g_final, strict=True):
            if given is not None:
                self.g[name].copy_(given)
        self.learned = [name for name, w in zip(plan.params, want["params"], strict=True) if w]
        self.g_params = {name: torch.zeros_like(tape.like) for name in self.learned}
        self.part = {name: torch.empty_like(tape.like) for name in self.learned}
        wanted = [name for name, w in zip(plan.weights, want["weights"], strict=True) if w]
        self.g_weights = {
            name: torch.zeros_like(tape.weights[name], dtype=tape.compute) for name in wanted if name != plan.taps
        }
        self.of_taps = plan.taps in wanted
        self.sources = tape.empty(tape.steps) if self.of_taps else None  # the gradients of the feedback, for the taps
        self.fed = FEEDBACK in plan.stages[-1].states
        self.pending = dict[int, Tensor]()  # of outputs that later steps gave some: by their steps, negative before 0

    def begun(self, t: int) -> Tensor:
        """The gradient of the output of step t without the part from later steps: that of the caller, or zeros."""
        if self.g_out is None or self.fed or t < 0:
            return torch.zeros_like(self.tape.like)
        return self.tape.product.in_memory_format(self.g_out[t].to(self.tape.compute)).clone(
            memory_format=torch.preserve_format
        )

    def run(self) -> list[Tensor]:
        tape, plan = self.tape, self.tape.plan
        made = [self.ready(stage) for stage in plan.stages]
        for start in reversed(range(0, tape.steps, STRETCH)):
            end = min(start + STRETCH, tape.steps)
            kept = {name: self.kept[start // STRETCH * len(plan.states) + k] for k, name in enumerate(plan.states)}
            states = tape.states(self.total, self.out, kept, start, end)
            rows = {name: s.unbind(0) for name, s in states.items()}
            for t in reversed(range(start, end)):
                self.step(t, {name: of[t - start : t - start + 2] for name, of in rows.items()}, made)
            for m in plan.maps:
                if m.source != FEEDBACK and m.weight in self.g_weights:
                    of = self.g_total[m.total][start:end]
                    self.g_weights[m.weight] += tape.of_weight(m, states[m.source][1:], of, False)
        return self.found()

    def ready(self, stage: Stage) -> Ready:
        """The adjoint of a stage; gradients of states are updated where they lie."""
        last = stage is self.tape.plan.stages[-1]
        asked = Wanted(
            last and (self.g_out is not None or not self.fed),
            tuple(g is not None for g in self.g_traces) if last else (),
            (True,) * len(stage.inputs),
            tuple(name in self.part for name in stage.params),
        )
        tensors: dict[str, Tensor | None] = {
            f"g:param:{n}": self.part[name] for n, name in enumerate(stage.params) if name in self.part
        }
        for n, name in enumerate(stage.states):
            if name != FEEDBACK:
                tensors[f"g:final:{n}"] = tensors[f"g:init:{n}"] = self.g[name]
        return self.tape.ready(stage, asked, tensors)

    def step(self, t: int, states: Mapping[str, Sequence[Tensor]], made: Sequence[Ready]) -> None:
        tape, plan, g = self.tape, self.tape.plan, self.g
        row = self.pending.pop(t, None)
        row = self.begun(t) if row is None else row
        back = tape.back(t, self.out) if tape.taps is not None else tape.first if t == 0 else self.outs[t - 1]
        # the gradient of the feedback; a stage whose state it is sets it
        if self.fed:
            source = torch.empty_like(row)
        else:
            source = self.begun(t - 1) if tape.taps is None else torch.zeros_like(row)
        for stage, ready in zip(reversed(plan.stages), reversed(made), strict=True):
            tensors: dict[str, Tensor | None] = {}
            if tape.lengths is not None:
                tensors["lengths"] = tape.left(t)
            if stage is plan.stages[-1]:
                if not self.fed:
                    tensors["g:out"] = row
                elif self.g_out is not None:
                    tensors["g:out"] = tape.product.in_memory_format(self.g_out[t].to(tape.compute))
                for n, s in enumerate(self.g_traces):
                    if s is not None:
                        tensors[f"g:trace:{n}"] = tape.product.in_memory_format(s[t].to(tape.compute))
            outward: list[Tensor] = []
            for n, name in enumerate(stage.inputs):
                of_sum = name in plan.sums
                tensors[f"input:{n}"] = (
                    self.totals[name][t] if of_sum else back if name == FEEDBACK else states[name][1]
                )
                outward.append(self.g_totals[name][t] if of_sum else torch.empty_like(row))
                tensors[f"g:input:{n}"] = outward[-1]
            for n, name in enumerate(stage.states):
                fed = name == FEEDBACK
                tensors[f"init:{n}"] = back if fed else states[name][0]
                if fed:
                    tensors[f"g:final:{n}"], tensors[f"g:init:{n}"] = row, source
            ready.run(tensors, t)
            for name, one in zip(stage.inputs, outward, strict=True):
                if name not in plan.sums:
                    (source if name == FEEDBACK else g[name]).add_(one)
            for name in dict.fromkeys(m.source for m in stage.maps if m.source != FEEDBACK):
                maps = [m for m in stage.maps if m.source == name]
                tape.add_back(maps, [self.g_totals[m.total][t] for m in maps], g[name])
            for name in stage.params:
                if name in self.part:
                    self.g_params[name].add_(self.part[name])
        if t > 0 or self.want["feedback"][0] or self.of_taps:
            maps = [m for stage in plan.stages for m in tape.maps(stage, t) if m.source == FEEDBACK]
            if maps:
                tape.add_back(maps, [self.g_totals[m.total][t] for m in maps], source)
        if tape.taps is None:
            self.pending[t - 1] = source
            return
        if self.sources is not None:
            self.sources[t].copy_(source)
        for k, tap in enumerate(tape.taps.flip(0)):
            if t - 1 - k not in self.pending:
                self.pending[t - 1 - k] = self.begun(t - 1 - k)
            self.pending[t - 1 - k].add_(tap * source)

    def found(self) -> list[Tensor]:
        """All gradients in the order of the arguments."""
        tape, plan, given, want = self.tape, self.tape.plan, self.tape.given, self.want
        dtype = given.sums[0].dtype
        sums = [self.g_total[name].to(dtype) for name in plan.sums]
        past = [self.pending[k - len(self.pending)] for k in range(len(self.pending))]
        feedback = past[0] if tape.taps is None else torch.stack(past)
        self.of_feedback()
        weights = [self.g_taps() if name == plan.taps else self.g_weights.get(name) for name in plan.weights]
        return [
            *(g for g, w in zip(sums, want["sums"], strict=True) if w),
            *([feedback] if want["feedback"][0] else []),
            *(g for g, w in zip(self.g.values(), want["init"], strict=True) if w),
            *(
                reduced(self.g_params[name], p)
                for name, p in zip(plan.params, given.params, strict=True)
                if name in self.g_params
            ),
            *(
                g.to(w.dtype)
                for g, w, asked in zip(weights, given.weights, want["weights"], strict=True)
                if asked and g is not None
            ),
        ]

    def of_feedback(self) -> None:
        """The gradients of the weights that the feedback is multiplied with, each from all steps at once."""
        tape = self.tape
        maps = [m for m in tape.plan.maps if m.source == FEEDBACK and m.weight in self.g_weights]
        if not maps:
            return
        first = 1 if tape.plan.rest else 0
        before = self.out[:-1] if tape.plan.rest else tape.before(self.out, 0, tape.steps)
        if len(before):
            sparse = tape.sparse(before)
            for m in maps:
                self.g_weights[m.weight] += tape.of_weight(m, before, self.g_total[m.total][first:], sparse)

    def g_taps(self) -> Tensor | None:
        """The gradient of the taps (n, lanes)."""
        tape = self.tape
        if self.sources is None or tape.taps is None:
            return None
        past = torch.cat([tape.first, self.out[:-1]])
        return torch.stack([(self.sources * past[k : k + tape.steps]).sum((0, 1)) for k in range(len(tape.taps))])
