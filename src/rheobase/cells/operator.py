"""The cable of a cell as an operator, `rheobase::cable`, with its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rheobase.cells.plan import Plan, parse
from rheobase.cells.schemes import weights
from rheobase.engine.nest.checkpoint import KEPT
from rheobase.engine.nest.nest import Nest
from rheobase.engine.operators.operator import Operator

# Steps between two checkpoints. The tape of a block of lanes is as long, and is fastest where it fits the cache; a long
# run of many lanes takes fewer checkpoints for less memory.
STRETCHES = (16, 32, 64)
MOST = 2**30  # bytes of checkpoints for which the shorter stretch is taken


class Given(NamedTuple):
    """The arguments. Lanes are the last axis; the kernel's words are those of `cable._Cable`.

    current (steps, ports, lanes); conductance, drive (steps, gates, lanes); spikes (steps, count, lanes) of each group
    of synapses; diagonal (chains, nodes, lanes) or (chains, nodes), axial (nodes, lanes) or (nodes); v, low (nodes,
    lanes); above (lanes); states and params by the plan; areas and nodes by its regions; `arrays`: parent, port, gate,
    site, watch, and the plan's contacts.
    """

    current: Tensor
    conductance: Tensor
    drive: Tensor
    spikes: list[Tensor]
    diagonal: Tensor
    axial: Tensor
    v: Tensor
    low: Tensor
    above: Tensor
    states: list[Tensor]
    params: list[Tensor]
    areas: list[Tensor]
    nodes: list[Tensor]
    arrays: list[Tensor]
    plan: str
    every: int
    dt: float
    threshold: float

    @property
    def lanes(self) -> int:
        return self.v.shape[-1]


DIFFERENTIABLE = (
    "current", "conductance", "drive", "spikes", "diagonal", "axial", "v", "low", "above", "states", "params",
)  # fmt: skip


class Results(NamedTuple):
    """Spikes (steps, lanes), potentials (records, sites, lanes), states that the plan records, and the last states.

    farthest (lanes): the largest distance of a potential from 0, mV, of all nodes after all steps; without a gradient.
    """

    spikes: Tensor
    potentials: Tensor
    farthest: Tensor
    records: dict[str, Tensor]
    v: Tensor
    low: Tensor
    above: Tensor
    states: list[Tensor]


class Cut(NamedTuple):
    """Records, those of a segment, and segments."""

    records: int
    segment: int
    segments: int


def cut(given: Given, keep: bool) -> Cut:
    records, plan = given.current.shape[0] // given.every, parse(given.plan)
    if not keep:
        return Cut(records, records, 1)
    one = sum(map(math.prod, _kept(plan, given).values())) * given.v.element_size()
    # the tape of a step grows with its chains
    turns = given.current.shape[0] * plan.order**2
    steps = next((n for n in STRETCHES if one * turns // n <= MOST), STRETCHES[-1])
    segment = min(records, max(1, steps // (given.every * plan.order**2)))
    return Cut(records, segment, -(-records // segment))


class Kernels:
    """The cable on the CPU."""

    def outputs(self, given: Given, keep: bool) -> list[Tensor]:
        plan, lanes, (records, _, segments) = parse(given.plan), given.lanes, cut(given, keep)
        new, of = given.v.new_empty, dict(zip(plan.states, given.states, strict=True))
        found = [new(given.current.shape[0], lanes), new(records, len(given.arrays[3]), lanes), new(lanes)]
        found += [new(records, *of[key].shape) for key in plan.records]
        found += [torch.empty_like(x) for x in (given.v, given.low, given.above, *given.states)]
        return [*found, new((segments - 1) * sum(map(math.prod, _kept(plan, given).values())))]

    def forward(self, given: Given, keep: bool) -> list[Tensor]:
        from rheobase.cells import cable

        results, plan = self.outputs(given, keep), parse(given.plan)
        named = dict(zip(_results(plan), results[:-1], strict=True)) | _checkpoints(plan, given, results[-1])
        self.run(cable.forward(given.plan), given, named, keep)
        return results

    def backward(
        self, given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> list[Tensor]:
        from rheobase.cells import cable

        plan = parse(given.plan)
        outputs = [name for name, g in zip(_results(plan), grads, strict=True) if g is not None]
        every = _inputs(plan)
        inputs = [name for name, want in zip(every, wanted, strict=True) if want]
        tensors = CABLE.tensors(given)
        # whole rows, also of what is one number for all lanes: their sum follows
        found = {name: _rows(x, name, given) for name, x, want in zip(every, tensors, wanted, strict=True) if want}
        named: dict[str, Tensor | None] = {f"g:{name}": x for name, x in found.items()}
        named |= {f"g:{n}": g.contiguous() for n, g in zip(_results(plan), grads, strict=True) if g is not None}
        named |= _checkpoints(plan, given, saved[0])
        self.run(cable.backward(given.plan, tuple(inputs), tuple(outputs)), given, named, True)
        sizes = {name: x.shape for name, x in zip(every, tensors, strict=True)}
        return [x if x.shape == sizes[name] else x.sum(-1) for name, x in found.items()]

    def run(self, nest: Nest, given: Given, named: dict[str, Any], keep: bool) -> None:
        """Run a nest over the arguments and these tensors."""
        from rheobase.engine.llvm import launch

        plan = parse(given.plan)
        held: dict[str, Tensor | None] = dict(zip(_inputs(plan), CABLE.tensors(given), strict=True))
        held |= dict(zip((f"area:{r.name}" for r in plan.regions), given.areas, strict=True))
        held |= dict(zip((f"node:{r.name}" for r in plan.regions), given.nodes, strict=True))
        held |= dict(zip((*ARRAYS, *plan.contacts), given.arrays, strict=True))
        chains = range(1, plan.order + 1)
        held["h"] = torch.tensor([given.dt / k for k in chains], dtype=given.v.dtype)
        held["weight"] = torch.tensor(weights(plan.order), dtype=given.v.dtype)
        held |= named
        records, segment, segments = cut(given, keep)
        sizes = {
            "nodes": given.v.shape[0],
            "records": records,
            "every": given.every,
            "ports": given.current.shape[1],
            "gates": given.conductance.shape[1],
            "sites": len(given.arrays[3]),
            "segment": segment,
            "segments": segments,
            **{f"count:{r.name}": len(nodes) for r, nodes in zip(plan.regions, given.nodes, strict=True)},
            **dict(zip(plan.contacts.values(), map(len, given.arrays[len(ARRAYS) :]), strict=True)),
        }
        dense = {b.name: x.contiguous() for b in nest.buffers if (x := held.get(b.name)) is not None}
        numbers = {"dt": given.dt, "threshold": given.threshold}
        launch.run(nest, dense, sizes, numbers, lanes=given.lanes, dtype=given.v.dtype)


HELD = ("v", "low", "dv")  # rows of the nodes that go from step to step
ROWS = ("above", "far")  # those of the cell
ARRAYS = ("parent", "port", "gate", "site", "watch")


def _inputs(plan: Plan) -> list[str]:
    """The buffers of the differentiable arguments, in order."""
    return [
        "current",
        "conductance",
        "drive",
        *(f"in:{group.name}" for group in plan.groups),
        "diagonal",
        "axial",
        "init:v",
        "init:low",
        "init:above",
        *(f"init:{key}" for key in plan.states),
        *(f"param:{key}" for key in plan.rows),
    ]


def _results(plan: Plan) -> list[str]:
    """The buffers of the visible results, in order."""
    return [
        "spikes",
        "potentials",
        "farthest",
        *(f"rec:{key}" for key in plan.records),
        "final:v",
        "final:low",
        "final:above",
        *(f"final:{key}" for key in plan.states),
    ]


def _kept(plan: Plan, given: Given) -> dict[str, tuple[int, ...]]:
    """The shape of what is kept at the start of a segment: the states, and what its first step solves."""
    nodes, lanes = given.v.shape
    states = {f"{KEPT}:{key}": tuple(x.shape) for key, x in zip(plan.states, given.states, strict=True)}
    return {**{f"{KEPT}:{name}": (nodes, lanes) for name in HELD}, KEPT: (len(ROWS), lanes), **states}


def _checkpoints(plan: Plan, given: Given, flat: Tensor) -> dict[str, Tensor | None]:
    """The buffers of the hidden result."""
    if not flat.numel():
        return {}
    shapes = _kept(plan, given)
    segments = flat.numel() // sum(map(math.prod, shapes.values()))
    pieces = flat.split([segments * math.prod(shape) for shape in shapes.values()])
    return dict(zip(shapes, pieces, strict=True))


def _rows(x: Tensor, name: str, given: Given) -> Tensor:
    """Zeros for the gradient of an argument, with a row of lanes also where it is one number for all of them."""
    shared = name.startswith("param:") and not parse(given.plan).rows[name.removeprefix("param:")][1]
    alike = name in ("diagonal", "axial") and not parse(given.plan).lanewise
    # rows as the kernel writes them, also where the argument lies in memory in another order
    return x.new_zeros(*x.shape, given.lanes) if shared or alike else x.new_zeros(x.shape)


def cable(given: Given) -> Results:
    """Run a cell."""
    plan = parse(given.plan)
    results = CABLE(given)
    named = dict(zip(_results(plan), results, strict=True))
    records = {key: named[f"rec:{key}"] for key in plan.records}
    states = [named[f"final:{key}"] for key in plan.states]
    v, low, above = (named[f"final:{key}"] for key in ("v", "low", "above"))
    return Results(named["spikes"], named["potentials"], named["farthest"].detach(), records, v, low, above, states)


kernels = Kernels()
CABLE = Operator(
    "cable",
    Given,
    differentiable=DIFFERENTIABLE,
    kernels={"CPU": kernels},
    outputs=kernels.outputs,
    hidden=1,
)

__all__ = ["Given", "Results", "cable"]
