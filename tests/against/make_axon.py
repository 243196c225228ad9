"""Write `traces/rallpack-axon.npz`: Rallpack 3 (Bhalla, Bilitch & Bower, 1992), an axon of Hodgkin & Huxley, in NEURON.

    python tests/against/make_axon.py

needs the extra `oracle` (neuron); some minutes. The file holds for axons of 100 and of 1000 compartments

    spikes_100, spikes_1000   upward crossings of 0 mV in ms over 250 ms, (steps, ends, spikes) and NaN: of NEURON's
                              staggered Crank-Nicolson (`secondorder = 2`) at the steps `steps`, ms
    same_100                  mV over 30 ms at both ends, of its implicit Euler (`secondorder = 0`) at 0.05 ms
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "traces" / "rallpack-axon.npz"
STEPS = (0.002, 0.001)  # ms
LENGTH, DIAMETER = 1000.0, 1.0  # um
RA, C_MEM, G, E = 100.0, 1.0, 2.5e-5, -65.0  # ohm cm, uF/cm2, S/cm2, mV: Rm = 4 ohm m2
G_NA, E_NA, G_K, E_K = 0.12, 50.0, 0.036, -77.0  # S/cm2, mV
CURRENT, TOTAL, SHORT = 0.1, 250.0, 30.0  # nA, ms
MANY = 24  # spikes, more than there are


def run(nseg: int, dt: float, total: float, order: int) -> NDArray[np.float64]:
    """The potential at both ends, (ends, steps + 1)."""
    from neuron import h

    h.load_file("stdrun.hoc")
    axon: Any = h.Section(name="axon")
    axon.L, axon.diam, axon.nseg, axon.Ra, axon.cm = LENGTH, DIAMETER, nseg, RA, C_MEM
    axon.insert("hh")
    h.usetable_hh = 0
    for segment in axon:
        segment.hh.gnabar, segment.hh.gkbar, segment.hh.gl, segment.hh.el = G_NA, G_K, G, E
    axon.ena, axon.ek = E_NA, E_K
    clamp = h.IClamp(axon(0.5 / nseg))
    # a step that is on from the very first
    clamp.delay, clamp.dur, clamp.amp = -1.0, 1e9, CURRENT
    kept = [h.Vector().record(axon(x)._ref_v) for x in (0.5 / nseg, 1.0 - 0.5 / nseg)]
    h.celsius, h.secondorder, h.dt, h.steps_per_ms = 6.3, order, dt, round(1.0 / dt)
    h.finitialize(E)
    for _ in range(round(total / dt)):
        h.fadvance()
    return np.array(kept)


def crossings(v: NDArray[np.float64], dt: float) -> NDArray[np.float64]:
    k = np.flatnonzero((v[:-1] < 0.0) & (v[1:] >= 0.0))
    return (k - v[k] / (v[k + 1] - v[k])) * dt


def main() -> None:
    import neuron

    found: dict[str, Any] = {"steps": STEPS, "version": neuron.__version__}
    for nseg in (100, 1000):
        spikes = np.full((len(STEPS), 2, MANY), np.nan)
        for row, dt in zip(spikes, STEPS, strict=True):
            v = run(nseg, dt, TOTAL, 2)
            for end, each in zip(row, v, strict=True):
                at = crossings(each, dt)
                end[: len(at)] = at
        found[f"spikes_{nseg}"] = spikes
    found["same_100"] = run(100, 0.05, SHORT, 0)
    np.savez_compressed(FILE, **found)


if __name__ == "__main__":
    main()
