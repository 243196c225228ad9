"""Plans in, LLVM assembly out: the forward kernel and the backward kernel of a program.

A block's states live in scratch rows (first-level cache); per step only the input is read and the output
written. Backward, the states of a segment are computed again from the input into scratch, by the very
instructions of the forward pass, then the gradients run back through it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rheobase.engine.graph.graph import Graph
from rheobase.engine.graph.plan import BackwardPlan, Wanted, plan_backward, plan_forward
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import Variant
from rheobase.engine.llvm.frame import Frame
from rheobase.engine.llvm.ir import Value
from rheobase.engine.llvm.layout import backward_layout, forward_layout
from rheobase.engine.llvm.noise import noise
from rheobase.engine.lowering.lower import lower


@dataclass(frozen=True)
class Rows:
    """How many scratch rows a kernel needs: some once, some for each step of a segment."""

    once: int
    per_step: int


class _Emitter:
    """What both kernels share: fixed values and the lowering of nodes."""

    def __init__(self, variant: Variant, lanes: int):
        self.variant = variant
        self.program = parse(variant.program)
        counts = (
            len(self.program.entries),
            len(self.program.states),
            len(self.program.params),
            len(variant.wanted.traces if variant.wanted else self.program.traces),
        )
        layout = forward_layout(*counts) if variant.wanted is None else backward_layout(*counts)
        self.frame = Frame(variant.bits, lanes, layout)
        self.rows = 0
        self.scalar: dict[int, Value] = {}  # invariants that are the same for all lanes
        self.lane: dict[int, int] = {}  # invariants kept in a scratch row

    def row(self) -> int:
        self.rows += 1
        return self.rows - 1

    def lane_wise(self, graph: Graph) -> set[int]:
        """The invariants that differ from lane to lane."""
        leaves = graph.leaves("param")
        pairs = zip(self.program.params, self.variant.lane_params, strict=True)
        return graph.depends([leaves[name] for name, wise in pairs if wise and name in leaves])

    def scalar_leaf(self, graph: Graph, node: int) -> Value:
        op, _, tag = graph.nodes[node]
        w = self.frame
        if op == "dt":
            number = w.let(f"bitcast i64 {w.word['dt']} to double")
            return w.splat(number if w.bits == 64 else w.let(f"fptrunc double {number} to float"))
        k = self.program.params.index(str(tag))
        return w.splat(w.let(f"load {w.f}, ptr {w.pointer(f'param:{k}')}, align {w.bits // 8}"))

    def prepare_scalars(self, graph: Graph, fixed: Iterable[int]) -> None:
        """Compute the scalar invariants once for each thread."""
        wise = self.lane_wise(graph)
        wanted = [k for k in fixed if k not in wise]
        for node in graph.needed(wanted):
            if node not in self.scalar:
                op = graph.nodes[node].op
                leaf = op in ("param", "dt")
                self.scalar[node] = (
                    self.scalar_leaf(graph, node) if leaf else lower(self.frame, graph, node, self.scalar)
                )

    def prepare_lanes(self, graph: Graph, fixed: Iterable[int]) -> None:
        """Compute the invariants of the lanes of a vector, into scratch rows. Called inside a loop over vectors."""
        wise = self.lane_wise(graph)
        wanted = [k for k in fixed if k in wise]
        values: dict[int, Value] = {}
        for node in graph.needed(wanted, stop=self.scalar):
            values[node] = self.scalar[node] if node in self.scalar else self.lane_value(graph, node, values)
        for node in wanted:
            if node not in self.lane:
                self.lane[node] = self.row()
            self.frame.keep(self.frame.scratch_row(str(self.lane[node])), values[node])

    def lane_value(self, graph: Graph, node: int, values: Mapping[int, Value]) -> Value:
        op, _, tag = graph.nodes[node]
        if op == "param":
            k = self.program.params.index(str(tag))
            if self.variant.lane_params[k]:
                return self.frame.read(self.frame.row(f"param:{k}", "0", self.variant.computed), self.variant.computed)
        if op in ("param", "dt"):
            return self.scalar_leaf(graph, node)
        return lower(self.frame, graph, node, values)

    def evaluate(self, graph: Graph, roots: Iterable[int], known: Mapping[int, Value], t: Value) -> dict[int, Value]:
        """Lower all that the roots need, given the values of some nodes; fixed ones are at hand."""
        values: dict[int, Value] = dict(known)
        held = set(values) | set(self.scalar) | set(self.lane)
        for node in graph.needed(roots, stop=held):
            if node in values:
                continue
            if node in self.scalar:
                values[node] = self.scalar[node]
            elif node in self.lane:
                values[node] = self.frame.kept(self.frame.scratch_row(str(self.lane[node])))
            elif graph.nodes[node].op == "alive":
                values[node] = self._alive(t)
            elif graph.nodes[node].op == "noise":
                values[node] = noise(self.frame, str(graph.nodes[node].tag), t)
            else:
                values[node] = lower(self.frame, graph, node, values)
        return values

    def _alive(self, t: Value) -> Value:
        w = self.frame
        vector = f"<{w.lanes} x i32>"
        length = w.read_words32(w.row32("lengths"))
        now = w.let(f"trunc i64 {t} to i32")
        one = w.let(f"insertelement {vector} poison, i32 {now}, i64 0")
        many = w.let(f"shufflevector {vector} {one}, {vector} poison, <{w.lanes} x i32> zeroinitializer")
        return w.let(f"icmp slt {vector} {many}, {length}")


def emit_forward(variant: Variant, lanes: int) -> tuple[str, Rows]:
    """The module with `@kernel`, and the scratch rows it needs."""
    plan = plan_forward(variant.program, variant.masked)
    e = _Emitter(variant, lanes)
    w, program, graph = e.frame, e.program, plan.graph
    io, own = variant.stored, variant.computed
    states = graph.leaves("state")
    state_rows = [e.row() for _ in program.states]
    check_row = e.row()
    entries = graph.leaves("input")

    e.prepare_scalars(graph, plan.fixed)

    def block(count: Value) -> None:
        def start() -> None:
            for k, row in enumerate(state_rows):
                w.keep(w.scratch_row(str(row)), w.read(w.row(f"init:{k}", "0", own), own))
            w.keep(w.scratch_row(str(check_row)), w.const(0.0))
            e.prepare_lanes(graph, plan.fixed)

        w.vectors(count, start)
        with w.loop(w.word["segments"]) as part:
            first = w.int("mul", part.index, w.word["segment"])
            last = w.smaller(w.int("add", first, w.word["segment"]), w.word["steps"])
            later = w.compare("sgt", part.index, 0)
            with w.when(w.let(f"and i1 {later}, {w.present('checkpoints')}")):
                below = w.int("sub", part.index, 1)

                def checkpoint() -> None:
                    for k, row in enumerate(state_rows):
                        index = w.int("add", w.int("mul", below, str(len(state_rows))), str(k))
                        w.write(w.row("checkpoints", index, own), w.kept(w.scratch_row(str(row))), own)

                w.vectors(count, checkpoint)
            with w.loop(last, start=first) as time:
                t = time.index
                rows_in = [w.row(f"input:{k}", t, io) for k in range(len(program.entries))]
                row_out = w.row("out", t, io)
                trace_rows = [w.row(f"trace:{k}", t, own) for k in range(len(plan.traces))]

                def step() -> None:
                    read = [w.read(row, io) for row in rows_in]
                    for row in rows_in:
                        w.fetch_ahead(row, io)
                    w.fetch_ahead(row_out, io, write=True)
                    at = w.scratch_row(str(check_row))
                    seen = w.kept(at)
                    for i in read:
                        seen = w.fma(i, w.const(0.0), seen)
                    w.keep(at, seen)
                    known = {
                        states[n]: w.kept(w.scratch_row(str(r)))
                        for n, r in zip(program.states, state_rows, strict=True)
                        if n in states
                    }
                    # an input that the equations do not look at is read for the sake of the check
                    known |= {entries[n]: i for n, i in zip(program.entries, read, strict=True) if n in entries}
                    values = e.evaluate(graph, [plan.out, *plan.post, *plan.traces], known, t)
                    for row, node in zip(state_rows, plan.post, strict=True):
                        w.keep(w.scratch_row(str(row)), values[node])
                    w.write(row_out, values[plan.out], io)
                    for row, node in zip(trace_rows, plan.traces, strict=True):
                        w.write(row, values[node], own)

                w.vectors(count, step)

        def finish() -> None:
            for k, row in enumerate(state_rows):
                w.write(w.row(f"final:{k}", "0", own), w.kept(w.scratch_row(str(row))), own)
            # infinity less itself is NaN
            ends = [w.sub(x, x) for x in (w.kept(w.scratch_row(str(row))) for row in state_rows)]
            for bit, sums in (("1", [w.kept(w.scratch_row(str(check_row)))]), ("2", ends)):
                nan = functools.reduce(w.mor, [w.cmp("uno", x, x) for x in sums], "zeroinitializer")
                if w.mask is not None:
                    nan = w.mand(nan, w.mask)
                with w.when(w.call("i1", f"llvm.vector.reduce.or.v{w.lanes}i1", (w.M, nan)), rare=True):
                    w.do(f"atomicrmw or ptr {w.slot('bad')}, i64 {bit} monotonic")

        w.vectors(count, finish)

    return w.blocks(block), Rows(e.rows, 0)


def emit_backward(variant: Variant, lanes: int) -> tuple[str, Rows]:
    """The module with `@kernel`, and the scratch rows it needs: some once, some for each step of a segment."""
    if variant.wanted is None:
        raise ValueError("a backward kernel needs to know which gradients are wanted")
    plan = plan_backward(variant.program, variant.masked, variant.wanted)
    return _Backward(_Emitter(variant, lanes), plan, variant.wanted).emit()


class _Backward:
    """The backward kernel, one pass after the other."""

    def __init__(self, e: _Emitter, plan: BackwardPlan, wanted: Wanted):
        self.e, self.plan, self.wanted = e, plan, wanted
        self.w, self.graph = e.frame, plan.graph
        self.io, self.own = e.variant.stored, e.variant.computed
        leaves = self.graph.leaves("state")
        self.states = [leaves[name] for name in e.program.states]
        leaves = self.graph.leaves("input")
        self.inputs = {k: leaves[name] for k, name in enumerate(e.program.entries) if name in leaves}
        self.grads = self.graph.leaves("grad")
        self.state_rows = [e.row() for _ in self.states]
        self.g_rows = [e.row() for _ in self.states]
        self.sum_rows = [e.row() for _ in plan.summed]
        self.first_saved = 0

    def emit(self) -> tuple[str, Rows]:
        e, w = self.e, self.w
        fixed = sorted({*self.plan.forward_fixed, *self.plan.backward_fixed})

        e.prepare_scalars(self.graph, fixed)

        def block(count: Value) -> None:
            w.vectors(count, lambda: self._start(fixed))
            # rows of the segment stand after those made so far
            self.first_saved = e.rows
            with w.loop(w.word["segments"], down=True) as part:
                segment = part.index
                first = w.int("mul", segment, w.word["segment"])
                last = w.smaller(w.int("add", first, w.word["segment"]), w.word["steps"])
                if self.plan.saved:
                    self._recompute(count, segment, first, last)
                with w.loop(last, start=first, down=True) as time:
                    self._step_back(count, time.index, first)
            w.vectors(count, self._finish)

        return w.blocks(block), Rows(e.rows, len(self.plan.saved))

    def _start(self, fixed: list[int]) -> None:
        w = self.w
        for k, row in enumerate(self.g_rows):
            self._load_or_zero(f"g_final:{k}", row)
        for row in self.sum_rows:
            w.keep(w.scratch_row(str(row)), w.const(0.0))
        self.e.prepare_lanes(self.graph, fixed)

    def _load_or_zero(self, name: str, row: int) -> None:
        w = self.w
        w.keep(w.scratch_row(str(row)), w.const(0.0))
        with w.when(w.present(name)):
            w.keep(w.scratch_row(str(row)), w.read(w.row(name, "0", self.own), self.own))

    def _saved_row(self, t: Value, first: Value, k: int) -> Value:
        w = self.w
        index = w.int("mul", w.int("sub", t, first), str(len(self.plan.saved)))
        return w.scratch_row(w.int("add", index, str(self.first_saved + k)))

    def _recompute(self, count: Value, segment: Value, first: Value, last: Value) -> None:
        """The segment's states again, by the instructions of the forward pass; what is saved goes to scratch."""
        w, e, plan = self.w, self.e, self.plan

        def from_start() -> None:
            for k, row in enumerate(self.state_rows):
                w.keep(w.scratch_row(str(row)), w.read(w.row(f"init:{k}", "0", self.own), self.own))

        def from_checkpoint() -> None:
            for k, row in enumerate(self.state_rows):
                index = w.int("add", w.int("mul", w.int("sub", segment, "1"), str(len(self.state_rows))), str(k))
                w.keep(w.scratch_row(str(row)), w.read(w.row("checkpoints", index, self.own), self.own))

        with w.when(w.compare("eq", segment, 0)):
            w.vectors(count, from_start)
        with w.when(w.compare("ne", segment, 0)):
            w.vectors(count, from_checkpoint)
        with w.loop(last, start=first) as time:
            t = time.index
            rows_in = {k: w.row(f"input:{k}", t, self.io) for k in self.inputs}
            saved_rows = [self._saved_row(t, first, k) for k in range(len(plan.saved))]

            def step() -> None:
                known = {n: w.kept(w.scratch_row(str(r))) for n, r in zip(self.states, self.state_rows, strict=True)}
                for k, row in rows_in.items():
                    known[self.inputs[k]] = w.read(row, self.io)
                    w.fetch_ahead(row, self.io)
                values = e.evaluate(self.graph, [*plan.post, *plan.saved], known, t)
                for row, node in zip(saved_rows, plan.saved, strict=True):
                    w.keep(row, values[node])
                for row, node in zip(self.state_rows, plan.post, strict=True):
                    w.keep(w.scratch_row(str(row)), values[node])

            w.vectors(count, step)

    def _step_back(self, count: Value, t: Value, first: Value) -> None:
        w, e, plan = self.w, self.e, self.plan
        roots = [*plan.state_gradients, *plan.summed_gradients]
        outward = {k: node for k, node in enumerate(plan.input_gradients) if node is not None}
        roots += outward.values()
        saved_rows = [self._saved_row(t, first, k) for k in range(len(plan.saved))]
        held = {*plan.saved, *e.scalar, *e.lane}
        needed = set(self.graph.needed(roots, stop=held))
        names = {"out": "g_out", **{f"trace:{k}": f"g_trace:{k}" for k in range(len(self.wanted.traces))}}
        stored = {tag: self.io if tag == "out" else self.own for tag in names}
        rows = {
            tag: w.row(names[tag], t, stored[tag])
            for tag, node in self.grads.items()
            if tag in names and node in needed
        }
        rows_in = {k: w.row(f"input:{k}", t, self.io) for k, node in self.inputs.items() if node in needed}
        rows_g = {k: w.row(f"g_input:{k}", t, self.io) for k in outward}

        def step() -> None:
            known: dict[int, Value] = {}
            for row, node in zip(saved_rows, plan.saved, strict=True):
                if node in needed:
                    known[node] = w.kept(row)
            for k, row in rows_in.items():
                known[self.inputs[k]] = w.read(row, self.io)
            for k, row in enumerate(self.g_rows):
                leaf = self.grads.get(f"post:{k}")
                if leaf in needed and leaf is not None:
                    known[leaf] = w.kept(w.scratch_row(str(row)))
            for tag, row in rows.items():
                known[self.grads[tag]] = w.read(row, stored[tag])
                w.fetch_ahead(row, stored[tag], down=True)
            values = e.evaluate(self.graph, roots, known, t)
            for row, node in zip(self.g_rows, plan.state_gradients, strict=True):
                w.keep(w.scratch_row(str(row)), values[node])
            for row, node in zip(self.sum_rows, plan.summed_gradients, strict=True):
                at = w.scratch_row(str(row))
                w.keep(at, w.add(w.kept(at), values[node]))
            for k, row in rows_g.items():
                w.fetch_ahead(row, self.io, write=True, down=True)
                w.write(row, values[outward[k]], self.io)

        w.vectors(count, step)

    def _finish(self) -> None:
        """Gradients of the initial state, and from the summed invariants on to the parameters."""
        w, plan = self.w, self.plan
        for k, row in enumerate(self.g_rows):
            with w.when(w.present(f"g_init:{k}")):
                w.write(w.row(f"g_init:{k}", "0", self.own), w.kept(w.scratch_row(str(row))), self.own)
        asked = [(k, node) for k, node in enumerate(plan.param_gradients) if node is not None]
        if not asked:
            return
        known = {n: w.kept(w.scratch_row(str(r))) for n, r in zip(plan.sum_leaves, self.sum_rows, strict=True)}
        values: dict[int, Value] = dict(known)
        for node in self.graph.needed([node for _, node in asked]):
            if node not in values:
                values[node] = (
                    self.e.scalar[node] if node in self.e.scalar else self.e.lane_value(self.graph, node, values)
                )
        for k, node in asked:
            w.write(w.row(f"g_param:{k}", "0", self.own), values[node], self.own)
