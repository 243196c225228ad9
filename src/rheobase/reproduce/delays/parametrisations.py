"""(d) Where the taps start, whether they learn, and what their scale does."""

from __future__ import annotations

from typing import Any

from rheobase.nn.delay import STARTS
from rheobase.plot import Table
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    for start in job["starts"]:
        for learn, scaled in ((True, True), (False, True), (True, False)):
            choice = {"hidden": job["hidden"], "taps": job["taps"], "cell": "AdLIF", "place": "states",
                      "start": start, "learn": learn, "scaled": scaled}  # fmt: skip
            words = ("learned" if learn else "fixed", "scaled" if scaled else "as published")
            rows.append((start, *words, *line(job, "-".join((start, *words)), choice).cells))
    best = max(rows, key=lambda row: row[3])
    return Finding(
        f"Best: {best[0]}, {best[1]}, {best[2]}, {best[3]:.1f} %.",
        tables=[Table("Parametrisations", ("start", "taps", "scale", *COLUMNS), rows, said(job))],
    )


PART = Part(
    "parametrisations", "Parametrisations of the taps", "free, ones, exponential, linear; learned or fixed", run,
    settings={**SETTINGS, "seeds": [0], "hidden": 64, "taps": 25, "starts": list(STARTS)},
    quick={**QUICK, "hidden": 16, "taps": 5, "starts": ["free"]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=4,
)  # fmt: skip
