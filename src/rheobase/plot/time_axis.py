"""The axis that pictures of activity share: milliseconds, or steps where a neuron counts in steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.errors import DTypeError, InputError, ParameterError, ShapeError


@dataclass(frozen=True)
class Clock:
    """Where step t lies on the axis: the value after step t belongs to (t + 1) dt.

    >>> Clock(0.5).after(4).tolist(), Clock(0.5).label, Clock(None).label
    ([0.5, 1.0, 1.5, 2.0], 'time (ms)', 'time (steps)')
    """

    dt: float | None

    @classmethod
    def checked(cls, owner: str, dt: float | None) -> Clock:
        """The axis of what a user gave. Raises `ParameterError` for a dt that is no time step."""
        if dt is not None and not is_number(dt, above=0):
            remedy = "dt=neuron.dt, which is None for a neuron that counts in steps"
            raise ParameterError(owner, f"dt = {dt!r}", "a time step in ms, or None for steps", remedy)
        return cls(dt)

    @property
    def step(self) -> float:
        """The length of a step on the axis."""
        return 1.0 if self.dt is None else self.dt

    @property
    def unit(self) -> str:
        """The unit of the axis."""
        return "steps" if self.dt is None else "ms"

    @property
    def label(self) -> str:
        """The label of the axis."""
        return f"time ({self.unit})"

    def after(self, steps: int) -> np.ndarray:
        """The times at the end of each step."""
        return (np.arange(steps) + 1) * self.step

    def edges(self, steps: int) -> np.ndarray:
        """The times between the steps, with both ends: what acts during a step lies between two of them."""
        return np.arange(steps + 1) * self.step


def array(owner: str, name: str, values: Tensor, axes: tuple[str, ...]) -> np.ndarray:
    """A tensor as an array, on the CPU and without gradient. NumPy arrays are taken as they are.

    Raises: `ShapeError` for another rank, or no values; `DTypeError` for complex numbers, or what is no number.
    """
    if isinstance(values, np.ndarray):
        kind: Any = values.dtype
        if kind.kind not in "fiub":
            raise DTypeError(owner, f"{name} of dtype {kind}", "real numbers", f"{name}.real, say")
        values = torch.from_numpy(np.ascontiguousarray(values))
    expected = f"{name} of shape ({', '.join(axes)}{',' * (len(axes) == 1)}), no axis empty"
    if not isinstance(values, Tensor):
        raise ShapeError(owner, f"{name} of type {type(values).__name__}", expected, "call torch.as_tensor on it")
    if values.dim() != len(axes) or not values.numel():
        raise ShapeError(owner, f"{name} of shape {tuple(values.shape)}", expected, "pick one sample: x[:, 0]")
    if values.is_complex():
        raise DTypeError(owner, f"{name} of dtype {values.dtype}", "real numbers", f"{name}.real, say")
    values = values.detach().cpu()
    return (values.float() if values.dtype in (torch.bfloat16, torch.float16) else values).numpy()


def ends(values: np.ndarray) -> tuple[float, float]:
    """The least and the largest finite value; (0, 1) where there is none.

    >>> ends(np.array([2.0, np.nan, -1.0, np.inf])), ends(np.array([np.nan]))
    ((-1.0, 2.0), (0.0, 1.0))
    """
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)


def spike_array(owner: str, name: str, values: Tensor, axes: tuple[str, ...]) -> np.ndarray:
    """The same for spikes. Raises `InputError` where one is neither 0 nor 1."""
    found = array(owner, name, values, axes)
    wrong = (found != 0) & (found != 1)
    if wrong.any():
        at = tuple(int(k) for k in np.argwhere(wrong)[0])
        given = f"{name} of {found[at]:g} at {at}"
        remedy = "give the spikes that a neuron returns; of a graded cell, x > 0.5"
        raise InputError(owner, given, "0 or 1 everywhere", remedy)
    return found
