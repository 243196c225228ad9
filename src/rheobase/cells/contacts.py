"""Synapses and gap junctions in the nest of a cell: the spikes of a step, what they add to d and b, and what is left.

    d <- d + di/dv,  b <- b - i(v)           a synapse, i = g (v - e)
    d <- d + g,      b <- b + g (u - v)      a junction, at each of its two ends

A junction couples two branches across the tree, which the elimination does not see: of its current g (v - u), only the
own end is implicit, the other one is that of the step before. So does NEURON with a POINTER to the other potential.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rheobase.cells.membrane import slope
from rheobase.cells.plan import ENDS, GAP, JUNCTIONS, Group, Plan
from rheobase.core.bound import Bound
from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.index import Index, at
from rheobase.engine.nest.nest import Buffer, Leaf, Ref, Statement, loop

Rows = Mapping[str, Buffer]


def buffers(plan: Plan, steps: Index) -> Iterator[Buffer]:
    """Spikes in:x (steps, count, lanes) of each group, its nodes and parameters; the ends of junctions."""
    for group in plan.groups:
        count = Index.name(f"count:{group.name}")
        yield Buffer(f"in:{group.name}", (steps, count))
        yield Buffer(f"at:{group.name}", (count,), stored="i32", shared=True)
        for key, (along, lanes) in group.rows.items():
            yield Buffer(f"param:{key}", (count,) if along else (), shared=not lanes)
    if plan.gap is not None:
        junctions = Index.name(JUNCTIONS)
        yield from (Buffer(name, (junctions,), stored="i32", shared=True) for name in ENDS)
        yield Buffer(f"param:{GAP}", (junctions,), shared=not plan.gap[1])


def received(plan: Plan, rows: Rows, t: Index) -> Iterator[Statement]:
    """The states of the synapses after the spikes of step t, with which it begins."""
    return _each(plan, lambda group, k: _received(group, rows, t, k))


def loaded(plan: Plan, rows: Rows, n: Index) -> Iterator[Statement]:
    """What synapses and junctions add to d and b, before the elimination, in a step of chain n."""
    yield from _each(plan, lambda group, k: _loaded(group, rows, k, _h(plan, rows, n)))
    if plan.gap is not None:
        yield loop("j", Index.name(JUNCTIONS), lambda j: [_coupled(rows, j)])


def advanced(plan: Plan, rows: Rows, n: Index) -> Iterator[Statement]:
    """The states of the synapses at the end of a step of chain n, for the new potential."""
    return _each(plan, lambda group, k: _advanced(group, rows, k, _h(plan, rows, n)))


def _h(plan: Plan, rows: Rows, n: Index) -> dict[str, Ref]:
    """The row of the step of chain n, where there are several."""
    return {"h": rows["h"][n]} if plan.order > 1 else {}


def _each(plan: Plan, make: Callable[[Group, Index], Leaf]) -> Iterator[Statement]:
    """A loop over its places for each group."""
    for group in plan.groups:
        yield loop("k", Index.name(f"count:{group.name}"), lambda k, group=group: [make(group, k)])


def _received(group: Group, rows: Rows, t: Index, k: Index) -> Leaf:
    def equations(**read: Any) -> tuple[Any, ...]:
        return tuple(_bound(group, read).received(_state(group, read), read["spikes"]))

    reads = {"spikes": rows[f"in:{group.name}"][t, k], **_reads(group, rows, k)}
    return leaf(equations, reads=reads, writes=[rows[key][k] for key in group.states])


def _loaded(group: Group, rows: Rows, k: Index, h: Mapping[str, Ref]) -> Leaf:
    c = at(f"at:{group.name}", k, "nodes")
    d, b = rows["d"][c], rows["b"][c]

    def equations(**read: Any) -> tuple[Any, ...]:
        s, v = _state(group, read), read["v"]
        i = _bound(group, read).current(s, v)
        return read["d"] + slope(i, v, list(s)), read["b"] - i

    return leaf(equations, reads={"d": d, "b": b, **h, **_reads(group, rows, k)}, writes=[d, b])


def _advanced(group: Group, rows: Rows, k: Index, h: Mapping[str, Ref]) -> Leaf:
    def equations(**read: Any) -> tuple[Any, ...]:
        return tuple(_bound(group, read).advanced(_state(group, read), read["v"]))

    return leaf(equations, reads={**h, **_reads(group, rows, k)}, writes=[rows[key][k] for key in group.states])


def _reads(group: Group, rows: Rows, k: Index) -> dict[str, Ref]:
    found = {"v": rows["v"][at(f"at:{group.name}", k, "nodes")], **{key: rows[key][k] for key in group.states}}
    for key, (along, _) in group.rows.items():
        row = rows[f"param:{key}"]
        found[key] = row[k] if along else row.row
    return found


def _bound(group: Group, read: Mapping[str, Any]) -> Any:
    held = {name: read[f"{group.name}.{name}"] for name in group.placed.rows}
    # of a scheme of several chains each has steps of its own; spikes are received once, before them
    dt = read["h"] if "h" in read else read["v"].tracer.symbol("number", tag="dt")
    return Bound(group.placed.mechanism, held, dt)


def _state(group: Group, read: Mapping[str, Any]) -> Any:
    return group.placed.mechanism.State(*(read[key] for key in group.states))


def _coupled(rows: Rows, j: Index) -> Leaf:
    a, b = (at(end, j, "nodes") for end in ENDS)
    writes = [rows["d"][a], rows["b"][a], rows["d"][b], rows["b"][b]]
    names = dict(zip(("d_a", "b_a", "d_b", "b_b"), writes, strict=True))
    reads = {**names, "v": rows["v"][a], "u": rows["v"][b], "g": rows[f"param:{GAP}"][j]}

    def equations(d_a: Any, b_a: Any, d_b: Any, b_b: Any, v: Any, u: Any, g: Any) -> tuple[Any, ...]:
        i = g * (v - u)
        return d_a + g, b_a - i, d_b + g, b_b + i

    return leaf(equations, reads=reads, writes=writes)


__all__ = ["advanced", "buffers", "loaded", "received"]
