"""A small paper whose parts count their work."""

from __future__ import annotations

from rheobase.plot import Picture, Table
from rheobase.plot.style import new_figure
from rheobase.reproduce import Finding, Paper, Part


class Stub:
    """Two parts: one of units, which a Ctrl-C may stop, and one without."""

    def __init__(self, **settings):
        self.done, self.stop_at = [], None
        self.settings = {"depths": [1, 2, 3], "epochs": 2} | settings

    def paper(self, **changes):
        first = {"settings": self.settings, "quick": {"depths": [1]}} | changes
        return Paper(
            "stub",
            "A stub",
            "Nobody (2024)",
            (
                Part(name="depth", summary="deeper and deeper", run=self.deepen, **{"title": "Depth", **first}),
                Part("plain", "Plain", "no units", self.plain, {"size": 4}),
            ),
        )

    def deepen(self, job):
        rows = []
        for depth in job.track(job["depths"], "depths"):
            found = job.unit(f"depth-{depth}", lambda d=depth: self.train(d), depth=depth, epochs=job["epochs"])
            rows.append((depth, found["accuracy"]))
        table = Table("Accuracy", ("layers", "accuracy"), rows, "Of nothing.")
        picture = Picture("A curve", "It is flat.", "flat", lambda style: new_figure(1, 1, style))
        published = Table("Published", ("accuracy",), [(0.25,)])
        seeds = Table("Seeds", ("layers", "seed"), [(depth, 0) for depth in job["depths"]])
        return Finding("It went deep.", [table], [picture], [published], seeds)

    def train(self, depth):
        if depth == self.stop_at:
            raise KeyboardInterrupt
        self.done.append(depth)
        return {"accuracy": 1 / depth}

    def plain(self, job):
        self.done.append("plain")
        return Finding("It is plain.", [Table("Sizes <b>", ("size",), [(job["size"],)])])
