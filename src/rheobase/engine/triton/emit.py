"""Plans in, Triton source out: the forward kernel and the backward kernel of a program.

One program of the grid owns a block of lanes, one lane to a thread, and walks its whole time; states live in
registers. A step's input does not depend on the steps before it, so the inputs of some steps are read before the
first of them is computed: otherwise every step would wait for memory. Backward, the states of a segment are
computed again from the input into scratch, by the very lines of the forward pass, then the gradients run back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rheobase.engine.graph.graph import COSTLY, Graph
from rheobase.engine.graph.plan import BackwardPlan, Wanted, plan_backward, plan_forward
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import Variant
from rheobase.engine.lowering.lower import lower
from rheobase.engine.lowering.vectors import Value
from rheobase.engine.triton.frame import TritonFrame
from rheobase.engine.triton.noise import noise

NUMBERS = ["lanes", "steps", "segment", "dt"]
LINES = 256  # of straight code that a loop body may have for the sake of reading ahead
AHEAD = 8  # steps that are read at once, at most
READS = 16  # values in flight for each lane
COSTLY_LINES, NOISE_LINES = 24, 100  # of a quotient or an elementary function, of a random number

Read = Callable[[Value], dict[int, Value]]
Step = Callable[[Value, dict[int, Value]], None]


@dataclass(frozen=True)
class Source:
    """A kernel's text, the tensors that it takes in order (`NUMBERS` follow), and its scratch rows per step."""

    text: str
    tensors: tuple[str, ...]
    saved: int = 0


class _Emitter:
    """What both kernels share: invariants, the lowering of nodes, and the walk over time."""

    def __init__(self, variant: Variant):
        self.variant = variant
        self.program = parse(variant.program)
        self.frame = TritonFrame(variant.bits, variant.stored)
        self.fixed: dict[int, Value] = {}
        # what goes from step to step: the variable of the kernel, and the value that it holds by now
        self.carried: dict[str, Value] = {}

    def begin(self) -> None:
        w = self.frame
        if self.program.noisy:
            w.do("seed = tl.load(rng)")
            w.do("start = tl.load(rng + 1)")
        if self.variant.masked:
            w.do("length = tl.load(lengths + lane, mask=here, other=0)")

    def leaf(self, graph: Graph, node: int) -> Value:
        op, _, tag = graph.nodes[node]
        w = self.frame
        if op == "dt":
            # Triton passes numbers as float32, so the bits of a float64 come as an integer
            number = w.let("dt.to(tl.int64).to(tl.float64, bitcast=True)")
            return w.splat(w.let(f"{number}.to({w.f})"))
        k = self.program.params.index(str(tag))
        if self.variant.lane_params[k]:
            return w.read(f"param_{k} + lane")
        return w.splat(f"tl.load(param_{k})")

    def prepare(self, graph: Graph, fixed: Iterable[int]) -> None:
        """Compute the invariants."""
        for node in graph.needed(fixed):
            if node not in self.fixed:
                self.fixed[node] = self._value(graph, node, self.fixed)

    def _value(self, graph: Graph, node: int, values: Mapping[int, Value]) -> Value:
        if graph.nodes[node].op in ("param", "dt"):
            return self.leaf(graph, node)
        return lower(self.frame, graph, node, values)

    def evaluate(self, graph: Graph, roots: Iterable[int], known: Mapping[int, Value], t: Value) -> dict[int, Value]:
        """Lower all that the roots need, given the values of some nodes; fixed ones are at hand."""
        values = {**self.fixed, **known}
        for node in graph.needed(roots, stop=values):
            if node in values:
                continue
            op, _, tag = graph.nodes[node]
            if op == "alive":
                values[node] = self.frame.let(f"{t} < length")
            elif op == "noise":
                values[node] = noise(self.frame, str(tag), t)
            else:
                values[node] = self._value(graph, node, values)
        return values

    def checkpoint(self, index: Value, k: int) -> str:
        """Where state k at the start of a segment lies; that of the first segment is the initial state."""
        return self.frame.row("checkpoints", f"(({index} - 1) * {len(self.program.states)} + {k})")

    # --- time ------------------------------------------------------------------------------------------
    def carry(self, name: str, value: Value) -> None:
        """A variable that goes from step to step, and its first value."""
        self.frame.do(f"{name} = {value}")
        self.carried[name] = name

    def walk(self, ahead: int, read: Read, step: Step, *, down: bool = False) -> None:
        """The steps of [first, last), `ahead` of them read at once as long as there are so many."""
        w = self.frame
        count = w.let("last - first")
        done = "0"
        if ahead > 1:
            whole = w.let(f"{count} // {ahead}")
            with w.loop("0", whole) as n:
                self._steps(ahead, n, read, step, down)
            done = w.let(f"{whole} * {ahead}")
        with w.loop(done, count) as n:
            self._steps(1, n, read, step, down)

    def _steps(self, size: int, n: Value, read: Read, step: Step, down: bool) -> None:
        w = self.frame
        for name in self.carried:
            self.carried[name] = w.let(name)
        times: list[Value] = []
        for k in range(size):
            past = f"{n} * {size} + {k}" if size > 1 else n
            times.append(w.let(f"last - 1 - ({past})" if down else f"first + {past}", "t"))
        for t, values in zip(times, [read(t) for t in times], strict=True):
            step(t, values)
        for name, value in self.carried.items():
            w.do(f"{name} = {value}")
            self.carried[name] = name


def emit_forward(variant: Variant) -> Source:
    """The forward kernel."""
    plan = plan_forward(variant.program, variant.masked)
    e = _Emitter(variant)
    w, program, graph = e.frame, e.program, plan.graph
    states, leaves = graph.leaves("state"), graph.leaves("input")
    # an input that the equations do not look at is read for the sake of the check
    inputs = {leaves.get(name, -1 - k): k for k, name in enumerate(program.entries)}
    roots = [plan.out, *plan.post, *plan.traces]
    e.begin()
    e.prepare(graph, plan.fixed)
    for k in range(len(program.states)):
        e.carry(f"s{k}", w.read(f"init_{k} + lane"))
    e.carry("check", w.const(0.0))

    def read(t: Value) -> dict[int, Value]:
        return {node: w.read_io(w.row(f"input_{k}", t)) for node, k in inputs.items()}

    def step(t: Value, values: dict[int, Value]) -> None:
        # NaN and infinity times zero are NaN, which no sum loses
        for node in inputs:
            e.carried["check"] = w.fma(values[node], w.const(0.0), e.carried["check"])
        known = {states[name]: e.carried[f"s{k}"] for k, name in enumerate(program.states) if name in states}
        found = e.evaluate(graph, roots, known | values, t)
        for k, node in enumerate(plan.post):
            e.carried[f"s{k}"] = found[node]
        w.write_io(w.row("out", t), found[plan.out])
        for k, node in enumerate(plan.traces):
            w.write(w.row(f"trace_{k}", t), found[node])

    with w.loop("0", "(steps + segment - 1) // segment") as index:
        _bounds(w, index)
        for k in range(len(program.states)):
            with w.inside("if checkpoints is not None:"):
                w.do(f"tl.store({e.checkpoint(index, k)}, s{k}, mask=later)")
        e.walk(_ahead(graph, roots, set(plan.fixed), len(inputs)), read, step)
    for k in range(len(program.states)):
        w.write(f"final_{k} + lane", f"s{k}")
    w.do("tl.store(bad + lane * 0, 1, mask=here & (check != check))")
    w.do(f"ends = {w.const(0.0)}")
    for k in range(len(program.states)):
        w.do(f"ends = {w.fma(f's{k}', w.const(0.0), 'ends')}")
    w.do("tl.store(bad + 1 + lane * 0, 1, mask=here & (ends != ends))")
    tensors = [
        *_arguments(e),
        "out",
        *_many("final", program.states),
        *_many("trace", program.traces),
        "bad",
    ]
    return Source(w.kernel(tensors, NUMBERS), tuple(tensors))


def emit_backward(variant: Variant) -> Source:
    """The backward kernel."""
    if variant.wanted is None:
        raise ValueError("a backward kernel needs to know which gradients are wanted")
    plan = plan_backward(variant.program, variant.masked, variant.wanted)
    return _Backward(_Emitter(variant), plan, variant.wanted).emit()


class _Backward:
    """The backward kernel, one pass after the other."""

    def __init__(self, e: _Emitter, plan: BackwardPlan, wanted: Wanted):
        self.e, self.w, self.plan, self.graph = e, e.frame, plan, plan.graph
        self.wanted = wanted
        leaves = self.graph.leaves("state")
        self.states = [leaves[name] for name in e.program.states]
        leaves = self.graph.leaves("input")
        self.inputs = {leaves[name]: k for k, name in enumerate(e.program.entries) if name in leaves}
        self.grads = self.graph.leaves("grad")

    def emit(self) -> Source:
        e, w, plan = self.e, self.w, self.plan
        e.begin()
        e.prepare(self.graph, sorted({*plan.forward_fixed, *plan.backward_fixed}))
        if plan.saved:
            w.do(f"shelf = scratch + block * segment * {len(plan.saved)} * BLOCK + within")
        for k in range(len(self.states)):
            w.do(f"g{k} = {w.const(0.0)}")
            with w.inside(f"if g_final_{k} is not None:"):
                w.do(f"g{k} = tl.load(g_final_{k} + lane, mask=here, other=0.0)")
        for k in range(len(plan.summed)):
            w.do(f"sum{k} = {w.const(0.0)}")
        with w.loop("0", "(steps + segment - 1) // segment") as n:
            index = w.let(f"(steps - 1) // segment - {n}")
            _bounds(w, index)
            if plan.saved:
                self._recompute(index)
            self._run_back()
        self._finish()
        program = e.program
        tensors = [
            *_arguments(e), "scratch", "g_out",
            *_many("g_final", program.states), *_many("g_trace", program.traces),
            *_many("g_input", program.entries), *_many("g_init", program.states), *_many("g_param", program.params),
        ]  # fmt: skip
        return Source(w.kernel(tensors, NUMBERS), tuple(tensors), len(plan.saved))

    def _shelf(self, t: Value, k: int) -> str:
        """Where value k of a step of the segment lies in scratch."""
        return f"shelf + (({t} - first) * {len(self.plan.saved)} + {k}) * BLOCK"

    def _recompute(self, index: Value) -> None:
        """The segment's states again, by the lines of the forward pass; what is saved goes to scratch."""
        w, e, plan = self.w, self.e, self.plan
        roots = [*plan.post, *plan.saved]
        # no thread writes what another still reads; and below, none reads what is not yet written
        w.do("tl.debug_barrier()")
        e.carried.clear()
        for k in range(len(self.states)):
            e.carry(f"s{k}", w.read(f"init_{k} + lane"))
            with w.inside("if checkpoints is not None:"):
                w.do(f"s{k} = tl.load({e.checkpoint(index, k)}, mask=later, other=s{k})")

        def read(t: Value) -> dict[int, Value]:
            return {node: w.read_io(w.row(f"input_{k}", t)) for node, k in self.inputs.items()}

        def step(t: Value, values: dict[int, Value]) -> None:
            known = {node: e.carried[f"s{k}"] for k, node in enumerate(self.states)}
            found = e.evaluate(self.graph, roots, known | values, t)
            for k, node in enumerate(plan.saved):
                w.do(f"tl.store({self._shelf(t, k)}, {found[node]})")
            for k, node in enumerate(plan.post):
                e.carried[f"s{k}"] = found[node]

        e.walk(_ahead(self.graph, roots, set(e.fixed), len(self.inputs)), read, step)
        w.do("tl.debug_barrier()")

    def _run_back(self) -> None:
        w, e, plan = self.w, self.e, self.plan
        roots = [*plan.state_gradients, *plan.summed_gradients]
        outward = {k: node for k, node in enumerate(plan.input_gradients) if node is not None}
        roots += outward.values()
        needed = set(self.graph.needed(roots, stop={*plan.saved, *e.fixed}))
        sources: dict[int, Callable[[Value], Value]] = {
            node: lambda t, k=k: w.let(f"tl.load({self._shelf(t, k)})")
            for k, node in enumerate(plan.saved)
            if node in needed
        }
        stored = [*((f"input_{k}", node) for node, k in self.inputs.items()), ("g_out", self.grads.get("out"))]
        for name, node in stored:
            if node in needed and node is not None:
                sources[node] = lambda t, name=name: w.read_io(w.row(name, t))
        for k in range(len(self.wanted.traces)):
            node = self.grads.get(f"trace:{k}")
            if node in needed and node is not None:
                sources[node] = lambda t, k=k: w.read(w.row(f"g_trace_{k}", t))

        def read(t: Value) -> dict[int, Value]:
            return {node: source(t) for node, source in sources.items()}

        def step(t: Value, values: dict[int, Value]) -> None:
            for k in range(len(self.states)):
                leaf = self.grads.get(f"post:{k}")
                if leaf is not None:
                    values[leaf] = e.carried[f"g{k}"]
            found = e.evaluate(self.graph, roots, values, t)
            for k, node in enumerate(plan.state_gradients):
                e.carried[f"g{k}"] = found[node]
            for k, node in enumerate(plan.summed_gradients):
                e.carried[f"sum{k}"] = w.add(e.carried[f"sum{k}"], found[node])
            for k, node in outward.items():
                w.write_io(w.row(f"g_input_{k}", t), found[node])

        e.carried.clear()
        e.carried.update({f"g{k}": f"g{k}" for k in range(len(self.states))})
        e.carried.update({f"sum{k}": f"sum{k}" for k in range(len(plan.summed))})
        e.walk(_ahead(self.graph, roots, {*e.fixed, *plan.saved}, len(sources)), read, step, down=True)

    def _finish(self) -> None:
        """Gradients of the initial state, and from the summed invariants on to the parameters."""
        w, e, plan = self.w, self.e, self.plan
        for k in range(len(self.states)):
            with w.inside(f"if g_init_{k} is not None:"):
                w.write(f"g_init_{k} + lane", f"g{k}")
        asked = {k: node for k, node in enumerate(plan.param_gradients) if node is not None}
        sums = {node: f"sum{k}" for k, node in enumerate(plan.sum_leaves)}
        values = e.evaluate(self.graph, asked.values(), sums, "0")
        for k, node in asked.items():
            w.write(f"g_param_{k} + lane", values[node])


def _bounds(w: TritonFrame, index: Value) -> None:
    """A segment's steps, and the mask of what it takes over from the segment before."""
    w.do(f"first = {index} * segment")
    w.do("last = tl.minimum(first + segment, steps)")
    # the lanes, in every segment but the first; a comparison of blocks, as the interpreter has masks
    w.do(f"later = here & (within < {index} * BLOCK)")


def _ahead(graph: Graph, roots: Iterable[int], stop: set[int], reads: int) -> int:
    """Steps to read at once: more hide more of the time that memory takes, and make more code."""
    ops = [graph.nodes[k].op for k in graph.needed(roots, stop=stop)]
    lines = sum(NOISE_LINES if op == "noise" else COSTLY_LINES if op in COSTLY else 1 for op in ops)
    return max(1, min(AHEAD, LINES // max(1, lines), READS // max(1, reads)))


def _arguments(e: _Emitter) -> list[str]:
    """The tensors that both kernels read."""
    program = e.program
    many = *_many("input", program.entries), *_many("init", program.states), *_many("param", program.params)
    return [*many, "lengths", "rng", "checkpoints"]


def _many(name: str, of: tuple[object, ...]) -> list[str]:
    return [f"{name}_{k}" for k in range(len(of))]
