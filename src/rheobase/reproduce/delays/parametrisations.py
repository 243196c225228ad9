"""(d) Where the taps start, whether they learn, and what their scale does."""

from __future__ import annotations

from typing import Any

from rheobase.nn.delays.input_history import STARTS
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
    for start in job["starts"]:
        for learn, scaled in ((True, True), (False, True), (True, False)):
            choice = {
                "hidden": job["hidden"],
                "taps": job["taps"],
                "cell": "AdLIF",
                "place": "states",
                "start": start,
                "learn": learn,
                "scaled": scaled,
            }
            words = ("learned" if learn else "fixed", "scaled" if scaled else "as published")
            about: dict[str, Any] = {"start": start, "taps": words[0], "scale": words[1]}
            one = line(job, "-".join((start, *words)), choice, kept, about)
            scores[f"{start}, {', '.join(words)}"] = one.scores
            rows.append((start, *words, *one.cells))
    return Finding(
        f"Start, taps and scale: {ranked(scores)}",
        tables=[scored("Parametrisations", ("start", "taps", "scale", *COLUMNS), rows, said(job))],
        seeds=kept.table(),
    )


PART = Part(
    "parametrisations",
    "Parametrisations of the taps",
    "free, ones, exponential, linear; learned or fixed",
    run,
    settings={**SETTINGS, "seeds": [0], "hidden": 64, "taps": 25, "starts": list(STARTS)},
    quick={**QUICK, "hidden": 16, "taps": 5, "starts": ["free"]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=4,
)
