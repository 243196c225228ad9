"""The parameters of a cell by their names, "soma.NaV.gbar", "c_mem.soma": declared, assigned, given to lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.cells.cell import Cell
from rheobase.cells.declared import BARE, SPECS
from rheobase.cells.insertion import follows_pool
from rheobase.cells.plan import GAP
from rheobase.cells.ports import GapJunction, Port, Synapse
from rheobase.channels.channel import Membrane
from rheobase.core.declaration.words import ParamSpec
from rheobase.errors import ParameterError, nearest
from rheobase.synapses.receptor import Receptor


def spec_of(cell: Cell, name: str) -> ParamSpec:
    """The declaration of a parameter, with its unit. Raises: `ParameterError` for a name that the cell has not."""
    held, key = _found(cell, name)
    return SPECS[key] if held is None else held.params[key]


def assign(cell: Cell, name: str, value: float | Tensor) -> None:
    """Give a parameter a new value: a number, or one for each cell; of a receptor or gap junctions what they take.

    Raises: `ParameterError` for a name that the cell has not, a value that the declaration forbids, and the reversal
    potential of calcium beside a pool, which nothing reads.
    """
    held, key = _found(cell, name)
    _check_read(cell, name)
    if held is not None:
        held.assign(key, value)
        return
    stored = cell.logs[_stored(name)]
    shape = tuple(stored.shape) if key == GAP else cell.shape
    given = SPECS[key].tensor(repr(cell), value, shape).double()
    SPECS[key].check(repr(cell), given)
    with torch.no_grad():
        stored.copy_(given.log())


def held_by(cell: Cell, name: str) -> tuple[nn.Parameter, ParamSpec]:
    """The tensor that an optimiser moves for a parameter that is learnt, and how it is stored."""
    held, key = _found(cell, name)
    if held is None:
        return cell.logs[_stored(name)], SPECS[key]
    spec = held.params[key]
    return dict(held.named_parameters(recurse=False))[spec.stored_name(True)], spec


def populated(
    cell: Cell,
    lanes: int,
    learn: Sequence[str],
    *,
    inputs: Mapping[str, Port] | None = None,
    threshold: float | None = None,
) -> Cell:
    """So many cells like one, each with its own values of the parameters in `learn`, which are learnable.

    Inputs and the threshold at which spikes are counted are the cell's, where no others are given; receptors are new
    ones of the same values.

    Raises: `ParameterError` for a name that the cell has not, one of a receptor or gap junction, whose values are those
    of places, and for cells that differ.
    """
    for name in learn:
        _check_read(cell, name)
        if name == GAP or isinstance(_found(cell, name)[0], Receptor):
            expected = "a parameter of a channel, c_mem or Ra"
            raise ParameterError(repr(cell), f"own values of {name!r} for each cell", expected, "leave it as it is")
    values = {name: _one(cell, name, value.detach()) for name, value in cell.values().items()}
    channels = {
        kind: [_populated(m, f"{kind}.{key}", lanes, learn, values) for key, m in held.items()]  # type: ignore[operator]
        for kind, held in cell.channels.items()
    }
    bare: dict[str, Any] = {}
    for key in BARE:
        own = any(f"{key}.{kind}" in learn for kind in cell.kinds)
        bare[key] = {k: values[f"{key}.{k}"].expand(lanes) if own else values[f"{key}.{k}"] for k in cell.kinds}
    g_gap = values[GAP].unbind(-1) if cell.junctions else ()
    bare["junctions"] = [GapJunction(*each.ends, g=g) for each, g in zip(cell.junctions, g_gap, strict=True)]
    given = cell.ports if inputs is None else inputs
    ports = {
        name: _renewed(port, name, values) if port is cell.ports.get(name) else port for name, port in given.items()
    }
    made = Cell(
        cell.compartments,
        channels,
        dt=cell.dt,
        scale=cell.scale,
        **bare,
        celsius=cell.celsius,
        ca_outside=cell.ca_outside,
        v_init=cell.v_init,
        inputs=ports,
        watch=cell.watch,
        threshold=cell.threshold if threshold is None else threshold,
        shape=(lanes,),
        start=cell.start,
        scheme=cell.scheme,
    )
    made.warned = cell.warned
    for name in learn:
        if name.partition(".")[0] in BARE:
            made.logs[_stored(name)].requires_grad_()
    return made


def _populated(m: Membrane, prefix: str, lanes: int, learn: Sequence[str], values: Mapping[str, Tensor]) -> Membrane:
    own = [key for key in m.params if f"{prefix}.{key}" in learn]
    given = {key: values[f"{prefix}.{key}"] for key in m.params}
    given |= {key: given[key].expand(lanes) for key in own}
    return type(m)(*((lanes,) if own else ()), learn=own, **given, **m.options)


def _renewed(port: Port, name: str, values: Mapping[str, Tensor]) -> Port:
    """An input with a receptor of its own, of the same values."""
    if not isinstance(port, Synapse):
        return port
    old = port.receptor
    shape = old.shape[-1:] if port.many else ()
    return Synapse(port.at, type(old)(*shape, **{key: values[f"{name}.{key}"] for key in old.params}, **old.options))


def _one(cell: Cell, name: str, value: Tensor) -> Tensor:
    # a value of each place of a synapse, or of each junction, lies behind those of the cells
    port = cell.ports.get(name.partition(".")[0])
    many = name == GAP or (isinstance(port, Synapse) and port.many)
    each = value.double().reshape(-1, *value.shape[value.dim() - 1 :] if many else ())
    first = each[0]
    if not bool((each == first).all()):
        given = f"{name} that differs between cells"
        raise ParameterError(repr(cell), given, "one cell, or equal ones", "take one of the cells")
    return first


def _stored(name: str) -> str:
    return name.replace(".", "_")


def _check_read(cell: Cell, name: str) -> None:
    """Raise for a value that has no effect."""
    held, key = _found(cell, name)
    if key == "e" and isinstance(held, Membrane) and follows_pool(cell.channels[name.partition(".")[0]], held):  # type: ignore[arg-type]
        expected = "the Nernst potential of the calcium beside it"
        raise ParameterError(repr(cell), f"a value of {name}", expected, "leave it out: nothing reads it")


def _found(cell: Cell, name: str) -> tuple[Membrane | Receptor | None, str]:
    known = cell.values()
    if name not in known:
        raise ParameterError(repr(cell), f"parameter {name!r}", "one of the cell", nearest(str(name), known))
    first, *others = name.split(".")
    if first in SPECS:
        return None, first
    if first in cell.receptors:
        return cell.receptors[first], others[0]  # type: ignore[return-value]
    return cell.channels[first][others[0]], others[1]  # type: ignore[index,return-value]


__all__ = ["assign", "held_by", "populated", "spec_of"]
