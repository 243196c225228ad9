"""(b) The largest network, trained three times as long: what delays still give when there is time to learn."""

from __future__ import annotations

from typing import Any

from rheobase.plot import Table
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    for taps in job["taps"]:
        choice = {"hidden": job["hidden"], "taps": taps, "cell": "AdLIF", "place": "states"}
        rows.append((taps, *line(job, f"taps-{taps}", choice).cells))
    said_of = ", ".join(f"{row[0]} taps {row[1]:.1f} % (+- {row[2]:.1f})" for row in rows)
    text = f"2 x {job['hidden']} adLIF cells: {said_of}."
    return Finding(text, tables=[Table("Trained longer", ("taps", *COLUMNS), rows, said(job))])


PART = Part(
    "longer", "Trained longer", "2 x 128 adLIF cells with and without delays, 60 epochs", run,
    settings={**SETTINGS, "epochs": 60, "hidden": 128, "taps": [0, 25]},
    quick={**QUICK, "hidden": 16, "taps": [5]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=6,
)  # fmt: skip
