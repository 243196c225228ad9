"""A neuron of many variables in the plane of two: what the others are at each point of it.

Each other variable is either at its equilibrium (the fast ones: m of Hodgkin & Huxley), or a straight line in the
second variable of the plane (h, which falls as n rises: FitzHugh, 1961; Rinzel, 1985), whichever is nearer to a run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import Response
from rheobase.plot.gallery.variables import equilibrium, plane_variables, variables


@dataclass(frozen=True)
class Reduction:
    """The lines (offset, slope) in `second` of the slow variables, and the names of the fast ones."""

    first: str
    second: str
    lines: dict[str, tuple[float, float]]
    fast: tuple[str, ...]

    def at(self, neuron: Declared, first: np.ndarray, second: np.ndarray, current: float) -> dict[str, np.ndarray]:
        """All variables at points of the plane (any shapes that broadcast)."""
        first, second = (np.array(x) for x in np.broadcast_arrays(first, second))
        point = {self.first: first, self.second: second}
        point |= {name: offset + slope * second for name, (offset, slope) in self.lines.items()}
        for name in self.fast:
            settled = equilibrium(neuron, name, point, current)
            if settled is not None:
                point[name] = settled
        return point


def reduction(run: Response, current: float) -> Reduction:
    """The reduction that is nearest to a run, most of which is under this current."""
    plane = plane_variables(run.neuron)
    first, second = plane if plane is not None else (variables(run.neuron)[0], "")
    path = {name: run.states[name].double().numpy() for name in run.neuron.State._fields if name in run.states}
    lines: dict[str, tuple[float, float]] = {}
    fast: list[str] = []
    for name in variables(run.neuron):
        if name in (first, second):
            continue
        slope, offset = np.polyfit(path[second], path[name], 1)
        off_line = np.square(path[name] - offset - slope * path[second]).sum()
        settled = equilibrium(run.neuron, name, path, current)
        if settled is not None and np.square(path[name] - settled).sum() < off_line:
            fast.append(name)
        else:
            lines[name] = float(offset), float(slope)
    return Reduction(first, second, lines, tuple(fast))
