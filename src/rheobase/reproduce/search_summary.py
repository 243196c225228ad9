"""What the page of searches opens with: how often the values that were used scored highest, and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, few_ticks, legend, new_figure
from rheobase.plot.table import Cell
from rheobase.reproduce.record import Record
from rheobase.reproduce.search import APART, CHANCE, SCORE, TITLE, UNTRIED


@dataclass(frozen=True)
class Case:
    """One setting of one network: what the value in use scored (None where it was not tried), and the best other."""

    used: float | None
    other: float


def cases(tables: Sequence[Table]) -> list[Case]:
    """The settings of the tables of searches, each network's own.

    >>> rows = [("a", "lr", "0.1", "yes", 90.0), ("a", "lr", "0.2", "", 91.0), ("a", "lr", "0.4", "", 60.0)]
    >>> cases([Table("Settings beside others", ("network", "setting", "value", "the part's", SCORE), rows)])
    [Case(used=90.0, other=91.0)]
    """
    held: dict[tuple[Cell, Cell], list[dict[str, Cell]]] = {}
    for table in tables:
        if SCORE in table.columns:
            for row in table.rows:
                named = dict(zip(table.columns, row, strict=True))
                held.setdefault((named["network"], named["setting"]), []).append(named)
    found: list[Case] = []
    for rows in held.values():
        used = [float(row[SCORE] or 0.0) for row in rows if row["the part's"]]
        others = [float(row[SCORE] or 0.0) for row in rows if not row["the part's"]]
        if others:
            found.append(Case(max(used) if used else None, max(others)))
    return found


def found(records: Sequence[Record]) -> str:
    """The findings in three sentences; empty without a search."""
    every = [case for one in records for case in cases(one.tables)]
    if not every:
        return ""
    highest = sum(case.used is not None and case.used >= case.other for case in every)
    text = " ".join(one.text for one in records)
    told, untried, lost = (text.count(phrase) for phrase in (APART, UNTRIED, CHANCE))
    rest = len(every) - highest
    left = rest - told - untried - lost
    parts = [
        f"in {n} {said}"
        for n, said in (
            (told, "another value is told apart from it, and above"),
            (left, "another scored higher, but is not told apart over the seeds that were run"),
            (untried, "it was not tried itself"),
            (lost, "no value left the level of chance"),
        )
        if n
    ]
    others = f"Of the other {rest}, {'; '.join(parts)}. " if rest else ""
    return (
        f"In {highest} of {len(every)} cases (a setting of a network), the value in use scored highest on held-out "
        f"training data. {others}No test sample was used, and a search changes no setting by itself."
    )


def picture(records: Sequence[Record]) -> Picture | None:
    """The score of every value in use beside that of the best other; None without one."""
    held = {one.title: [case for case in cases(one.tables) if case.used is not None] for one in records}
    held = {title: each for title, each in held.items() if each}
    if not held:
        return None
    return Picture(
        TITLE,
        "Every dot: one setting of one network, its value in use against the best other value that was tried. Above "
        "the line another value scored higher.",
        "held-out accuracy of the value in use against that of the best other value",
        lambda style: _draw(held, style),
    )


def _draw(held: dict[str, list[Case]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.6, style)
    ax = dress(figure.subplots(), style, x="value in use (%)", y="best other value (%)", grid="both")
    for k, (title, each) in enumerate(held.items()):
        x, y = [case.used or 0.0 for case in each], [case.other for case in each]
        ax.plot(x, y, "o", mfc="none", ms=5.5, mew=1.3, color=style.colours[k % len(style.colours)], label=title)
    low, high = min(*ax.get_xlim(), *ax.get_ylim()), max(*ax.get_xlim(), *ax.get_ylim())
    ax.plot([low, high], [low, high], color=style.muted, lw=0.8, zorder=0)
    ax.set(xlim=(low, high), ylim=(low, high))
    few_ticks(ax, x=6, y=6)
    legend(ax, style, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
