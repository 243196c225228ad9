"""NEURON runs a published parameter file on its reconstruction, with nothing of rheobase but the mechanisms.

    PYTHON -m benchmarks.simulators.neuron_fit LIBRARY ORDER

NEURON imports the reconstruction itself (`Import3d`), cuts it by 40 um, and inserts what the file says. ORDER is JSON:
{parameters, morphology (an SWC that is not compressed), v_init, dt, amplitude nA, delay, duration and total ms, file}.
The potential at the middle of the soma after every step goes into `file` (.npy).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def built(h: Any, parameters: str, morphology: str) -> None:
    told = json.loads(Path(parameters).read_text("utf-8"))
    reader = h.Import3d_SWC_read()
    reader.input(morphology)
    h.Import3d_GUI(reader, 0).instantiate(None)
    for section in h.allsec():
        section.nseg = 1 + 2 * int(section.L / 40)
        kind = section.name().split("[")[0]
        mine = [each for each in told["genome"] if each["section"] == kind]
        for name in dict.fromkeys(["pas", *(each["mechanism"] for each in mine if each["mechanism"])]):
            section.insert(name)
        for each in mine:
            setattr(section, each["name"], float(each["value"]))
        for each in told["conditions"][0]["erev"]:
            for ion in ("na", "k"):
                if each["section"] == kind and h.ismembrane(f"{ion}_ion", sec=section):
                    setattr(section, f"e{ion}", each[f"e{ion}"])
    h.celsius = told["conditions"][0]["celsius"]


def main() -> None:
    from neuron import h  # type: ignore[import-not-found]

    library, order = sys.argv[1], json.loads(sys.argv[2])
    h.nrn_load_dll(library)
    h.load_file("stdrun.hoc")
    h.load_file("import3d.hoc")
    built(h, order["parameters"], order["morphology"])
    soma = h.soma[0](0.5)
    clamp = h.IClamp(soma)
    clamp.delay, clamp.dur, clamp.amp = order["delay"], order["duration"], order["amplitude"]
    v = h.Vector().record(soma._ref_v)
    h.dt = order["dt"]
    h.finitialize(order["v_init"])
    for _ in range(round(order["total"] / order["dt"])):
        h.fadvance()
    np.save(order["file"], np.array(v)[1:])


if __name__ == "__main__":
    main()
