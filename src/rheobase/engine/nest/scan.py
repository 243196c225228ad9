"""The time loop of a neuron as nests: its states go from step to step in rows of the block.

    forward   states from init; for each t: states, out[t], traces[t] from states, inputs[t], parameters; final states
    backward  the adjoint of that, segment by segment

Memory buffers: input:k, out, trace:k (steps, lanes); init:k, final:k (lanes); param:k, one for all lanes or one for
each; lengths (lanes) int32, where lanes end before the others do; checkpoints; and for gradients g: and one of these.
Parameters stand outside of the loop: the adjoint sums the gradients of what is made of them alone over time, and
carries the sums on to the parameters once.
"""

from __future__ import annotations

import functools

from rheobase.engine.graph.graph import Graph
from rheobase.engine.graph.program import parse
from rheobase.engine.graph.variant import BAD_INPUT, BAD_STATE, Variant, Wanted
from rheobase.engine.nest.adjoint import GRADIENT, TAPE, adjoint
from rheobase.engine.nest.checkpoint import checkpointed
from rheobase.engine.nest.hoist import alike, hoisted
from rheobase.engine.nest.index import Index, names
from rheobase.engine.nest.nest import (
    BLOCK,
    Buffer,
    Flag,
    Leaf,
    Nest,
    Statement,
    Vectors,
    Write,
    copied,
    filled,
    loop,
)


@functools.lru_cache(maxsize=512)
def nest_of(variant: Variant) -> Nest:
    """The nest of a variant, hoisted and ready for a printer, before which it is verified."""
    wanted = variant.wanted
    whole = _time_loop(variant)
    if wanted is None:
        return alike(hoisted(checkpointed(whole, "t"))).without_unused()
    program = parse(variant.program)
    outputs = [
        *(["out"] if wanted.out else []),
        *(f"trace:{k}" for k, want in enumerate(wanted.traces) if want),
        *_many("final", program.states),
    ]
    init = _many("init", program.states)
    inputs = [
        *(f"input:{k}" for k, want in enumerate(wanted.inputs) if want),
        *init,
        *(f"param:{k}" for k, want in enumerate(wanted.params) if want),
    ]
    back = adjoint(
        checkpointed(hoisted(whole, gradients=True), "t"), outputs, inputs, optional=[*init, *_many("final", init)]
    )
    return alike(hoisted(back)).only_for({GRADIENT + name for name in inputs})


def tape_rows(program: str) -> int:
    """How many tape rows the adjoint of a program saves in each step."""
    parsed = parse(program)
    variant = Variant(program, False, "f32", (False,) * len(parsed.params), Wanted.everything(parsed))
    return sum((buffer.axes[-1].constant or 0) for buffer in nest_of(variant).buffers if buffer.name.startswith(TAPE))


def _time_loop(variant: Variant) -> Nest:
    program = parse(variant.program)
    graph, io = Graph(), variant.stored
    # an input is checked as soon as it is read, also one that the equations do not look at
    read = [graph.put("input", tag=name) for name in program.entries]
    seen = before = graph.put("read", tag="check")
    for node in read:
        # NaN and infinity times zero are NaN, which no sum loses
        seen = graph.put("fma", node, graph.const(0.0), seen)
    program = (program.masked() if variant.masked else program).behind(graph)
    (steps,) = names("steps")
    inputs = [Buffer(name, (steps,), stored=io) for name in _many("input", program.entries)]
    init, final = ([Buffer(name) for name in _many(kind, program.states)] for kind in ("init", "final"))
    states = [Buffer(name, place=BLOCK) for name in _many("state", program.states)]
    traces = [Buffer(name, (steps,)) for name in _many("trace", program.traces)]
    params = [Buffer(f"param:{k}", shared=not per_lane) for k, per_lane in enumerate(variant.lane_params)]
    out, lengths = Buffer("out", (steps,), stored=io), Buffer("lengths", stored="i32")
    check = Buffer("check", place=BLOCK)
    param = graph.leaves("param")

    def step(t: Index) -> list[Statement]:
        reads = [(graph.put("state", tag=name), row.row) for name, row in zip(program.states, states, strict=True)]
        reads += [(node, x[t]) for node, x in zip(read, inputs, strict=True)]
        reads += [(param[name], row.row) for name, row in zip(program.params, params, strict=True) if name in param]
        reads += [(before, check.row), *((node, lengths.row) for node in graph.leaves("alive").values())]
        writes = [
            *(Write(row.row, node) for row, node in zip(states, program.post, strict=True)),
            Write(out[t], program.out),
            *(Write(row[t], node) for row, node in zip(traces, program.traces, strict=True)),
            Write(check.row, seen),
        ]
        return [Leaf(graph, tuple(reads), tuple(writes), clock=t)]

    begin = Vectors((*(copied(a.row, b.row) for a, b in zip(init, states, strict=True)), filled(0.0, check.row)))
    end = Vectors((*(copied(a.row, b.row) for a, b in zip(states, final, strict=True)), _checked(check, states)))
    buffers = (*inputs, *init, *params, out, *final, *traces, lengths, *states, check)
    return Nest("scan", buffers, (begin, loop("t", steps, step), end), sizes=("steps",), numbers=("dt",))


def _checked(check: Buffer, states: list[Buffer]) -> Leaf:
    """What tells the caller of inputs, and of states at the end, that are not finite."""
    graph = Graph()
    seen, *ends = [graph.put("read", tag=str(k)) for k in range(1 + len(states))]
    # infinity less itself is NaN
    left = [graph.put("sub", x, x) for x in ends]
    bad = [graph.put("ne", x, x) for x in left]
    flags = [Flag(BAD_INPUT, graph.put("ne", seen, seen))]
    if bad:
        flags.append(Flag(BAD_STATE, functools.reduce(lambda a, b: graph.put("or", a, b), bad)))
    rows = [check.row, *(row.row for row in states)]
    return Leaf(graph, tuple(zip((seen, *ends), rows, strict=True)), flags=tuple(flags))


def _many(name: str, of: tuple[object, ...] | list[str]) -> list[str]:
    return [f"{name}:{k}" for k in range(len(of))]


__all__ = ["nest_of", "tape_rows"]
