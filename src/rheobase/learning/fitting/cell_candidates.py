"""The candidates of a fit of a cell: lanes of one cell with a shape, run freely or pulled to the recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.cells import Cell, Current, VoltageClamp
from rheobase.cells.divergence import astray
from rheobase.cells.membrane import FARADS
from rheobase.cells.parameters import assign, held_by, populated, spec_of
from rheobase.core.declaration.describe import display
from rheobase.core.surrogates import Surrogate
from rheobase.errors import ParameterError, nearest
from rheobase.learning.fitting.population import axis, series_axis
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.space import Response, SearchSpace

PULL = "pull"
PER_PA = 1e-3  # nA


class CellCandidates(SearchSpace):
    """A search space whose model is a cell: its current enters at its one port, its potential is where it watches.

    Names are those of `Cell.values`: "soma.NaV.gbar", "c_mem.dend". Spikes are counted at the level of the recording.
    """

    in_mv, tells, frees, draws = True, True, False, True

    def __init__(
        self,
        cell: Cell,
        recording: Recording,
        *,
        learn: Sequence[str],
        ranges: Mapping[str, tuple[float, float]],
        series: bool | tuple[float, float] = False,
    ):
        self.cell, self.recording, self.learn = cell, recording, tuple(learn)
        self.fixed = {"input_scale": PER_PA, "v_gain": 1.0, "v_offset": 0.0, "r_series": 0.0}
        ports = list(cell.ports.values())
        if len(ports) != 1 or not isinstance(ports[0], Current):
            raise ParameterError(repr(cell), f"the inputs {', '.join(cell.ports)}", "one current", "as a recording has")
        for name in ranges:
            if name not in learn:
                raise ParameterError(repr(cell), f"a range of {name!r}", "a name in learn", nearest(str(name), learn))
        self._alone = populated(cell, 1, ())
        values = {name: float(value.flatten()[0]) for name, value in self._alone.values().items()}
        self.axes = [
            axis(repr(cell), name, spec_of(cell, name), values.get(name, 0.0), ranges.get(name)) for name in learn
        ]
        for each in self.axes:
            # what is learnt as a logarithm has no 0
            for end in (each.low, each.high):
                spec_of(cell, each.name).check(each.name, torch.tensor(end), True)
        if series:
            self.axes.append(series_axis(series))
        self._at = f"{cell.watch.section}({cell.watch.x})"
        self._made: dict[tuple[int, bool], Cell] = {}
        kinds = cell.compartments.kind
        c_mem = torch.as_tensor([values[f"c_mem.{kind}"] for kind in kinds], dtype=torch.float64)
        self._farads = FARADS * float((torch.as_tensor(cell.compartments.area) * c_mem).sum())  # nF

    @property
    def title(self) -> str:
        return "Cell"

    def unit(self, name: str) -> str:
        return "GOhm" if name == "r_series" else display(spec_of(self.cell, name).unit)

    def made(self, lanes: int, surrogate: Surrogate | None = None) -> Cell:
        return self._cell(lanes, pulled=False)

    def astray(self, v: Tensor) -> Tensor:
        """As of every space; also what no membrane has."""
        return astray(v)

    def model(self) -> str:
        cell = self.cell
        return repr((repr(cell), cell.scheme, cell.start, cell.watch, cell.celsius, cell.v_init, cell.ca_outside))

    def constants(self) -> list[Tensor]:
        shape = self.cell.compartments
        tree = [torch.as_tensor(x) for x in (shape.parent, shape.area, shape.axial)]
        return [*self._alone.values().values(), *tree]

    def _cell(self, lanes: int, *, pulled: bool) -> Cell:
        if (lanes, pulled) not in self._made:
            watch = self.cell.watch
            inputs = {**self.cell.ports, PULL: VoltageClamp(watch.section, watch.x)} if pulled else None
            made = populated(self.cell, lanes, self.learn, inputs=inputs, threshold=self.recording.level)
            self._made[lanes, pulled] = made
        return self._made[lanes, pulled]

    def _assigned(self, point: Tensor, *, pulled: bool) -> Cell:
        cell, values = self._cell(len(point), pulled=pulled), self.values(point)
        for name in self.learn:
            assign(cell, name, values[name])
        return cell

    def free(
        self, point: Tensor, current: Tensor, state: Any = None, surrogate: Surrogate | None = None
    ) -> tuple[Response, Any]:
        cell = self._assigned(point, pulled=False)
        drive = (PER_PA * current[..., None]).expand(-1, -1, len(point)).contiguous()
        # a candidate that leaves the finite numbers is a bad one, and no error
        spikes, end, traces = cell(drive, state, record=(self._at,), check_finite=False)
        return Response(spikes, traces[self._at] + self._in_series(point, current)), end

    def pulled(self, point: Tensor, current: Tensor, v: Tensor, tau: float) -> Tensor:
        """The potential of points (lanes, P) under currents (time, sweep), pulled to v (time, sweep); mV.

        `tau` is the time in ms in which the electrode alone would charge the whole membrane. Recorded is also what the
        current makes across the electrode: the membrane is pulled to v without it.
        """
        cell, watch = self._assigned(point, pulled=True), self.cell.watch
        cell.ports[PULL] = VoltageClamp(watch.section, watch.x, r=tau / self._farads)
        name = next(iter(self.cell.ports))
        across = self._in_series(point, current)
        drive = (PER_PA * current[..., None]).expand(-1, -1, len(point)).contiguous()
        command = (v[..., None] - across).expand(-1, -1, len(point)).contiguous()
        _, _, traces = cell({name: drive, PULL: command}, record=(self._at,), check_finite=False)
        return traces[self._at] + across

    def _in_series(self, point: Tensor, current: Tensor) -> Tensor:
        """What a current (time, sweep) in pA makes across the electrode, mV: (time, sweep, lanes)."""
        return self.values(point)["r_series"] * current[..., None]

    def gradient(self, loss: Tensor, point: Tensor, surrogate: Surrogate | None = None) -> Tensor:
        """As of every space; of a loss of cells that were pulled."""
        cell = self._cell(len(point), pulled=True)
        point.grad = None
        values = self.values(point)
        loss.backward()
        stored: list[Tensor] = []
        grads: list[Tensor] = []
        for name in self.learn:
            held, spec = held_by(cell, name)
            if held.grad is not None:
                stored.append(spec.to_stored(values[name], True))
                grads.append(held.grad.to(values[name]))
                held.grad = None
        torch.autograd.backward(stored, grads)
        return torch.zeros_like(point) if point.grad is None else point.grad
