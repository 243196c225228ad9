"""Traces per second of a cell of 127 compartments: the solver, NEURON, and what stands in for them; batch 1 and more.

A trace is 515 ms, from a settled cell on, of which every third step of 0.02 ms is kept (of the neuron and the network,
as they were trained: every sixth). The Fourier operator has its published size, 1,803,001 parameters; what a net was
trained on does not change what it costs, and here none was trained. Errors of the others are those of `rheobase
reproduce noble` (`--results FOLDER` takes them from its table); its operator is smaller, and has no errors here.
All take turns within one run; a batch is the largest of its list that is still faster for each trace.

    python -m benchmarks.operator [--quick] [--neuron PYTHON] [--results results/noble]

Markdown goes to standard output, and all figures to benchmarks/results/operator.json.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.interneuron import DT, cells, described, published
from benchmarks.measure import ROOT, Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from benchmarks.simulators.neuron_cell import Process, compiled, python_with_neuron
from rheobase.operator import Convolutional, FourierOperator, Protocol, StandIn

CODES = ("s_thr", "I_thr")
AMPLITUDE = 0.1  # nA
BATCHES = {"solver": (1, 64, 960), "Fourier operator": (1, 16, 64), "neuron": (1, 256, 2048), "network": (1, 16, 64)}
NAMES = {
    "solver": "rheobase, the cell itself",
    "Fourier operator": "Fourier operator",
    "neuron": "causal neuron",
    "network": "convolutional network",
}
# rows of the table of `rheobase reproduce noble` whose errors belong to these
ROWS = {"neuron": "causal neuron", "network": "convolutional network"}
PIECE = 2500  # steps of a call of the cell


def stimulus(protocol: Protocol, batch: int) -> torch.Tensor:
    return protocol.sampled(protocol.usual_start, torch.full((batch,), AMPLITUDE)).float()


def call(kind: str, batch: int, protocol: Protocol) -> Callable[[], object]:
    """One trace of each of a batch."""
    code = torch.tensor([780.0, 0.017]).expand(batch, -1)
    torch.manual_seed(0)
    if kind == "solver":
        return solver(batch, protocol)
    if kind == "Fourier operator":
        operator, given = FourierOperator(CODES, steps=protocol.window), stimulus(protocol, batch)
        return quietly(lambda: operator(given, code))
    coarse = replace(protocol, keep=6)
    given = stimulus(coarse, batch)
    if kind == "network":
        network = Convolutional(CODES, sample=coarse.sample)
        return quietly(lambda: network(given, code))
    neuron = StandIn(CODES, sample=coarse.sample).neuron(code)
    wide = 10.0 * given[:, None]
    return quietly(lambda: neuron(wide, record=("v",)))


def solver(batch: int, protocol: Protocol) -> Callable[[], object]:
    """The cell, in pieces of time that pass on their state, as the data set is made."""
    cell = cells(range(batch), DT)
    state = cell.rest(1, dtype=torch.float32)
    steps = protocol.window * protocol.keep

    def run() -> None:
        at = state
        for first in range(0, steps, PIECE):
            x = torch.full((min(PIECE, steps - first), 1, *cell.shape), AMPLITUDE)
            _, at, _ = cell(x, at, record=("soma",))

    return quietly(run)


def quietly(work: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with torch.no_grad():
            return work()

    return run


def simulator(python: str, folder: str, protocol: Protocol) -> tuple[Process, Contestant]:
    """NEURON as one process, from its own start on."""
    process = Process(python, compiled(python, Path(folder)), described(cells(range(1), DT)))
    total = protocol.window * protocol.sample

    def run() -> float:
        process.tell({"model": 0, "amplitude": AMPLITUDE, "onset": 15.0, "end": total - 100.0, "total": total})
        return float(process.answer()["seconds"])

    return process, Contestant("NEURON, one process", run, reports=True)


def errors(folder: Path | None) -> dict[str, dict[str, str]]:
    """Of the trained ones, by the names of their rows."""
    path = None if folder is None else folder / "comparison" / "unseen-amplitudes.csv"
    if path is None or not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {row["prediction"]: row for row in csv.DictReader(file)}


def main() -> None:
    keep_memory()
    p = parser(__doc__)
    p.add_argument("--neuron", help="a Python that has NEURON (default: this one, or that of the peers)")
    p.add_argument("--results", type=Path, help="the folder of `rheobase reproduce noble`, for the errors")
    options = parsed(p)
    torch.set_num_threads(options.threads or 1)
    protocol = Protocol(duration=30.0, after=10.0) if options.quick else Protocol()
    python = options.neuron or python_with_neuron(ROOT / "benchmarks" / "peers")
    found: dict[str, Any] = {
        "cell": "published" if published() else "by hand",
        "ms": protocol.window * protocol.sample,
        "rows": {},
    }
    trained = errors(options.results)
    with tempfile.TemporaryDirectory(prefix="operator-") as folder:
        field: list[Contestant] = []
        sizes: dict[str, tuple[str, int]] = {}
        for kind, batches in BATCHES.items():
            for batch in batches[:2] if options.quick else batches:
                name = f"{NAMES[kind]}, batch {batch}"
                sizes[name] = (kind, batch)
                say(f"making {name}")
                field.append(Contestant(name, call(kind, batch, protocol)))
        process = None
        if python is None:
            found["absent"] = "NEURON is not installed: make bench-peers"
        else:
            process, contestant = simulator(python, folder, protocol)
            found["neuron"], sizes[contestant.name] = process.version, ("NEURON", 1)
            field.append(contestant)
        timings = interleave(field, budget=options.budget, warm_up=1, rounds=(1, 3) if options.quick else (3, 50))
        if process is not None:
            process.end()
    for name, timing in timings.items():
        kind, batch = sizes[name]
        row = trained.get(ROWS.get(kind, ""), {})
        found["rows"][name] = {
            "kind": kind,
            "batch": batch,
            "seconds": asdict(timing),
            "traces per second": batch / timing.median,
            "voltage error (%)": row.get("voltage error (%)"),
            "Gamma at 4 ms": row.get("Gamma at 4 ms"),
        }
    print(*table(found["rows"]), sep="\n")
    finish("operator", options, found)


def table(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Batch 1 and the best batch of each."""
    lines = ["| what | batch | traces/s | voltage error (%) | Gamma at 4 ms |", "|---|---:|---:|---:|---:|"]
    for kind in dict.fromkeys(row["kind"] for row in rows.values()):
        of = [row for row in rows.values() if row["kind"] == kind]
        best = max(of, key=lambda row: row["traces per second"])
        for row in [of[0]] + [best] * (best is not of[0]):
            said = [str(row[name] or "") for name in ("voltage error (%)", "Gamma at 4 ms")]
            named = NAMES.get(kind, "NEURON, one process")
            lines.append(f"| {named} | {row['batch']} | {row['traces per second']:.3g} | {' | '.join(said)} |")
    return lines


if __name__ == "__main__":
    main()
