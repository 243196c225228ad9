"""One file per simulator of conductance-based neurons. Each gives its runs of one experiment, ready to be timed.

All integrate the same Hodgkin-Huxley cells from the same state under the same currents, and record spikes alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

SIMULATORS = ("rheobase", "neuron", "brian2")
Array = NDArray[np.float64]
GATES = ("m", "h", "n")


@dataclass(frozen=True)
class Experiment:
    """Independent cells, each under a current of its own, from rest."""

    currents: Array  # uA/cm2, one per cell
    rest: dict[str, float]  # v (mV) and the gates
    dt: float  # ms
    t_stop: float  # ms
    quiet: tuple[int, ...]  # cells that do not spike, of which the voltage is compared
    quiet_stop: float  # ms

    @property
    def steps(self) -> int:
        return round(self.t_stop / self.dt)

    @property
    def quiet_steps(self) -> int:
        return round(self.quiet_stop / self.dt)

    @property
    def neuron_steps(self) -> int:
        return self.steps * len(self.currents)


@dataclass(frozen=True)
class Spikes:
    """The spikes of one run: which cell, and in which step (0 is the first) its v came to be above 0 mV."""

    cells: NDArray[np.int64]
    steps: NDArray[np.int64]

    def times(self, dt: float, count: int) -> list[Array]:
        """Per cell, in order: the middles of the steps in which it crossed, so that no one is early by counting."""
        order = np.lexsort((self.steps, self.cells))
        edges = np.searchsorted(self.cells[order], np.arange(1, count))
        return np.split((self.steps[order] + 0.5) * dt, edges)


@dataclass(frozen=True)
class Simulation:
    """One contestant. `run` simulates all cells and returns the seconds it took; `spikes` are those of the last run;
    `voltage` (quiet steps, quiet cells) is v after each step, off the clock."""

    name: str
    run: Callable[[], float]
    spikes: Callable[[], Spikes]
    voltage: Callable[[], Array]
    note: str = ""


class Simulator(Protocol):
    """What a file of this package offers."""

    def simulations(self, experiment: Experiment, folder: str) -> Sequence[Simulation]:
        """Its contestants; `folder` is theirs to write in."""
        ...


def simulator(name: str) -> Simulator:
    """Import one simulator's contestants."""
    module: Any = importlib.import_module(f"benchmarks.simulators.{name}")
    return cast(Simulator, module)


def installed() -> tuple[list[str], dict[str, str]]:
    """The simulators that can compete here, and why the others cannot."""
    absent = {
        name: "not installed: make bench-peers" for name in SIMULATORS[1:] if importlib.util.find_spec(name) is None
    }
    # Brian2's standalone mode calls both by name
    for tool in (os.environ.get("CXX", "g++"), "make"):
        if "brian2" not in absent and shutil.which(tool) is None:
            absent["brian2"] = f"its C++ standalone mode needs {tool}, and there is none here"
    return [name for name in SIMULATORS if name not in absent], absent
