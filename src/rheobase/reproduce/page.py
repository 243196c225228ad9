"""The page of a reproduction: results/<paper>/index.html."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rheobase.plot import Report, Section
from rheobase.reproduce.paper import Paper
from rheobase.reproduce.record import Record

NAME = "index.html"


@dataclass(frozen=True)
class Facts:
    """What the page says."""

    paper: Paper
    records: tuple[Record, ...]
    command: str
    machine: Mapping[str, Any]
    quick: bool


def write(facts: Facts, folder: Path) -> Path:
    """Write the page. Raises `StorageError`."""
    return report(facts).write(folder / NAME)


def report(facts: Facts) -> Report:
    """The page of the parts that stand."""
    paper, host = facts.paper, facts.machine
    missing = [part.title for part in paper.parts if part.name not in {one.name for one in facts.records}]
    seconds = sum(one.seconds for one in facts.records)
    figures = {
        "reference": paper.reference,
        "parts": ", ".join(one.title for one in facts.records) or "none yet",
        **({"not run yet": ", ".join(missing)} if missing else {}),
        "time": f"{duration(seconds)}: " + ", ".join(f"{one.name} {duration(one.seconds)}" for one in facts.records),
        "seed": ", ".join(sorted({str(one.seed) for one in facts.records})),
        "hardware": "; ".join(sorted({one.hardware for one in facts.records})),
    }
    reduced = {one.title: one.reduced for one in facts.records if one.reduced}
    names = ("rheobase", "torch", "python", "system")
    versions = "".join(f"{name} {host[name]}, " for name in names if name in host)
    return Report(
        title=f"{paper.title}{', quick run' if facts.quick else ''}",
        summary="A quick run on small settings: it shows that everything works, not what the paper found."
        if facts.quick
        else "The paper's experiments, run again.",
        figures={**figures, **{f"reduced: {title}": how for title, how in reduced.items()}},
        pictures=[],
        settings={f"{one.name}: {name}": _said(value) for one in facts.records for name, value in one.settings.items()},
        command=facts.command,
        footer=f"{versions}{date.today().isoformat()}.",
        sections=[_section(one) for one in facts.records],
    )


def _section(one: Record) -> Section:
    paragraphs = [text for text in (one.text, one.reduced) if text]
    return Section(one.title, [*paragraphs, *one.pictures, *one.tables])


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(3.21), duration(75), duration(7300)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
