"""Cells of 127 compartments with ten mechanisms: what a step costs, and 60 models x 16 currents beside NEURON.

Where the published models are (`RHEOBASE_DATA`), on their cell, else on a tree by hand. NEURON, as one process and as
two at once, takes turns with whole runs of rheobase; it runs the same cells with the same mechanisms, translated by
`nrnivmodl` from `benchmarks/simulators/neuron_channels`, and both record the soma at every step. The errors of spike
times are against rheobase in float64, NEURON's traces of this run, and where they are there stored traces of NEURON.

    python -m benchmarks.cells [--quick] [--neuron PYTHON]
"""

from __future__ import annotations

import itertools
import math
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.interneuron import (
    AMPLITUDES,
    DT,
    END,
    FOLDER,
    NAMES,
    ONSET,
    STORED,
    TOTAL,
    cells,
    described,
    learning,
    published,
    stimuli,
)
from benchmarks.measure import ROOT, Contestant, interleave, peak_memory
from benchmarks.options import finish, keep_memory, parsed, parser, say
from benchmarks.simulators.neuron_cell import THRESHOLD, Process, compiled, python_with_neuron
from rheobase.cells import Cell

LANES = (1, 16, 64, 960)
DTYPES = {"float32": torch.float32, "float64": torch.float64}
PIECE = 2500  # steps of a call: inputs, spikes and potentials of 960 lanes are 29 MB in float32
Times = list[list[np.ndarray]]  # spike times by amplitude and model


# --- what a step costs ----------------------------------------------------------------------------
def batch(lanes: int, dt: float = DT) -> tuple[Cell, int]:
    """A cell of so many lanes: models of their own, and for 960 lanes 16 currents for each."""
    models = lanes if lanes <= len(NAMES) + 4 else len(NAMES)
    return cells(range(models), dt), lanes // models


def step(lanes: int, dtype: torch.dtype, budget: float, steps: int) -> dict[str, Any]:
    """Nanoseconds for a compartment, lane and step, forward and with the gradient of spike times by conductances."""
    cell, currents = batch(lanes)
    compartments, field = len(cell.compartments.segments), list[Contestant]()
    count = max(1, steps // max(lanes, 16))
    times = torch.arange(count, dtype=dtype).view(-1, 1, 1) * DT
    x = torch.full((count, currents, *cell.shape), 0.1, dtype=dtype)
    start = cell.rest(currents, dtype=dtype)
    learner = learning(cell)
    learned = [p for p in learner.parameters() if p.requires_grad]

    def forward() -> None:
        with torch.no_grad():
            cell(x, start)

    def gradient() -> None:
        spikes, _ = learner(x, start)
        torch.autograd.grad((spikes * times).sum(), learned)

    def on(threads: int, call: Any) -> Any:
        return lambda: (torch.set_num_threads(threads), call())

    for threads in (1, 2):
        for name, call in (("forward", forward), ("gradient", gradient)):
            field.append(Contestant(f"{name}, {threads} threads", on(threads, call)))
    threads = torch.get_num_threads()
    timings = interleave(field, budget=budget, warm_up=1, rounds=(3, 50))
    torch.set_num_threads(threads)
    unit = 1e-9 * count * compartments * lanes
    return {name: {"seconds": asdict(t), "ns": t.median / unit} for name, t in timings.items()} | {"steps": count}


# --- 60 models x 16 currents ----------------------------------------------------------------------
class Run:
    """All models under all currents in one precision: pieces of time, the state passed on, the soma to a file."""

    def __init__(self, models: int, amplitudes: Sequence[float], total: float, dtype: torch.dtype, file: str):
        self.cell, self.amplitudes, self.dtype, self.file = cells(range(models)), amplitudes, dtype, file
        self.steps = round(total / DT)
        self.times: Times = []

    def __call__(self) -> float:
        """Seconds of the whole run."""
        begin = time.perf_counter()
        found, state = list[np.ndarray](), None
        before = torch.full((1, len(self.amplitudes), *self.cell.shape), self.cell.v_init, dtype=self.dtype)
        with open(self.file, "wb") as file, torch.no_grad():
            for first in range(0, self.steps, PIECE):
                stop = min(first + PIECE, self.steps)
                x = stimuli(first, stop, self.amplitudes, self.cell.shape[0], self.dtype)
                _, state, rec = self.cell(x, state, record=("soma",))
                found.append(crossed(before, rec["soma"], first))
                before = rec["soma"][-1:].clone()
                file.write(rec["soma"][4::5].numpy().tobytes())
        seconds = time.perf_counter() - begin
        rows = np.concatenate(found)
        self.times = [
            [rows[(rows[:, 0] == k) & (rows[:, 1] == model), 2] for model in range(self.cell.shape[0])]
            for k in range(len(self.amplitudes))
        ]
        return seconds


def crossed(before: Tensor, v: Tensor, first: int) -> np.ndarray:
    """Upward crossings of the threshold: rows of amplitude, model and time in ms by linear interpolation."""
    above = v >= THRESHOLD
    was = torch.cat([before >= THRESHOLD, above[:-1]])
    at = (above & ~was).nonzero()
    t, k, model = at.T
    last = torch.where(t > 0, v[(t - 1).clamp(min=0), k, model], before[0, k, model]).double()
    part = (THRESHOLD - last) / (v[t, k, model].double() - last)
    return torch.stack([k.double(), model.double(), (first + t + part) * DT], 1).numpy()


def peak_run(models: int, currents: int, total: float, dtype: str) -> Any:
    """The run of which `benchmarks.peak` takes the memory."""
    handle, file = tempfile.mkstemp()
    os.close(handle)
    run = Run(models, AMPLITUDES[:currents], total, DTYPES[dtype], file)
    short = Run(models, AMPLITUDES[:currents], 1.0, DTYPES[dtype], file)
    torch.set_num_threads(2)
    return short, lambda: (run(), os.unlink(file))


class Neurons:
    """NEURON in so many processes at once, each a trace in a turn: other models and currents in every turn."""

    def __init__(self, python: str, library: str, cell: dict[str, Any], amplitudes: Sequence[float], total: float):
        self.processes = [Process(python, library, cell) for _ in range(2)]
        self.amplitudes, self.total = amplitudes, total
        pairs = list(itertools.product(range(len(cell["models"])), range(len(amplitudes))))
        self.order = itertools.cycle(random.Random(0).sample(pairs, len(pairs)))
        self.spikes: dict[tuple[int, int], np.ndarray] = {}

    def __call__(self, count: int) -> float:
        """Seconds for a trace of `count` processes at once: the inverse of what they do together in a second."""
        asked = [(process, *next(self.order)) for process in self.processes[:count]]
        for process, model, k in asked:
            process.tell(self.told(model, self.amplitudes[k]))
        seconds = list[float]()
        for process, model, k in asked:
            answer = process.answer()
            self.spikes[k, model] = np.array(answer["spikes"])
            seconds.append(answer["seconds"])
        return 1.0 / sum(1.0 / s for s in seconds)

    def told(self, model: int, amplitude: float) -> dict[str, Any]:
        return {"model": model, "amplitude": amplitude, "onset": ONSET, "end": END, "total": self.total}

    def against_stored(self, folder: str) -> dict[str, float]:
        """The largest difference of its traces to the stored ones: mV at the soma, ms of a spike."""
        z = np.load(FOLDER / "neuron_traces.npz")
        off, late, process = 0.0, 0.0, self.processes[0]
        for model, name in enumerate(STORED):
            for k, amplitude in enumerate(z["amplitudes_nA"].tolist()):
                file = os.path.join(folder, "trace.npy")
                process.tell(self.told(NAMES.index(name), amplitude) | {"total": TOTAL, "file": file})
                spikes, stored = process.answer()["spikes"], z["spike_times_ms"][model, k]
                stored = stored[~np.isnan(stored)]
                off = max(
                    off, float(np.abs(np.load(file)[: round(TOTAL / DT) + 1 : 5] - z["v_soma_mV"][model, k]).max())
                )
                if len(spikes) != len(stored):
                    raise RuntimeError(f"NEURON fires {len(spikes)} spikes where {len(stored)} are stored: {name}")
                late = max([late, *np.abs(np.subtract(spikes, stored)).tolist()])
        return {"mV": off, "ms": late}

    def end(self) -> None:
        for process in self.processes:
            process.end()


def errors(times: Times, truth: dict[tuple[int, int], np.ndarray]) -> dict[str, Any]:
    """Spike times against others: traces compared, those with other numbers of spikes, and the largest difference."""
    off, other, spikes = 0.0, 0, 0
    for (k, model), expected in truth.items():
        found = times[k][model]
        other += len(found) != len(expected)
        if len(found) == len(expected):
            spikes += len(found)
            off = max([off, *np.abs(found - expected).tolist()])
    return {"traces": len(truth), "other counts": other, "spikes": spikes, "ms": off}


def by_pair(times: Times) -> dict[tuple[int, int], np.ndarray]:
    return {(k, model): found for k, row in enumerate(times) for model, found in enumerate(row)}


def stored() -> dict[tuple[int, int], np.ndarray]:
    """Spike times that NEURON's authors' models have in the stored file, by amplitude and model."""
    z = np.load(FOLDER / "neuron_traces.npz")
    return {
        (AMPLITUDES.index(amplitude), NAMES.index(name)): times[~np.isnan(times)]
        for name, rows in zip(STORED, z["spike_times_ms"], strict=True)
        for amplitude, times in zip(z["amplitudes_nA"].tolist(), rows, strict=True)
        if amplitude in AMPLITUDES
    }


def population(options: Any, folder: str) -> dict[str, Any]:
    """NEURON and whole runs in turns."""
    models, amplitudes, total = (2, AMPLITUDES[-2:], 20.0) if options.quick else (len(NAMES), AMPLITUDES, TOTAL)
    traces = models * len(amplitudes)
    runs = {name: Run(models, amplitudes, total, dtype, f"{folder}/{name}") for name, dtype in DTYPES.items()}
    python = options.neuron or python_with_neuron(ROOT / "benchmarks" / "peers")
    neurons, absent = None, dict[str, str]()
    if python is None:
        absent["NEURON"] = "not installed: make bench-peers"
    else:
        say("NEURON: translating the mechanisms")
        cell = described(runs["float64"].cell)
        neurons = Neurons(python, compiled(python, Path(folder)), cell, amplitudes, total)
    found: dict[str, Any] = {
        "models": models,
        "currents": len(amplitudes),
        "ms": total,
        "dt": DT,
        "absent": absent,
        "rows": {},
        "load": [os.getloadavg()[0]],
    }
    if neurons is not None:
        found["neuron"] = neurons.processes[0].version
        if published() and not options.quick:
            found["neuron_against_stored"] = neurons.against_stored(folder)
            say(f"NEURON against its stored traces: {found['neuron_against_stored']}")
    torch.set_num_threads(2)
    field = [Contestant(f"rheobase, {name}", run, reports=True) for name, run in runs.items()]
    if neurons is not None:
        field += [
            Contestant(f"NEURON, {n} process{'es' * (n > 1)}", lambda n=n: neurons(n), reports=True) for n in (1, 2)
        ]
    timings = interleave(field, budget=options.budget, warm_up=1, rounds=(1, 3) if options.quick else (3, 3))
    found["load"].append(os.getloadavg()[0])
    compartments = len(runs["float32"].cell.compartments.segments)
    work = compartments * round(total / DT)
    for name, timing in timings.items():
        count = 1 if name.startswith("NEURON") else traces
        found["rows"][name] = {
            "seconds": asdict(timing),
            "seconds_per_trace": timing.median / count,
            "ns": 1e9 * timing.median / (count * work),
        }
        if neurons is not None:
            found["rows"][name]["neuron_two"] = timings["NEURON, 2 processes"].median * count / timing.median
    exact = by_pair(runs["float64"].times)
    found["spikes"] = sum(map(len, exact.values()))
    for name, run in runs.items():
        row = found["rows"][f"rheobase, {name}"]
        row["to_float64"] = errors(run.times, exact)
        row["to_neuron"] = None if neurons is None else errors(run.times, neurons.spikes)
        row["to_stored"] = errors(run.times, stored()) if published() and not options.quick else None
        if not options.quick:
            row["memory"] = peak_memory(
                "benchmarks.cells:peak_run",
                {
                    "models": models,
                    "currents": len(amplitudes),
                    "total": total,
                    "dtype": name,
                },
            )
        say(f"  {name}: {row}")
    if neurons is not None:
        neurons.end()
    return found


def main() -> None:
    keep_memory()
    p = parser(__doc__)
    p.add_argument("--neuron", help="a Python that has NEURON (default: this one, or that of the peers)")
    options = parsed(p)
    results: dict[str, Any] = {"cell": "published" if published() else "by hand", "compartments": 127}
    with tempfile.TemporaryDirectory(prefix="cells-") as folder:
        results["population"] = population(options, folder)
    for name, row in results["population"]["rows"].items():
        say(f"{name}: {row['ns']:.2f} ns, {row.get('neuron_two', math.nan):.1f} x NEURON as two processes")
    results["steps"] = {}
    for lanes in LANES[:2] if options.quick else LANES:
        for name, dtype in DTYPES.items():
            key = f"{lanes} lanes, {name}"
            results["steps"][key] = step(lanes, dtype, options.budget / 8, 320 if options.quick else 320_000)
            rows = (f"{kind} {row['ns']:.2f} ns" for kind, row in results["steps"][key].items() if kind != "steps")
            say(f"{key}: {', '.join(rows)}")
    finish("cells", options, results)


if __name__ == "__main__":
    main()
