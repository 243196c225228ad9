"""The neurons that the two fitting examples compare, and where each is searched; how results are written."""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rheobase import neurons
from rheobase.learning import Fit, FitCallback, FitRecipe, Recording, fit_neuron

# wide for a cortical cell at any holding potential; an electrode may lift a recorded potential by some mV
CELL: dict[str, tuple[float, float]] = {
    "c_mem": (30.0, 400.0),
    "g_leak": (1.5, 30.0),
    "v_leak": (-85.0, -45.0),
    "v_reset": (-80.0, -25.0),
    "v_threshold": (-60.0, -20.0),
    "tau_refrac": (1.0, 12.0),
    "tau_mem": (3.0, 60.0),
    "v_T": (-60.0, -20.0),
    "delta_T": (0.3, 5.0),
    "tau_w": (10.0, 500.0),
    "a": (-2.0, 15.0),
    "b": (0.0, 200.0),
}
CURRENTS = {
    "tau_asc_1": (50.0, 500.0),
    "tau_asc_2": (3.0, 50.0),
    "asc_add_1": (-80.0, 10.0),
    "asc_add_2": (-250.0, 50.0),
}
RESET = {"f_v": (0.0, 1.0), "v_add": (-15.0, 30.0), "theta_add": (0.0, 30.0), "b_s": (0.003, 0.2)}
SLOW = {"tau_eta_1": (3.0, 60.0), "tau_eta_2": (50.0, 600.0), "eta_add_1": (-50.0, 250.0), "eta_add_2": (-20.0, 80.0)}
MOVES = {
    "tau_gamma_1": (3.0, 60.0),
    "tau_gamma_2": (50.0, 600.0),
    "gamma_add_1": (0.0, 30.0),
    "gamma_add_2": (0.0, 10.0),
}


@dataclass(frozen=True)
class Entry:
    """A neuron to compare: the ranges of what is learnt, what is held, and the input per pA."""

    name: str
    ranges: Mapping[str, tuple[float, float]]
    held: Mapping[str, float] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def template(self, dt: float) -> Any:
        return getattr(neurons, self.name)(1, dt=dt, **self.held, **self.options)

    def fit(self, recording: Recording, recipe: FitRecipe, seed: int, callbacks: Sequence[FitCallback]) -> Fit:
        # a template inside its ranges, whose other values are the neuron's own
        return fit_neuron(
            self.template(recording.dt),
            recording,
            learn=tuple(self.ranges),
            ranges=self.ranges,
            scale=self.scale,
            series=True,
            recipe=recipe,
            seed=seed,
            callbacks=callbacks,
        )


def some(*names: str) -> dict[str, tuple[float, float]]:
    return {name: CELL[name] for name in names}


MEMBRANE = some("c_mem", "g_leak", "v_leak")
ENTRIES = (
    Entry("LIF", some("tau_mem"), scale=(1e-3, 3e-2)),
    Entry("GLIF1", {**MEMBRANE, **some("v_reset", "v_threshold", "tau_refrac")}),
    Entry("GLIF3", {**MEMBRANE, **CURRENTS, **some("v_reset", "v_threshold", "tau_refrac")}),
    Entry("GLIF5", {
        **MEMBRANE, **RESET, **CURRENTS, **some("v_threshold", "tau_refrac"), "a_v": (0.0, 0.1), "b_v": (0.01, 1.0),
    }),
    Entry("GIF", {**MEMBRANE, **SLOW, **MOVES, **some("v_reset", "v_threshold", "tau_refrac")}),
    Entry("MAT", {
        **some("tau_mem", "v_leak", "tau_refrac"), "r": (0.03, 0.4), "omega": (-60.0, -20.0), "tau_1": (3.0, 50.0),
        "tau_2": (50.0, 500.0), "alpha_1": (0.0, 60.0), "alpha_2": (0.0, 10.0),
    }),
    Entry("EIF", {**some("v_leak", "v_T", "delta_T", "v_reset"), "g_leak": (0.02, 0.4)}, {"v_peak": 0.0}, (2e-3, 3e-2)),
    Entry("AdEx", {**MEMBRANE, **some("v_T", "delta_T", "tau_w", "a", "b", "v_reset")}, {"v_peak": 0.0}),
    Entry("Izhikevich", {
        "a": (0.002, 0.2), "b": (-0.2, 0.5), "c": (-80.0, -25.0), "d": (-2.0, 12.0), "quadratic": (0.005, 0.15),
        "linear": (0.5, 9.0), "constant": (10.0, 300.0), "v_u": (-70.0, 0.0),
    }, {"v_peak": 30.0}, (2e-3, 5e-2)),
)  # fmt: skip


def hardware() -> str:
    """The machine in words."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        named = [line for line in info.read_text().splitlines() if "model name" in line]
        cpu = named[0].partition(":")[2].strip() if named else cpu
    threads, version = torch.get_num_threads(), torch.__version__.partition("+")[0]
    return f"{os.cpu_count()} cores of {cpu}, {threads} {'thread' if threads == 1 else 'threads'}, torch {version}"


def write_table(folder: Path, name: str, rows: Sequence[Mapping[str, Any]], notes: Sequence[str]) -> None:
    """The rows as CSV, and as Markdown with the notes above."""
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (folder / f"{name}.csv").write_text(text.getvalue(), "utf-8")
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(row[key]) for key in head) + " |" for row in rows]
    (folder / f"{name}.md").write_text("\n".join([*notes, "", *lines, ""]), "utf-8")
