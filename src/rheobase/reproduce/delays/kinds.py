"""(c) Four places for a delay: the cell's states, its axon, the synapses before it, lateral connections."""

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
    for place in job["places"]:
        taps = 0 if place == "none" else job["taps"]
        choice = {"hidden": job["hidden"], "taps": taps, "cell": job["cell"], "place": place}
        one = line(job, place, choice, kept, {"delays in": place, "taps": taps})
        scores[place] = one.scores
        rows.append((place, taps, *one.cells))
    return Finding(
        f"Delays in: {ranked(scores)}",
        tables=[scored("Places of delays", ("delays in", "taps", *COLUMNS), rows, said(job))],
        seeds=kept.table(),
    )


PART = Part(
    "kinds",
    "Four kinds of delays",
    "delays in states, axons, synapses and lateral connections of one network",
    run,
    settings={
        **SETTINGS,
        "cell": "AdLIF",
        "hidden": 64,
        "taps": 25,
        "places": ["none", "states", "axonal", "synaptic", "recurrent"],
    },
    quick={**QUICK, "hidden": 16, "taps": 5},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=8,
)
