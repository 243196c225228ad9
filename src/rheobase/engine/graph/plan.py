"""What a kernel computes where: once per launch (invariants), at every step, and what the way back needs.

An invariant depends on parameters and dt alone. Backward, invariants stand for the parameters during the
time loop: their gradients are summed over time lane by lane, and carried on to the parameters once.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from rheobase.engine.graph.adjoint import adjoint
from rheobase.engine.graph.cut import smallest_cut
from rheobase.engine.graph.graph import BOOLEAN, Graph
from rheobase.engine.graph.program import Program, parse


def invariants(graph: Graph) -> set[int]:
    """The nodes that stay the same over time: all they depend on is constants, parameters and dt.

    Masks are made anew at every step: a comparison is cheap, and a row of scratch holds floats.
    """
    found: set[int] = set()
    for k, (op, args, _) in enumerate(graph.nodes):
        if op in BOOLEAN:
            continue
        if op in ("const", "param", "dt") or (args and all(a in found for a in args)):
            found.add(k)
    return found


def hoisted(
    graph: Graph, roots: Iterable[int], still: set[int], stop: Iterable[int] = (), *, gradients: bool = False
) -> list[int]:
    """The invariants that the changing nodes under the roots use, constants apart."""
    roots, stopped = list(roots), set(stop)
    used = {r for r in roots if r in still}
    for k in graph.needed(roots, stop=still | stopped, gradients=gradients):
        if k not in still and k not in stopped:
            used.update(a for a in (graph.nodes[k].args if gradients else graph.used(k)) if a in still)
    return sorted(k for k in used if graph.nodes[k].op != "const")


@dataclass(frozen=True, eq=False)
class ForwardPlan:
    """The step as it stands; `fixed` are computed before the time loop."""

    graph: Graph
    fixed: list[int]
    post: tuple[int, ...]
    out: int
    traces: tuple[int, ...]


@dataclass(frozen=True)
class Wanted:
    """Which gradients come in and which go out."""

    out: bool
    traces: tuple[bool, ...]
    inputs: tuple[bool, ...]
    params: tuple[bool, ...]

    @classmethod
    def everything(cls, program: Program) -> Wanted:
        """All that a program has."""
        traces, inputs, params = ((True,) * len(of) for of in (program.traces, program.entries, program.params))
        return cls(True, traces, inputs, params)


@dataclass(frozen=True, eq=False)
class BackwardPlan:
    """Two passes over a segment: `post` and `saved` forward, then the gradients backward."""

    graph: Graph
    post: tuple[int, ...]
    saved: list[int]  # kept for each step of the segment
    forward_fixed: list[int]
    backward_fixed: list[int]
    summed: list[int]  # invariants whose gradients are summed over time
    state_gradients: tuple[int, ...]
    input_gradients: tuple[int | None, ...]
    summed_gradients: list[int]
    param_gradients: tuple[int | None, ...]  # from the leaves ("grad", "sum:k") to each parameter
    sum_leaves: list[int]


@functools.lru_cache(maxsize=256)
def plan_forward(text: str, masked: bool) -> ForwardPlan:
    """The forward plan of a program."""
    program = _program(text, masked)
    graph = program.graph
    roots = [program.out, *program.post, *program.traces]
    fixed = hoisted(graph, roots, invariants(graph))
    return ForwardPlan(graph, fixed, program.post, program.out, program.traces)


@functools.lru_cache(maxsize=256)
def plan_backward(text: str, masked: bool, wanted: Wanted) -> BackwardPlan:
    """The backward plan of a program for these gradients."""
    program = _program(text, masked)
    graph = program.graph.copy()
    ends = [program.out, *program.post, *program.traces]
    # what a step begins with belongs to it also where the gradient alone looks at it
    begun = {k for k in graph.needed(ends, gradients=True) if graph.nodes[k].op in ("state", "input", "alive", "noise")}
    forward = begun | set(graph.needed(ends))
    still = invariants(graph)
    leaves = graph.leaves("param")
    asked = {leaves[name] for name, want in zip(program.params, wanted.params, strict=True) if want and name in leaves}
    behind = graph.depends(asked)
    summed = [k for k in hoisted(graph, ends, still, gradients=True) if k in behind]

    states = [graph.put("state", tag=name) for name in program.states]
    inputs = [graph.put("input", tag=name) for name in program.entries]
    asked_inputs = [node for node, want in zip(inputs, wanted.inputs, strict=True) if want]
    seeds = [(node, graph.put("grad", tag=f"post:{k}")) for k, node in enumerate(program.post)]
    if wanted.out:
        seeds.append((program.out, graph.put("grad", tag="out")))
    for k, (node, want) in enumerate(zip(program.traces, wanted.traces, strict=True)):
        if want:
            seeds.append((node, graph.put("grad", tag=f"trace:{k}")))
    targets = [*states, *asked_inputs, *summed]
    reached = adjoint(graph, seeds, targets)
    zero = graph.const(0.0)
    state_gradients = tuple(reached.get(s, zero) for s in states)
    input_gradients = tuple(reached.get(node, zero) if node in asked_inputs else None for node in inputs)
    summed = [k for k in summed if k in reached]
    summed_gradients = [reached[k] for k in summed]

    sum_leaves = [graph.put("grad", tag=f"sum:{k}") for k in range(len(summed))]
    to_params = adjoint(graph, list(zip(summed, sum_leaves, strict=True)), sorted(asked))
    param_gradients = tuple(
        to_params.get(leaves[name], zero) if want and name in leaves else (zero if want else None)
        for name, want in zip(program.params, wanted.params, strict=True)
    )

    still = invariants(graph)
    backward_roots = [
        *state_gradients,
        *summed_gradients,
        *(node for node in input_gradients if node is not None),
    ]
    saved = smallest_cut(graph, forward, backward_roots, still)
    forward_roots = [*program.post, *saved]
    return BackwardPlan(
        graph,
        program.post,
        saved,
        hoisted(graph, forward_roots, still),
        hoisted(graph, backward_roots, still, saved),
        summed,
        state_gradients,
        input_gradients,
        summed_gradients,
        param_gradients,
        sum_leaves,
    )


@functools.lru_cache(maxsize=256)
def _program(text: str, masked: bool) -> Program:
    program = parse(text)
    return program.masked() if masked else program
