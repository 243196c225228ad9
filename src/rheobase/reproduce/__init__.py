"""Papers, run again: `rheobase reproduce src` makes the tables and pictures of a paper, and one page of them.

A paper is a package `reproduce/<paper>/` whose `PAPER` lists its parts in order. A part is one file:

    def run(job: Job) -> Finding:
        rows, scores, kept = [], {}, Seeds()
        for depth in job["depths"]:
            # a unit is the least that an interruption loses: its result is stored, and a second call reads it
            got = [job.unit(f"depth-{depth}-seed-{s}", lambda: train(job, depth, s), depth=depth, epochs=job["epochs"])
                   for s in job["seeds"]]
            one = scores[f"{depth} layers"] = Scores.of(got, classes=10)
            rows.append((depth, *one.cells))
            for s, result in zip(job["seeds"], got, strict=True):
                kept.add({"layers": depth}, s, result)
        table = scored("Accuracy against depth", ("layers", *SCORES), rows)
        return Finding(ranked(scores), tables=[table], pictures=[...], seeds=kept.table())

    PART = Part(
        "depth", "Depth", "accuracy of networks of one to eight layers", run,
        settings={"depths": [1, 2, 4, 8], "epochs": 20, "limit": None, "seeds": [0, 1, 2]},
        quick={"depths": [1, 2], "epochs": 1, "limit": 500, "seeds": [0]},
        needs=("mnist",),
        reduced=lambda used: f"The paper trains 30 epochs; here it is {used['epochs']}.",
    )

and its place in the tuple of `reproduce/<paper>/__init__.py`. What `job` gives:

* `job["epochs"]` a setting; with --quick, the one of `quick`; with --budget, fewer `seeds` and `epochs` where the part
  says how many `minutes` it takes; `job.seed`, `job.quick`.
* `job.unit(name, work, **settings)` what `work()` returned: a dict of JSON values, arrays and tensors. It is stored
  under these settings (with the seed of the call), so name all that decides its numbers; another value redoes it.
  With --dask, a worker runs the part up to a unit, so that what comes before one should be quick; ask for all units
  before you look at a result, and they are done side by side.
* `job.track(items, what)` the items, with a bar; `job.training(what)` a callback that shows a `Trainer` as a bar;
  `job.bar(what)` a function of (done, total, note) for work that counts for itself.
* `job.folder(name)` an empty or earlier folder of a unit, for `Trainer(folder=...)`: `resume=(folder / LAST).exists()`.
* `job.load("mnist", limit=job["limit"])` a data set from --data, `job.data` that folder; list it under `needs`, so
  that a missing one is reported before work begins.

What the part returns is written as CSV, Markdown and PNG beside the page, under the part's settings, the seed and its
`revision` (raise it when the code changes what comes out): a second call skips the part, a changed setting redoes it.

Every sentence follows from the numbers beside it. Scores over seeds are `scores.Scores`, and what is said of them comes
from `findings`: it names the number of seeds, and claims nothing that spread, number of seeds or chance level do not
support. A row for each seed goes to seeds.csv. What others measured is `quoted`. How the settings of a training were
chosen is a search, `reproduce/<paper>/search.py`: see `rheobase.reproduce.search`.
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
