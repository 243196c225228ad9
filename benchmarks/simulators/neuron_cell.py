"""NEURON as a process of its own, which runs one trace of a cell after the other.

    PYTHON -m benchmarks.simulators.neuron_cell LIBRARY

PYTHON is one in which NEURON is installed, LIBRARY what `nrnivmodl` made of `neuron_channels`. It reads JSON, a line
for each order: first the cell (`benchmarks.interneuron.described`), then traces to run, {model, amplitude, file}, and
answers each with {seconds, spikes}: what the integration took, and the times in ms at which the soma crossed -20 mV
upwards, by linear interpolation. Its potentials go into `file` (.npy) where one is named.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

CHANNELS = Path(__file__).resolve().parent / "neuron_channels"
THRESHOLD = -20.0  # mV


class Process:
    """Such a process, seen from the other side."""

    def __init__(self, python: str, library: str, cell: dict[str, Any]):
        command = [python, "-m", "benchmarks.simulators.neuron_cell", library]
        root = CHANNELS.parent.parent.parent
        self.running = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.tell(cell)
        self.version = self.answer()["version"]

    def tell(self, order: dict[str, Any]) -> None:
        assert self.running.stdin is not None
        self.running.stdin.write(json.dumps(order) + "\n")
        self.running.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.running.stdout is not None
        line = self.running.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of NEURON ended with {self.running.wait()}: see its words above")
        return json.loads(line)

    def end(self) -> None:
        assert self.running.stdin is not None
        self.running.stdin.close()
        self.running.wait()


def python_with_neuron(peers: Path) -> str | None:
    """This interpreter if it has NEURON, else that of the peers' environment; None where neither has."""
    for python in (sys.executable, str(peers / ".venv" / "bin" / "python")):
        if (
            Path(python).exists()
            and not subprocess.run([python, "-c", "import neuron"], capture_output=True).returncode
        ):
            return python
    return None


def compiled(python: str, folder: Path, *sources: Path) -> str:
    """The library of the mechanisms in these folders, or the channels, made in `folder`.

    Raises: `RuntimeError` where that fails.
    """
    beside = Path(python).parent
    tool = shutil.which("nrnivmodl", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if tool is None:
        raise RuntimeError(f"no nrnivmodl beside {python}")
    environment = {**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', '')}"}
    ran = subprocess.run(
        [tool, *map(str, sources or [CHANNELS])], cwd=folder, env=environment, capture_output=True, text=True
    )
    found = list(folder.glob("*/libnrnmech.so"))
    if ran.returncode or not found:
        raise RuntimeError(f"nrnivmodl failed:\n{(ran.stdout + ran.stderr)[-2000:]}")
    return str(found[0])


class Simulated:
    """The cell in NEURON."""

    def __init__(self, h: Any, told: dict[str, Any]):
        self.h, self.told = h, told
        self.sections: list[Any] = []
        for each in told["sections"]:
            section = h.Section(name=each["name"])
            for x, y, z, d in each["points"]:
                h.pt3dadd(x, y, z, d, sec=section)
            section.nseg = each["nseg"]
            if each["parent"] is not None:
                section.connect(self.sections[each["parent"]](each["at"]), 0)
            self.sections.append(section)
        for each, section in zip(told["sections"], self.sections, strict=True):
            for name in told["mechanisms"][each["kind"]]:
                section.insert(name)
            for name, value in told["reversal"].items():
                setattr(section, name, value)
        h.celsius, h.dt, h.secondorder = told["celsius"], told["dt"], 0
        self.soma = self.sections[0]
        self.clamp = h.IClamp(self.soma(0.5))
        self.v = h.Vector().record(self.soma(0.5)._ref_v)
        self.context = h.ParallelContext()
        self.context.set_maxstep(10)

    def run(self, model: int, amplitude: float, onset: float, end: float, total: float) -> tuple[float, np.ndarray]:
        """Seconds, and the potential before the first step and after each."""
        for each, section in zip(self.told["sections"], self.sections, strict=True):
            for name, value in self.told["models"][model][each["kind"]].items():
                setattr(section, name, value)
        self.clamp.delay, self.clamp.dur, self.clamp.amp = onset, end - onset, amplitude
        self.h.finitialize(self.told["v_init"])
        begin = time.perf_counter()
        self.context.psolve(total)
        return time.perf_counter() - begin, np.array(self.v)


def crossings(v: np.ndarray, dt: float) -> np.ndarray:
    """Times of upward crossings of the threshold, of samples at 0, dt, 2 dt..."""
    k = np.flatnonzero((v[1:] >= THRESHOLD) & (v[:-1] < THRESHOLD))
    return (k + (THRESHOLD - v[k]) / (v[k + 1] - v[k])) * dt


def main() -> None:
    os.environ.setdefault("NEURON_MODULE_OPTIONS", "-nogui")
    # what NEURON prints goes where errors go
    answers, sys.stdout = sys.stdout, sys.stderr
    from neuron import __version__, h

    h.nrn_load_dll(sys.argv[1])
    cell = Simulated(h, json.loads(sys.stdin.readline()))
    answers.write(json.dumps({"version": __version__}) + "\n")
    answers.flush()
    for line in sys.stdin:
        order = json.loads(line)
        file = order.pop("file", None)
        seconds, v = cell.run(**order)
        if file is not None:
            np.save(file, v)
        answers.write(json.dumps({"seconds": seconds, "spikes": crossings(v, cell.told["dt"]).tolist()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
