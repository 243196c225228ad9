"""The cable of a cell as a nest: potentials by one elimination of the tree, then gates, compartment by compartment.

    for each step
        spikes open the conductances of synapses
        (c/dt + g + g_in) dv - axial differences of dv = -i_ion + i_in + axial currents of v      all compartments
        v = v + dv;  concentrations by the currents of before;  gates for the new v and concentrations

This is the order of operations of NEURON's fixed step: of first order, and stable at any dt. A potential is kept as a
sum of two numbers, so that what a step adds is not lost in float32. Lanes are cells: one tree, with parameters,
stimuli and states of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from rheobase.cells import contacts
from rheobase.cells.membrane import SIEMENS, Compartment
from rheobase.cells.plan import Placed, Plan, Region, parse
from rheobase.core import primitives
from rheobase.core.declaration.population import MILLIVOLTS
from rheobase.core.surrogates import ATan
from rheobase.engine.nest.adjoint import GRADIENT, adjoint
from rheobase.engine.nest.checkpoint import checkpointed
from rheobase.engine.nest.contract import contracted
from rheobase.engine.nest.equations import leaf
from rheobase.engine.nest.hoist import alike, hoisted
from rheobase.engine.nest.index import Index, at, names
from rheobase.engine.nest.nest import BLOCK, Buffer, Leaf, Nest, Ref, Statement, copied, filled, loop
from rheobase.engine.nest.verify import verify

SURROGATE = ATan(MILLIVOLTS)  # of a spike, whose height is in mV
POTENTIALS = ("v", "low", "above")  # states of the cell beside those of its mechanisms


@functools.lru_cache(maxsize=64)
def forward(text: str) -> Nest:
    """The nest of a plan."""
    whole = alike(hoisted(checkpointed(_Cable(parse(text)).nest(), "r")))
    return verify(contracted(whole).without_unused())


@functools.lru_cache(maxsize=64)
def backward(text: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Nest:
    """The nest of the gradient of `outputs` by `inputs`, buffers of the forward one."""
    whole = hoisted(_Cable(parse(text)).nest(), gradients=True)
    back = adjoint(checkpointed(whole, "r"), outputs, inputs, recompute=True)
    return verify(contracted(alike(hoisted(back)).only_for({GRADIENT + name for name in inputs})))


class _Cable:
    """The nest of a plan.

    Memory buffers: current (steps, ports, lanes) nA at the nodes `port`; conductance and drive = conductance e (steps,
    gates, lanes), uS and nA, at the nodes `gate`; `diagonal` (nodes), capacitance over dt and the axial conductances
    of a node, and `axial` (nodes), that to its parent, uS; `parent` (nodes), `end` the nodes without area; for each
    region `area` um2 and `node` (compartments); those of `contacts`; potentials v[site] (records, sites, lanes), states
    rec:x (records, count, lanes), spikes (steps, lanes) of the node `watch`; init:x and final:x of each state; param:x.

    A leaf for each mechanism, so that several vectors are computed side by side: together they need more registers
    than there are, and one vector alone waits for its own results.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.regions = plan.regions
        nodes, records, every, ports, gates, sites, ends = names(*SIZES)
        self.sizes = (*SIZES, *(f"count:{r.name}" for r in plan.regions), *dict.fromkeys(plan.contacts.values()))
        shared = not plan.lanewise
        held = dict.fromkeys(("v", "low", "dv", "d", "b"), (nodes,))
        arrays = {"parent": nodes, "port": ports, "gate": gates, "site": sites, "end": ends, "watch": Index.of(1)}
        steps = records * every
        made = [Buffer(name, axes, BLOCK) for name, axes in held.items()]
        made += [Buffer(name, (size,), stored="i32", shared=True) for name, size in arrays.items()]
        made += [Buffer(name, (nodes,), shared=shared) for name in ("diagonal", "axial")]
        made += [Buffer("current", (steps, ports)), Buffer("spikes", (steps,)), Buffer("potentials", (records, sites))]
        made += [Buffer(name, (steps, gates)) for name in ("conductance", "drive")]
        made += [Buffer("above", (), BLOCK), Buffer("init:above"), Buffer("final:above")]
        made += [Buffer(f"{when}:{name}", (nodes,)) for name in ("v", "low") for when in ("init", "final")]
        for region in plan.regions:
            count = Index.name(f"count:{region.name}")
            made += [Buffer(f"area:{region.name}", (count,), shared=True)]
            made += [Buffer(f"node:{region.name}", (count,), stored="i32", shared=True)]
            for key in region.states:
                made += [Buffer(f"{when}:{key}", (count,)) for when in ("init", "final")]
                made += [Buffer(key, (count,), BLOCK)]
                made += [Buffer(f"rec:{key}", (records, count))] if key in plan.records else []
            for key, (along, lanes) in region.rows.items():
                made.append(Buffer(f"param:{key}", (count,) if along else (), shared=not lanes))
        made += contacts.buffers(plan, steps, records)
        self.buffers = {buffer.name: buffer for buffer in made}

    def nest(self) -> Nest:
        body = (*self._begin(), self._steps(), *self._end())
        return Nest("cable", tuple(self.buffers.values()), body, sizes=self.sizes, numbers=("dt", "threshold"))

    def __getitem__(self, name: str) -> Buffer:
        return self.buffers[name]

    # --- first and last ---------------------------------------------------------------------------
    def _begin(self) -> list[Statement]:
        def node(c: Index) -> list[Leaf]:
            return [copied(self["init:v"][c], self["v"][c]), copied(self["init:low"][c], self["low"][c])]

        def end(e: Index) -> list[Leaf]:
            c = at("end", e, "nodes")
            return [copied(self["diagonal"][c], self["d"][c]), filled(0.0, self["b"][c])]

        return [
            loop("c", Index.name("nodes"), node),
            copied(self["init:above"].row, self["above"].row),
            *self._states(lambda key, k: copied(self[f"init:{key}"][k], self[key][k])),
            *(self._of_region(region, self._load) for region in self.regions),
            loop("e", Index.name("ends"), end),
        ]

    def _end(self) -> list[Statement]:
        def node(c: Index) -> list[Leaf]:
            return [copied(self["v"][c], self["final:v"][c]), copied(self["low"][c], self["final:low"][c])]

        return [
            loop("c", Index.name("nodes"), node),
            copied(self["above"].row, self["final:above"].row),
            *self._states(lambda key, k: copied(self[key][k], self[f"final:{key}"][k])),
        ]

    def _states(self, make: Callable[[str, Index], Statement], keys: Iterable[str] | None = None) -> list[Statement]:
        """A loop over the compartments for each state."""
        states = self.plan.states
        return [
            loop("k", Index.name(f"count:{states[key]}"), lambda k, key=key: [make(key, k)])
            for key in (states if keys is None else keys)
        ]

    # --- a step -----------------------------------------------------------------------------------
    def _steps(self) -> Statement:
        def turn(t: Index) -> list[Statement]:
            return [
                *contacts.received(self.plan, self.buffers, t),
                loop("p", Index.name("ports"), lambda p: [self._enter(t, p)]),
                loop("p", Index.name("gates"), lambda p: [self._open(t, p)]),
                *contacts.loaded(self.plan, self.buffers),
                loop("c", Index.name("nodes"), self._up, start=1, down=True),
                self._root(),
                loop("c", Index.name("nodes"), self._down, start=1),
                *contacts.advanced(self.plan, self.buffers),
                *(self._of_region(region, self._advance) for region in self.regions),
                loop("e", Index.name("ends"), self._reset_end),
                self._spike(t),
            ]

        def kept(r: Index) -> list[Statement]:
            sites = loop(
                "s", Index.name("sites"),
                lambda s: [copied(self["v"][at("site", s, "nodes")], self["potentials"][r, s])],
            )  # fmt: skip
            states = self._states(lambda key, k: copied(self[key][k], self[f"rec:{key}"][r, k]), self.plan.records)
            return [sites, *states]

        def record(r: Index) -> list[Statement]:
            every = Index.name("every")
            return [loop("t", every, lambda t: turn(r * every + t)), *kept(r)]

        return loop("r", Index.name("records"), record)

    def _enter(self, t: Index, p: Index) -> Leaf:
        b = self["b"][at("port", p, "nodes")]
        return leaf(lambda b, i: b + i, reads={"b": b, "i": self["current"][t, p]}, writes=[b])

    def _open(self, t: Index, p: Index) -> Leaf:
        c = at("gate", p, "nodes")
        d, b = self["d"][c], self["b"][c]
        reads = {"d": d, "b": b, "v": self["v"][c], "g": self["conductance"][t, p], "ge": self["drive"][t, p]}
        return leaf(lambda d, b, v, g, ge: (d + g, b + (ge - g * v)), reads=reads, writes=[d, b])

    def _spike(self, t: Index) -> Leaf:
        reads = {"v": self["v"][at("watch", 0, "nodes")], "before": self["above"].row}

        def crossed(v: Any, before: Any) -> tuple[Any, Any]:
            above = primitives.spike(v - v.tracer.symbol("number", tag="threshold"), SURROGATE)
            return above * (1.0 - before), above

        return leaf(crossed, reads=reads, writes=[self["spikes"][t], self["above"].row])

    # --- the tree: `dv` from d and b, and the potential moved by it; d then holds 1/d ----------------
    def _up(self, c: Index) -> list[Leaf]:
        p = at("parent", c, "nodes")
        d, b, v = self["d"], self["b"], self["v"]
        reads = {"d": d[c], "b": b[c], "g": self["axial"][c], "v": v[c], "u": v[p], "d_p": d[p], "b_p": b[p]}

        def eliminated(d: Any, b: Any, g: Any, v: Any, u: Any, d_p: Any, b_p: Any) -> tuple[Any, ...]:
            into = g * (u - v)  # the axial current
            b = b + into
            per = 1.0 / d
            f = g * per
            return per, b, d_p - g * f, b_p + (f * b - into)

        return [leaf(eliminated, reads=reads, writes=[d[c], b[c], d[p], b[p]])]

    def _root(self) -> Leaf:
        v, low, dv, d, b = (self[name][0] for name in ("v", "low", "dv", "d", "b"))

        def solved(d: Any, b: Any, v: Any, low: Any) -> tuple[Any, ...]:
            dv = b / d
            return (dv, *_moved(v, low, dv))

        return leaf(solved, reads={"d": d, "b": b, "v": v, "low": low}, writes=[dv, v, low])

    def _down(self, c: Index) -> list[Leaf]:
        v, low, dv = (self[name] for name in ("v", "low", "dv"))
        reads = {"per": self["d"][c], "b": self["b"][c], "g": self["axial"][c], "u": dv[at("parent", c, "nodes")]}

        def solved(per: Any, b: Any, g: Any, u: Any, v: Any, low: Any) -> tuple[Any, ...]:
            dv = (b + g * u) * per
            return (dv, *_moved(v, low, dv))

        return [leaf(solved, reads=reads | {"v": v[c], "low": low[c]}, writes=[dv[c], v[c], low[c]])]

    def _reset_end(self, e: Index) -> list[Leaf]:
        c = at("end", e, "nodes")
        return [copied(self["diagonal"][c], self["d"][c]), filled(0.0, self["b"][c])]

    # --- the membrane -----------------------------------------------------------------------------
    def _of_region(self, region: Region, make: Callable[[Region, Index], list[Leaf]]) -> Statement:
        return loop("k", Index.name(f"count:{region.name}"), lambda k: make(region, k))

    def _reads(self, region: Region, k: Index) -> dict[str, Ref]:
        c = at(f"node:{region.name}", k, "nodes")
        found = {"v": self["v"][c], "still": self["diagonal"][c], "area": self[f"area:{region.name}"][k]}
        found |= {key: self[key][k] for key in region.states}
        for key, (along, _) in region.rows.items():
            row = self[f"param:{key}"]
            found[key] = row[k] if along else row.row
        return found

    def _advance(self, region: Region, k: Index) -> list[Leaf]:
        """Concentrations, gates for them and the new potential, and then d and b of the next step."""
        return [*(self._step(region, p, k) for p in region.moving), *self._load(region, k)]

    def _step(self, region: Region, p: Placed, k: Index) -> Leaf:
        """The states of a mechanism dt later."""
        keys = [f"{region.name}.{p.name}.{name}" for name in p.mechanism.lane_states]

        def equations(**rows: Any) -> tuple[Any, ...]:
            after = Compartment(self.plan, region, rows).advanced(p, rows["v"], rows)
            return tuple(after[key] for key in keys)

        return leaf(equations, reads=self._reads(region, k), writes=[self[key][k] for key in keys])

    def _load(self, region: Region, k: Index) -> list[Leaf]:
        """d and b of the next step, and its calcium current."""
        c = at(f"node:{region.name}", k, "nodes")
        flows = [self[key][k] for key in region.states if key.endswith(".i_ca")]

        def equations(**rows: Any) -> tuple[Any, ...]:
            slope, i, i_ca = Compartment(self.plan, region, rows).load(
                rows["v"], {key: rows[key] for key in region.states}
            )
            area = SIEMENS * rows["area"]
            return (rows["still"] + area * slope, -area * i, *([i_ca] if flows else []))

        return [leaf(equations, reads=self._reads(region, k), writes=[self["d"][c], self["b"][c], *flows])]


SIZES = ("nodes", "records", "every", "ports", "gates", "sites", "ends")


def _moved(v: Any, low: Any, dv: Any) -> tuple[Any, Any]:
    """v + low + dv as a sum of two numbers (Kahan)."""
    more = dv + low
    moved = v + more
    return moved, more - (moved - v)


__all__ = ["POTENTIALS", "SIZES", "backward", "forward"]
