"""Write the traces that `test_conductance.py` compares with: runs of NEURON and Brian2, which know nothing of rheobase.

    python tests/against/make_traces.py [--only NAME ...] [--folder traces]

needs the extra `oracle` (brian2, neuron). Each file holds, for one model and one simulator, the parameters of the
currents, the membrane potential every `EVERY` ms, and the times of the spikes (upward crossings, interpolated).
"""

from __future__ import annotations

import argparse
import importlib.metadata
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

T_STOP = 500.0  # ms
GRID = 0.01  # ms, on which currents are constant
EVERY = 0.1  # ms, between stored values of v
INNER = 0.001  # ms, the simulators' own step
FOLDER = Path(__file__).parent / "traces"

# Levels (uA/cm2) of a step from 50 to 450 ms, then the mean and standard deviation of noise that lasts throughout.
LEVELS: dict[str, tuple[tuple[float, ...], tuple[float, float]]] = {
    "HodgkinHuxley": ((2.0, 7.0, 12.0, 20.0), (6.0, 6.0)),
    "TraubMiles": ((0.2, 1.0, 3.0, 6.0), (0.6, 1.5)),
    "WangBuzsaki": ((0.1, 0.5, 1.5, 4.0), (0.5, 1.0)),
}
THRESHOLD = {"HodgkinHuxley": 0.0, "TraubMiles": -20.0, "WangBuzsaki": 0.0}
START = {"HodgkinHuxley": -65.0, "TraubMiles": -65.0, "WangBuzsaki": -65.0}


def currents(model: str) -> Floats:
    """One column for each protocol, one row for each `GRID` ms; the noise is drawn anew every 1 ms."""
    steps, (mean, sigma) = LEVELS[model]
    t = (np.arange(round(T_STOP / GRID)) + 0.5) * GRID
    columns = [np.where((t >= 50.0) & (t < 450.0), level, 0.0) for level in steps]
    kicks = np.random.default_rng(1952).standard_normal(round(T_STOP))
    columns.append(mean + sigma * np.repeat(kicks, round(1.0 / GRID)))
    return np.stack(columns, axis=1)


def crossings(t: Floats, v: Floats, level: float) -> Floats:
    """When v crosses the level upwards, on straight lines between its values."""
    (k,) = np.nonzero((v[:-1] < level) & (v[1:] >= level))
    return t[k] + (level - v[k]) / (v[k + 1] - v[k]) * (t[k + 1] - t[k])


# --- Brian2 -----------------------------------------------------------------------------------------------------------

MEMBRANE = """
dv/dt = (I(t, i) - g_Na*m**3*h*(v - e_Na) - g_K*n**4*(v - e_K) - g_leak*(v - e_leak)) / c_mem : volt
"""
GATES = {
    "HodgkinHuxley": """
dm/dt = alpha_m*(1 - m) - beta_m*m : 1
dh/dt = alpha_h*(1 - h) - beta_h*h : 1
dn/dt = alpha_n*(1 - n) - beta_n*n : 1
alpha_m = 0.1*10/exprel(-(v + 40*mV)/(10*mV))/ms : Hz
beta_m = 4*exp(-(v + 65*mV)/(18*mV))/ms : Hz
alpha_h = 0.07*exp(-(v + 65*mV)/(20*mV))/ms : Hz
beta_h = 1/(1 + exp(-(v + 35*mV)/(10*mV)))/ms : Hz
alpha_n = 0.01*10/exprel(-(v + 55*mV)/(10*mV))/ms : Hz
beta_n = 0.125*exp(-(v + 65*mV)/(80*mV))/ms : Hz
""",
    "TraubMiles": """
dm/dt = alpha_m*(1 - m) - beta_m*m : 1
dh/dt = alpha_h*(1 - h) - beta_h*h : 1
dn/dt = alpha_n*(1 - n) - beta_n*n : 1
u = v + 63*mV : volt
alpha_m = 0.32*4/exprel((13*mV - u)/(4*mV))/ms : Hz
beta_m = 0.28*5/exprel((u - 40*mV)/(5*mV))/ms : Hz
alpha_h = 0.128*exp((17*mV - u)/(18*mV))/ms : Hz
beta_h = 4/(1 + exp((40*mV - u)/(5*mV)))/ms : Hz
alpha_n = 0.032*5/exprel((15*mV - u)/(5*mV))/ms : Hz
beta_n = 0.5*exp((10*mV - u)/(40*mV))/ms : Hz
""",
    "WangBuzsaki": """
m = alpha_m/(alpha_m + beta_m) : 1
dh/dt = 5*(alpha_h*(1 - h) - beta_h*h) : 1
dn/dt = 5*(alpha_n*(1 - n) - beta_n*n) : 1
alpha_m = 0.1*10/exprel(-(v + 35*mV)/(10*mV))/ms : Hz
beta_m = 4*exp(-(v + 60*mV)/(18*mV))/ms : Hz
alpha_h = 0.07*exp(-(v + 58*mV)/(20*mV))/ms : Hz
beta_h = 1/(1 + exp(-(v + 28*mV)/(10*mV)))/ms : Hz
alpha_n = 0.01*10/exprel(-(v + 34*mV)/(10*mV))/ms : Hz
beta_n = 0.125*exp(-(v + 44*mV)/(80*mV))/ms : Hz
""",
}
# g_Na, g_K, g_leak (mS/cm2), e_Na, e_K, e_leak (mV); c_mem is 1 uF/cm2
MAXIMAL = {
    "HodgkinHuxley": (120.0, 36.0, 0.3, 50.0, -77.0, -54.387),
    "TraubMiles": (100.0, 30.0, 0.05, 50.0, -90.0, -60.0),
    "WangBuzsaki": (35.0, 9.0, 0.1, 55.0, -90.0, -65.0),
}


def brian2(model: str, drive: Floats) -> tuple[Floats, Floats]:
    """The times (ms) and potentials (mV; time, protocol) of a fourth-order Runge-Kutta run."""
    import brian2 as b  # type: ignore[import-not-found]  # the extra `oracle`

    b.prefs.codegen.target = "cython"
    b.start_scope()
    b.defaultclock.dt = INNER * b.ms
    density, conductance = b.uamp / b.cm**2, b.msiemens / b.cm**2
    units = dict(zip(("g_Na", "g_K", "g_leak", "e_Na", "e_K", "e_leak"), 3 * [conductance] + 3 * [b.mV], strict=True))
    names = {name: value * units[name] for name, value in zip(units, MAXIMAL[model], strict=True)}
    names |= {"I": b.TimedArray(drive * density, dt=GRID * b.ms), "c_mem": 1.0 * b.ufarad / b.cm**2}
    group = b.NeuronGroup(drive.shape[1], MEMBRANE + GATES[model], method="rk4", namespace=names)
    group.v = START[model] * b.mV
    for gate in "mhn" if model != "WangBuzsaki" else "hn":
        setattr(group, gate, f"alpha_{gate}/(alpha_{gate} + beta_{gate})")
    monitor = b.StateMonitor(group, "v", record=True, dt=GRID * b.ms)
    network = b.Network(group, monitor)
    network.run(T_STOP * b.ms)
    return np.asarray(monitor.t / b.ms), np.asarray(monitor.v / b.mV).T


# --- NEURON -----------------------------------------------------------------------------------------------------------


def neuron(model: str, drive: Floats) -> tuple[Floats, Floats]:
    """The same of NEURON's own mechanism `hh` at 6.3 degrees, with its rates computed instead of tabulated."""
    from neuron import h  # type: ignore[import-not-found]  # the extra `oracle`

    if model != "HodgkinHuxley":
        raise ValueError(f"NEURON has no {model} without a compiler; it has HodgkinHuxley")
    h.load_file("stdrun.hoc")
    potentials: list[Floats] = []
    for column in drive.T:
        soma = h.Section(name="soma")
        soma.L = soma.diam = 100.0 / np.sqrt(np.pi)  # 1e4 um2: 1 nA is 10 uA/cm2
        soma.cm = 1.0
        soma.insert("hh")
        h.usetable_hh = 0
        h.celsius = 6.3
        soma(0.5).hh.el = MAXIMAL[model][-1]
        clamp = h.IClamp(soma(0.5))
        clamp.dur = 1e9
        # held over each interval; NEURON's implicit step to t + dt looks at the current at its middle
        wave, when = h.Vector(column / 10.0), h.Vector(np.arange(len(column)) * GRID)
        wave.play(clamp._ref_amp, when, False)
        v, t = h.Vector().record(soma(0.5)._ref_v, GRID), h.Vector().record(h._ref_t, GRID)
        h.secondorder = 2
        h.steps_per_ms = round(1.0 / INNER)
        h.dt = INNER
        h.finitialize(START[model])
        h.continuerun(T_STOP)
        times = np.asarray(t)[: len(column)]
        potentials.append(np.asarray(v)[: len(column)])
    return times, np.stack(potentials, axis=1)


# --- files ------------------------------------------------------------------------------------------------------------

RUNS: dict[str, tuple[Callable[[str, Floats], tuple[Floats, Floats]], str]] = {
    "HodgkinHuxley-neuron": (neuron, "HodgkinHuxley"),
    "HodgkinHuxley-brian2": (brian2, "HodgkinHuxley"),
    "TraubMiles-brian2": (brian2, "TraubMiles"),
    "WangBuzsaki-brian2": (brian2, "WangBuzsaki"),
}


def run(name: str) -> dict[str, NDArray[np.generic]]:
    """What a file holds: `v` (time, protocol) every `EVERY` ms, `spikes_0`, ... in ms, and the simulator's version."""
    simulator, model = RUNS[name]
    t, v = simulator(model, currents(model))
    spikes = {f"spikes_{k}": crossings(t, v[:, k], THRESHOLD[model]) for k in range(v.shape[1])}
    version = np.array(importlib.metadata.version(simulator.__name__))
    return {"v": v[:: round(EVERY / GRID)].astype(np.float32), "version": version, **spikes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(RUNS), default=tuple(RUNS), help="which files to write")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write them")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        path = given.folder / f"{name}.npz"
        np.savez_compressed(path, **run(name))
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
