"""Write the spike times that `test_event_driven.py` compares with: runs of NEST's neurons with precise spike times.

    python tests/against/make_event_traces.py [--folder traces]

needs the extra `oracle` (nest-simulator). Each file holds a random network, its input spikes, and the spikes of NEST.

A neuron of NEST is refractory for one step of its grid at least. So neurons spike once here (`once`: refractory for
good), which NEST does to floating-point precision; or often (`often`), with refractory times of 1, 2 and 4 steps of
0.06 microseconds, from which the spike times without one are extrapolated.
"""

from __future__ import annotations

import argparse
import importlib.metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "traces"
T_STOP = 60.0  # ms
GRID = 0.125  # ms, of NEST and of all delays
FINE = 2.0**-14  # ms, of NEST where refractory times are extrapolated
FOREVER = 1000.0  # ms, refractory, longer than a run
MODELS = {"exponential": "iaf_psc_exp_ps_lossless", "delta": "iaf_psc_delta_ps"}

Arrays = dict[str, NDArray[Any]]


def drawn(seed: int, kind: str, neurons: int, sources: int) -> Arrays:
    """A random network with all-to-all synapses, and a Poisson process for each source."""
    rng = np.random.default_rng(seed)
    total = neurons + sources
    pre, post = (a.ravel() for a in np.meshgrid(np.arange(total), np.arange(neurons)))
    spread = 1.2 if kind == "exponential" else 0.2
    events = rng.poisson(0.1 * T_STOP, sources)
    return dict(
        tau_mem=rng.uniform(5.0, 20.0, neurons),
        tau_syn=rng.uniform(2.0, 8.0, neurons),
        current=rng.uniform(0.5, 1.3, neurons),
        v_start=rng.uniform(0.0, 0.5, neurons),
        pre=pre,
        post=post,
        weight=rng.normal(0.5, 1.0, len(pre)) * spread * np.where(pre < neurons, neurons**-0.5, sources**-0.5),
        delay=rng.integers(1, 40, len(pre)) * GRID,
        source=np.repeat(np.arange(sources), events),
        source_time=rng.uniform(0.5, 0.8 * T_STOP, int(events.sum())),
    )


def simulated(net: Arrays, kind: str, grid: float, refractory: float) -> tuple[Any, Any]:
    """NEST's spikes: numbers of neurons and times, by time."""
    import nest

    nest.ResetKernel()
    nest.set(tics_per_ms=round(1.0 / FINE), resolution=grid)
    n, sources = len(net["tau_mem"]), int(net["pre"].max()) + 1 - len(net["tau_mem"])
    # in these units V is the current times 1 GOhm
    given: dict[str, Any] = dict(
        E_L=0.0,
        V_reset=0.0,
        V_th=1.0,
        t_ref=refractory,
        tau_m=net["tau_mem"],
        C_m=net["tau_mem"],
        I_e=net["current"],
        V_m=net["v_start"],
    )
    if kind == "exponential":
        given |= dict(tau_syn_ex=net["tau_syn"], tau_syn_in=net["tau_syn"])
    cells = nest.Create(MODELS[kind], n)
    for at in range(n):
        cells[at].set({name: float(np.broadcast_to(value, n)[at]) for name, value in given.items()})
    generators = nest.Create("spike_generator", sources, params={"precise_times": True})
    for j in range(sources):
        generators[j].set(spike_times=np.sort(net["source_time"][net["source"] == j]))
    recorder = nest.Create("spike_recorder")
    nodes = cells + generators
    for pre, post, weight, delay in zip(net["pre"], net["post"], net["weight"], net["delay"], strict=True):
        nest.Connect(nodes[int(pre)], cells[int(post)], syn_spec={"weight": float(weight), "delay": float(delay)})
    nest.Connect(cells, recorder)
    nest.Simulate(T_STOP)
    found = recorder.get("events")
    order = np.lexsort((found["senders"], found["times"]))
    return found["senders"][order] - cells[0].global_id, found["times"][order]


def extrapolated(net: Arrays, kind: str) -> tuple[Any, Any]:
    """Spikes for a refractory time of 0: a parabola through 1, 2 and 4 steps, spike by spike."""
    runs = [simulated(net, kind, FINE, k * FINE) for k in (1, 2, 4)]
    by_neuron = [np.lexsort((times, senders)) for senders, times in runs]
    senders, times = zip(*((s[o], t[o]) for (s, t), o in zip(runs, by_neuron, strict=True)), strict=True)
    if not all(np.array_equal(senders[0], other) for other in senders[1:]):
        raise ValueError("the number of spikes depends on the refractory time; draw another network")
    time = (8.0 * times[0] - 6.0 * times[1] + times[2]) / 3.0
    order = np.lexsort((senders[0], time))
    return senders[0][order], time[order]


RUNS: dict[str, tuple[str, int, int, int]] = {  # kind, seed, neurons, sources
    "once-exponential": ("exponential", 1, 40, 8),
    "once-delta": ("delta", 2, 40, 8),
    "often-exponential": ("exponential", 3, 8, 4),
}


def run(name: str) -> Arrays:
    """What a file holds."""
    kind, seed, neurons, sources = RUNS[name]
    net = drawn(seed, kind, neurons, sources)
    once = name.startswith("once")
    neuron, time = simulated(net, kind, GRID, FOREVER) if once else extrapolated(net, kind)
    version = np.array(importlib.metadata.version("nest-simulator"))
    return {**net, "neuron": neuron, "time": time, "kind": np.array(kind), "once": np.array(once), "version": version}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write the files")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in RUNS:
        path = given.folder / f"nest-{name}.npz"
        found = run(name)
        np.savez_compressed(path, **found)
        print(f"{path.name}: {len(found['time'])} spikes, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
