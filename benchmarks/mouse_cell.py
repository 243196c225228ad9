"""An all-active cell of a mouse in rheobase, in NEURON here, and as its authors stored it: potentials and spikes.

    python -m benchmarks.mouse_cell --neuron PYTHON

reads `models_mouse_allen/allactive_491766131` in RHEOBASE_DATA (the whole axon, 150 pA for 1 s, dt = 0.1 ms, float64).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.measure import ROOT
from benchmarks.options import say
from benchmarks.simulators.neuron_cell import THRESHOLD, compiled, python_with_neuron
from rheobase.cells import from_allen

TOTAL = 3000.0  # ms


def crossings(v: np.ndarray, dt: float) -> np.ndarray:
    """ms: the first steps at or above the threshold."""
    return dt * (np.flatnonzero((v[1:] >= THRESHOLD) & (v[:-1] < THRESHOLD)) + 2)


def here(folder: Path, told: dict[str, Any]) -> np.ndarray:
    cell = from_allen(
        told["parameters"], folder / "reconstruction.swc.gz", dt=told["dt"], axon="whole", v_init=told["v_init"]
    )
    x = torch.zeros(round(TOTAL / told["dt"]), 1, dtype=torch.float64)
    begin, end = (round(t / told["dt"]) for t in (told["delay"], told["delay"] + told["duration"]))
    x[begin:end] = told["amplitude"]
    with torch.no_grad():
        return cell(x, record=("soma",))[2]["soma"][:, 0].numpy()


def there(python: str, folder: Path, told: dict[str, Any]) -> np.ndarray:
    with tempfile.TemporaryDirectory(prefix="mouse-") as made:
        shape, file = Path(made) / "cell.swc", Path(made) / "v.npy"
        shape.write_bytes(gzip.decompress((folder / "reconstruction.swc.gz").read_bytes()))
        order = {**told, "morphology": str(shape), "file": str(file), "total": TOTAL}
        command = [python, "-m", "benchmarks.simulators.neuron_fit", compiled(python, Path(made)), json.dumps(order)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return np.load(file)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--neuron", help="a Python that has NEURON (default: this one, or that of the peers)")
    python = p.parse_args().neuron or python_with_neuron(ROOT / "benchmarks" / "peers")
    folder = Path(os.environ.get("RHEOBASE_DATA", "data")) / "models_mouse_allen" / "allactive_491766131"
    if not folder.is_dir():
        raise SystemExit(f"the model is not there: {folder} (RHEOBASE_DATA)")
    z = np.load(folder / "neuron_reference_sweep35_fullaxon.npz")
    told = {name: float(z[key]) for name, key in KEYS.items()} | {"parameters": str(folder / "fit_parameters.json")}
    traces = {"stored": z["v_mV"], "rheobase": here(folder, told)}
    if python is None:
        say("NEURON is not installed: make bench-peers")
    else:
        traces["NEURON"] = there(python, folder, told)
    for name, v in traces.items():
        say(f"{name}: spikes at {', '.join(f'{t:.1f}' for t in crossings(v, told['dt']))} ms")
    for a, b in (("rheobase", "NEURON"), ("NEURON", "stored"), ("rheobase", "stored")):
        if a in traces and b in traces:
            off = np.abs(traces[a] - traces[b])
            say(f"{a} and {b}: {off[0]:.1e} mV after the first step, {off.max():.1e} mV at most")


KEYS = {"dt": "dt_ms", "amplitude": "amp_nA", "delay": "delay_ms", "duration": "dur_ms", "v_init": "v_init_mV"}

if __name__ == "__main__":
    main()
