"""The arguments of a cell's call: checked, and as the kernel reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.cells.divergence import EXPECTED, astray
from rheobase.cells.membrane import FARADS
from rheobase.cells.operator import Given
from rheobase.cells.plan import ENDS, GAP, Plan
from rheobase.cells.ports import PLACE, Conductance, Current, Synapse
from rheobase.cells.schemes import weights
from rheobase.checks import is_whole
from rheobase.errors import (
    DeviceError,
    DTypeError,
    InputError,
    ParameterError,
    ShapeError,
    StateError,
    nearest,
)

if TYPE_CHECKING:
    from rheobase.cells.cell import Cell, CellState


def gathered(cell: Cell, x: Any, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The inputs of a call by name, in the order of the cell's ports.

    Raises: `ParameterError`, `DTypeError`, `ShapeError`, `DeviceError`, `InputError`.
    """
    if x is not None and not isinstance(x, Mapping):
        x = {next(iter(cell.ports)): x}
    given = {**(x or {}), **inputs}
    for name in given:
        if name not in cell.ports:
            raise ParameterError(repr(cell), f"input {name!r}", "the name of an input", nearest(str(name), cell.ports))
    missing = [name for name in cell.ports if name not in given]
    if missing:
        remedy = f"cell({', '.join(f'{name}=...' for name in cell.ports)})"
        raise ParameterError(repr(cell), f"no {missing[0]}", f"inputs {', '.join(cell.ports)}", remedy)
    for name, value in given.items():
        _check_input(cell, name, value)
    first = given[next(iter(cell.ports))]
    for name, value in given.items():
        if value.shape[:2] != first.shape[:2] or value.dtype != first.dtype:
            text = f"{name} {tuple(value.shape)}, {value.dtype}"
            wanted = ", ".join(map(str, (*first.shape[:2], *_sizes(cell, name))))
            raise ShapeError(repr(cell), text, f"({wanted}), {first.dtype}", "inputs of one time, batch and type")
    return {name: given[name] for name in cell.ports}


def _sizes(cell: Cell, name: str) -> tuple[int, ...]:
    """The axes of an input behind time and batch."""
    port = cell.ports[name]
    return (*cell.shape, len(port.places)) if isinstance(port, Synapse) and port.many else cell.shape


def _check_input(cell: Cell, name: str, value: Any) -> None:
    if not isinstance(value, Tensor) or value.dtype not in (torch.float32, torch.float64):
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise DTypeError(repr(cell), f"{name} of {kind}", "a tensor of float32 or float64", "call .float() on it")
    check_device(cell, name, value)
    sizes = _sizes(cell, name)
    expected = ("time", "batch", *sizes)
    if value.dim() != len(expected) or tuple(value.shape[2:]) != sizes or 0 in value.shape:
        text = f"{name} of shape {tuple(value.shape)}"
        wanted = f"({', '.join(map(str, expected))})"
        raise ShapeError(repr(cell), text, wanted, "time is the first axis, batch the second")
    # one pass, without a temporary mask: aminmax gives NaN for both where there is one
    low, high = map(float, value.detach().aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise _wrong(cell, name, value, ~torch.isfinite(value), "finite numbers", "look at the stimulus")
    if low < 0 and isinstance(cell.ports[name], Synapse):
        remedy = "an inhibitory synapse has another reversal potential, not spikes below 0"
        raise _wrong(cell, name, value, value < 0, "spikes in each step, from 0 on", remedy)


def _wrong(cell: Cell, name: str, value: Tensor, bad: Tensor, expected: str, remedy: str) -> InputError:
    where = bad.nonzero()[0].tolist()
    given = f"{name}[{', '.join(map(str, where))}] = {float(value.detach()[tuple(where)])}"
    return InputError(repr(cell), given, expected, remedy)


def check_device(cell: Cell, name: str, value: Tensor) -> None:
    """Raise unless the tensor is on the CPU, or on the device meta (shapes only)."""
    if value.device.type not in ("cpu", "meta"):
        raise DeviceError(repr(cell), f"{name} on {value.device}", "the CPU", "cells have no kernel for a GPU")


def check_every(cell: Cell, every: Any, steps: int) -> None:
    """Raise unless the steps are whole stretches of `every` steps."""
    if not is_whole(every, 1) or steps % every:
        raise ParameterError(repr(cell), f"every = {every!r}", "a whole number > 0", f"one that divides {steps} steps")


def asked(cell: Cell, record: Sequence[str], states: Mapping[str, str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """What is recorded: nodes of potentials by the name of their place, and states."""
    if isinstance(record, str):
        raise ParameterError(repr(cell), f"record={record!r}", "a tuple of names", f"record=({record!r},)")
    sites: dict[str, int] = {}
    for name in record:
        if name in states:
            continue
        match = PLACE.fullmatch(str(name))
        if match is None or (name.count(".") >= 2 and "(" not in name):
            remedy = nearest(str(name), states) if name.count(".") >= 2 else '"dend[3](0.5)", say'
            raise ParameterError(repr(cell), f"record {name!r}", "a place, or a state of a kind of section", remedy)
        sites[name] = cell.compartments.index(match[1], float(match[2] or 0.5))
    return sites, tuple(name for name in dict.fromkeys(record) if name in states)


def check_state(cell: Cell, state: Any, first: Tensor, check_finite: bool) -> None:
    """Raise `StateError` unless `state` is one of this cell for this batch, and with `check_finite` is finite."""
    size, nodes = (first.shape[1], *cell.shape), len(cell.compartments.parent)
    shapes = {"v": (nodes, *size), "low": (nodes, *size), "above": size, "membrane": (len(cell.rows), *size)}
    if tuple(getattr(state, "_fields", ())) != tuple(shapes):
        given = f"a state of type {type(state).__name__}"
        raise StateError(repr(cell), given, "CellState", "pass on what a call returned")
    for name, shape in shapes.items():
        x = getattr(state, name)
        if tuple(x.shape) != shape or x.dtype != first.dtype:
            given = f"state {name} of shape {tuple(x.shape)}, {x.dtype}"
            raise StateError(repr(cell), given, f"{shape}, {first.dtype}", "pass on what a call returned")
        bad = astray(x) if name == "v" else ~torch.isfinite(x)
        if check_finite and bool(bad.any()):
            where = bad.nonzero()[0].tolist()
            given = f"state {name}[{', '.join(map(str, where))}] = {float(x[tuple(where)])}"
            raise StateError(repr(cell), given, EXPECTED if name == "v" else "finite numbers", "None starts at rest")


def check_junctions(cell: Cell) -> None:
    """Raise `ParameterError` where an extrapolated step would amplify the difference of potentials at a junction.

    A chain of k steps h multiplies the difference by (1 - p_a - p_b)^k, with p = g h / (c + g h) for each end, c its
    capacitance and g the sum of its junctions. Each chain shrinks it, but their weights in an extrapolation are up to
    4.5, so that the sum may grow.
    """
    if not cell.junctions or cell.scheme.order == 1:
        return
    with torch.no_grad():
        values, c = cell.values(), cell.compartments
        g, ends = values[GAP], torch.as_tensor(cell.contacts[-len(ENDS) :])
        total = g.new_zeros(*g.shape[:-1], len(c.parent))
        for nodes in ends:
            total = total.index_add(-1, nodes, g)
        grown, parts = torch.zeros_like(g), list[tuple[Tensor, Tensor]]()
        for nodes in ends:
            capacities = [FARADS * float(c.area[k]) * values[f"c_mem.{c.kind[k]}"].double() for k in nodes.tolist()]
            parts.append((total[..., nodes], torch.stack(torch.broadcast_tensors(*capacities), -1)))
        for k, weight in enumerate(weights(cell.scheme.order), 1):
            apart = sum(of / (of + k * capacity / cell.dt) for of, capacity in parts)
            grown = grown + weight * (1.0 - apart) ** k
    if bool((grown.abs() > 1.0 + 1e-9).any()):
        *which, k = (grown.abs() > 1.0 + 1e-9).nonzero()[0].tolist()
        one, factor = cell.junctions[k], float(grown[(*which, k)])
        given = f"the junction of {one.a!r} and {one.b!r}, g = {float(g.expand_as(grown)[(*which, k)]):g} uS"
        given += f": a step of {cell.dt:g} ms multiplies their difference by {factor:.3g}"
        raise ParameterError(repr(cell), given, "a difference that shrinks", "a smaller dt, or scheme=BackwardEuler()")


def arguments(
    cell: Cell, plan: Plan, given: Mapping[str, Tensor], state: CellState, sites: Sequence[int], every: int
) -> Given:
    """The arguments of the operator: inputs by kind, rows of parameters and states; lanes are the last axis."""
    c, first = cell.compartments, next(iter(given.values()))
    dtype, (steps, batch) = first.dtype, first.shape[:2]
    lanes = batch * math.prod(cell.shape)
    currents, opened, at_current, at_gate = list[Tensor](), list[tuple[Tensor, Tensor]](), list[int](), list[int]()
    spikes = list[Tensor]()
    for name, port in cell.ports.items():
        if isinstance(port, Synapse):
            # (time, batch, *cells, places), the places before the lanes
            spikes.append(given[name].reshape(steps, lanes, len(port.places)).transpose(1, 2).contiguous())
            continue
        node, x = c.index(port.section, port.x), given[name].reshape(steps, 1, lanes)
        if isinstance(port, Current):
            currents.append(x)
            at_current.append(node)
            continue
        g = x if isinstance(port, Conductance) else torch.full_like(x, 1.0 / port.r)
        opened.append((g, g * port.e if isinstance(port, Conductance) else x * (1.0 / port.r)))
        at_gate.append(node)
    empty = first.new_empty(steps, 0, lanes)
    values = cell.values()
    diagonal, axial = passive_rows(cell, values, batch, plan.lanewise)
    arrays = (
        c.parent.clip(0),
        at_current,
        at_gate,
        list(sites),
        [c.index(cell.watch.section, cell.watch.x)],
        *cell.contacts,
    )
    nodes = [c.where(region.name) for region in plan.regions]
    counts = [cell.count(kind) for kind in plan.states.values()]
    return Given(
        torch.cat([empty, *currents], 1),
        torch.cat([empty, *(g for g, _ in opened)], 1),
        torch.cat([empty, *(ge for _, ge in opened)], 1),
        spikes,
        diagonal.to(dtype),
        axial.to(dtype),
        state.v.reshape(-1, lanes),
        state.low.reshape(-1, lanes),
        state.above.reshape(lanes),
        list(state.membrane.reshape(-1, lanes).split(counts)) if counts else [],
        [_row(cell, key, values[key], batch, kind).to(dtype) for key, kind in plan.rows.items()],
        [torch.as_tensor(c.area[at], dtype=dtype) for at in nodes],
        [torch.as_tensor(at, dtype=torch.int32) for at in nodes],
        [torch.as_tensor(x, dtype=torch.int32) for x in arrays],
        plan.text,
        every,
        cell.dt,
        cell.threshold,
    )


def _row(cell: Cell, key: str, value: Tensor, batch: int, kind: tuple[bool, bool]) -> Tensor:
    """A parameter as the kernel reads it: (), (lanes), (compartments) or (compartments, lanes)."""
    along, by_lane = kind
    value = value.double()
    if along and key not in cell.scale:  # of synapses or junctions: (*cells, places)
        count = cell.count(key.partition(".")[0])
        if not by_lane:
            return value.expand(*value.shape[:-1], count).reshape(count)
        return value.expand(batch, *cell.shape, count).reshape(-1, count).T
    if by_lane:
        value = value.expand(batch, *cell.shape).reshape(-1)
    if along:
        return cell.scale[key][:, None] * value if by_lane else cell.scale[key] * value
    return value


def passive_rows(cell: Cell, values: Mapping[str, Tensor], batch: int, lanewise: bool) -> tuple[Tensor, Tensor]:
    """For each chain and node its capacitance over the step with its axial conductances, and that to its parent, uS.

    (chains, nodes) and (nodes), or also by lane.
    """
    c = cell.compartments
    kind = torch.as_tensor([cell.kinds.index(name) for name in c.kind])

    def rows(name: str) -> Tensor:
        of = torch.stack(torch.broadcast_tensors(*(values[f"{name}.{k}"].double() for k in cell.kinds)))
        if not lanewise:
            return of[kind]
        if of.dim() == 1:
            of = of.view(-1, *(1 for _ in cell.shape))
        return of[kind, None].expand(-1, batch, *cell.shape).flatten(1)

    column = (-1, 1) if lanewise else (-1,)
    resistance = 0.01 * torch.as_tensor(c.axial).view(column) * rows("Ra")
    root = torch.as_tensor(c.parent).view(column) < 0
    axial = torch.where(root, 0.0, 1.0 / torch.where(root, 1.0, resistance))
    parents = torch.as_tensor(c.parent).clamp(min=0)
    capacity = FARADS * torch.as_tensor(c.area).view(column) * rows("c_mem")
    chains = range(1, cell.scheme.order + 1)
    return torch.stack([(k * capacity / cell.dt + axial).index_add(0, parents, axial) for k in chains]), axial


__all__ = [
    "arguments",
    "asked",
    "check_device",
    "check_every",
    "check_junctions",
    "check_state",
    "gathered",
    "passive_rows",
]
