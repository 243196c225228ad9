"""Brian2's C++ standalone mode: each contestant is a program of its own, compiled off the clock by Brian2's defaults.

Its time is the one that the program reports, of its loop over time alone: start, set-up and writing to disk are not in
it. Without OpenMP Brian2 measures processor time there, not time on the wall; on a machine with nothing else to do
the two are the same.

    python -m benchmarks.simulators.brian2 FOLDER    (writes what FOLDER/job.json asks for)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.options import say
from benchmarks.simulators import GATES, Array, Experiment, Simulation, Spikes

LIMIT = 600.0  # seconds that one run may take: on busy cores its OpenMP threads wait for each other at every step
EQUATIONS = """
dv/dt = (drive - g_Na*m**3*h*(v - e_Na) - g_K*n**4*(v - e_K) - g_leak*(v - e_leak))/c_mem : volt
dm/dt = alpha_m*(1 - m) - beta_m*m : 1
dh/dt = alpha_h*(1 - h) - beta_h*h : 1
dn/dt = alpha_n*(1 - n) - beta_n*n : 1
beta_m = 4*exp((-65*mV - v)/(18*mV))/ms : Hz
alpha_h = 0.07*exp((-65*mV - v)/(20*mV))/ms : Hz
beta_h = 1/(1 + exp((-35*mV - v)/(10*mV)))/ms : Hz
beta_n = 0.125*exp((-65*mV - v)/(80*mV))/ms : Hz
drive : amp/meter**2 (constant)
"""
FORMS = {
    "exprel": """
alpha_m = 1/exprel((-40*mV - v)/(10*mV))/ms : Hz
alpha_n = 0.1/exprel((-55*mV - v)/(10*mV))/ms : Hz
""",
    "quotient": """
alpha_m = 0.1*(v/mV + 40)/(1 - exp(-(v/mV + 40)/10))/ms : Hz
alpha_n = 0.01*(v/mV + 55)/(1 - exp(-(v/mV + 55)/10))/ms : Hz
""",
}
EXACT = "rates with `exprel`, smooth everywhere"
QUOTIENT = "rates as quotients, faster here, 0/0 at two voltages"
KINDS = (
    ("exponential_euler", "exprel", 0, EXACT),
    ("exponential_euler", "quotient", 0, QUOTIENT),
    ("exponential_euler", "quotient", 2, QUOTIENT),
    ("rk4", "quotient", 0, QUOTIENT),
)


def version() -> str:
    return version_of("brian2")


def compiler() -> str:
    """The compiler that makes its programs, as it names itself."""
    command = [os.environ.get("CXX", "g++"), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]


class Program:
    """One compiled simulation in a folder."""

    def __init__(self, experiment: Experiment, folder: Path, method: str, form: str, threads: int):
        self.experiment, self.folder = experiment, folder
        folder.mkdir(parents=True)
        shared = {"method": method, "form": form, "threads": threads, "dt": experiment.dt, "rest": experiment.rest}
        quiet = [float(experiment.currents[k]) for k in experiment.quiet]
        jobs = {"currents": experiment.currents.tolist(), "t_stop": experiment.t_stop}
        jobs |= {"quiet": quiet, "quiet_stop": experiment.quiet_stop}
        (folder / "job.json").write_text(json.dumps(shared | jobs))
        say(f"  compiling Brian2: {method}, {form}, {threads} OpenMP threads, dt = {experiment.dt} ms")
        begin = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.simulators.brian2", str(folder)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"Brian2 could not make its program:\n{ran.stdout[-1500:]}\n{ran.stderr[-1500:]}")
        self.seconds = time.perf_counter() - begin

    @property
    def results(self) -> Path:
        return self.folder / "code" / "results"

    def run(self) -> float:
        # the allocator as Brian2's users have it
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
        command = ["./main", "--results_dir", f"{self.results}/"]
        subprocess.run(
            command, cwd=self.folder / "code", env=environment, capture_output=True, timeout=LIMIT, check=True
        )
        return float((self.results / "last_run_info.txt").read_text().split()[0])

    def spikes(self) -> Spikes:
        (cells,) = self.results.glob("_dynamic_array_spikemonitor_i_*")
        (times,) = self.results.glob("_dynamic_array_spikemonitor_t_*")
        # a spike bears the time of the beginning of its step, in seconds
        steps = np.rint(np.fromfile(times) * 1e3 / self.experiment.dt).astype(np.int64)
        return Spikes(np.fromfile(cells, dtype=np.int32).astype(np.int64), steps)

    def voltage(self) -> Array:
        return np.load(self.folder / "voltage.npy")


def simulations(experiment: Experiment, folder: str) -> Sequence[Simulation]:
    made: list[Simulation] = []
    for method, form, threads, note in KINDS:
        where = Path(folder) / f"{method}-{form}-{threads}"
        program = Program(experiment, where, method, form, threads)
        kind = f"{method}, {form}, " + (f"{threads} OpenMP threads" if threads else "1 thread")
        compiled = f"{note}; made and compiled in {program.seconds:.0f} s"
        name = f"Brian2 {version()} {kind}"
        made.append(Simulation(name, program.run, program.spikes, program.voltage, compiled))
    return made


# ------------------------------------------------------------------------- what runs in a process with Brian2 in it
def _group(b: Any, job: dict[str, Any], currents: Sequence[float]) -> Any:
    density = b.uA / b.cm**2
    siemens = b.msiemens / b.cm**2
    constants = dict(c_mem=1.0 * b.ufarad / b.cm**2, e_Na=50.0 * b.mV, e_K=-77.0 * b.mV, e_leak=-54.387 * b.mV)
    constants |= dict(g_Na=120.0 * siemens, g_K=36.0 * siemens, g_leak=0.3 * siemens)
    group = b.NeuronGroup(
        len(currents),
        EQUATIONS + FORMS[job["form"]],
        threshold="v > 0*mV",
        # one spike per crossing
        refractory="v > 0*mV",
        method=job["method"],
        namespace=constants,
        name="neurongroup",
    )
    group.v = job["rest"]["v"] * b.mV
    for gate in GATES:
        setattr(group, gate, job["rest"][gate])
    group.drive = np.array(currents) * density
    return group


def _voltage(b: Any, job: dict[str, Any]) -> Array:
    """v of the quiet cells after each step: the same equations and method, run step by step in numpy."""
    b.prefs.codegen.target = "numpy"
    b.defaultclock.dt = job["dt"] * b.ms
    group = _group(b, job, job["quiet"])
    monitor = b.StateMonitor(group, "v", record=True, when="end")
    b.Network(group, monitor).run(job["quiet_stop"] * b.ms)
    return np.asarray(monitor.v / b.mV).T


def _compile(b: Any, job: dict[str, Any], folder: Path) -> None:
    code = str(folder / "code")
    b.set_device("cpp_standalone", directory=code, build_on_run=False)
    b.prefs.devices.cpp_standalone.openmp_threads = job["threads"]
    b.defaultclock.dt = job["dt"] * b.ms
    group = _group(b, job, job["currents"])
    monitor = b.SpikeMonitor(group, name="spikemonitor")
    b.Network(group, monitor).run(job["t_stop"] * b.ms)
    b.device.build(directory=code, compile=True, run=False)
    (folder / "code" / "results").mkdir(exist_ok=True)


def _main(folder: Path) -> None:
    import brian2

    job = json.loads((folder / "job.json").read_text())
    np.save(folder / "voltage.npy", _voltage(brian2, job))
    _compile(brian2, job, folder)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
