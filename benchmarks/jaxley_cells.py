"""A cell of 127 compartments in lanes beside Jaxley: forward, and with the gradient by every conductance.

A tree by hand, the same in both; the currents of Hodgkin & Huxley in every compartment; backward Euler. Six
conductances in each lane (sodium, potassium, leak; soma, dendrites), the loss is the sum of the squares of the soma's
potential. First the potentials and the gradients of both are compared at equal dt, then both take turns, one thread
each, in seconds of the processor. Jaxley runs on the CPU, compiled by `jax.jit`, its compilation apart.

    python -m benchmarks.jaxley_cells [--quick] [--jaxley PYTHON] [--ms MS] [--lanes N ...]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.measure import ROOT, Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase.cells import Cell, Compartments, Section
from rheobase.channels import K_HH, Na_HH, Pas

LANES = (1, 16, 64)
DTYPES = {"float32": torch.float32, "float64": torch.float64}
KINDS = ("forward", "gradient", "gradient without checkpoints")
DT, ONSET, AMPLITUDE = 0.025, 1.0, 0.3  # ms, ms, nA
SOMA = {"gNa": 0.12, "gK": 0.036, "gLeak": 3e-4}  # S/cm2
IN_DENDRITES = 0.3  # of the soma's sodium and potassium


def described(lanes: int) -> dict[str, Any]:
    """The cell: a soma and 42 dendrites of three compartments, each lane with conductances of its own."""
    sections = [{"kind": "soma", "parent": -1, "length": 12.0, "diameter": 12.0, "nseg": 1}]
    for k in range(42):
        # two on the soma, and two on the end of each of the others
        parent = 0 if k < 2 else (k - 2) // 2 + 1
        thick = 1.2 if parent == 0 else 0.8 * sections[parent]["diameter"]
        sections.append({"kind": "dend", "parent": parent, "length": 70.0, "diameter": thick, "nseg": 3})
    draw = np.random.default_rng(0)
    conductances = {
        f"{kind}.{name}": (
            value
            * (IN_DENDRITES if kind == "dend" and name != "gLeak" else 1.0)
            * np.exp(draw.uniform(-0.2, 0.2, lanes))
        ).tolist()
        for kind in ("soma", "dend")
        for name, value in SOMA.items()
    }
    return {
        "sections": sections,
        "conductances": conductances,
        "c_mem": 1.0,
        "Ra": 120.0,
        "v_init": -65.0,
        "dt": DT,
    }


def built(told: dict[str, Any], lanes: int) -> Cell:
    """The cell here; its conductances are learned."""
    made: list[Section] = []
    for k, each in enumerate(told["sections"]):
        sizes = {key: each[key] for key in ("length", "diameter", "nseg")}
        parent = None if each["parent"] < 0 else made[each["parent"]]
        made.append(Section("soma" if k == 0 else f"dend[{k - 1}]", parent=parent, **sizes))
    g = {name: torch.tensor(x[:lanes], dtype=torch.float64) for name, x in told["conductances"].items()}
    held = {
        kind: [
            Na_HH(lanes, gbar=g[f"{kind}.gNa"], learn=("gbar",)),
            K_HH(lanes, gbar=g[f"{kind}.gK"], learn=("gbar",)),
            Pas(lanes, g=g[f"{kind}.gLeak"], e=-54.3, learn=("g",)),
        ]
        for kind in ("soma", "dend")
    }
    same = {name: told[name] for name in ("c_mem", "Ra", "v_init", "dt")}
    return Cell(Compartments.of(made), held, shape=(lanes,), reversal={"na": 50.0, "k": -77.0}, **same)


class Here:
    """The cell here, one batch."""

    def __init__(self, told: dict[str, Any], lanes: int, dtype: torch.dtype, current: Sequence[float]):
        self.cell = built(told, lanes)
        self.x = torch.tensor(current, dtype=dtype).view(-1, 1, 1).expand(-1, 1, lanes).contiguous()
        self.start = self.cell.rest(1, dtype=dtype)
        self.learned = [p for p in self.cell.parameters() if p.requires_grad]

    def forward(self) -> Tensor:
        with torch.no_grad():
            return self.cell(self.x, self.start, record=("soma",))[2]["soma"]

    def gradient(self) -> tuple[Tensor, Sequence[Tensor]]:
        v = self.cell(self.x, self.start, record=("soma",))[2]["soma"]
        return v, torch.autograd.grad((v**2).sum(), self.learned)


class There:
    """Jaxley in a process of its own."""

    def __init__(self, python: str, told: dict[str, Any], dtype: str):
        command = [python, "-m", "benchmarks.simulators.jaxley_cell", dtype]
        self.running = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told, self.versions = told, self.ask(told)

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """What it answers. Raises: `RuntimeError` where it has ended."""
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        self.running.stdin.write(json.dumps(order) + "\n")
        self.running.stdin.flush()
        line = self.running.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of Jaxley ended with {self.running.wait()}: see its words above")
        return json.loads(line)

    def end(self) -> None:
        assert self.running.stdin is not None
        self.running.stdin.close()
        self.running.wait()


def python_with_jaxley(peers: Path) -> str | None:
    """This interpreter if it has Jaxley, else that of the peers' environment; None where neither has."""
    for python in (sys.executable, str(peers / ".venv" / "bin" / "python")):
        if (
            Path(python).exists()
            and not subprocess.run([python, "-c", "import jaxley"], capture_output=True).returncode
        ):
            return python
    return None


def compared(here: Here, there: There, lanes: int, current: Sequence[float]) -> dict[str, float]:
    """The largest differences of both: potentials in mV, and of the gradients relative to the largest of a kind.

    With it, the seconds that its gradient took to compile.
    """
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        order = {"kind": "gradient", "lanes": lanes, "current": list(current), "file": file.name}
        compiling = there.ask(order)["compile"]
        found = np.load(file.name)
        v, grads = here.gradient()
        other = found["v"][:, 1 : len(current) + 1].T  # theirs begins with the start
        off = list[float]()
        for (name, values), g in zip(there.told["conductances"].items(), grads, strict=True):
            # here the logarithm of a conductance is learned
            theirs = found[name].ravel() * np.array(values[:lanes])
            off.append(float(np.abs(g.numpy().ravel() - theirs).max() / np.abs(theirs).max()))
        mine = v.detach()[:, 0].numpy()
        spikes = int(((mine[1:] >= -20.0) & (mine[:-1] < -20.0)).sum())
    return {
        "mV": float(np.abs(mine - other).max()),
        "gradient": float(np.max(off)),
        "spikes": spikes,
        "compile": compiling,
    }


def rounded(told: dict[str, Any], lanes: int, name: str, current: Sequence[float]) -> dict[str, float]:
    """The largest differences of a run here to one in float64: potentials in mV, gradients as in `compared`."""
    v, grads = Here(told, lanes, DTYPES[name], current).gradient()
    exact, others = Here(told, lanes, torch.float64, current).gradient()
    off = [float((g - other).abs().max() / other.abs().max()) for g, other in zip(grads, others, strict=True)]
    return {"mV": float((v - exact).detach().abs().max()), "gradient": float(np.max(off))}


def processor(call: Callable[[], object]) -> Callable[[], float]:
    def timed() -> float:
        begin = time.process_time()
        call()
        return time.process_time() - begin

    return timed


def case(told: dict[str, Any], there: There, name: str, lanes: int, current: Sequence[float], budget: float) -> Any:
    """Both in turns."""
    here = Here(told, lanes, DTYPES[name], current)
    found: dict[str, Any] = {"compared": compared(here, there, lanes, current), "rows": {}}
    found["rounded"] = rounded(told, lanes, name, current)
    say(f"{lanes} lanes, {name}: {found['compared']}, to float64: {found['rounded']}")
    order = {"lanes": lanes, "current": list(current)}
    compiling = {kind: there.ask({**order, "kind": kind})["compile"] for kind in KINDS}
    compiling["gradient"] = found["compared"].pop("compile")
    field = [Contestant(f"rheobase, {kind}", processor(getattr(here, kind)), reports=True) for kind in KINDS[:2]]
    field += [
        Contestant(f"Jaxley, {kind}", lambda kind=kind: there.ask({**order, "kind": kind})["seconds"], reports=True)
        for kind in KINDS
    ]
    timings = interleave(field, budget=budget, warm_up=1, rounds=(3, 20))
    unit = 1e-9 * len(current) * sum(each["nseg"] for each in told["sections"]) * lanes
    for title, timing in timings.items():
        found["rows"][title] = {"seconds": asdict(timing), "ns": timing.minimum / unit}
        say(f"  {title}: {timing.minimum / unit:.1f} ns")
    return {**found, "compile": compiling}


def main() -> None:
    keep_memory()
    p = parser(__doc__)
    p.add_argument("--jaxley", help="a Python that has Jaxley (default: this one, or that of the peers)")
    p.add_argument("--ms", type=float, default=100.0, help="how long a run is")
    p.add_argument("--lanes", type=int, nargs="+", default=LANES)
    options = parsed(p)
    torch.set_num_threads(1)
    python = options.jaxley or python_with_jaxley(ROOT / "benchmarks" / "peers")
    if python is None:
        say("Jaxley does not compete: not installed (make bench-peers)")
        return
    lanes, ms = ((1, 2), 2.0) if options.quick else (tuple(options.lanes), options.ms)
    steps = round(ms / DT)
    current = [AMPLITUDE * (k * DT >= ONSET) for k in range(steps)]
    told = described(max(lanes))
    results: dict[str, Any] = {"ms": ms, "dt": DT, "compartments": 127, "cases": {}}
    for name in DTYPES:
        there = There(python, told, name)
        results["versions"] = there.versions
        for n in lanes:
            results["cases"][f"{n} lanes, {name}"] = case(told, there, name, n, current, options.budget / 8)
        there.end()
    finish("jaxley_cells", options, results)


if __name__ == "__main__":
    main()
