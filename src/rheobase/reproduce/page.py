"""The page of a reproduction: results/<paper>/index.html, and that of its searches in the folder search/."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rheobase.plot import Link, Picture, Rendered, Report, Section
from rheobase.plot.report import OPENING
from rheobase.reproduce import headlines, scores, search_summary
from rheobase.reproduce.changes import leaves
from rheobase.reproduce.findings import JUDGED
from rheobase.reproduce.paper import Paper
from rheobase.reproduce.record import SEEDS, Record

NAME = "index.html"


@dataclass(frozen=True)
class Facts:
    """The content of the page.

    `search`: it is that of the searches. `other`: the link to the other page, or empty. `others`: the titles of parts
    that ran under other settings than the present ones.
    """

    paper: Paper
    records: tuple[Record, ...]
    command: str
    machine: Mapping[str, Any]
    quick: bool = False
    search: bool = False
    other: str = ""
    others: tuple[str, ...] = ()


def write(facts: Facts, folder: Path) -> Path:
    """Write the page. Raises `StorageError`."""
    return report(facts).write(folder / NAME)


def report(facts: Facts) -> Report:
    """The page of the finished parts."""
    paper, host = facts.paper, facts.machine
    missing = [part.title for part in paper.parts if part.name not in {one.name for one in facts.records}]
    seconds = sum(one.seconds for one in facts.records)
    about = {
        "reference": paper.reference,
        **({"not run yet": "; ".join(missing)} if missing else {}),
        **({"run with earlier settings": "; ".join(facts.others)} if facts.others else {}),
        "time": f"{duration(seconds)}: " + ", ".join(f"{one.name} {duration(one.seconds)}" for one in facts.records),
        "seed": ", ".join(sorted({str(one.seed) for one in facts.records})),
        "hardware": "; ".join(sorted({one.hardware for one in facts.records})),
    }
    if any(scores.SEEDS in table.columns for one in facts.records for table in one.tables):
        about["how scores are compared"] = JUDGED
    names = ("rheobase", "torch", "python", "system")
    versions = "".join(f"{name} {host[name]}, " for name in names if name in host)
    return Report(
        title=f"{paper.title}{', quick run' if facts.quick else ''}",
        summary=_found(facts) or _state(facts),
        note=_state(facts) if _found(facts) else "",
        opening=_opening(facts),
        figures={},
        pictures=[],
        settings=_settings(facts.records),
        command=facts.command,
        footer=f"{versions}{date.today().isoformat()}.",
        sections=[*(_section(facts, one) for one in facts.records), Section("About this page", [about])],
        links=_links(facts),
    )


def _links(facts: Facts) -> list[Link]:
    if not facts.other:
        return []
    said, text = (
        ("What was run with these settings:", "the results")
        if facts.search
        else ("How the settings were chosen:", "search of settings")
    )
    return [Link(said, text, facts.other)]


def _found(facts: Facts) -> str:
    """What was found, in a few sentences; nothing where the settings are too small to find anything."""
    if facts.quick:
        return ""
    return search_summary.found(facts.records) if facts.search else headlines.said(facts.paper.headlines, facts.records)


def _opening(facts: Facts) -> Picture | Rendered | None:
    if facts.search:
        return search_summary.picture(facts.records)
    return headlines.Results(facts.records).picture(*facts.paper.opening) if facts.paper.opening else None


def _state(facts: Facts) -> str:
    """How much was run, and how."""
    if facts.quick:
        return "A quick run on small settings: it shows that everything works, not what the paper found."
    done, whole = len(facts.records), len(facts.paper.parts)
    if facts.search:
        ran = "" if done == whole else f"{done} of the {whole} searches were run. "
        return f"{ran}One setting was changed at a time, and scored on training data that were held out."
    reduced = sum(bool(one.reduced) for one in facts.records)
    said = f", {reduced} of them on a smaller scale than in the paper (marked: reduced run)" if reduced else ""
    ran = f"All {whole} parts were run" if done == whole else f"{done} of the {whole} parts were run"
    return f"{ran}{said}."


def _section(facts: Facts, one: Record) -> Section:
    paragraphs = [text for text in (one.text, f"Reduced run. {one.reduced}" if one.reduced else "") if text]
    links = [Link("Every run, a row each:", f"{one.name}/{SEEDS}", f"{one.name}/{SEEDS}")] if one.seeds else []
    opening = _opening(facts)
    # the picture that opens the page is not shown again
    pictures = [
        Link("At the top of the page:", each.title, f"#{OPENING}") if each is opening else each for each in one.pictures
    ]
    return Section(one.title, [*paragraphs, *_chosen(facts, one), *pictures, *one.tables, *one.quoted, *links])


def _chosen(facts: Facts, one: Record) -> list[Link]:
    """Where the settings of a part stand beside others; and which of them a reduced run does not use."""
    search = facts.paper.search_of(one.name)
    part = next((part for part in facts.paper.parts if part.name == one.name), None)
    if search is None or part is None or facts.search or not facts.other:
        return []
    other = search.others(part, one.settings)
    said = f"In this run {_and(other)} are not those of the full run, which were looked over." if other else ""
    about = f"Compared with other values of {_and(search.tried)}, on held-out training data:"
    return [Link(" ".join(text for text in (said, about) if text), f"search, {search.title}", facts.other)]


def _and(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _settings(records: tuple[Record, ...]) -> dict[str, str]:
    """A line for each setting; those within settings stand together behind the names that lead to them."""
    found: dict[str, list[str]] = {}
    for one in records:
        for path, value in leaves(one.settings):
            said = value if isinstance(value, str) else json.dumps(value)
            if len(path) == 1:
                found[f"{one.name}: {path[0]}"] = [said]
            else:
                found.setdefault(f"{one.name}: {' / '.join(path[:-1])}", []).append(f"{path[-1]} {said}")
    return {name: ", ".join(said) for name, said in found.items()}


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(3.21), duration(75), duration(7300)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
