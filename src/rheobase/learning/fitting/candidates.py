"""The candidates of a fit: lanes of one neuron, and how their potential is read in the units of the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.core.declaration.inputs import driven
from rheobase.core.neuron import Neuron
from rheobase.core.surrogates import Surrogate
from rheobase.core.wrappers.forced import TOLD, Forced
from rheobase.errors import ParameterError, UnitError, nearest
from rheobase.learning.fitting.population import Axis, assign, axes_of, checked_range, declared, populate, pull_back
from rheobase.learning.fitting.recording import Recording
from rheobase.units import parse

NEAR = 0.05  # of a range: how far points lie from the values that they start near
SERIES = (0.0, 0.05)  # GOhm, so mV per pA: the range of an electrode's resistance that bridge balance left over


@dataclass(frozen=True)
class Response:
    """What the neuron does with the currents of a recording: spikes and v in mV, (time, sweep, lanes)."""

    spikes: Tensor
    v: Tensor | None


class Candidates:
    """A search space of P quantities, and a neuron that runs any number of points of it at once.

    A point is a row of shares in [0, 1], (lanes, P), in the order of `axes`.
    """

    def __init__(
        self,
        neuron: Neuron,
        recording: Recording,
        *,
        learn: Sequence[str],
        ranges: Mapping[str, tuple[float, float]],
        scale: float | tuple[float, float] | None,
        series: bool,
    ):
        self.neuron, self.recording = neuron, recording
        self.fixed = {"input_scale": 1.0, "v_gain": 1.0, "v_offset": 0.0, "r_series": 0.0}
        self.axes = axes_of(neuron, learn, ranges)
        self.learn = tuple(learn)
        self._add_scale(scale)
        self._add_potential(series)
        self._made: dict[tuple[int, Surrogate | None], Neuron] = {}
        self._forced: dict[tuple[int, float], Forced] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the searched quantities."""
        return tuple(axis.name for axis in self.axes)

    def _add_scale(self, scale: float | tuple[float, float] | None) -> None:
        unit = self.neuron.input_unit
        if scale is None:
            if parse(unit) != parse("pA"):
                raise UnitError(
                    repr(self.neuron), "a current in pA", f"its input in {unit}",
                    f"scale=k, in {unit} per pA, or scale=(low, high) to fit it",
                )  # fmt: skip
        elif isinstance(scale, tuple):
            low, high = checked_range("scale", scale)
            self.axes.append(Axis("input_scale", low, high, log=low > 0.0 and high > 4.0 * low))
        else:
            self.fixed["input_scale"] = float(scale)

    def _add_potential(self, series: bool) -> None:
        states = self.neuron.states
        self.has_v = "v" in states
        if not self.has_v:
            return
        if parse(states["v"].unit) != parse("mV"):
            # a potential in other units: where 0 and 1 lie in mV is fitted
            low, high = (float(torch.quantile(self.recording.v[0, ::7], q)) for q in (0.01, 0.6))
            self.axes += [Axis("v_gain", 1.0, 60.0, log=True), Axis("v_offset", low - 10.0, high)]
        if series:
            self.axes.append(Axis("r_series", *SERIES))

    # --- points ---------------------------------------------------------------------------------------
    def draw(self, lanes: int, generator: torch.Generator) -> Tensor:
        """Random points, evenly over the search space."""
        return torch.rand(lanes, len(self.axes), generator=generator)

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

    def made(self, lanes: int, surrogate: Surrogate | None = None) -> Neuron:
        """The neuron of so many lanes; with a surrogate, for gradients: its reset is then detached, to bound them."""
        key = (lanes, surrogate)
        if key not in self._made:
            neuron = populate(self.neuron, lanes, self.learn)
            if surrogate is not None:
                declared(neuron).surrogate = surrogate
                declared(neuron).detach_reset = True
            self._made[key] = neuron
        return self._made[key]

    # --- running ----------------------------------------------------------------------------------------
    def free(
        self, point: Tensor, current: Tensor, state: Any = None, surrogate: Surrogate | None = None
    ) -> tuple[Response, Any]:
        """Run points (lanes, P) freely under currents (time, sweep) in pA: the response, and the final state."""
        neuron, values = self.made(len(point), surrogate), self.values(point)
        assign(neuron, values)
        record = ("v",) if self.has_v else ()
        # a candidate that leaves the finite numbers is a bad one, and no error
        drive = current[..., None] * values["input_scale"]
        spikes, end, *rec = neuron(driven(neuron, drive), state, record=record, check_finite=False)
        return Response(spikes, self._seen(rec[0].v, values, current) if self.has_v else None), end

    def run(self, point: Tensor, recording: Recording) -> tuple[Tensor, Tensor | None]:
        """One point (1, P) under the currents of a recording, from rest: spikes and v in mV, (sweep, time) each."""
        with torch.no_grad():
            response, _ = self.free(point, recording.current.T.contiguous())
        return response.spikes[..., 0].T, None if response.v is None else response.v[..., 0].T

    def forced(self, point: Tensor, current: Tensor, spikes: Tensor, limit: float) -> Response:
        """Run points with given spikes (time, sweep); `spikes` of the response is then the distance to threshold.

        `limit` is that of `Forced`.
        """
        neuron, values = self.made(len(point)), self.values(point)
        assign(neuron, values)
        drive = current[..., None] * values["input_scale"]
        key = (len(point), limit)
        if key not in self._forced:
            self._forced[key] = Forced(neuron, limit=limit)
        forced = self._forced[key]
        inputs = {**driven(neuron, drive), TOLD: spikes[..., None].expand_as(drive)}
        distance, _, *rec = forced(inputs, record=("v",) * self.has_v, check_finite=False)
        return Response(distance, self._seen(rec[0].v, values, current) if self.has_v else None)

    def _seen(self, v: Tensor, values: Mapping[str, Tensor], current: Tensor) -> Tensor:
        if all(name not in self.names for name in ("v_gain", "v_offset", "r_series")):
            return v
        return values["v_offset"] + values["v_gain"] * v + values["r_series"] * current[..., None]

    def gradient(self, loss: Tensor, point: Tensor, surrogate: Surrogate | None = None) -> Tensor:
        """The gradient of `loss`, a sum over lanes, with respect to the points it was computed from, (lanes, P)."""
        neuron = self.made(len(point), surrogate)
        point.grad = None
        values = self.values(point)
        loss.backward()
        pull_back(neuron, values)
        return torch.zeros_like(point) if point.grad is None else point.grad

    def makes_upstroke(self) -> bool:
        """Whether spikes start in the dynamics: the threshold lies above the level where recorded ones are counted."""
        if not self.has_v or parse(self.neuron.states["v"].unit) != parse("mV"):
            return False
        inner: Any = declared(self.neuron)
        rest = inner.rest(1)
        at = rest._replace(v=torch.full_like(rest.v, self.recording.level))
        return bool((inner.threshold(at) < 0.0).all())
