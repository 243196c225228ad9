"""Papers, run again: `rheobase reproduce src` makes the tables and pictures of a paper, and one page of them.

A paper is a package `reproduce/<paper>/` whose `PAPER` lists its parts in order. A part is one file:

    def run(job: Job) -> Finding:
        rows = []
        for depth in job["depths"]:
            # a unit is the least that an interruption loses: its result is stored, and a second call reads it
            got = job.unit(f"depth-{depth}", lambda: train(job, depth), depth=depth, epochs=job["epochs"])
            rows.append((depth, got["accuracy"]))
        table = Table("Accuracy against depth", ("layers", "test accuracy (%)"), rows)
        return Finding(f"Up to {depth} layers were trained.", tables=[table], pictures=[...])

    PART = Part(
        "depth", "Depth", "accuracy of networks of one to eight layers", run,
        settings={"depths": [1, 2, 4, 8], "epochs": 20, "limit": None},
        quick={"depths": [1, 2], "epochs": 1, "limit": 500},
        needs=("mnist",),
        reduced="The paper trains 30 epochs; here it is 20.",
    )

and its place in the tuple of `reproduce/<paper>/__init__.py`. What `job` gives:

* `job["epochs"]` a setting; with --quick, the one of `quick`; with --budget, fewer `seeds` and `epochs` where the part
  says how many `minutes` it takes; `job.seed`, `job.quick`.
* `job.unit(name, work, **settings)` what `work()` returned: a dict of JSON values, arrays and tensors. It is stored
  under these settings (with the seed of the call), so name all that decides its numbers; another value redoes it.
* `job.track(items, what)` the items, with a bar; `job.training(what)` a callback that shows a `Trainer` as a bar.
* `job.folder(name)` an empty or earlier folder of a unit, for `Trainer(folder=...)`: `resume=(folder / LAST).exists()`.
* `job.load("mnist", limit=job["limit"])` a data set from --data, `job.data` that folder; list it under `needs`, so
  that a missing one is said before work begins.

What the part returns is written as CSV, Markdown and PNG beside the page, under the part's settings, the seed and its
`revision` (raise it when the code changes what comes out): a second call skips the part, a changed setting redoes it.
"""

from __future__ import annotations

from rheobase.reproduce.catalogue import find, names
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Paper, Part
from rheobase.reproduce.progress import Bars, Lines, Watcher
from rheobase.reproduce.run import Call, Outcome, reproduce

__all__ = [
    "Bars",
    "Call",
    "Finding",
    "Job",
    "Lines",
    "Outcome",
    "Paper",
    "Part",
    "Watcher",
    "find",
    "names",
    "reproduce",
]
