"""(b) The largest network, trained three times as long: what delays still give when there is time to learn."""

from __future__ import annotations

from typing import Any

from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.scores import Scores, scored
from rheobase.reproduce.seeds import Seeds


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    scores: dict[str, Scores] = {}
    kept = Seeds()
    for taps in job["taps"]:
        choice = {"hidden": job["hidden"], "taps": taps, "cell": "AdLIF", "place": "states"}
        one = line(job, f"taps-{taps}", choice, kept, {"taps": taps})
        scores["1 tap" if taps == 1 else f"{taps} taps"] = one.scores
        rows.append((taps, *one.cells))
    each = "; ".join(f"{name}: {one.each()}" for name, one in scores.items() if one.n > 1)
    return Finding(
        f"2 x {job['hidden']} adLIF cells, {job['epochs']} epochs: {ranked(scores)}"
        f"{f' Every seed (%): {each}.' if each else ''}",
        tables=[scored("Trained longer", ("taps", *COLUMNS), rows, said(job))],
        seeds=kept.table(),
    )


PART = Part(
    "longer",
    "Trained longer",
    "the largest network with and without delays, trained three times as long",
    run,
    settings={**SETTINGS, "epochs": 60, "hidden": 128, "taps": [0, 25]},
    quick={**QUICK, "hidden": 16, "taps": [5]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=6,
)
