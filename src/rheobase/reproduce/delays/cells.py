"""(e) The same history before other cells, some of which the paper does not have."""

from __future__ import annotations

from typing import Any

from rheobase.reproduce.delays.networks import CELLS
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.findings import gains
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.scores import Scores, scored, seeds
from rheobase.reproduce.seeds import Seeds


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    pairs: dict[str, tuple[Scores, Scores]] = {}
    kept = Seeds()
    for cell in job["cells"]:
        found: list[Scores] = []
        for taps in (0, job["taps"]):
            choice = {"hidden": job["hidden"], "taps": taps, "cell": cell, "place": "states"}
            one = line(job, f"{cell}-{taps}", choice, kept, {"cell": cell, "taps": taps})
            found.append(one.scores)
            rows.append((cell, taps, *one.cells))
        pairs[cell] = (found[0], found[1])
    return Finding(
        f"Test accuracy with a history of {job['taps']} taps over none, in points ({seeds(len(job['seeds']))}): "
        f"{gains(pairs)}.",
        tables=[scored("Cells", ("cell", "taps", *COLUMNS), rows, said(job))],
        seeds=kept.table(),
    )


PART = Part(
    "cells",
    "Delays before any cell",
    "LIF, adLIF, recurrent forms, SRC and DQIF, with and without a history",
    run,
    settings={**SETTINGS, "hidden": 64, "taps": 25, "cells": list(CELLS)},
    quick={**QUICK, "hidden": 16, "taps": 5, "cells": ["LIF", "SRC"]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=12,
)
