"""The cable of a cell as a nest: potentials by one elimination of the tree, then gates, compartment by compartment.

    base(h):
        (c/h + g + g_in) dv - axial differences of dv = -i_ion + i_in + axial currents of v       all compartments
        v = v + dv;  concentrations by the currents of before;  gates for the new v and concentrations

This is the order of operations of NEURON's fixed step: of first order, and stable at any h. A step is base(dt), or of a
scheme of order n a sum of n chains that all begin where the step does, the k-th of k steps base(dt/k):

    x' = sum over k of weight_k base(dt/k)^k (x)

Before it, spikes open the conductances of synapses, once. A potential is kept as a sum of two numbers, so that what a
step adds is not lost in float32. Lanes are cells: one tree, with parameters, stimuli and states of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from rheobase.cells import contacts
from rheobase.cells.membrane import SIEMENS, Compartment
from rheobase.cells.plan import Placed, Plan, Region, parse
from rheobase.cells.schemes import APART
from rheobase.core import primitives
from rheobase.core.declaration.population import MILLIVOLTS
from rheobase.core.surrogates import ATan
from rheobase.engine.nest.adjoint import GRADIENT, adjoint
from rheobase.engine.nest.checkpoint import checkpointed
from rheobase.engine.nest.contract import contracted, regrouped
from rheobase.engine.nest.equations import added, leaf
from rheobase.engine.nest.hoist import alike, hoisted
from rheobase.engine.nest.index import Index, at, names
from rheobase.engine.nest.nest import BLOCK, Buffer, Leaf, Nest, Ref, Statement, Write, copied, filled, loop, when

SURROGATE = ATan(MILLIVOLTS)  # of a spike, whose height is in mV
POTENTIALS = ("v", "low", "above")  # states of the cell beside those of its mechanisms


@functools.lru_cache(maxsize=64)
def forward(text: str) -> Nest:
    """The nest of a plan."""
    whole = alike(hoisted(checkpointed(regrouped(_Cable(parse(text)).nest()), "r")))
    return contracted(whole).without_unused()


@functools.lru_cache(maxsize=64)
def backward(text: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Nest:
    """The nest of the gradient of `outputs` by `inputs`, buffers of the forward one."""
    whole = hoisted(regrouped(_Cable(parse(text)).nest()), gradients=True)
    back = adjoint(checkpointed(whole, "r"), outputs, inputs, recompute=True)
    return contracted(alike(hoisted(back)).only_for({GRADIENT + name for name in inputs}))


class _Cable:
    """The nest of a plan.

    Memory buffers: current (steps, ports, lanes) nA at the nodes `port`; conductance and drive = conductance e (steps,
    gates, lanes), uS and nA, at the nodes `gate`; `diagonal` (chains, nodes), capacitance over the step of a chain and
    the axial conductances of a node, and `axial` (nodes), that to its parent, uS; `parent` (nodes); for each region
    `area` um2 and `node` (compartments); potentials v[site] (records, sites, lanes), states rec:x (records, count,
    lanes), spikes (steps, lanes) of the node `watch`; farthest (lanes), how far from 0 a potential was after a step, of
    all nodes and steps; init:x and final:x of each state; param:x; those of `contacts`. Of several chains `h` (chains),
    their steps in ms, and their weights.

    A leaf for each mechanism, so that several vectors are computed side by side: together they need more registers
    than there are, and one vector alone waits for its own results.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self.regions = plan.regions
        nodes, records, every, ports, gates, sites = names(*SIZES)
        self.sizes = (*SIZES, *(f"count:{r.name}" for r in plan.regions), *dict.fromkeys(plan.contacts.values()))
        shared = not plan.lanewise
        chains = Index.of(plan.order)
        # what goes from step to step, and how many rows of it
        self.carried = {"v": nodes, "low": nodes}
        self.carried |= {key: Index.name(f"count:{of}") for key, of in plan.states.items()}
        arrays = {"parent": nodes, "port": ports, "gate": gates, "site": sites, "watch": Index.of(1)}
        steps = records * every
        made = [Buffer(name, (nodes,), BLOCK) for name in ("dv", "d", "b")]
        made += [Buffer(name, (size,), stored="i32", shared=True) for name, size in arrays.items()]
        made += [Buffer("diagonal", (chains, nodes), shared=shared), Buffer("axial", (nodes,), shared=shared)]
        made += [Buffer("current", (steps, ports)), Buffer("spikes", (steps,)), Buffer("potentials", (records, sites))]
        made += [Buffer(name, (steps, gates)) for name in ("conductance", "drive")]
        made += [Buffer("above", (), BLOCK), Buffer("init:above"), Buffer("final:above")]
        made += [Buffer("far", (), BLOCK), Buffer("farthest")]
        made += [Buffer(name, (chains,), shared=True) for name in ("h", "weight")]
        for key, count in self.carried.items():
            made += [Buffer(f"{when}:{key}", (count,)) for when in ("init", "final")]
            made += [Buffer(name, (count,), BLOCK) for name in (key, f"begin:{key}", f"sum:{key}")]
            made += [Buffer(f"rec:{key}", (records, count))] if key in plan.records else []
        for region in plan.regions:
            count = Index.name(f"count:{region.name}")
            made += [Buffer(f"area:{region.name}", (count,), shared=True)]
            made += [Buffer(f"node:{region.name}", (count,), stored="i32", shared=True)]
            made += [Buffer(region.flow, (count,), BLOCK)]
            for key, (along, lanes) in region.rows.items():
                made.append(Buffer(f"param:{key}", (count,) if along else (), shared=not lanes))
        made += contacts.buffers(plan, steps)
        self.buffers = {buffer.name: buffer for buffer in made}

    def nest(self) -> Nest:
        begin = [
            *self._each(lambda key, k: [copied(self[f"init:{key}"][k], self[key][k])]),
            copied(self["init:above"].row, self["above"].row),
            filled(0.0, self["far"].row),
        ]
        end = [
            *self._each(lambda key, k: [copied(self[key][k], self[f"final:{key}"][k])]),
            copied(self["above"].row, self["final:above"].row),
            copied(self["far"].row, self["farthest"].row),
        ]
        body = (*begin, self._steps(), *end)
        whole = Nest("cable", tuple(self.buffers.values()), body, sizes=self.sizes, numbers=("dt", "threshold"))
        return whole.without_unused()

    def __getitem__(self, name: str) -> Buffer:
        return self.buffers[name]

    def _each(self, make: Callable[[str, Index], list[Leaf]], keys: Iterable[str] | None = None) -> list[Statement]:
        """A loop over the rows of all that goes from step to step, or of these."""
        return [
            loop("k", self.carried[key], lambda k, key=key: make(key, k))
            for key in (self.carried if keys is None else keys)
        ]

    # --- a step -----------------------------------------------------------------------------------
    def _steps(self) -> Statement:
        every = Index.name("every")

        def turn(t: Index) -> list[Statement]:
            step = self._base(t, Index.of(0)) if self.plan.order == 1 else self._chains(t)
            return [*contacts.received(self.plan, self.buffers, t), *step, self._spike(t)]

        def kept(r: Index) -> list[Statement]:
            sites = loop(
                "s",
                Index.name("sites"),
                lambda s: [copied(self["v"][at("site", s, "nodes")], self["potentials"][r, s])],
            )
            states = self._each(lambda key, k: [copied(self[key][k], self[f"rec:{key}"][r, k])], self.plan.records)
            return [sites, *states]

        def record(r: Index) -> list[Statement]:
            return [loop("t", every, lambda t: turn(r * every + t)), *kept(r)]

        return loop("r", Index.name("records"), record)

    def _chains(self, t: Index) -> list[Statement]:
        """A step as a weighted sum of chains of smaller and smaller steps."""

        def begun(names: Sequence[str], k: Index) -> Leaf:
            kept = [self[f"begin:{key}"][k] for key in names] + [self[f"sum:{key}"][k] for key in names if key != "low"]
            return self._rows("", names, k, lambda *x: (*x, *(0.0 for _ in kept[len(x) :])), kept)

        def again(names: Sequence[str], k: Index) -> Leaf:
            return self._rows("begin:", names, k, lambda *x: x, [self[key][k] for key in names])

        def chain(n: Index) -> list[Statement]:
            def summed(names: Sequence[str], k: Index) -> Leaf:
                totals = [added(self[f"sum:{key}"][k]) for key in names]
                weight = self["weight"][n]
                return self._rows("", names, k, lambda *x: tuple(x[-1] * y for y in x[:-1]), totals, weight)

            return [
                when("ge", n, 1, *self._of_groups(again)),
                loop("turn", (n + 1, self.plan.order), self._base(t, n)),
                loop("c", Index.name("nodes"), lambda c: [self._risen(c, n)]),
                *self._of_groups(summed, bare=False),
            ]

        def ended(names: Sequence[str], k: Index) -> Leaf:
            return self._rows("sum:", names, k, lambda *x: x, [self[key][k] for key in names])

        return [
            *self._of_groups(begun),
            loop("chain", self.plan.order, chain),
            loop("c", Index.name("nodes"), lambda c: [self._moved_on(c)]),
            *self._of_groups(ended, bare=False),
        ]

    def _of_groups(self, make: Callable[[Sequence[str], Index], Leaf], bare: bool = True) -> list[Statement]:
        """A loop over the nodes for their potentials, where these are meant too, and for each region and synapse."""
        groups = [("nodes", ("v", "low"))] if bare else []
        groups += [(f"count:{x.name}", x.states) for x in (*self.regions, *self.plan.groups) if x.states]
        return [loop("k", Index.name(count), lambda k, names=names: [make(names, k)]) for count, names in groups]

    def _rows(
        self,
        kind: str,
        names: Sequence[str],
        k: Index,
        equations: Callable[..., tuple[Any, ...]],
        writes: Sequence[Ref | Write],
        *more: Ref,
    ) -> Leaf:
        """A leaf that reads the rows k of these names, and others."""
        reads = [*(self[f"{kind}{key}"][k] for key in names), *more]
        given = {f"x{number}": row for number, row in enumerate(reads)}
        return leaf(lambda **x: equations(*x.values()), reads=given, writes=writes)

    def _risen(self, c: Index, n: Index) -> Leaf:
        """By how much a chain moved a potential, into the sum: small numbers, which float32 keeps."""
        reads = {name: self[name][c] for name in ("v", "low")} | {"weight": self["weight"][n]}
        reads |= {"v_begin": self["begin:v"][c], "low_begin": self["begin:low"][c]}

        def risen(v: Any, low: Any, v_begin: Any, low_begin: Any, weight: Any) -> Any:
            return weight * ((v - v_begin) + (low - low_begin))

        return leaf(risen, reads=reads, writes=[added(self["sum:v"][c])])

    def _moved_on(self, c: Index) -> Leaf:
        """The potential at the end of a step; NaN where that is far from where the longest chain came to."""
        reads = {"v": self["begin:v"][c], "low": self["begin:low"][c], "dv": self["sum:v"][c], "longest": self["v"][c]}

        def moved(v: Any, low: Any, dv: Any, longest: Any, far: Any) -> tuple[Any, ...]:
            v, low = _moved(v, low, dv)
            return torch.where(torch.abs(v - longest) > APART, torch.nan, v), low, _farther(far, v)

        far = self["far"].row
        return leaf(moved, reads=reads | {"far": far}, writes=[self["v"][c], self["low"][c], far])

    def _base(self, t: Index, n: Index) -> list[Statement]:
        """A step of backward Euler, as long as those of chain n."""

        def bare(c: Index) -> list[Leaf]:
            return [copied(self["diagonal"][n, c], self["d"][c]), filled(0.0, self["b"][c])]

        return [
            loop("c", Index.name("nodes"), bare),
            *(self._of_region(region, self._load, n) for region in self.regions),
            loop("p", Index.name("ports"), lambda p: [self._enter(t, p)]),
            loop("p", Index.name("gates"), lambda p: [self._open(t, p)]),
            *contacts.loaded(self.plan, self.buffers, n),
            loop("c", Index.name("nodes"), self._up, start=1, down=True),
            self._root(),
            loop("c", Index.name("nodes"), self._down, start=1),
            *contacts.advanced(self.plan, self.buffers, n),
            *(self._of_region(region, self._advance, n) for region in self.regions),
        ]

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
        far = self._far()

        def solved(d: Any, b: Any, v: Any, low: Any, **far: Any) -> tuple[Any, ...]:
            dv = b / d
            v, low = _moved(v, low, dv)
            return (dv, v, low, *(_farther(x, v) for x in far.values()))

        return leaf(solved, reads={"d": d, "b": b, "v": v, "low": low, **far}, writes=[dv, v, low, *far.values()])

    def _down(self, c: Index) -> list[Leaf]:
        v, low, dv = (self[name] for name in ("v", "low", "dv"))
        reads = {"per": self["d"][c], "b": self["b"][c], "g": self["axial"][c], "u": dv[at("parent", c, "nodes")]}
        far = self._far()

        def solved(per: Any, b: Any, g: Any, u: Any, v: Any, low: Any, **far: Any) -> tuple[Any, ...]:
            dv = (b + g * u) * per
            v, low = _moved(v, low, dv)
            return (dv, v, low, *(_farther(x, v) for x in far.values()))

        reads |= {"v": v[c], "low": low[c], **far}
        return [leaf(solved, reads=reads, writes=[dv[c], v[c], low[c], *far.values()])]

    def _far(self) -> dict[str, Ref]:
        """The row of the farthest potential, where the base step is the whole one."""
        return {"far": self["far"].row} if self.plan.order == 1 else {}

    # --- the membrane -----------------------------------------------------------------------------
    def _of_region(self, region: Region, make: Callable[[Region, Index, Index], list[Leaf]], n: Index) -> Statement:
        return loop("k", Index.name(f"count:{region.name}"), lambda k: make(region, k, n))

    def _reads(self, region: Region, k: Index, n: Index) -> dict[str, Ref]:
        """What the equations of compartment k read in a step of chain n."""
        found = {"v": self["v"][at(f"node:{region.name}", k, "nodes")]}
        found |= {"h": self["h"][n]} if self.plan.order > 1 else {}
        found |= {key: self[key][k] for key in region.states}
        found |= {region.flow: self[region.flow][k]} if region.pool is not None else {}
        for key, (along, _) in region.rows.items():
            row = self[f"param:{key}"]
            found[key] = row[k] if along else row.row
        return found

    def _load(self, region: Region, k: Index, n: Index) -> list[Leaf]:
        """What the membrane adds to d and b, and its calcium current."""
        c = at(f"node:{region.name}", k, "nodes")
        reads = {
            **self._reads(region, k, n),
            "area": self[f"area:{region.name}"][k],
            "d": self["d"][c],
            "b": self["b"][c],
        }

        def equations(d: Any, b: Any, area: Any, **rows: Any) -> tuple[Any, ...]:
            slope, i, i_ca = Compartment(self.plan, region, rows).load(rows["v"], {k: rows[k] for k in region.states})
            area = SIEMENS * area
            return (d + area * slope, b - area * i, *([i_ca] if region.pool is not None else []))

        flows = [self[region.flow][k]] if region.pool is not None else []
        return [leaf(equations, reads=reads, writes=[self["d"][c], self["b"][c], *flows])]

    def _advance(self, region: Region, k: Index, n: Index) -> list[Leaf]:
        """Concentrations by the currents of before, then gates for them and the new potential."""
        return [self._step(region, p, k, n) for p in region.moving]

    def _step(self, region: Region, p: Placed, k: Index, n: Index) -> Leaf:
        """The states of a mechanism at the end of a step as long as those of chain n."""
        keys = [f"{region.name}.{p.name}.{name}" for name in p.mechanism.lane_states]

        def equations(**rows: Any) -> tuple[Any, ...]:
            after = Compartment(self.plan, region, rows).advanced(p, rows["v"], rows)
            return tuple(after[key] for key in keys)

        return leaf(equations, reads=self._reads(region, k, n), writes=[self[key][k] for key in keys])


SIZES = ("nodes", "records", "every", "ports", "gates", "sites")


def _moved(v: Any, low: Any, dv: Any) -> tuple[Any, Any]:
    """v + low + dv as a sum of two numbers (Kahan)."""
    more = dv + low
    moved = v + more
    return moved, more - (moved - v)


def _farther(far: Any, v: Any) -> Any:
    """The larger of two distances from 0; NaN, which stays until the end of a call and is seen there, is none."""
    return torch.where(torch.abs(v) > far, torch.abs(v), far)


__all__ = ["POTENTIALS", "SIZES", "backward", "forward"]
