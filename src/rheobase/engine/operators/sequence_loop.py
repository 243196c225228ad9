"""The loop of a sequence with products in it, forward and back, over the kernels of one target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.core.finite import divergence, not_finite
from rheobase.engine.graph.program import parse as parse_program
from rheobase.engine.graph.variant import BAD_INPUT, Wanted
from rheobase.engine.operators.call import Call, Ready
from rheobase.engine.operators.late import Late
from rheobase.engine.operators.sequence import STRETCH, Given
from rheobase.engine.operators.sequence_plan import FEEDBACK, Map, Stage, parse
from rheobase.engine.operators.tensors import compute_type, lengths_per_lane, numbered, per_lane, reduced

events, tiles = (Late(f"rheobase.engine.llvm.{name}") for name in ("events", "tiles"))
SPARSE = 0.15  # share of lanes that spike, up to which to visit the spikes is faster than a dense product
WIDE = 8  # pixels in a row, from which on it pays to cut them into tiles


class _Tape:
    """The tensors of one call by the names of its plan, in the order and type that kernels read."""

    def __init__(self, given: Given, target: Any):
        self.given, self.target = given, target
        self.plan = plan = parse(given.plan)
        self.product, form = plan.product, given.sums[0]
        self.steps, self.compute = form.shape[0], compute_type(form)
        self.like = self.product.laid(torch.empty(form.shape[1:], dtype=self.compute, device=form.device))
        named = dict(zip(plan.weights, given.weights, strict=True))
        self.taps = None if plan.taps is None else named.pop(plan.taps).to(self.compute)[:, None]
        self.weights = {name: w.to(plan.dtype) for name, w in named.items()}
        self.first = given.feedback if self.taps is not None else self.product.laid(given.feedback)
        self.init = dict(zip(plan.states, map(self.product.laid, given.init), strict=True))
        self.params = {
            name: per_lane(p, self.like[None], self.compute) if p.numel() == 1 else self.product.laid(
                p.to(self.compute).expand(form.shape[1:])
            )
            for name, p in zip(plan.params, given.params, strict=True)
        }  # fmt: skip
        lanes = None if given.lengths is None else lengths_per_lane(given.lengths, self.like[None])
        self.lengths = None if lanes is None else self.product.laid(lanes)
        own = plan.dtype == self.compute and form.device.type == "cpu"
        self.window = self.product.window(self.like) if own else None
        self.turned: dict[tuple[str, ...], list[Tensor]] = {}

    def room(self, steps: int) -> Tensor:
        return self.product.empty(steps, self.like)

    def totals(self, rows: Tensor) -> dict[str, Tensor]:
        """The sums that the kernels read (time, batch, *shape), by their names."""
        return dict(zip(self.plan.sums, self.given.sums, strict=True)) if self.given.owned else self.of_sums(rows)

    def of_sums(self, rows: Tensor) -> dict[str, Tensor]:
        """Rows of all sums, one sum after the other, by their names: each (time, batch, *shape)."""
        return dict(zip(self.plan.sums, rows.chunk(len(self.plan.sums)), strict=True))

    def left(self, t: int) -> Tensor | None:
        """How long the lanes live on at a step."""
        return None if self.lengths is None else self.lengths - t

    def maps(self, stage: Stage, t: int) -> list[Map]:
        """Those of a step; a layer at rest has given nothing."""
        return [m for m in stage.maps if m.source != FEEDBACK or t > 0 or not self.plan.rest]

    def back(self, t: int, out: Tensor) -> Tensor:
        """The feedback at a step: the last output, or the sum of the last n by their taps."""
        if self.taps is None:
            return self.first if t == 0 else out[t - 1]
        n = self.taps.shape[0]
        last = out[t - n : t] if t >= n else torch.cat([self.first[t:], out[:t]])
        return (self.taps * last).sum(0)

    def before(self, out: Tensor, start: int, end: int) -> Tensor:
        """The feedback at these steps."""
        if self.taps is None and start > 0:
            return out[start - 1 : end - 1]
        if self.taps is None:
            found = self.room(end)
            found[0].copy_(self.first)
            found[1:].copy_(out[: end - 1])
            return found
        return torch.stack([self.back(t, out) for t in range(start, end)])

    # --- products ---------------------------------------------------------------------------------------
    def sparse(self, s: Tensor) -> bool:
        """Whether products with these spikes are made one spike at a time."""
        return self.window is not None and int(torch.count_nonzero(s)) <= SPARSE * s.numel()

    def add(self, maps: Sequence[Map], base: Mapping[str, Tensor], s: Tensor, sums: Mapping[str, Tensor]) -> None:
        """The sums from their bases and the products of one source."""
        sparse = bool(maps) and maps[0].source == FEEDBACK and self.sparse(s)
        for m in maps:
            if sparse:
                if sums[m.total] is not base[m.total]:
                    sums[m.total].copy_(base[m.total])
                events.add_product(sums[m.total], s, self.turn(m.weight), self.window)
            else:
                self.product.add(base[m.total], s, self.weights[m.weight], sums[m.total])

    def turn(self, name: str) -> Tensor:
        """A weight as the kernel for spikes reads it."""
        if (name,) not in self.turned:
            self.turned[name,] = [events.as_rows(self.weights[name])]
        return self.turned[name,][0]

    def add_back(self, maps: Sequence[Map], of: Sequence[Tensor], total: Tensor) -> None:
        """Add to `total` the gradient of the source of these maps, from those of their sums."""
        if self.window is not None and self.window[1] == 3 and self.window[0] % 2 and total.shape[3] >= WIDE:
            names = ("tiles", *(m.weight for m in maps))
            if names not in self.turned:
                self.turned[names] = tiles.weights_back([self.weights[m.weight] for m in maps])
            tiles.input_gradient(of, self.turned[names], total)
            return
        for one, m in zip(of, maps, strict=True):
            self.product.add_back(one, self.weights[m.weight], total)

    def of_weight(self, m: Map, s: Tensor, g: Tensor, sparse: bool) -> Tensor:
        """The gradient of a weight from what was multiplied and the gradients of the sums, of several steps."""
        s, g = s.flatten(0, 1), g.flatten(0, 1)
        if sparse:
            return events.weight_gradient(s, g, self.window)
        dtype = self.plan.dtype
        return self.product.weight_gradient(s.to(dtype), g.to(dtype), self.weights[m.weight]).to(self.compute)

    # --- kernels ----------------------------------------------------------------------------------------
    def call(self, stage: Stage, program: str, steps: int, lengths: Tensor | None) -> Call:
        """A stage over so many steps; its inputs and states are pointed to when it runs."""
        form = self.like[None].expand(steps, *self.like.shape)
        params = [self.params[name] for name in stage.params]
        inputs, init = [form] * len(stage.inputs), [self.like] * len(stage.states)
        return Call(program, inputs, init, params, lengths, self.given.dt, self.given.rng)

    def ready(self, stage: Stage, wanted: Wanted | None, tensors: Mapping[str, Tensor | None]) -> Ready:
        """A stage that runs step by step, over these tensors in every step."""
        return self.target.ready(self.call(stage, stage.program, 1, self.lengths), wanted, tensors)

    def states(
        self, total: Mapping[str, Tensor], out: Tensor, kept: Mapping[str, Tensor], start: int, end: int
    ) -> dict[str, Tensor]:
        """The states before each step of a stretch and after the last, the very numbers of the forward pass."""
        found = {name: self.room(end - start + 1) for name in self.plan.states}
        for name, rows in found.items():
            rows[0].copy_(kept[name])
        scrap, left = self.room(end - start), None if self.lengths is None else self.lengths - start
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
    tape = _Tape(given, target)
    plan, names = tape.plan, tape.plan.states
    out, final, seen = results[0], results[1 : 1 + len(names)], results[1 + len(names) : -2]
    total, kept = results[-2:]
    wide = out if out.dtype == tape.compute else tape.room(tape.steps)
    state = dict(zip(names, final, strict=True))
    for name, s in state.items():
        s.copy_(tape.init[name])
    keep, scrap = len(kept) > 0, torch.empty_like(tape.like)
    held = len(total) > 0 or given.owned
    rows = {name: x.unbind(0) for name, x in tape.totals(total).items()} if held else {}
    once = {name: torch.empty_like(tape.like) for name in ([] if held else plan.sums)}
    bases = {name: x.to(tape.compute).unbind(0) for name, x in zip(plan.sums, given.sums, strict=True)}
    outs, traces = wide.unbind(0), [trace.unbind(0) for trace in seen]
    # states are updated where they lie
    made = [
        tape.ready(stage, None, {"out": scrap} | {
            f"{kind}:{k}": state.get(name, scrap) for k, name in enumerate(stage.states) for kind in ("init", "final")
        })
        for stage in plan.stages
    ]  # fmt: skip
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
    tape: _Tape, maps: Sequence[Map], base: Mapping[str, Tensor], known: Mapping[str, Tensor],
    sums: Mapping[str, Tensor], done: set[str],
) -> None:  # fmt: skip
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


def backward(
    given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], want: Mapping[str, list[bool]], target: Any
) -> list[Tensor]:
    """The gradients of the tensors that want one."""
    return _Back(_Tape(given, target), saved, grads, want).run()


class _Back:
    """The way back over one call."""

    def __init__(
        self, tape: _Tape, saved: Sequence[Tensor], grads: Sequence[Tensor | None], want: Mapping[str, list[bool]]
    ):
        self.tape, self.want = tape, want
        plan, names = tape.plan, tape.plan.states
        out, total, self.kept = saved
        self.out = out.to(tape.compute)
        self.outs, self.total = self.out.unbind(0), tape.totals(total)
        self.g_total = tape.of_sums(tape.room(len(plan.sums) * tape.steps))
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
        self.g_weights = {name: torch.zeros_like(tape.weights[name], dtype=tape.compute)
                          for name in wanted if name != plan.taps}  # fmt: skip
        self.of_taps = plan.taps in wanted
        self.fed = FEEDBACK in plan.stages[-1].states
        self.pending = dict[int, Tensor]()  # of outputs that later steps gave some: by their steps, negative before 0

    def begun(self, t: int) -> Tensor:
        """The gradient of the output of a step before later steps give theirs: from outside, or none."""
        if self.g_out is None or self.fed or t < 0:
            return torch.zeros_like(self.tape.like)
        return self.tape.product.laid(self.g_out[t].to(self.tape.compute)).clone(memory_format=torch.preserve_format)

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
            (True,) * len(stage.inputs), tuple(name in self.part for name in stage.params),
        )  # fmt: skip
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
        source = (
            torch.empty_like(row) if self.fed else self.begun(t - 1) if tape.taps is None else torch.zeros_like(row)
        )
        for stage, ready in zip(reversed(plan.stages), reversed(made), strict=True):
            tensors: dict[str, Tensor | None] = {}
            if tape.lengths is not None:
                tensors["lengths"] = tape.left(t)
            if stage is plan.stages[-1]:
                if not self.fed:
                    tensors["g:out"] = row
                elif self.g_out is not None:
                    tensors["g:out"] = tape.product.laid(self.g_out[t].to(tape.compute))
                for n, s in enumerate(self.g_traces):
                    if s is not None:
                        tensors[f"g:trace:{n}"] = tape.product.laid(s[t].to(tape.compute))
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
        if t > 0 or self.want["feedback"][0]:
            maps = [m for stage in plan.stages for m in tape.maps(stage, t) if m.source == FEEDBACK]
            if maps:
                tape.add_back(maps, [self.g_totals[m.total][t] for m in maps], source)
        if tape.taps is None:
            self.pending[t - 1] = source
            return
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
            *(reduced(self.g_params[name], p) for name, p in zip(plan.params, given.params, strict=True)
              if name in self.g_params),
            *(g.to(w.dtype) for g, w, asked in zip(weights, given.weights, want["weights"], strict=True)
              if asked and g is not None),
        ]  # fmt: skip

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
        if not self.of_taps or tape.taps is None:
            return None
        past = torch.cat([tape.first, self.out[:-1]])
        of = tape.room(tape.steps).zero_()
        maps = [m for m in tape.plan.maps if m.source == FEEDBACK]
        for t in range(tape.steps):
            tape.add_back(maps, [self.g_totals[m.total][t] for m in maps], of[t])
        return torch.stack([(of * past[k : k + tape.steps]).sum((0, 1)) for k in range(len(tape.taps))])
