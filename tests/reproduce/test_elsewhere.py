"""Units that another process does: it sees nothing of a part but its function, its settings and the folder."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field

import pytest

from rheobase.errors import ParameterError
from rheobase.jobs.unit import perform
from rheobase.plot import Table
from rheobase.reproduce import Call, Finding, Job, Paper, Part, reproduce

LOG = "log"


@dataclass
class Elsewhere:
    """Does units from the last to the first, each with a copy of its own."""

    batches: list[list[str]] = field(default_factory=list)
    remote = True

    def perform(self, units, folder):
        self.batches.append([unit.name for unit in units])
        waiting = list(units)
        while waiting:
            unit = waiting.pop()
            if perform(pickle.loads(pickle.dumps(unit)), folder, "another machine") is not None:
                waiting.insert(0, unit)
                continue
            yield unit


def note(job, name):
    with (job.folder("all") / LOG).open("a") as file:
        file.write(f"{name}\n")


def part(job):
    def trained(seed):
        note(job, f"train {seed}")
        return {"weights": seed + job.seed}

    def measured(result, seed):
        weights = result["weights"]
        note(job, f"measure {seed}")
        return {"accuracy": 10 * weights}

    made = [job.unit(f"train-{seed}", lambda seed=seed: trained(seed)) for seed in job["seeds"]]
    found = [
        job.unit(f"measure-{s}", lambda s=s, one=one: measured(one, s))
        for s, one in zip(job["seeds"], made, strict=True)
    ]
    rows = [(seed, one["accuracy"]) for seed, one in zip(job["seeds"], found, strict=True)]
    best = max(range(len(rows)), key=lambda k: rows[k][1])
    # what follows from a result is asked for afterwards
    last = job.unit("last", lambda: {"of": dict(made[best])})
    return Finding(f"{last['of']}", [Table("Accuracy", ("seed", "accuracy"), rows)])


def fickle(job):
    if job.watcher is not None:
        job.unit("u", lambda: {"x": 1})
    return Finding("")


def never_looked_at(job):
    job.unit("u", lambda: {"x": 1})
    return Finding("It looks at nothing.")


def call(folder, run=part, **options):
    made = Paper("p", "P", "", (Part("one", "One", "", run, {"seeds": [0, 1, 2]}),))
    return reproduce(Call(paper=made, out=folder, seed=3, **options))


def done(folder):
    return sorted((folder / "one" / "work" / "all" / LOG).read_text().splitlines())


def test_what_others_do_is_what_would_be_done_here(tmp_path):
    on = Elsewhere()
    there, here = call(tmp_path / "there", on=on), call(tmp_path / "here")
    assert there.records[0].tables == here.records[0].tables
    assert there.records[0].text == here.records[0].text == "{'weights': 5}"
    assert there.records[0].hardware == "another machine"
    # those that do not follow from each other's results are handed over together, and each is done once
    names = [f"{what}-{seed}" for what in ("train", "measure") for seed in (0, 1, 2)]
    assert on.batches == [names, ["last"]]
    assert done(tmp_path / "there") == done(tmp_path / "here")
    # what was made here is found there, and the other way round
    (tmp_path / "here" / "one" / "part.json").unlink()
    again = Elsewhere()
    call(tmp_path / "here", on=again)
    assert again.batches == []
    assert len(done(tmp_path / "here")) == 6


def test_what_a_part_never_looks_at_is_done_too(tmp_path):
    on = Elsewhere()
    call(tmp_path, never_looked_at, on=on)
    assert on.batches == [["u"]]


def test_fresh_does_all_again(tmp_path):
    call(tmp_path)
    on = Elsewhere()
    call(tmp_path, on=on, fresh=True)
    assert len(done(tmp_path)) == 12


def test_a_part_that_asks_for_other_units_elsewhere_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(Job, "watcher", property(lambda job: job._on if job._on.remote else None), raising=False)
    with pytest.raises(ParameterError, match="part of unit u"):
        call(tmp_path, fickle, on=Elsewhere())


def test_progress_of_others_is_shown(tmp_path):
    from rheobase.reproduce import Lines

    said = []
    made = Paper("p", "P", "", (Part("one", "One", "", part, {"seeds": [0, 1]}),))
    lines = Lines(said.append)
    lines.begin = lambda what, total: said.append((what, total))
    reproduce(Call(paper=made, out=tmp_path, on=Elsewhere()), lines)
    assert ("units", 4) in said
