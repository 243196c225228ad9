"""The numbers of a node: broadcast to its neurons, in ms, and with the threshold that `>` needs.

NIR spikes where v > v_threshold, a neuron here where v >= v_threshold. Of the numbers that there are the two say the
same where the thresholds are neighbours: v > theta is v >= the next number above theta.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rheobase.errors import DataError
from rheobase.interop.nir.wiring import Node

Array = np.ndarray[Any, Any]

MS = 1000.0  # ms in the second, NIR's unit of time
NUMPY: dict[torch.dtype, Any] = {torch.float32: np.float32, torch.float64: np.float64}


@dataclass(frozen=True)
class Form:
    """How a parameter here becomes one of NIR, in the type of the file, and the reverse, for a type of numbers here."""

    there: Callable[[Array, Any], Array]
    here: Callable[[Array, torch.dtype], Array]


def above(value: Array, dtype: torch.dtype) -> Array:
    """The smallest number of `dtype` above a threshold, as float64: v >= it is v > the threshold.

    >>> float(above(np.asarray(1.0), torch.float32)) - 1.0
    1.1920928955078125e-07
    """
    kind = NUMPY[dtype]
    near = value.astype(kind)
    return np.where(near.astype(np.float64) > value, near, np.nextafter(near, kind(np.inf))).astype(np.float64)


def below(value: Array, kind: Any) -> Array:
    """The largest number of a type below a threshold: v > it is v >= the threshold."""
    return np.nextafter(value.astype(kind), kind(-np.inf))


PLAIN = Form(lambda x, kind: x.astype(kind), lambda x, dtype: x)
TIME = Form(lambda x, kind: (x / MS).astype(kind), lambda x, dtype: x * MS)
RATE = Form(lambda x, kind: (x * MS).astype(kind), lambda x, dtype: x / MS)
LEVEL = Form(below, above)


def numbers(value: Any) -> Array | None:
    """Finite numbers as they are, whole ones as float64; None for something else.

    >>> numbers(np.array([1, 2])), numbers("a"), numbers(np.nan)
    (array([1., 2.]), None, None)
    """
    found = np.asarray(value)
    if found.dtype.kind not in "fiub" or not found.size or not np.isfinite(found).all():
        return None
    return found if found.dtype.kind == "f" else found.astype(np.float64)


class Values:
    """The parameters of one node, whose neurons have the shape `shape`. Errors name the node."""

    def __init__(self, owner: str, node: Node, shape: tuple[int, ...], dtype: torch.dtype):
        self.owner, self.node, self.shape, self.dtype = owner, node, shape, dtype

    def array(self, name: str, usual: float | None = None) -> Array:
        """A parameter, of the shape and type that it has in the file. Raises `DataError`."""
        held = self.node.values.get(name)
        if held is None:
            if usual is None:
                known = ", ".join(map(str, self.node.values)) or "none"
                raise DataError(self.owner, f"no {name}", f"the parameter {name}", f"it has {known}")
            return np.asarray(usual, np.float64)
        found = numbers(held)
        if found is None:
            raise DataError(
                self.owner, f"{name} with values that are no finite numbers", "numbers", "correct the graph"
            )
        return found

    def whole(self, name: str, usual: int | None = None) -> int:
        """A single whole number."""
        found = self.array(name, usual)
        if found.size != 1 or float(found.flat[0]) % 1.0:
            raise DataError(self.owner, f"{name} = {found.tolist()}", "a whole number", "correct the graph")
        return int(found.flat[0])

    def each(self, name: str, usual: float | None = None) -> Array:
        """A parameter of the neurons: one for all, or of their shape. Early files have an axis of one sample first."""
        found = self.array(name, usual)
        if found.size == 1:
            return found.reshape(())
        while found.ndim > len(self.shape) and found.shape[0] == 1:
            found = found[0]
        if found.shape != self.shape:
            given, expected = f"{name} of shape {found.shape}", f"{self.shape}, as its input is, or a single number"
            raise DataError(self.owner, given, expected, "correct the shapes")
        return found

    def parameter(self, name: str, form: Form, noted: str, usual: float | None = None) -> float | Tensor:
        """A parameter as a neuron here takes it.

        What was noted as `noted` when it was written here, in float64, counts where the file still says the same.
        """
        found = self.each(name, usual)
        note = self.node.metadata.get(noted)
        if note is not None and np.asarray(note).dtype.kind == "f":
            exact = np.asarray(note, np.float64)
            same = exact.ndim == 0 or exact.shape == self.shape
            if same and bool((form.there(exact, found.dtype.type) == found).all()):
                return float(exact) if exact.ndim == 0 else torch.from_numpy(exact.copy())
        value = form.here(found.astype(np.float64), self.dtype)
        # one number where all neurons have the same
        return float(value.flat[0]) if (value == value.flat[0]).all() else torch.from_numpy(np.array(value))
