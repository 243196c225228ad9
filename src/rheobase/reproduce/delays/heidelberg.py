"""(g) The Heidelberg digits: published accuracies, and the same network of ours where the files are present."""

from __future__ import annotations

from typing import Any

from rheobase.data.sets.folders import find_folder
from rheobase.plot import Table
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.scores import Scores, scored
from rheobase.reproduce.seeds import Seeds

CHOSEN_ON_TEST, HELD_OUT = "test set", "validation split"
# Model, accuracy (%), parameters, what its settings were chosen on. Karilanova et al. give no figure that
# could be read. None: not said.
PUBLISHED = (
    ("SpikCommander, 1 layer", 96.41, "190,000", None),
    ("SE-adLIF, 2 x 360", 95.81, "450,000", CHOSEN_ON_TEST),
    ("SE-adLIF, 2 x 360", 93.79, "450,000", HELD_OUT),
    ("C-SiLIF, 128 (4 ms)", 95.06, "38,700", CHOSEN_ON_TEST),
    ("DCLS-Delays, 2 layers", 95.07, "200,000", CHOSEN_ON_TEST),
    ("DCLS-Delays", 93.77, "200,000", HELD_OUT),
    ("DelRec, recurrent delays", 93.39, None, HELD_OUT),
    ("d-cAdLIF", 94.85, "80,000", None),
    ("RadLIF, 3 x 1024", 94.62, "3,900,000", CHOSEN_ON_TEST),
    ("adLIF, 3 x 128", 93.06, None, CHOSEN_ON_TEST),
    ("LIF, 3 x 128", 87.04, None, CHOSEN_ON_TEST),
)
SOURCES = (
    "As quoted in arXiv 2509.24852 (DelRec, table 2), the code of SiLIF (arXiv 2506.06374) and secondary sources; "
    "not measured here. What each chose its hyper-parameters on is read from its published code, where it could be."
)
FILES = ("shd_train.h5", "shd_test.h5")


def run(job: Job) -> Finding:
    columns = ("network", "test accuracy (%)", "parameters", "hyper-parameters chosen on")
    published = [(model, value, size or "-", how or "-") for model, value, size, how in PUBLISHED]
    quoted = [Table("Heidelberg digits, published", columns, published, SOURCES)]
    folder = find_folder(job.data, ("shd",))
    if not all((folder / name).is_file() for name in FILES):
        text = f"{' and '.join(FILES)} were not at hand, so that there is no row of ours."
        return Finding(text, quoted=quoted)
    rows: list[tuple[Any, ...]] = []
    scores: dict[str, Scores] = {}
    kept = Seeds()
    for taps in job["taps"]:
        choice = {"hidden": job["hidden"], "taps": taps, "cell": "AdLIF", "place": "states"}
        one = line(job, f"shd-{taps}", choice, kept, {"taps": taps})
        scores[f"{taps} taps"] = one.scores
        rows.append((f"adLIF, 2 x {job['hidden']}, {taps} taps", *one.cells))
    return Finding(
        f"Ours: {ranked(scores)}",
        tables=[scored("Heidelberg digits, ours", ("network", *COLUMNS), rows, said(job))],
        quoted=quoted,
        seeds=kept.table(),
    )


PART = Part(
    "heidelberg",
    "Heidelberg digits",
    "published accuracies, and ours where the files are present",
    run,
    settings={**SETTINGS, "data": "shd", "steps": 140, "step_ms": 10.0, "epochs": 50, "hidden": 128, "taps": [0, 25]},
    quick={**QUICK, "hidden": 16, "taps": [5]},
)
