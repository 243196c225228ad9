"""What a fit searches: points of shares, and a model that runs any number of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from rheobase.core.surrogates import Surrogate
from rheobase.errors import ParameterError, nearest
from rheobase.learning.fitting.population import Axis
from rheobase.learning.fitting.recording import Recording

NEAR = 0.05  # of a range: how far points lie from the values that they start near


@dataclass(frozen=True)
class Response:
    """What the model does with the currents of a recording: spikes and v in mV, (time, sweep, lanes)."""

    spikes: Tensor
    v: Tensor | None


class SearchSpace:
    """A search space of P quantities, and a model that runs any number of points of it at once. Abstract.

    A point is a row of shares in [0, 1], (lanes, P), in the order of `axes`. `fixed` is what the readout holds, as
    `Fit.readout` explains it. `tells`: whether a stage is of use in which the recording is given; `frees`: whether one
    is that descends the gradient of the model running freely. `draws`: whether its spikes have a shape.
    """

    recording: Recording
    axes: list[Axis]
    learn: tuple[str, ...]
    fixed: dict[str, float]
    tells: bool
    frees: bool
    draws: bool = False
    in_mv: bool  # whether the potential of the model itself is in mV
    _kept: Mapping[str, float] = MappingProxyType({})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the searched quantities."""
        return tuple(axis.name for axis in self.axes)

    @property
    def title(self) -> str:
        """What is fitted, in a word."""
        raise NotImplementedError

    def unit(self, name: str) -> str:
        """The unit of a searched quantity."""
        raise NotImplementedError

    @property
    def box(self) -> Tensor:
        """Between which shares each quantity is searched, (2, P): 0 and 1, or one share that is kept."""
        ends = [2 * (self._kept[name],) if name in self._kept else (0.0, 1.0) for name in self.names]
        return torch.tensor(ends).T

    def keep(self, shares: Mapping[str, float]) -> None:
        """Hold these quantities at these shares, and free all others."""
        self._kept = dict(shares)

    # --- points ---------------------------------------------------------------------------------------
    def draw(self, lanes: int, generator: torch.Generator) -> Tensor:
        """Random points, evenly over the box."""
        low, high = self.box
        return low + (high - low) * torch.rand(lanes, len(self.axes), generator=generator)

    def near(self, point: Tensor, values: Mapping[str, float], generator: torch.Generator) -> Tensor:
        """The points, of which every second one gets these values, scattered by a share NEAR of each range.

        Raises: `ParameterError` for a name that is not searched.
        """
        for name in values:
            if name not in self.names:
                raise ParameterError("fit_neuron", f"start {name!r}", "what is searched", nearest(name, self.names))
        for k, axis in enumerate(self.axes):
            if axis.name in values:
                share = axis.share(torch.as_tensor(values[axis.name]).clamp(axis.low, axis.high))
                scatter = NEAR * torch.randn(len(point[::2]), generator=generator)
                point[::2, k] = (share + scatter).clamp(0.0, 1.0)
        return point

    def values(self, point: Tensor) -> dict[str, Tensor]:
        """The value of every searched quantity and of what the readout holds fixed, (lanes,)."""
        found = {axis.name: axis.value(point[:, k]) for k, axis in enumerate(self.axes)}
        return {**{k: torch.full_like(point[:, 0], v) for k, v in self.fixed.items()}, **found}

    # --- running ----------------------------------------------------------------------------------------
    def made(self, lanes: int, surrogate: Surrogate | None = None) -> Any:
        """The model of so many lanes; with a surrogate, for gradients."""
        raise NotImplementedError

    def astray(self, v: Tensor) -> Tensor:
        """Which potentials (mV) are none: NaN or infinite."""
        return ~torch.isfinite(v)

    def model(self) -> str:
        """The kind of model, with what is no number of it."""
        return repr(self.made(1))

    def constants(self) -> list[Tensor]:
        """What makes this model: its values, of those that are not searched as well."""
        return list(self.made(1).values().values())

    def free(
        self, point: Tensor, current: Tensor, state: Any = None, surrogate: Surrogate | None = None
    ) -> tuple[Response, Any]:
        """Run points (lanes, P) freely under currents (time, sweep) in pA: the response, and the final state."""
        raise NotImplementedError

    def gradient(self, loss: Tensor, point: Tensor, surrogate: Surrogate | None = None) -> Tensor:
        """The gradient of `loss`, a sum over lanes, with respect to the points it was computed from, (lanes, P)."""
        raise NotImplementedError

    def run(self, point: Tensor, recording: Recording) -> tuple[Tensor, Tensor | None]:
        """One point (1, P) under the currents of a recording, from rest: spikes and v in mV, (sweep, time) each."""
        with torch.no_grad():
            response, _ = self.free(point, recording.current.T.contiguous())
        return response.spikes[..., 0].T, None if response.v is None else response.v[..., 0].T
