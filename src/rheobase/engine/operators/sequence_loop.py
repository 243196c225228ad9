"""The loop of a sequence with products in it, over the kernels of one target: forward, and what backward shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.core.execution.finite import divergence, not_finite
from rheobase.engine.graph.program import parse as parse_program
from rheobase.engine.graph.variant import BAD_INPUT, Wanted
from rheobase.engine.operators.call import Call, Ready
from rheobase.engine.operators.late_imports import Late
from rheobase.engine.operators.sequence import STRETCH, Given
from rheobase.engine.operators.sequence_plan import FEEDBACK, Map, Stage, parse
from rheobase.engine.operators.tensors import compute_type, lengths_per_lane, numbered, per_lane

event_conv, winograd = (Late(f"rheobase.engine.llvm.{name}") for name in ("event_conv", "winograd"))
SPARSE = 0.15  # share of lanes that spike, up to which to visit the spikes is faster than a dense product
WIDE = 8  # pixels in a row, from which on it pays to cut them into tiles


class Tape:
    """The tensors of one call by the names of its plan, in the order and type that kernels read."""

    def __init__(self, given: Given, target: Any):
        self.given, self.target = given, target
        self.plan = plan = parse(given.plan)
        self.product, form = plan.product, given.sums[0]
        self.steps, self.compute = form.shape[0], compute_type(form)
        self.like = self.product.in_memory_format(torch.empty(form.shape[1:], dtype=self.compute, device=form.device))
        named = dict(zip(plan.weights, given.weights, strict=True))
        self.taps = None if plan.taps is None else named.pop(plan.taps).to(self.compute)[:, None]
        self.weights = {name: w.to(plan.dtype) for name, w in named.items()}
        self.first = given.feedback if self.taps is not None else self.product.in_memory_format(given.feedback)
        self.init = dict(zip(plan.states, map(self.product.in_memory_format, given.init), strict=True))
        self.params = {
            name: per_lane(p, self.like[None], self.compute)
            if p.numel() == 1
            else self.product.in_memory_format(p.to(self.compute).expand(form.shape[1:]))
            for name, p in zip(plan.params, given.params, strict=True)
        }
        lanes = None if given.lengths is None else lengths_per_lane(given.lengths, self.like[None])
        self.lengths = None if lanes is None else self.product.in_memory_format(lanes)
        own = plan.dtype == self.compute and form.device.type == "cpu"
        self.window = self.product.window(self.like) if own else None
        self.turned: dict[tuple[str, ...], list[Tensor]] = {}

    def empty(self, steps: int) -> Tensor:
        return self.product.empty(steps, self.like)

    def totals(self, rows: Tensor) -> dict[str, Tensor]:
        """The sums that the kernels read (time, batch, *shape), by their names."""
        return dict(zip(self.plan.sums, self.given.sums, strict=True)) if self.given.owned else self.of_sums(rows)

    def of_sums(self, rows: Tensor) -> dict[str, Tensor]:
        """Rows of all sums, one sum after the other, by their names: each (time, batch, *shape)."""
        return dict(zip(self.plan.sums, rows.chunk(len(self.plan.sums)), strict=True))

    def left(self, t: int) -> Tensor | None:
        """How many steps each lane has left at step t; None without lengths."""
        return None if self.lengths is None else self.lengths - t

    def maps(self, stage: Stage, t: int) -> list[Map]:
        """The maps of a stage at step t. A layer that starts at rest has no feedback in the first step."""
        return [m for m in stage.maps if m.source != FEEDBACK or t > 0 or not self.plan.rest]

    def back(self, t: int, out: Tensor) -> Tensor:
        """The feedback at step t: the last output, or the sum of the last n weighted by the taps."""
        if self.taps is None:
            return self.first if t == 0 else out[t - 1]
        n = self.taps.shape[0]
        last = out[t - n : t] if t >= n else torch.cat([self.first[t:], out[:t]])
        return (self.taps * last).sum(0)

    def before(self, out: Tensor, start: int, end: int) -> Tensor:
        """The feedback at the steps from `start` to below `end`."""
        if self.taps is None and start > 0:
            return out[start - 1 : end - 1]
        if self.taps is None:
            found = self.empty(end)
            found[0].copy_(self.first)
            found[1:].copy_(out[: end - 1])
            return found
        return torch.stack([self.back(t, out) for t in range(start, end)])

    # --- products ---------------------------------------------------------------------------------------
    def sparse(self, s: Tensor) -> bool:
        """Whether s has so few spikes that products visit them one by one."""
        return self.window is not None and int(torch.count_nonzero(s)) <= SPARSE * s.numel()

    def add(self, maps: Sequence[Map], base: Mapping[str, Tensor], s: Tensor, sums: Mapping[str, Tensor]) -> None:
        """Write to `sums` the bases plus the products of one source s, for all of these maps."""
        sparse = bool(maps) and maps[0].source == FEEDBACK and self.sparse(s)
        for m in maps:
            if sparse:
                if sums[m.total] is not base[m.total]:
                    sums[m.total].copy_(base[m.total])
                event_conv.add_product(sums[m.total], s, self.turn(m.weight), self.window)
            else:
                self.product.add(base[m.total], s, self.weights[m.weight], sums[m.total])

    def turn(self, name: str) -> Tensor:
        """A weight in the order that the kernel for sparse spikes reads, cached."""
        if (name,) not in self.turned:
            self.turned[name,] = [event_conv.as_rows(self.weights[name])]
        return self.turned[name,][0]

    def add_back(self, maps: Sequence[Map], of: Sequence[Tensor], total: Tensor) -> None:
        """Add to `total` the gradient of the source of these maps; `of` are the gradients of their sums."""
        if self.window is not None and self.window[1] == 3 and self.window[0] % 2 and total.shape[3] >= WIDE:
            names = ("tiles", *(m.weight for m in maps))
            if names not in self.turned:
                self.turned[names] = winograd.weights_back([self.weights[m.weight] for m in maps])
            winograd.input_gradient(of, self.turned[names], total)
            return
        for one, m in zip(of, maps, strict=True):
            self.product.add_back(one, self.weights[m.weight], total)

    def of_weight(self, m: Map, s: Tensor, g: Tensor, sparse: bool) -> Tensor:
        """The gradient of a weight over several steps, from the source s and the gradients g of its sum."""
        s, g = s.flatten(0, 1), g.flatten(0, 1)
        if sparse:
            return event_conv.weight_gradient(s, g, self.window)
        dtype = self.plan.dtype
        return self.product.weight_gradient(s.to(dtype), g.to(dtype), self.weights[m.weight]).to(self.compute)

    # --- kernels ----------------------------------------------------------------------------------------
    def call(self, stage: Stage, program: str, steps: int, lengths: Tensor | None) -> Call:
        """The call of a stage over `steps` steps; its inputs and states are given when it runs."""
        form = self.like[None].expand(steps, *self.like.shape)
        params = [self.params[name] for name in stage.params]
        inputs, init = [form] * len(stage.inputs), [self.like] * len(stage.states)
        return Call(program, inputs, init, params, lengths, self.given.dt, self.given.rng)

    def ready(self, stage: Stage, wanted: Wanted | None, tensors: Mapping[str, Tensor | None]) -> Ready:
        """The kernel of one step of a stage; `tensors` are those that are the same in every step."""
        return self.target.ready(self.call(stage, stage.program, 1, self.lengths), wanted, tensors)

    def states(
        self, total: Mapping[str, Tensor], out: Tensor, kept: Mapping[str, Tensor], start: int, end: int
    ) -> dict[str, Tensor]:
        """The states before each step of a stretch and after its last, bit for bit those of the forward pass."""
        found = {name: self.empty(end - start + 1) for name in self.plan.states}
        for name, rows in found.items():
            rows[0].copy_(kept[name])
        scrap, left = self.empty(end - start), None if self.lengths is None else self.lengths - start
        for stage in self.plan.stages:
            if not stage.own:
                continue
            tensors: dict[str, Tensor | None] = {"out": scrap, **numbered("final", [scrap[0]] * len(stage.states))}
            for k, name in enumerate(stage.inputs):
                if name == FEEDBACK:
                    tensors[f"input:{k}"] = self.before(out, start, end)
                else:
                    tensors[f"input:{k}"] = total[name][start:end] if name in total else found[name][1:]
            for k, name in enumerate(stage.states):
                fed = name == FEEDBACK
                tensors[f"init:{k}"] = self.back(start, out) if fed else kept[name]
                tensors[f"trace:{k}"] = scrap if fed else found[name][1:]
            program = parse_program(stage.program).with_states().text()
            self.target.ready(self.call(stage, program, end - start, left), None, tensors).run(step=start)
        return found


def forward(given: Given, results: list[Tensor], target: Any) -> list[Tensor]:
    """Fill the results of a forward run."""
    tape = Tape(given, target)
    plan, names = tape.plan, tape.plan.states
    out, final, seen = results[0], results[1 : 1 + len(names)], results[1 + len(names) : -2]
    total, kept = results[-2:]
    wide = out if out.dtype == tape.compute else tape.empty(tape.steps)
    state = dict(zip(names, final, strict=True))
    for name, s in state.items():
        s.copy_(tape.init[name])
    keep, scrap = len(kept) > 0, torch.empty_like(tape.like)
    held = len(total) > 0 or given.owned
    rows = {name: x.unbind(0) for name, x in tape.totals(total).items()} if held else {}
    once = {name: torch.empty_like(tape.like) for name in ([] if held else plan.sums)}
    bases = {name: x.to(tape.compute).unbind(0) for name, x in zip(plan.sums, given.sums, strict=True)}
    outs, traces = wide.unbind(0), [trace.unbind(0) for trace in seen]
    # states are updated in place
    made = [
        tape.ready(
            stage,
            None,
            {"out": scrap}
            | {
                f"{kind}:{k}": state.get(name, scrap)
                for k, name in enumerate(stage.states)
                for kind in ("init", "final")
            },
        )
        for stage in plan.stages
    ]
    for t in range(tape.steps):
        if keep and t % STRETCH == 0:
            for k, name in enumerate(names):
                kept[t // STRETCH * len(names) + k].copy_(state[name])
        sums = {name: of[t] for name, of in rows.items()} if held else once
        base, done = sums if given.owned else {name: of[t] for name, of in bases.items()}, set[str]()
        back = tape.back(t, wide) if tape.taps is not None else tape.first if t == 0 else outs[t - 1]
        for stage, ready in zip(plan.stages, made, strict=True):
            _add(tape, tape.maps(stage, t), base, {FEEDBACK: back, **state}, sums, done)
            read = [sums[n] if n in sums else back if n == FEEDBACK else state[n] for n in stage.inputs]
            tensors: dict[str, Tensor | None] = {f"input:{k}": x for k, x in enumerate(read)}
            for n in stage.inputs:
                if n in sums and n not in done and sums[n] is not base[n]:
                    sums[n].copy_(base[n])
            if tape.lengths is not None:
                tensors["lengths"] = tape.left(t)
            for k, name in enumerate(stage.states):
                if name == FEEDBACK:
                    tensors[f"init:{k}"] = back
            if stage is plan.stages[-1]:
                tensors["out"] = outs[t]
                for k, trace in enumerate(traces):
                    tensors[f"trace:{k}"] = trace[t]
            if bad := ready.run(tensors, t):
                _raise(plan.layer, bad, read, t)
    for ready in made:
        if bad := ready.flags():
            _raise(plan.layer, bad, [*tape.totals(total).values()] if held else [], None)
    if wide is not out:
        out.copy_(wide)
    return results


def _add(
    tape: Tape,
    maps: Sequence[Map],
    base: Mapping[str, Tensor],
    known: Mapping[str, Tensor],
    sums: Mapping[str, Tensor],
    done: set[str],
) -> None:
    """The products of a stage; `done` are the sums that have their base by then."""
    for source in dict.fromkeys(m.source for m in maps):
        of = [m for m in maps if m.source == source]
        tape.add(of, {m.total: (sums if m.total in done else base)[m.total] for m in of}, known[source], sums)
        done.update(m.total for m in of)


def _raise(layer: str, bad: int, read: Sequence[Tensor], t: int | None) -> None:
    if bad & BAD_INPUT:
        wrong = [x for x in read if not bool(torch.isfinite(x).all())]
        if wrong:
            raise not_finite(layer, wrong[0])
    raise divergence(layer, "a state that became NaN or infinite", t)
