"""What is put into the membrane of a cell: its channels and pools, checked, and how they vary along the tree."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.cells.compartments import Compartments
from rheobase.channels.channel import Channel, Membrane, Pool
from rheobase.core.declaration.elsewhere import class_elsewhere
from rheobase.errors import ParameterError, nearest


def inserted(
    kinds: Sequence[str], channels: Mapping[str, Sequence[Membrane]], *, reversal: Mapping[str, float],
    celsius: float, shape: tuple[int, ...],
) -> nn.ModuleDict:  # fmt: skip
    """The mechanisms of each kind of section by name, with the cell's temperature and reversal potentials.

    Raises: `ParameterError` for a kind that the cell has not, a mechanism twice or of another shape, and for a channel
    that reads calcium where no pool holds it.
    """
    for kind in channels:
        if kind not in kinds:
            given, expected = f"channels of {kind!r}", f"a kind of section it has: {', '.join(kinds)}"
            raise ParameterError("Cell", given, expected, nearest(str(kind), kinds))
    return nn.ModuleDict({kind: _of_kind(kind, channels.get(kind, ()), reversal, celsius, shape) for kind in kinds})


def _of_kind(
    kind: str, given: Sequence[Membrane], reversal: Mapping[str, float], celsius: float, shape: tuple[int, ...]
) -> nn.ModuleDict:
    held = nn.ModuleDict()
    for m in given:
        name = type(m).__name__
        if not isinstance(m, Channel | Pool):
            # a name, a file, or a class for its instance
            said = m.__name__ if isinstance(m, type) else f"{m}" if isinstance(m, str | Path) else name
            called = isinstance(m, type) and issubclass(m, Membrane)
            remedy = f"{said}(...)" if called else class_elsewhere(said) or "see rheobase.channels"
            raise ParameterError("Cell", f"{said} in {kind}", "channels and pools", remedy)
        _check_found(type(m))
        if name in held:
            raise ParameterError("Cell", f"two {name} in {kind}", "each channel once", "add their conductances")
        if m.shape not in ((), shape):
            expected = f"one, or {shape} as the cell"
            raise ParameterError("Cell", f"{name} of shape {m.shape}", expected, f"{name}(*shape, ...)")
        if "celsius" in m.params:
            m.celsius = celsius
        if isinstance(m, Channel) and m.ion is not None and m.ion in reversal:
            m.e = reversal[m.ion]
        held[name] = m
    pools = [name for name, m in held.items() if isinstance(m, Pool)]
    if len(pools) > 1:
        raise ParameterError("Cell", f"{' and '.join(pools)} in {kind}", "one pool for calcium", "leave one")
    for name, m in held.items():
        if isinstance(m, Channel) and "ca" in m.entries and not pools:
            reads = f"{name} in {kind}, which reads calcium"
            raise ParameterError("Cell", reads, "a pool beside it", "add CaDynamics()")
    return held


def _check_found(kind: type[Any]) -> None:
    """Raise for a class that its module does not hold under its name: a kernel finds the equations by it."""
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not kind:
        given = f"{kind.__qualname__}, which {kind.__module__} does not hold under that name"
        expected = "a channel whose class stands at the top of a module"
        raise ParameterError("Cell", given, expected, "move the class out of the function")


def profiles(compartments: Compartments, channels: nn.ModuleDict, scale: Mapping[str, Any]) -> dict[str, Tensor]:
    """For each scaled parameter ("apic.Ih.gbar") its factors, (compartments of the kind,).

    Raises: `ParameterError` for another name, or something else than one finite number for each compartment.
    """
    known = [
        f"{kind}.{name}.{key}"
        for kind, held in channels.items() for name, m in held.items() for key in m.params  # type: ignore[operator]
    ]  # fmt: skip
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


__all__ = ["by_kind", "exact", "inserted", "profiles"]
