"""Write the traces that `test_synapses.py` compares with: synapses on a branched cell in NEURON.

    python -m tests.against.make_synapses [--file traces/neuron-synapses.npz]

needs NEURON (the extra `oracle`) with its `nrnivmodl`, and a C compiler. The cell is passive, or has sodium and
potassium channels in its soma (`benchmarks/simulators/neuron_channels`); the synapses are NEURON's own `ExpSyn` and
`Exp2Syn`, and `benchmarks/simulators/neuron_synapses`. Each run holds the potential at `SITES`, every `EVERY` steps.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.simulators.neuron_cell import CHANNELS, compiled

FILE = Path(__file__).parent / "traces" / "neuron-synapses.npz"
DT, TOTAL, EVERY, V_INIT = 0.025, 60.0, 8, -70.0  # ms, ms, steps, mV
# name: length and diameters in um, compartments, parent and the place on it
SECTIONS: dict[str, tuple[float, tuple[float, float], int, str | None, float]] = {
    "soma": (20.0, (20.0, 20.0), 1, None, 0.0),
    "dend[0]": (100.0, (2.0, 2.0), 3, "soma", 0.5),
    "dend[1]": (160.0, (1.0, 1.0), 5, "dend[0]", 1.0),
    "dend[2]": (180.0, (1.5, 0.5), 5, "dend[0]", 1.0),
}
# the same once more, a cell that stands apart
OTHER: dict[str, tuple[float, tuple[float, float], int, str | None, float]] = {
    "soma[1]": SECTIONS["soma"],
    "dend[3]": (*SECTIONS["dend[0]"][:3], "soma[1]", 0.5),
    "dend[4]": (*SECTIONS["dend[1]"][:3], "dend[3]", 1.0),
    "dend[5]": (*SECTIONS["dend[2]"][:3], "dend[3]", 1.0),
}
LEAK = {"g": 5e-5, "e": -70.0}
ACTIVE = {"NaV": 0.12, "Kv3_1": 0.3}  # S/cm2, in the soma
REVERSAL = {"na": 53.0, "k": -107.0}
SITES = (("soma", 0.5), ("dend[1]", 0.9), ("dend[2]", 0.9))
# mechanism, its values, and each place with its weight (uS) and spikes (ms); some between two steps, two at once
SYNAPSES: dict[str, tuple[str, dict[str, float], list[tuple[str, float, float, list[float]]]]] = {
    "exc": ("ExpSyn", {"tau": 1.7, "e": 0.0}, [
        ("dend[1]", 0.9, 2e-3, [5.0, 9.3, 9.3, 30.0]), ("dend[2]", 0.5, 1e-3, [6.007, 31.02]),
        ("dend[1]", 0.9, 5e-4, [0.0, 12.0]),
    ]),
    "inh": ("Exp2Syn", {"tau1": 0.4, "tau2": 6.0, "e": -80.0}, [
        ("dend[0]", 0.2, 3e-3, [8.0, 40.0]), ("soma", 0.5, 1e-3, [20.018]),
    ]),
    "nmda": ("NMDA", {}, [("dend[2]", 0.9, 1.5e-3, [5.0, 10.0, 15.0, 20.0])]),
}  # fmt: skip
GAPS = [("dend[1]", 0.9, "dend[2]", 0.9, 4e-3), ("dend[1]", 0.3, "soma", 0.5, 1e-3)]  # from, to, uS
ACROSS = [("dend[2]", 0.9, "dend[4]", 0.3, 2e-3), ("soma", 0.5, "soma[1]", 0.5, 4e-3)]  # between the two cells
# by name: whether the somata are active, the synapses, the gap junctions
RUNS = {
    "exc": (False, ("exc",), []),
    "inh": (False, ("exc", "inh"), []),
    "nmda": (False, ("nmda",), []),
    "gap": (False, ("exc",), GAPS),
    "active": (True, ("exc", "inh", "nmda"), GAPS),
    "pair": (True, ("exc", "nmda"), ACROSS),
}


def sections_of(name: str) -> dict[str, tuple[float, tuple[float, float], int, str | None, float]]:
    """The sections of a run: of one cell, or of two."""
    return {**SECTIONS, **OTHER} if name == "pair" else SECTIONS


def sites_of(name: str) -> tuple[tuple[str, float], ...]:
    """Where it holds the potential."""
    return (*SITES, ("soma[1]", 0.5), ("dend[5]", 0.9)) if name == "pair" else SITES


def simulated(h: Any, run: str) -> Any:
    """The potentials (sites, times) of a run."""
    active, groups, gaps = RUNS[run]
    made: dict[str, Any] = {}
    for name, (length, diameters, nseg, parent, at) in sections_of(run).items():
        section = made[name] = h.Section(name=name.replace("[", "_").replace("]", ""))
        for k, d in enumerate(diameters):
            h.pt3dadd(k * length, 0, 0, d, sec=section)
        section.nseg, section.cm, section.Ra = nseg, 1.0, 100.0
        if parent is not None:
            section.connect(made[parent](at), 0)
        section.insert("pas")
        section.g_pas, section.e_pas = LEAK["g"], LEAK["e"]
    for soma in [section for name, section in made.items() if active and name.startswith("soma")]:
        for name, gbar in ACTIVE.items():
            soma.insert(name)
            setattr(soma, f"gbar_{name}", gbar)
        soma.ena, soma.ek = REVERSAL["na"], REVERSAL["k"]
    held: list[Any] = []
    events: list[tuple[Any, float]] = []
    for group in groups:
        mechanism, values, places = SYNAPSES[group]
        for section, x, weight, times in places:
            synapse = getattr(h, mechanism)(made[section](x))
            for name, value in values.items():
                setattr(synapse, name, value)
            connection = h.NetCon(None, synapse)
            connection.weight[0] = weight
            held.append(synapse)
            events += [(connection, t) for t in times]
    for a, x, b, y, g in gaps:
        for here, there in ((made[a](x), made[b](y)), (made[b](y), made[a](x))):
            end = h.Gap(here)
            end.g = g
            h.setpointer(there._ref_v, "other", end)
            held.append(end)
    handler = h.FInitializeHandler(lambda: [connection.event(t) for connection, t in events])
    traces = [h.Vector().record(made[section](x)._ref_v) for section, x in sites_of(run)]
    h.celsius, h.dt, h.secondorder = 34.0, DT, 0
    h.finitialize(V_INIT)
    for _ in range(round(TOTAL / DT)):
        h.fadvance()
    del handler
    return np.array([np.array(trace)[EVERY::EVERY] for trace in traces])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", type=Path, default=FILE)
    file = parser.parse_args().file
    with tempfile.TemporaryDirectory() as folder:
        library = compiled(sys.executable, Path(folder), CHANNELS, CHANNELS.parent / "neuron_synapses")
        from neuron import h  # type: ignore[import-not-found]  # the extra `oracle`

        h.nrn_load_dll(library)
        found = {name: simulated(h, name) for name in RUNS}
    np.savez_compressed(file, version=importlib.metadata.version("neuron"), **found)


if __name__ == "__main__":
    main()
