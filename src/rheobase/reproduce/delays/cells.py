"""(e) The same history before other cells, some of which the paper does not have."""

from __future__ import annotations

from typing import Any

from rheobase.plot import Table
from rheobase.reproduce.delays.networks import CELLS
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    gains: list[str] = []
    for cell in job["cells"]:
        means = []
        for taps in (0, job["taps"]):
            choice = {"hidden": job["hidden"], "taps": taps, "cell": cell, "place": "states"}
            one = line(job, f"{cell}-{taps}", choice)
            means.append(one.mean)
            rows.append((cell, taps, *one.cells))
        gains.append(f"{cell} {means[1] - means[0]:+.1f}")
    return Finding(
        "With delays over without, in points: " + ", ".join(gains) + ".",
        tables=[Table("Cells", ("cell", "taps", *COLUMNS), rows, said(job))],
    )


PART = Part(
    "cells", "Delays before any cell", "LIF, adLIF, recurrent forms, SRC and DQIF, with and without a history", run,
    settings={**SETTINGS, "seeds": [0, 1], "hidden": 64, "taps": 25, "cells": list(CELLS)},
    quick={**QUICK, "hidden": 16, "taps": 5, "cells": ["LIF", "SRC"]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=8,
)  # fmt: skip
