"""The arguments of a cell's call: checked, and as the kernel reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rheobase.cells.membrane import FARADS
from rheobase.cells.operator import Given
from rheobase.cells.plan import Plan
from rheobase.cells.ports import Conductance, Current
from rheobase.cells.schemes import APART
from rheobase.checks import is_whole
from rheobase.errors import (
    DeviceError,
    Diverged,
    DTypeError,
    InputError,
    ParameterError,
    ShapeError,
    StateError,
    nearest,
)

if TYPE_CHECKING:
    from rheobase.cells.cell import Cell, CellState

PLACE = re.compile(r"([^()]+?)(?:\((\d+(?:\.\d*)?)\))?")


def gathered(cell: Cell, x: Any, inputs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The inputs of a call by name, in the order of the cell's ports.

    Raises: `ParameterError`, `DTypeError`, `ShapeError`, `DeviceError`, `InputError`.
    """
    named = dict(x) if isinstance(x, Mapping) else {} if x is None else {next(iter(cell.ports)): x}
    given = {**named, **inputs}
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
        if value.shape != first.shape or value.dtype != first.dtype:
            text, expected = f"{name} {tuple(value.shape)}, {value.dtype}", f"{tuple(first.shape)}, {first.dtype}"
            raise ShapeError(repr(cell), text, expected, "inputs of one shape and type")
    return {name: given[name] for name in cell.ports}


def _check_input(cell: Cell, name: str, value: Any) -> None:
    if not isinstance(value, Tensor) or value.dtype not in (torch.float32, torch.float64):
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise DTypeError(repr(cell), f"{name} of {kind}", "a tensor of float32 or float64", "call .float() on it")
    if value.device.type != "cpu":
        raise DeviceError(repr(cell), f"{name} on {value.device}", "the CPU", "cells have no kernel for a GPU")
    expected = ("time", "batch", *cell.shape)
    if value.dim() != len(expected) or tuple(value.shape[2:]) != cell.shape or 0 in value.shape:
        text = f"{name} of shape {tuple(value.shape)}"
        wanted = f"({', '.join(map(str, expected))})"
        raise ShapeError(repr(cell), text, wanted, "time is the first axis, batch the second")
    bad = ~torch.isfinite(value)
    if bool(bad.any()):
        where = bad.nonzero()[0].tolist()
        given = f"{name}[{', '.join(map(str, where))}] = {float(value.detach()[tuple(where)])}"
        raise InputError(repr(cell), given, "finite numbers", "look at the stimulus")


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


def check_state(cell: Cell, state: Any, first: Tensor) -> None:
    """Raise `StateError` unless `state` is one of this cell for this batch."""
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


def arguments(
    cell: Cell, plan: Plan, given: Mapping[str, Tensor], state: CellState, sites: Sequence[int], every: int
) -> Given:
    """What the operator takes: inputs by their kind, rows of parameters and states, lanes last."""
    c, first = cell.compartments, next(iter(given.values()))
    dtype, (steps, batch) = first.dtype, first.shape[:2]
    lanes = batch * math.prod(cell.shape)
    flat = {name: x.reshape(steps, 1, lanes) for name, x in given.items()}
    currents, opened, at_current, at_gate = list[Tensor](), list[tuple[Tensor, Tensor]](), list[int](), list[int]()
    for name, port in cell.ports.items():
        node, x = c.index(port.section, port.x), flat[name]
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
    arrays = (c.parent.clip(0), at_current, at_gate, list(sites),
              [c.index(cell.watch.section, cell.watch.x)])  # fmt: skip
    nodes = [c.where(region.name) for region in plan.regions]
    counts = [len(c.where(kind)) for kind in plan.states.values()]
    return Given(
        torch.cat([empty, *currents], 1),
        torch.cat([empty, *(g for g, _ in opened)], 1),
        torch.cat([empty, *(ge for _, ge in opened)], 1),
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
    root = torch.arange(len(kind)).view(column) == 0
    axial = torch.where(root, 0.0, 1.0 / torch.where(root, 1.0, resistance))
    parents = torch.as_tensor(c.parent).clamp(min=0)
    capacity = FARADS * torch.as_tensor(c.area).view(column) * rows("c_mem")
    chains = range(1, cell.scheme.order + 1)
    return torch.stack([(k * capacity / cell.dt + axial).index_add(0, parents, axial) for k in chains]), axial


def diverged(cell: Cell, given: Mapping[str, Tensor], state: CellState) -> Diverged:
    """The error for potentials that are not finite: the run again, in smaller and smaller pieces."""
    start, steps = 0, next(iter(given.values())).shape[0]
    after = state
    with torch.no_grad():
        for piece in (steps, 1000, 30, 1):
            while start < steps:
                part = {name: x[start : start + piece] for name, x in given.items()}
                _, after = cell(part, state, check_finite=False)
                if not bool(torch.isfinite(after.v).all()):
                    break
                state, start = after, start + piece
    node, *which = (~torch.isfinite(after.v)).nonzero()[0].tolist()
    c = cell.compartments
    where = f"{c.sections[c.section[node]].name}({c.x[node]:.3g}) of sample {which[0]}"
    where += f", cell {which[1:]}" if cell.shape else ""
    text = f"v = {float(after.v[node][tuple(which)])} mV at {where} after step {start} ({start * cell.dt:g} ms)"
    remedy = "look at its parameters and the stimulus"
    if cell.scheme.order > 1:
        remedy = f"take a smaller dt: chains of a step differ by more than {APART:g} mV; or {remedy}"
    return Diverged(repr(cell), text, "potentials that stay finite", remedy)


__all__ = ["arguments", "asked", "check_every", "check_state", "diverged", "gathered", "passive_rows"]
