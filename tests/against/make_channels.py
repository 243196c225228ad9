"""Write `traces/neuron-channels.npz`: what NEURON's `hh` and the mechanism of docs/from_nmodl.md do in one compartment.

    python tests/against/make_channels.py

needs the extra `oracle` (neuron) and a C compiler, which NEURON translates the mechanism with. The file holds for each
the potential and the gates after every step of NEURON's default scheme, and the NMODL that was run.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parent / "traces" / "neuron-channels.npz"
PAGE = Path(__file__).parents[2] / "docs" / "from_nmodl.md"
DT = 0.025  # ms


def nmodl() -> str:
    """The mechanism as it stands on the page."""
    (found,) = re.findall(r"```nmodl\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return found


def run(insert: Any, gates: dict[str, str], *, celsius: float, v_init: float, amp: float, stop: float) -> Any:
    """(steps, 1 + gates): v and the gates of a sphere of 20 um under a constant current in nA."""
    from neuron import h  # type: ignore[import-not-found]  # the extra `oracle`

    soma = h.Section(name="soma")
    soma.L = soma.diam = 20.0
    insert(soma, h)
    clamp = h.IClamp(soma(0.5))
    clamp.delay, clamp.dur, clamp.amp = 0.0, 1e9, amp
    h.celsius, h.dt, h.secondorder = celsius, DT, 0
    h.finitialize(v_init)
    rows = []
    for _ in range(round(stop / DT)):
        h.fadvance()
        rows.append([soma(0.5).v, *(getattr(getattr(soma(0.5), m), g) for g, m in gates.items())])
    return np.array(rows)


def hh(soma: Any, h: Any) -> None:
    soma.insert("hh")
    h.usetable_hh = 0


def natm(soma: Any, h: Any) -> None:
    soma.insert("pas")
    soma(0.5).pas.g, soma(0.5).pas.e = 1e-3, -70.0
    soma.insert("natm")
    soma(0.5).natm.gbar, soma.ena = 0.05, 50.0


def main() -> None:
    import neuron  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "natm.mod").write_text(nmodl())
        subprocess.run([str(Path(sys.executable).parent / "nrnivmodl")], cwd=folder, check=True, capture_output=True)
        neuron.load_mechanisms(folder)
        traces = {
            "hh": run(hh, dict.fromkeys("mhn", "hh"), celsius=6.3, v_init=-65.0, amp=0.15, stop=30.0),
            "natm": run(natm, dict.fromkeys("mh", "natm"), celsius=24.0, v_init=-70.0, amp=0.3, stop=20.0),
        }
    np.savez_compressed(FILE, nmodl=np.array(nmodl()), version=np.array(neuron.__version__), **traces)
    print(f"{FILE.name}: {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
