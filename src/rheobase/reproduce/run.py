"""One call of `rheobase reproduce`: part after part, each stored when it is done, and the page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rheobase.data.sets.mnist import FILES, data_root, find
from rheobase.errors import DataError, ParameterError
from rheobase.files import ensure_folder
from rheobase.jobs import Executor, Here, store
from rheobase.machine import in_words
from rheobase.reproduce import budget, page, record
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Paper, Part
from rheobase.reproduce.progress import Watcher
from rheobase.reproduce.record import Record

SEARCH = "search"


@dataclass(frozen=True, kw_only=True)
class Call:
    """What was asked for. `budget`: minutes, of a machine with two cores. `command` and `machine` are for the page.

    `search`: run the searches for the settings of the parts instead of the parts. `redraw`: run nothing, and write the
    page from whatever is stored, be it of other settings (`Part.again`). `on`: where units are done, this process by
    default.
    """

    paper: Paper
    only: tuple[str, ...] = ()
    search: bool = False
    quick: bool = False
    budget: float | None = None
    out: Path | None = None
    seed: int = 0
    data: Path | None = None
    fresh: bool = False
    redraw: bool = False
    on: Executor | None = None
    command: str = ""
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> Paper:
        """The paper, or its searches. Raises `ParameterError` for a search where there are none."""
        return self.paper.of_searches() if self.search else self.paper

    @property
    def folder(self) -> Path:
        """Where results go: results/<paper>, or results/<paper>-quick, or results/<paper>-30-minutes.

        Those of searches go into the folder search/ in it.
        """
        size = "-quick" if self.quick else "" if self.budget is None else f"-{self.budget:g}-minutes"
        return self.out or Path("results") / (self.paper.name + size) / (SEARCH if self.search else "")

    @property
    def size(self) -> dict[str, Any]:
        """How much of a full run each part does: the keyword arguments of `Part.in_force`."""
        return {"quick": self.quick, "share": budget.share(self.shown.choose(self.only), self.budget)}

    def identity(self, part: Part) -> dict[str, Any]:
        """The facts beside settings whose change makes stored results of a part invalid."""
        kind = {SEARCH: True} if self.search else {}
        return {"paper": self.paper.name, "part": part.name, "revision": part.revision, **kind}

    def key(self, part: Part) -> str:
        """The key under which the result of a part is stored."""
        settings, reduced = part.in_force(**self.size), part.reduction(**self.size)
        facts = {"settings": settings, "seed": self.seed, "reduced": reduced, "form": record.FORM}
        return store.key({**self.identity(part), **facts})


@dataclass(frozen=True)
class Outcome:
    """The finished parts, of this call and of earlier ones with the same settings, and the page that shows them."""

    call: Call
    records: tuple[Record, ...]
    page: Path

    def as_json(self) -> dict[str, Any]:
        """All numbers, as values of JSON."""
        call = self.call
        return {
            "paper": call.paper.name,
            "title": call.shown.title,
            "reference": call.paper.reference,
            "search": call.search,
            "quick": call.quick,
            "seed": call.seed,
            "command": call.command,
            "machine": dict(call.machine),
            "page": str(self.page),
            "parts": [one.as_json() for one in self.records],
        }


def reproduce(call: Call, watcher: Watcher | None = None) -> Outcome:
    """Run the parts of a call that are not stored yet, and write the page.

    Raises: `ParameterError` for an unknown part, a seed below 0 or a budget that is none, `DataError` before any work
    where data are missing or `redraw` finds no result, `StorageError`, `CheckpointError` for damaged results, and what
    the parts raise.
    """
    watcher = watcher or Watcher()
    chosen = call.shown.choose(call.only)
    if call.seed < 0:
        raise ParameterError(f"reproduce {call.paper.name}", f"seed {call.seed}", "a seed of at least 0", "--seed 0")
    _check_size(call)
    if call.redraw:
        return _redraw(call)
    ensure_folder(call.folder)
    todo = [part for part in chosen if call.fresh or record.read(call.folder / part.name, call.key(part)) is None]
    for part in todo:
        _check_data(call, part)
    try:
        for number, part in enumerate(chosen, start=1):
            watcher.part(part.title, number, len(chosen), stored=part not in todo)
            if part in todo:
                _run(call, part, watcher)
                # after each part, so that an interrupted call leaves a page of what it did
                _write(call)
    finally:
        watcher.end()
    return _write(call)


def _redraw(call: Call) -> Outcome:
    owner = f"reproduce {call.paper.name}"
    if call.fresh or call.only:
        given = f"--redraw and {'--fresh' if call.fresh else '--only'}"
        raise ParameterError(owner, given, "--redraw alone, which runs nothing", "leave one of them out")
    if all(record.read(call.folder / part.name, None) is None for part in call.shown.parts):
        raise DataError(owner, f"no stored result in {call.folder}", "what an earlier run stored", "run it first")
    for part in call.shown.parts:
        folder = call.folder / part.name
        held = record.read(folder, None)
        if part.again is None or held is None:
            continue
        try:
            finding = part.again(held, record.seed_rows(folder))
        except LookupError as error:
            given, remedy = f"a result without {error}", f"run it again: --only {part.name} --fresh"
            raise DataError(str(folder), given, "the counts of every row", remedy) from error
        record.save(folder, finding, replace(held, title=held.title.removesuffix(record.MARK), text=finding.text))
    return _write(call)


def _run(call: Call, part: Part, watcher: Watcher) -> None:
    settings = part.in_force(**call.size)
    here = in_words(dict(call.machine)) if call.machine else "not said"
    job = Job(
        settings,
        call.folder / part.name,
        identity=call.identity(part),
        quick=call.quick,
        seed=call.seed,
        data=call.data,
        fresh=call.fresh,
        on=call.on or Here(here),
        part=part.run,
        watcher=watcher,
    )
    began = time.perf_counter()
    finding = part.run(job)
    job.gather()
    seconds = time.perf_counter() - began + job.stored_seconds
    made = Record(
        part.name,
        part.title,
        call.key(part),
        finding.text,
        part.reduction(**call.size),
        settings,
        call.seed,
        seconds,
        "; ".join(sorted(job.used - {""})) or here,
    )
    record.save(call.folder / part.name, finding, made)


def _write(call: Call) -> Outcome:
    keys = {part.name: call.key(part) for part in call.shown.parts}
    found = [
        (part, record.read(call.folder / part.name, None if call.redraw else keys[part.name]))
        for part in call.shown.parts
    ]
    # a part that is called otherwise now than when it ran keeps its numbers
    records = tuple(
        replace(one, title=part.title + (record.MARK if one.reduced else "")) for part, one in found if one is not None
    )
    others = tuple(one.title for one in records if one.key != keys[one.name])
    other = f"../{page.NAME}" if call.search else f"{SEARCH}/{page.NAME}"
    facts = page.Facts(
        call.shown,
        records,
        call.command,
        call.machine,
        quick=call.quick,
        search=call.search,
        others=others,
        other=other if (call.folder / other).is_file() else "",
    )
    return Outcome(call, records, page.write(facts, call.folder))


def _check_size(call: Call) -> None:
    if call.budget is None:
        return
    owner = f"reproduce {call.paper.name}"
    if call.quick:
        raise ParameterError(owner, "--quick and --budget", "one of them", "--quick is the smallest run there is")
    if not call.budget > 0:
        raise ParameterError(owner, f"--budget {call.budget:g}", "minutes, more than 0", "--budget 30")


def _check_data(call: Call, part: Part) -> None:
    """Raise `DataError` where a folder of data that the part needs is not there."""
    owner = f"reproduce {call.paper.name}"
    if call.data is not None and not call.data.is_dir():
        raise DataError(owner, f"--data {call.data}, which is no folder", "a folder", "check the path")
    for name in part.needs:
        root = data_root(name.split("|")[0], call.data)
        # `rheobase.data` also reads files that lie in the folder itself
        if not any((root / one).is_dir() for one in name.split("|")) and find(root, FILES["x_train"]) is None:
            others = [one.name for one in call.shown.parts if not one.needs]
            remedy = f"point --data or RHEOBASE_DATA at the folder that holds {name.split('|')[0]}/"
            if others:
                remedy += f", or run only what needs no data: --only {','.join(others)}"
            raise DataError(
                owner, f"no folder {name.replace('|', ' or ')} in {root}", f"the data of part {part.name!r}", remedy
            )
