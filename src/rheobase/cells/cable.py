"""The cable of a cell as a nest: potentials by one elimination of the tree, then gates, compartment by compartment.

    for each step t
        (c/dt + g) dv - axial differences of dv = -i_ion + i_in + axial currents of v         all compartments at once
        v = v + dv;  concentrations from the currents of before;  gates for the new v and concentrations

This is the order of operations of NEURON's fixed step: of first order, and stable at any dt. A potential is kept as a
sum of two numbers, so that in float32 what a step adds is not lost in it.

Lanes are cells: one tree, with parameters, stimuli and states of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rheobase.channels.channel import Channel, Membrane, Pool
from rheobase.core.bound import Bound
from rheobase.engine.graph.step_adjoint import adjoint as gradients
from rheobase.engine.graph.symbols import Symbol, lift
from rheobase.engine.nest.equations import added, leaf
from rheobase.engine.nest.index import Index, at, names
from rheobase.engine.nest.nest import BLOCK, Buffer, Leaf, Nest, Ref, Statement, Write, copied, filled, loop

SIEMENS = 0.01  # uS of a compartment per um2 and S/cm2; nA per um2 and mA/cm2
FARADS = 1e-5  # nF of a compartment per um2 and uF/cm2; uS per um2, uF/cm2 and 1/ms
NERNST = {"ca": 2.0}  # ions whose reversal potential follows a pool: their valence


@dataclass(frozen=True)
class Placed:
    """A mechanism in a region, and which of its parameters are rows: one for a compartment, a lane, or both."""

    mechanism: Membrane
    constants: Mapping[str, float]
    rows: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)  # (along compartments, along lanes)

    @property
    def name(self) -> str:
        return type(self.mechanism).__name__


@dataclass(frozen=True)
class Region:
    """The compartments that have the same mechanisms."""

    name: str
    placed: tuple[Placed, ...]

    @property
    def pool(self) -> Placed | None:
        return next((p for p in self.placed if isinstance(p.mechanism, Pool)), None)

    @property
    def channels(self) -> list[Placed]:
        return [p for p in self.placed if isinstance(p.mechanism, Channel)]


def cable(regions: Sequence[Region], *, compensated: bool, lanewise: bool) -> Nest:
    """The nest of a cell that is made of these regions.

    Memory: current (steps, ports, lanes) nA; port, site (ports,), (sites,): the nodes where it enters and where the
    potential is kept, out (records, sites, lanes); parent; `diagonal` (nodes) the capacitance over dt and the axial
    conductances of a node, `axial` that to its parent, uS; area of a region's compartments, um2; and for each state
    its first and last values.
    """
    return _Cable(regions, compensated, lanewise).nest()


class _Cable:
    def __init__(self, regions: Sequence[Region], compensated: bool, lanewise: bool):
        self.regions, self.compensated = regions, compensated
        nodes, records, every, ports, sites = names("nodes", "records", "every", "ports", "sites")
        self.sizes = ["nodes", "records", "every", "ports", "sites", *(f"count:{r.name}" for r in regions)]
        self.v, self.low, self.dv, self.d, self.b = (Buffer(k, (nodes,), BLOCK) for k in ("v", "low", "dv", "d", "b"))
        self.diagonal = Buffer("diagonal", (nodes,), shared=not lanewise)
        self.axial = Buffer("axial", (nodes,), shared=not lanewise)
        self.first, self.last = Buffer("init:v", (nodes,)), Buffer("final:v", (nodes,))
        self.first_low, self.last_low = Buffer("init:low", (nodes,)), Buffer("final:low", (nodes,))
        self.current = Buffer("current", (records * every, ports))
        self.out = Buffer("out", (records, sites))
        self.arrays = [
            Buffer("parent", (nodes,), stored="i32", shared=True),
            Buffer("port", (ports,), stored="i32", shared=True),
            Buffer("site", (sites,), stored="i32", shared=True),
            Buffer("end", (Index.name("ends"),), stored="i32", shared=True),
        ]
        self.sizes.append("ends")
        self.buffers = [
            self.v, self.low, self.dv, self.d, self.b, self.diagonal, self.axial, self.first, self.last,
            self.first_low, self.last_low, self.current, self.out, *self.arrays,
        ]  # fmt: skip
        self.states: dict[str, tuple[Buffer, Buffer, Buffer, Index]] = {}  # held, first, last, how many
        for region in regions:
            self._declare(region)

    def _declare(self, region: Region) -> None:
        count = Index.name(f"count:{region.name}")
        self.buffers += [
            Buffer(f"area:{region.name}", (count,), shared=True),
            Buffer(f"node:{region.name}", (count,), stored="i32", shared=True),
        ]
        held = [f"{region.name}.{p.name}.{k}" for p in region.placed for k in p.mechanism.lane_states]
        held += [f"{region.name}.i_ca"] if region.pool is not None else []
        for key in held:
            made = (Buffer(key, (count,), BLOCK), Buffer(f"init:{key}", (count,)), Buffer(f"final:{key}", (count,)))
            self.states[key] = (*made, count)
            self.buffers += made
        for p in region.placed:
            for name, (along, lanes) in p.rows.items():
                axes = (count,) if along else ()
                self.buffers.append(Buffer(f"param:{region.name}.{p.name}.{name}", axes, shared=not lanes))

    def nest(self) -> Nest:
        return Nest("cable", tuple(self.buffers), (*self.begin(), self.steps(), *self.end()), tuple(self.sizes), ("dt",))

    def begin(self) -> list[Statement]:
        nodes = Index.name("nodes")
        found: list[Statement] = [
            loop("c", nodes, lambda c: [copied(self.first[c], self.v[c]), copied(self.first_low[c], self.low[c]),
                                        filled(0.0, self.dv[c])]),
            *(loop("k", count, lambda k, a=held, b=first: [copied(b[k], a[k])])
              for held, first, _, count in self.states.values()),
        ]  # fmt: skip
        found += [self._of_region(region, self._currents) for region in self.regions]

        def end_node(e: Index) -> list[Leaf]:
            c = at("end", e, "nodes")
            return [copied(self.diagonal[c], self.d[c]), filled(0.0, self.b[c])]

        return [*found, loop("e", Index.name("ends"), end_node)]

    def end(self) -> list[Statement]:
        return [
            loop("c", Index.name("nodes"), lambda c: [copied(self.v[c], self.last[c]), copied(self.low[c], self.last_low[c])]),
            *(loop("k", count, lambda k, a=held, b=last: [copied(a[k], b[k])]) for held, _, last, count in self.states.values()),
        ]

    def steps(self) -> Statement:
        every, ports, sites, nodes = names("every", "ports", "sites", "nodes")

        def enters(t: Index, r: Index) -> Statement:
            def one(k: Index) -> list[Leaf]:
                node = self.b[at("port", k, "nodes")]
                return [leaf(lambda b, i: b + i, reads={"b": node, "i": self.current[r * every + t, k]}, writes=[node])]

            return loop("p", ports, one)

        def turn(r: Index, t: Index) -> list[Statement]:
            return [
                enters(t, r),
                loop("c", nodes, self._up, start=1, down=True),
                leaf(lambda d, b: b / d, reads={"d": self.d[0], "b": self.b[0]}, writes=[self.dv[0]]),
                loop("c", nodes, self._down, start=1),
                *(self._of_region(region, self._advance) for region in self.regions),
                loop("e", Index.name("ends"), self._end_node),
            ]

        def kept(r: Index) -> Statement:
            return loop("s", sites, lambda s: [copied(self.v[at("site", s, "nodes")], self.out[r, s])])

        return loop("r", Index.name("records"), lambda r: [loop("t", every, lambda t: turn(r, t)), kept(r)])

    # --- the tree ---------------------------------------------------------------------------------
    def _up(self, c: Index) -> list[Leaf]:
        p = at("parent", c, "nodes")
        reads = {
            "d": self.d[c], "b": self.b[c], "g": self.axial[c], "v": self.v[c], "u": self.v[p], "d_p": self.d[p],
            "b_p": self.b[p],
        }  # fmt: skip

        def eliminate(d: Any, b: Any, g: Any, v: Any, u: Any, d_p: Any, b_p: Any) -> tuple[Any, ...]:
            flow = g * (u - v)  # the axial current into c
            b = b + flow
            per = 1.0 / d
            f = g * per
            return per, b, d_p - g * f, b_p + (f * b - flow)

        return [leaf(eliminate, reads=reads, writes=[self.d[c], self.b[c], self.d[p], self.b[p]])]

    def _down(self, c: Index) -> list[Leaf]:
        p = at("parent", c, "nodes")
        reads = {"per": self.d[c], "b": self.b[c], "g": self.axial[c], "u": self.dv[p]}
        return [leaf(lambda per, b, g, u: (b + g * u) * per, reads=reads, writes=[self.dv[c]])]

    def _end_node(self, e: Index) -> list[Leaf]:
        c = at("end", e, "nodes")
        reads = {"v": self.v[c], "low": self.low[c], "dv": self.dv[c], "still": self.diagonal[c]}

        def move(v: Any, low: Any, dv: Any, still: Any) -> tuple[Any, ...]:
            return (*self._moved(v, low, dv), still, 0.0)

        return [leaf(move, reads=reads, writes=[self.v[c], self.low[c], self.d[c], self.b[c]])]

    def _moved(self, v: Any, low: Any, dv: Any) -> tuple[Any, Any]:
        """v + dv as a sum of two numbers (Kahan)."""
        if not self.compensated:
            return v + dv, low
        added = dv + low
        moved = v + added
        return moved, added - (moved - v)

    # --- the membrane -----------------------------------------------------------------------------
    def _of_region(self, region: Region, make: Any) -> Statement:
        return loop("k", Index.name(f"count:{region.name}"), lambda k: [make(region, k)])

    def _rows(self, region: Region, k: Index) -> tuple[dict[str, Ref], list[str], list[str]]:
        """What a leaf of a region reads; the names of its states, and of its parameters."""
        c = at(f"node:{region.name}", k, "nodes")
        by_name = {b.name: b for b in self.buffers}
        reads = {"v": self.v[c], "still": self.diagonal[c], "area": by_name[f"area:{region.name}"][k]}
        states = [key for key in self.states if key.startswith(f"{region.name}.")]
        reads |= {key: self.states[key][0][k] for key in states}
        params = [
            (f"param:{region.name}.{p.name}.{name}", along)
            for p in region.placed for name, (along, _) in p.rows.items()
        ]  # fmt: skip
        reads |= {key: by_name[key][k] if along else by_name[key].row for key, along in params}
        return reads, states, [key for key, _ in params]

    def _currents(self, region: Region, k: Index) -> Leaf:
        """The membrane at the start: d, b and the calcium current from the states."""
        c = at(f"node:{region.name}", k, "nodes")
        reads, states, _ = self._rows(region, k)
        flows = [self.states[key][0][k] for key in states if key.endswith(".i_ca")]

        def equations(**rows: Any) -> tuple[Any, ...]:
            membrane = _Membrane(region, rows)
            d, b, i_ca = membrane.load(rows["v"], {n: rows[n] for n in states}, rows)
            return (d, b, *([i_ca] if flows else []))

        return leaf(equations, reads=reads, writes=[self.d[c], self.b[c], *flows])

    def _advance(self, region: Region, k: Index) -> Leaf:
        """The membrane after the potentials have moved: v, concentrations, gates, and then d and b of the next step."""
        c = at(f"node:{region.name}", k, "nodes")
        reads, states, _ = self._rows(region, k)
        reads |= {"low": self.low[c], "dv": self.dv[c]}
        writes: list[Ref | Write] = [self.v[c], self.low[c], self.d[c], self.b[c]]
        writes += [self.states[key][0][k] for key in states]

        def equations(**rows: Any) -> tuple[Any, ...]:
            v, low = self._moved(rows["v"], rows["low"], rows["dv"])
            membrane = _Membrane(region, rows)
            after = membrane.advanced(v, rows)
            d, b, i_ca = membrane.load(v, after, rows)
            if region.pool is not None:
                after[f"{region.name}.i_ca"] = i_ca
            return (v, low, d, b, *(after[key] for key in states))

        return leaf(equations, reads=reads, writes=writes)


class _Membrane:
    """The mechanisms of a region on the rows of one compartment."""

    def __init__(self, region: Region, rows: Mapping[str, Any]):
        self.region = region
        self.tracer = next(x for x in rows.values() if isinstance(x, Symbol)).tracer
        self.dt = self.tracer.symbol("number", tag="dt")
        self.rows = rows

    def key(self, p: Placed, name: str) -> str:
        return f"{self.region.name}.{p.name}.{name}"

    def bound(self, p: Placed, **more: Any) -> Bound:
        held = {name: self.rows[f"param:{self.key(p, name)}"] for name in p.rows}
        return Bound(p.mechanism, {**p.constants, **held, **more}, self.dt)

    def state(self, p: Placed, rows: Mapping[str, Any]) -> Any:
        return p.mechanism.State(*(rows[self.key(p, name)] for name in p.mechanism.lane_states))

    def calcium(self, rows: Mapping[str, Any]) -> Any:
        pool = self.region.pool
        return self.state(pool, rows)[0] if pool is not None else None

    def inputs(self, p: Placed, v: Any, ca: Any) -> Any:
        entries = p.mechanism.entries
        return v if len(entries) == 1 else p.mechanism.Input(*(v if name == "v" else ca for name in entries))

    def advanced(self, v: Any, rows: Mapping[str, Any]) -> dict[str, Any]:
        """The states dt later, at the new potential: concentrations first, by the currents of before."""
        after: dict[str, Any] = {}
        pool = self.region.pool
        if pool is not None:
            moved = self.bound(pool).advanced(self.state(pool, rows), rows[f"{self.region.name}.i_ca"])
            after |= {self.key(pool, k): x for k, x in moved._asdict().items()}
        ca = self.calcium(after)
        for p in self.region.channels:
            moved = self.bound(p).advanced(self.state(p, rows), self.inputs(p, v, ca))
            after |= {self.key(p, k): x for k, x in moved._asdict().items()}
        return after

    def load(self, v: Any, states: Mapping[str, Any], rows: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """The diagonal and the right side of a compartment, and its calcium current (mA/cm2)."""
        ca = self.calcium(states)
        total: Any = 0.0
        i_ca: Any = 0.0
        for p in self.region.channels:
            e = {"e": self.nernst(ca)} if p.mechanism.ion in NERNST and ca is not None else {}
            i = self.bound(p, **e).current(self.state(p, states), self.inputs(p, v, ca))
            total = total + i
            i_ca = i_ca + i if p.mechanism.ion == "ca" else i_ca
        area = SIEMENS * rows["area"]
        slope = self.slope(total, v, [ca, *states.values()])
        return rows["still"] + area * slope, -area * total, i_ca

    def nernst(self, ca: Any) -> Any:
        import torch
        return (1000.0 * 8.31446261815324 * 307.15 / (2.0 * 96485.33212331)) * torch.log(2.0 / ca)

    def slope(self, of: Any, by: Symbol, others: Sequence[Any]) -> Any:
        """The derivative of a current by the potential, with the states held."""
        if not isinstance(of, Symbol):
            return 0.0
        graph = self.tracer.graph
        stop = [by.node, *(x.node for x in others if isinstance(x, Symbol))]
        found = gradients(graph, [(lift(self.tracer, of), graph.const(1.0))], stop)
        return Symbol(self.tracer, found[by.node]) if by.node in found else 0.0


__all__ = ["Placed", "Region", "cable"]
