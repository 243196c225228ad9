"""NEURON: one section of one segment per cell with its built-in `hh`, a clamp for the current; one process."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Sequence
from importlib.metadata import version as version_of
from typing import Any

import numpy as np

from benchmarks.simulators import Array, Experiment, Simulation, Spikes

AREA = 1000.0  # um2
CLAMP = AREA * 1e-5  # nA for 1 uA/cm2
# the temperature at which the rates of Hodgkin & Huxley are given: q10 has no effect
CELSIUS = 6.3
TABLES = "tabulated rates"


def version() -> str:
    return version_of("neuron")


@functools.cache
def _hoc() -> Any:
    # it says on standard error that there is no display, unless told that none is wanted
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    from neuron import h

    h.load_file("stdrun.hoc")
    return h


class Population:
    """All cells. Sections are global in NEURON: there is one population in a process at a time."""

    def __init__(self, experiment: Experiment):
        h = self.h = _hoc()
        left = sum(1 for _ in h.allsec())
        if left:
            raise RuntimeError(f"{left} sections of an earlier population are still there, and would be timed too")
        self.experiment = experiment
        self.context = h.ParallelContext()
        self.context.gid_clear()
        self.times, self.ids = h.Vector(), h.Vector()
        self.parts: list[Any] = []
        self.sections = [self._cell(k, current) for k, current in enumerate(experiment.currents)]
        self.context.spike_record(-1, self.times, self.ids)
        self.context.set_maxstep(10)

    def _cell(self, k: int, current: float) -> Any:
        h = self.h
        section = h.Section(name=f"cell{k}")
        section.L = section.diam = math.sqrt(AREA / math.pi)
        section.nseg, section.cm = 1, 1.0
        section.insert("hh")
        section.ena, section.ek = 50.0, -77.0
        section(0.5).hh.el = -54.387
        clamp = h.IClamp(section(0.5))
        clamp.delay, clamp.dur, clamp.amp = 0.0, 1e9, current * CLAMP
        connection = h.NetCon(section(0.5)._ref_v, None, sec=section)
        self.context.set_gid2node(k, 0)
        self.context.cell(k, connection)
        # after `cell`, which sets it to its default
        connection.threshold = 0.0
        self.parts += [clamp, connection]
        return section

    def prepare(self, tables: bool, second_order: bool, threads: int) -> None:
        h = self.h
        self.context.nthread(threads)
        h.celsius, h.dt, h.usetable_hh = CELSIUS, self.experiment.dt, int(tables)
        # 0: implicit Euler; 2: Crank-Nicolson
        h.secondorder = 2 if second_order else 0
        h.finitialize(self.experiment.rest["v"])

    def spikes(self) -> Spikes:
        # a spike bears the time of the end of its step
        steps = np.rint(np.array(self.times) / self.experiment.dt).astype(np.int64) - 1
        return Spikes(np.array(self.ids).astype(np.int64), steps)


class Variant:
    """A population under one choice of NEURON's options. The population is shared, its last spikes are not."""

    def __init__(self, cells: Population, tables: bool, second_order: bool, threads: int, core: bool):
        self.cells, self.core = cells, core
        self.options = dict(tables=tables, second_order=second_order, threads=threads)
        self.found: Spikes | None = None

    def run(self) -> float:
        from neuron import coreneuron

        cells = self.cells
        cells.prepare(**self.options)
        coreneuron.enable, coreneuron.verbose = self.core, 0
        try:
            begin = time.perf_counter()
            cells.context.psolve(cells.experiment.t_stop)
            seconds = time.perf_counter() - begin
        finally:
            coreneuron.enable = False
        self.found = cells.spikes()
        return seconds

    def spikes(self) -> Spikes:
        if self.found is None:
            raise RuntimeError("spikes are asked for before the first run")
        return self.found

    def voltage(self) -> Array:
        """Always NEURON's own: CoreNEURON is not asked for traces."""
        cells, e = self.cells, self.cells.experiment
        vectors = [cells.h.Vector().record(cells.sections[k](0.5)._ref_v) for k in e.quiet]
        cells.prepare(**self.options)
        cells.context.psolve(e.quiet_stop)
        # the first value is that before the first step
        return np.stack([np.array(v)[1 : e.quiet_steps + 1] for v in vectors], axis=1)


def simulations(experiment: Experiment, folder: str) -> Sequence[Simulation]:
    cells = Population(experiment)
    made: list[Simulation] = []
    for kind, tables, second_order, threads, core, note in (
        (f"{TABLES}, 1 thread", True, False, 1, False, ""),
        (f"{TABLES}, 2 threads", True, False, 2, False, ""),
        ("exact rates, 1 thread", False, False, 1, False, ""),
        ("exact rates, `secondorder = 2`, 1 thread", False, True, 1, False, ""),
        (f"CoreNEURON, {TABLES}, 1 thread", True, False, 1, True, "its time includes the copies there and back"),
    ):
        variant = Variant(cells, tables, second_order, threads, core)
        made.append(Simulation(f"NEURON {version()}, {kind}", variant.run, variant.spikes, variant.voltage, note))
    return made
