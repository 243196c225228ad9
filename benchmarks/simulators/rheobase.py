"""rheobase: the currents in chunks of time, the state passed on, the spikes of each chunk turned into a list."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.metadata import version as version_of

import numpy as np
import torch

from benchmarks.simulators import Array, Experiment, Simulation, Spikes
from rheobase import neurons
from rheobase.core.integrators import RK4, ExpEuler, ExpMidpoint, Integrator

# steps of a chunk: its spikes, 4 MB for 1,024 cells in float32, stay within the caches
CHUNK = 1000
KINDS: tuple[tuple[str, Integrator, torch.dtype, int], ...] = (
    ("ExpEuler, float32", ExpEuler(), torch.float32, 2),
    ("ExpEuler, float32", ExpEuler(), torch.float32, 1),
    ("ExpEuler, float64", ExpEuler(), torch.float64, 2),
    ("ExpEuler, float64", ExpEuler(), torch.float64, 1),
    ("ExpMidpoint, float32", ExpMidpoint(), torch.float32, 2),
    ("ExpMidpoint, float32", ExpMidpoint(), torch.float32, 1),
    ("ExpMidpoint, float64", ExpMidpoint(), torch.float64, 2),
    ("ExpMidpoint, float64", ExpMidpoint(), torch.float64, 1),
    ("RK4, float32", RK4(), torch.float32, 2),
    ("RK4, float32", RK4(), torch.float32, 1),
    ("RK4, float64", RK4(), torch.float64, 2),
    ("RK4, float64", RK4(), torch.float64, 1),
)


def version() -> str:
    return version_of("rheobase")


class Population:
    """All cells under one integrator, precision and number of threads."""

    def __init__(self, experiment: Experiment, integrator: Integrator, dtype: torch.dtype, threads: int):
        self.experiment, self.threads, self.dtype = experiment, threads, dtype
        self.integrator = integrator
        self.found: list[np.ndarray] = []

    def neuron(self, count: int) -> neurons.HodgkinHuxley:
        made = neurons.HodgkinHuxley(count, dt=self.experiment.dt, integrator=self.integrator)
        return made.to(self.dtype)

    def start(self, neuron: neurons.HodgkinHuxley) -> object:
        """The state in which all simulators begin."""
        begin = neuron.rest(1, dtype=self.dtype)
        return begin._replace(**{k: torch.full_like(begin.v, x) for k, x in self.experiment.rest.items()})

    def run(self) -> float:
        e = self.experiment
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        neuron = self.neuron(len(e.currents))
        state = self.start(neuron)
        currents = torch.tensor(e.currents, dtype=self.dtype)
        found: list[np.ndarray] = []
        try:
            begin = time.perf_counter()
            chunk = currents.expand(CHUNK, 1, -1).contiguous()
            for done in range(0, e.steps, CHUNK):
                spikes, state = neuron(chunk[: e.steps - done], state, backend="llvm")
                found.append(np.flatnonzero(spikes.numpy() != 0) + done * len(e.currents))
            seconds = time.perf_counter() - begin
        finally:
            torch.set_num_threads(before)
        self.found = found
        return seconds

    def spikes(self) -> Spikes:
        steps, cells = np.divmod(np.concatenate(self.found), len(self.experiment.currents))
        return Spikes(cells, steps)

    def voltage(self) -> Array:
        e = self.experiment
        neuron = self.neuron(len(e.quiet))
        currents = torch.tensor(e.currents[list(e.quiet)], dtype=self.dtype)
        chunk = currents.expand(e.quiet_steps, 1, -1)
        _, _, recorded = neuron(chunk, self.start(neuron), record=("v",), backend="llvm")
        return recorded.v[:, 0].double().numpy()


def simulations(experiment: Experiment, folder: str) -> Sequence[Simulation]:
    made: list[Simulation] = []
    for kind, integrator, dtype, threads in KINDS:
        cells = Population(experiment, integrator, dtype, threads)
        name = f"rheobase {kind}, {threads} thread{'s' if threads > 1 else ''}"
        made.append(Simulation(name, cells.run, cells.spikes, cells.voltage))
    return made


def reference(experiment: Experiment, threads: int) -> Population:
    """RK4 in float64: what the others are held against, at a dt far below theirs."""
    return Population(experiment, RK4(), torch.float64, threads)
