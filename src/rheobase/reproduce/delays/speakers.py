"""(f) A speaker that the network has never heard: each left out in turn."""

from __future__ import annotations

import statistics
from typing import Any

from rheobase.plot import Table
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part


def run(job: Job) -> Finding:
    data = job.load(job["data"], limit=job["limit"])
    names = data.groups.names if data.groups is not None else ()
    rows: list[tuple[Any, ...]] = []
    for taps in job["taps"]:
        choice = {"hidden": job["hidden"], "taps": taps, "cell": "AdLIF", "place": "states"}
        rows += [(name, taps, *line(job, f"{name}-taps-{taps}", choice, left_out=name).cells) for name in names]
    means = {taps: statistics.fmean(row[2] for row in rows if row[1] == taps) for taps in job["taps"]}
    said_of = ", ".join(f"{taps} taps {mean:.1f} %" for taps, mean in means.items())
    return Finding(
        f"Mean over speakers: {said_of}. Some of these speakers, held out, served to choose the learning rate.",
        tables=[Table("Unseen speakers", ("left out", "taps", *COLUMNS), rows, said(job))],
    )


PART = Part(
    "speakers", "Unseen speakers", "trained on all speakers but one, tested on that one", run,
    settings={**SETTINGS, "hidden": 128, "taps": [0, 25], "seeds": [0]},
    quick={**QUICK, "hidden": 16, "taps": [5]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=3,
)  # fmt: skip
