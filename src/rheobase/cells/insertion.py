"""Checks and prepares what is inserted into a cell: channels, pools, receptors, gap junctions, and their scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.cells.compartments import Compartments
from rheobase.cells.implausible import VOLTS, check_given
from rheobase.cells.ports import GapJunction, Synapse
from rheobase.channels.channel import Channel, Membrane, Pool
from rheobase.channels.ions import IONS
from rheobase.checks import is_number
from rheobase.core.declaration.elsewhere import class_elsewhere
from rheobase.errors import ParameterError, nearest
from rheobase.synapses.receptor import Receptor


def inserted(
    kinds: Sequence[str],
    channels: Mapping[str, Sequence[Membrane]],
    *,
    reversal: Mapping[str, float],
    celsius: float,
    dt: float,
    shape: tuple[int, ...],
) -> nn.ModuleDict:
    """The mechanisms of each kind of section by name, with the cell's temperature and reversal potentials.

    Raises: `ParameterError` for an ion or a kind that there is not, a mechanism twice, of another shape or step, or of
    another cell with other values of these, and for a channel that reads calcium where no pool holds it.
    """
    for ion, e in reversal.items():
        if ion not in IONS:
            remedy = nearest(str(ion), IONS)
            raise ParameterError("Cell", f"a reversal potential of {ion!r}", f"one of {', '.join(IONS)}", remedy)
        if is_number(e):
            check_given(f"reversal of {ion!r}", float(e))
    for kind in channels:
        if kind not in kinds:
            given, expected = f"channels of {kind!r}", f"a kind of section it has: {', '.join(kinds)}"
            raise ParameterError("Cell", given, expected, nearest(str(kind), kinds))
    found = {kind: _of_kind(kind, channels.get(kind, ()), dt, shape) for kind in kinds}
    for kind, held in found.items():
        for name, m in held.items():
            _surround(m, kind, reversal, celsius)  # type: ignore[arg-type]
            if isinstance(m, Channel) and not follows_pool(held, m):
                # a reversal potential near 0 is suspect (volts), unless the channel's default is near 0
                check_given(f"e of {name} in {kind}", m.value("e"), near_0=abs(m.params["e"].default) < VOLTS)
    return nn.ModuleDict(found)


def _of_kind(kind: str, given: Sequence[Membrane], dt: float, shape: tuple[int, ...]) -> nn.ModuleDict:
    held = nn.ModuleDict()
    for m in given:
        name = type(m).__name__
        if not isinstance(m, Channel | Pool):
            # mistakes are a name, the path of a file, or a class instead of an instance
            shown = m.__name__ if isinstance(m, type) else str(m) if isinstance(m, str | Path) else name
            is_class = isinstance(m, type) and issubclass(m, Membrane)
            remedy = f"{shown}(...)" if is_class else class_elsewhere(shown) or "see rheobase.channels"
            raise ParameterError("Cell", f"{shown} in {kind}", "channels and pools", remedy)
        if name in held:
            raise ParameterError("Cell", f"two {name} in {kind}", "each channel once", "add their conductances")
        if m.shape not in ((), shape):
            expected = f"one, or {shape} as the cell"
            raise ParameterError("Cell", f"{name} of shape {m.shape}", expected, f"{name}(*shape, ...)")
        _check_step(m, f"{name} in {kind}", dt)
        held[name] = m
    pools = [name for name, m in held.items() if isinstance(m, Pool)]
    if len(pools) > 1:
        raise ParameterError("Cell", f"{' and '.join(pools)} in {kind}", "one pool for calcium", "leave one")
    for name, m in held.items():
        if isinstance(m, Channel) and "ca" in m.entries and not pools:
            reads = f"{name} in {kind}, which reads calcium"
            raise ParameterError("Cell", reads, "a pool beside it", "add CaDynamics()")
        if isinstance(m, Membrane) and "e" in m.learn and follows_pool(held, m):
            learnt = f"learn=('e',) of {name} in {kind}"
            raise ParameterError("Cell", learnt, "e of a channel without a pool", "beside one it follows the calcium")
    return held


def follows_pool(held: nn.ModuleDict, m: Any) -> bool:
    """Whether the e of a channel is the Nernst potential of the pool beside it, and its own is not read."""
    return isinstance(m, Channel) and any(isinstance(one, Pool) and one.ion == m.ion for one in held.values())


def _check_step(m: Membrane | Receptor, name: str, dt: float) -> None:
    """Raise `ParameterError` for a mechanism that was made with a time step other than the cell's."""
    if m.dt is not None and m.dt != dt:
        raise ParameterError("Cell", f"{name} with dt = {m.dt:g}", f"the cell's, dt = {dt:g}", "leave its dt out")


def _surround(m: Membrane, kind: str, reversal: Mapping[str, float], celsius: float) -> None:
    """Give a mechanism the temperature and reversal potentials of the cell.

    Raises: `ParameterError` for one that another cell holds already, whose values this would change.
    """
    given: dict[str, Any] = {"celsius": celsius} if "celsius" in m.params else {}
    if isinstance(m, Channel) and m.ion is not None and m.ion in reversal:
        given["e"] = reversal[m.ion]
    for key, value in given.items():
        before = m.value(key).detach().clone()
        m.assign(key, value)
        if m.placed and not torch.equal(before.expand_as(m.value(key)), m.value(key)):
            m.assign(key, before)
            unit, name = m.params[key].unit, type(m).__name__
            other = f"{name} of another cell, with {key} = {before.tolist()} {unit}"
            given_here = f"{other}, in {kind} with {value} {unit}"
            raise ParameterError("Cell", given_here, "a channel of its own", f"a new {name}(...)")


def fitting(name: str, synapse: Synapse, dt: float, shape: tuple[int, ...]) -> Receptor:
    """The receptor of a synapse on cells of this step and shape.

    Raises: `ParameterError` for one of another step or shape.
    """
    whole = (*shape, len(synapse.places)) if synapse.many else shape
    receptor = synapse.receptor
    _check_step(receptor, f"the receptor of {name}", dt)
    check_given(f"e of {name}", receptor.value("e"), near_0=True)
    if receptor.shape not in ((), whole, whole[len(shape) :]):
        kind = type(receptor).__name__
        expected = f"one, or {whole}" + (", (*cells, places)" if synapse.many else " as the cell")
        raise ParameterError("Cell", f"{kind} of shape {receptor.shape} as {name}", expected, f"{kind}(*shape, ...)")
    return receptor


def joined(junctions: Sequence[GapJunction], shape: tuple[int, ...]) -> Tensor:
    """The conductances of gap junctions in float64, (junctions,) or (*shape, junctions).

    Raises: `ParameterError` for what is no junction, and for a conductance that is no finite number > 0, or `shape` of
    them.
    """
    found = list[Tensor]()
    for each in junctions:
        if not isinstance(each, GapJunction):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ParameterError("Cell", f"junction {each!r}", "a GapJunction", 'GapJunction("soma", "dend", g=1e-3)')
        g = exact(each.g)
        if tuple(g.shape) not in ((), shape) or not bool(((g > 0) & g.isfinite()).all()):
            expected = "a finite number > 0, in uS" + (f", or {shape} of them" if shape else "")
            raise ParameterError("Cell", f"g = {each.g!r} of a gap junction", expected, "g=1e-3, say")
        found.append(g)
    return torch.stack(torch.broadcast_tensors(*found), -1)


def profiles(compartments: Compartments, channels: nn.ModuleDict, scale: Mapping[str, Any]) -> dict[str, Tensor]:
    """For each scaled parameter ("apic.Ih.gbar") its factors, (compartments of the kind,).

    Raises: `ParameterError` for another name, or something else than one finite number for each compartment.
    """
    known = [
        f"{kind}.{name}.{key}"
        for kind, held in channels.items()
        for name, m in held.items()  # type: ignore[operator]
        for key in m.params
    ]
    found: dict[str, Tensor] = {}
    for name, along in scale.items():
        if name not in known:
            raise ParameterError("Cell", f"scale of {name!r}", "kind.channel.parameter", nearest(str(name), known))
        kind = name.partition(".")[0]
        at = compartments.where(kind)
        values = exact(along(compartments.distance[at]) if callable(along) else along)
        if tuple(values.shape) != (len(at),) or not bool(torch.isfinite(values).all()):
            given = f"scale of {name!r} of shape {tuple(values.shape)}"
            expected, remedy = f"{len(at)} finite numbers", f"one for each compartment of {kind}"
            raise ParameterError("Cell", given, expected, remedy)
        found[name] = values
    return found


def by_kind(name: str, given: Any, kinds: Sequence[str], shape: tuple[int, ...]) -> dict[str, Tensor]:
    """A property of the bare membrane, given as one number or one for each kind of section, in float64.

    Raises: `ParameterError` for a kind without one, and for what is no finite number > 0 (or that of each cell).
    """
    each = given if isinstance(given, Mapping) else dict.fromkeys(kinds, given)
    found: dict[str, Tensor] = {}
    for kind in kinds:
        if kind not in each:
            expected = f"one of each of {', '.join(kinds)}"
            raise ParameterError("Cell", f"no {name} of {kind!r}", expected, "or one number")
        value = exact(each[kind]).clone()
        if tuple(value.shape) not in ((), shape) or not bool(((value > 0) & value.isfinite()).all()):
            expected = "a finite number > 0" + (f", or {shape} of them" if shape else "")
            raise ParameterError("Cell", f"{name} of {kind} = {each[kind]!r}", expected, "c_mem=1.0, Ra=100.0, say")
        found[kind] = value
    for kind in each:
        if kind not in kinds:
            expected = f"kinds it has: {', '.join(kinds)}"
            raise ParameterError("Cell", f"{name} of {kind!r}", expected, nearest(str(kind), kinds))
    return found


def exact(value: Any) -> Tensor:
    """The value in float64, Python's numbers with all their digits."""
    return value.detach().double() if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64)


__all__ = ["by_kind", "exact", "fitting", "inserted", "joined", "profiles"]
