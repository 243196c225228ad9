"""(f) A speaker that the network has never heard: each left out in turn."""

from __future__ import annotations

import statistics
from typing import Any

from rheobase.reproduce.delays.search import HELD_OUT
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.findings import at_chance
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.scores import Scores, scored, seeds
from rheobase.reproduce.seeds import Seeds

# no network was trained on them; its settings are no blind choice for them
SEEN = f"Some of these speakers, held out, served to choose settings: those of the search are {' and '.join(HELD_OUT)}."


def run(job: Job) -> Finding:
    data = job.load(job["data"], limit=job["limit"])
    names = data.groups.names if data.groups is not None else ()
    rows: list[tuple[Any, ...]] = []
    found: dict[int, dict[str, Scores]] = {}
    kept = Seeds()
    for taps in job["taps"]:
        choice = {"hidden": job["hidden"], "taps": taps, "cell": "AdLIF", "place": "states"}
        for name in names:
            one = line(job, f"{name}-taps-{taps}", choice, kept, {"left out": name, "taps": taps}, left_out=name)
            found.setdefault(taps, {})[name] = one.scores
            rows.append((name, taps, *one.cells))
    return Finding(
        f"{' '.join(_means(taps, by) for taps, by in found.items())}{_more(found)}",
        tables=[scored("Unseen speakers", ("left out", "taps", *COLUMNS), rows, f"{said(job)} {SEEN}")],
        seeds=kept.table(),
    )


def _means(taps: int, by: dict[str, Scores]) -> str:
    lost = at_chance(by)
    mean = statistics.fmean(one.mean for one in by.values())
    known = f"; {lost}" if lost else ""
    return f"{taps} taps: {mean:.1f} % over {len(by)} speakers{known}."


def _more(found: dict[int, dict[str, Scores]]) -> str:
    """Of how many speakers the longest history hears more than none."""
    first, last = min(found), max(found)
    if first == last:
        return ""
    gained = sum(found[last][name].mean > one.mean for name, one in found[first].items())
    n = next(iter(found[first].values())).n
    return f" {last} taps score higher than {first} for {gained} of the {len(found[first])} speakers ({seeds(n)} each)."


PART = Part(
    "speakers",
    "Unseen speakers",
    "trained on all speakers but one, tested on that one",
    run,
    settings={**SETTINGS, "hidden": 128, "taps": [0, 25], "seeds": [0]},
    quick={**QUICK, "hidden": 16, "taps": [5]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=3,
)
