"""(c) Four places for a delay: the cell's states, its axon, the synapses before it, lateral connections."""

from __future__ import annotations

from typing import Any

from rheobase.plot import Table
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    for place in job["places"]:
        taps = 0 if place == "none" else job["taps"]
        choice = {"hidden": job["hidden"], "taps": taps, "cell": job["cell"], "place": place}
        rows.append((place, taps, *line(job, place, choice).cells))
    best = max(rows, key=lambda row: row[2])
    return Finding(
        f"Best: delays in {best[0]}, {best[2]:.1f} %.",
        tables=[Table("Places of delays", ("delays in", "taps", *COLUMNS), rows, said(job))],
    )


PART = Part(
    "kinds", "Four kinds of delays", "delays in states, axons, synapses and lateral connections of one network", run,
    settings={**SETTINGS, "cell": "AdLIF", "hidden": 64, "taps": 25,
              "places": ["none", "states", "axonal", "synaptic", "recurrent"]},
    quick={**QUICK, "hidden": 16, "taps": 5},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=8,
)  # fmt: skip
