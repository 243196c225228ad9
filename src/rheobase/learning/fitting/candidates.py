"""The candidates of a fit: lanes of one neuron, and how their potential is read in the units of the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.core.declaration.describe import display
from rheobase.core.declaration.inputs import driven
from rheobase.core.neuron import Neuron
from rheobase.core.surrogates import Surrogate
from rheobase.core.wrappers.forced import TOLD, Forced
from rheobase.errors import ParameterError, UnitError
from rheobase.learning.fitting.population import (
    Axis,
    assign,
    axes_of,
    checked_range,
    declared,
    populate,
    pull_back,
    series_axis,
)
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.space import Response, SearchSpace
from rheobase.units import parse


class Candidates(SearchSpace):
    """A search space whose model is a neuron."""

    def __init__(
        self,
        neuron: Neuron,
        recording: Recording,
        *,
        learn: Sequence[str],
        ranges: Mapping[str, tuple[float, float]],
        scale: float | tuple[float, float] | None,
        series: bool | tuple[float, float],
    ):
        self.neuron, self.recording = neuron, recording
        self.fixed = {"input_scale": 1.0, "v_gain": 1.0, "v_offset": 0.0, "r_series": 0.0}
        self.axes = axes_of(neuron, learn, ranges)
        self.learn = tuple(learn)
        # without a reset there is nothing to tell
        self.tells, self.frees = not getattr(declared(neuron), "crossing", False), True
        potential = neuron.states.get("v", next(iter(neuron.states.values())))
        self.in_mv = parse(potential.unit) == parse("mV")
        self._add_scale(scale)
        self._add_potential(series)
        self._made: dict[tuple[int, Surrogate | None], Neuron] = {}
        self._forced: dict[tuple[int, float], Forced] = {}

    @property
    def title(self) -> str:
        return type(declared(self.neuron)).__name__

    def unit(self, name: str) -> str:
        kind = type(declared(self.neuron))
        own = {"v_gain": "mV", "v_offset": "mV", "r_series": "GOhm", "input_scale": f"{kind.input_unit}/pA"}
        return own[name] if name in own else display(kind.params[name].unit)

    def _add_scale(self, scale: float | tuple[float, float] | None) -> None:
        unit = self.neuron.input_unit
        if scale is None:
            if parse(unit) != parse("pA"):
                raise UnitError(
                    repr(self.neuron),
                    "a current in pA",
                    f"its input in {unit}",
                    f"scale=k, in {unit} per pA, or scale=(low, high) to fit it",
                )
        elif isinstance(scale, tuple):
            low, high = checked_range("scale", scale)
            self.axes.append(Axis("input_scale", low, high, log=low > 0.0 and high > 4.0 * low))
        else:
            self.fixed["input_scale"] = float(scale)

    def _add_potential(self, series: bool | tuple[float, float]) -> None:
        states = self.neuron.states
        self.has_v = "v" in states
        if not self.has_v:
            if series:
                expected, remedy = "a neuron with the state v, to which its electrode adds", "leave it out"
                raise ParameterError(repr(self.neuron), f"series = {series!r}", expected, remedy)
            return
        if parse(states["v"].unit) != parse("mV"):
            # a potential in other units: where 0 and 1 lie in mV is fitted
            low, high = (float(torch.quantile(self.recording.v[0, ::7], q)) for q in (0.01, 0.6))
            self.axes += [Axis("v_gain", 1.0, 60.0, log=True), Axis("v_offset", low - 10.0, high)]
        if series:
            self.axes.append(series_axis(series))

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
        neuron, values = self.made(len(point), surrogate), self.values(point)
        assign(neuron, values)
        record = ("v",) if self.has_v else ()
        # a candidate that leaves the finite numbers is a bad one, and no error
        drive = current[..., None] * values["input_scale"]
        spikes, end, *rec = neuron(driven(neuron, drive), state, record=record, check_finite=False)
        return Response(spikes, self._seen(rec[0].v, values, current) if self.has_v else None), end

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
