"""Constants of neurons on a die: which ones differ from neuron to neuron, and by how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from rheobase import neurons
from rheobase.chip.mixed_signal.numbers import Kind, normals, stream
from rheobase.chip.mixed_signal.process import Process
from rheobase.core.declaration.words import ParamSpec
from rheobase.core.neuron import Neuron
from rheobase.errors import NotRepresentable, ParameterError, nearest

THRESHOLD, LEAK = "v_threshold", "v_leak"


def constants(neuron: Neuron, process: Process) -> dict[str, float]:
    """The constants of a neuron that differ on a die, with their coefficient of variation.

    Raises: `NotRepresentable` for a neuron that has none of those that the process names, and for a constant that is a
    whole number, is bound to a range, has several entries, or is 0, of which every share is 0.
    """
    found: dict[str, float] = {}
    for name, spec in neuron.params.items():
        share = share_of(name, process)
        if share is None:
            continue
        if spec.whole or spec.range is not None or spec.clamp is not None or spec.size:
            given, expected = f"{name}, which {_bound(spec)}", "a constant that may be any number"
            raise NotRepresentable(repr(neuron), given, expected, f"leave {name!r} out of the cells of the process")
        if share and not bool(_scaled(neuron.values(), name).any()):
            given, expected = f"{name}, of which a share is 0", "a constant that is not 0"
            raise NotRepresentable(repr(neuron), given, expected, f"leave {name!r} out of the cells of the process")
        found[name] = share
    if process.cells and not found:
        given = f"a neuron with {', '.join(neuron.params) or 'no constant'}"
        expected = f"one with a constant that the process names: {', '.join(process.cells)}"
        raise NotRepresentable(repr(neuron), given, expected, "use LIF, say, or a process with cells={}")
    return found


def share_of(name: str, process: Process) -> float | None:
    """The share that a process has for this constant: by its name, or by the first pattern."""
    if name in process.cells:
        return process.cells[name]
    return next((share for pattern, share in process.cells.items() if fnmatchcase(name, pattern)), None)


def check_names(process: Process, present: set[str]) -> None:
    """Raise `ParameterError` for a name or pattern of a constant that no neuron has, of those present or the library's.

    A constant that only other neurons of the library have is allowed: one process serves many networks.
    """
    missing = [pattern for pattern in process.cells if not any(fnmatchcase(name, pattern) for name in present)]
    if not missing:
        return
    known = present | {name for each in neurons.__all__ for name in getattr(getattr(neurons, each), "params", ())}
    for pattern in missing:
        if not any(fnmatchcase(name, pattern) for name in known):
            remedy = nearest(pattern, present or known)
            raise ParameterError("Process", f"cells with {pattern!r}", "a constant of neurons", remedy)


def _bound(spec: ParamSpec) -> str:
    if spec.whole:
        return "is a whole number"
    return "has several entries" if spec.size else "is bound to a range"


def factors(name: str, share: float, neuron: Neuron, seeds: Sequence[int], layer: int, device: torch.device) -> Tensor:
    """By what a constant is multiplied, (dies, *shape): log-normal with mean 1 and this coefficient of variation."""
    sigma = math.sqrt(math.log1p(share * share))
    which = stream(layer, Kind.CELLS, list(neuron.params).index(name))
    z = normals(seeds, math.prod(neuron.shape), which, device)
    return torch.exp(sigma * z - 0.5 * sigma * sigma).unflatten(1, neuron.shape or (1,))


def changed(values: dict[str, Tensor], name: str, factor: Tensor) -> Tensor:
    """The value of a constant under its factor; a threshold is seen from the leak potential."""
    part = _scaled(values, name)
    part = part * factor.to(part.dtype)
    return values[LEAK] + part if _from_leak(values, name) else part


def _scaled(values: dict[str, Tensor], name: str) -> Tensor:
    """Of a constant, what is multiplied."""
    return values[name] - values[LEAK] if _from_leak(values, name) else values[name]


def _from_leak(values: dict[str, Tensor], name: str) -> bool:
    return name == THRESHOLD and LEAK in values
