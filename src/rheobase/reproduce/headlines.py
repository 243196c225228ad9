"""What a page opens with: sentences that a paper makes from the stored tables of its parts, and one of their pictures.

A paper lists functions from `Results` to a sentence. One whose numbers were not measured (a part that was not run, a
row that a smaller run leaves out) is left away, so that no sentence stands without its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rheobase.plot import Rendered
from rheobase.plot.table import Cell
from rheobase.reproduce.record import MARK, Record, slug
from rheobase.reproduce.scores import EACH, SCORE, SEEDS, Scores, seeds

Row = dict[str, Cell]
Headline = Callable[["Results"], str]


class NotMeasured(LookupError):
    """A number that the stored results do not have; the sentence that needs it is left away."""


class Results:
    """The stored tables of a paper, by part and title."""

    def __init__(self, records: Sequence[Record]):
        self._records = {one.name: one for one in records}

    def rows(self, part: str, table: str, **where: Cell) -> list[Row]:
        """The rows of a table in which columns have these values (`_` for a space in a column's name).

        Raises: `NotMeasured` where there is none.
        """
        record = self._record(part)
        found = next((one for one in record.tables if one.title.removesuffix(MARK) == table), None)
        rows = [] if found is None else [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        kept = [row for row in rows if all(row.get(k.replace("_", " ")) == v for k, v in where.items())]
        if not kept:
            raise NotMeasured(f"{part}: {table}: {where}")
        return kept

    def row(self, part: str, table: str, **where: Cell) -> Row:
        """The first of these rows. Raises: `NotMeasured`."""
        return self.rows(part, table, **where)[0]

    def scores(self, part: str, table: str, *, classes: int = 10, tested: int = 1000, **where: Cell) -> Scores:
        """The accuracies of a row, one for each seed. Raises: `NotMeasured`."""
        row = self.row(part, table, **where)
        each = row.get(EACH)
        values = [row[SCORE]] if each is None else str(each).split(", ")
        return Scores(tuple(float(str(value)) for value in values), classes, tested)

    def setting(self, part: str, name: str) -> Any:
        """A setting that a part was run with. Raises: `NotMeasured`."""
        settings = self._record(part).settings
        if name not in settings:
            raise NotMeasured(f"{part}: setting {name}")
        return settings[name]

    def texts(self) -> list[str]:
        """What each part says."""
        return [one.text for one in self._records.values()]

    def picture(self, part: str, title: str) -> Rendered | None:
        """A picture of a part, if it is stored."""
        record = self._records.get(part)
        pictures = record.pictures if record is not None else ()
        return next((one for one in pictures if slug(one.title.removesuffix(MARK)) == slug(title)), None)

    def _record(self, part: str) -> Record:
        if part not in self._records:
            raise NotMeasured(part)
        return self._records[part]


def said(headlines: Sequence[Headline], records: Sequence[Record]) -> str:
    """The sentences whose numbers were measured, as one paragraph; empty where there is none."""
    results, found = Results(records), list[str]()
    for headline in headlines:
        try:
            found.append(headline(results))
        except NotMeasured:
            continue
    return " ".join(found)


def score(row: Row, digits: int = 1) -> str:
    """The accuracy of a row as text, with its deviation where there is one.

    >>> score({"test accuracy (%)": 97.55, "standard deviation": 0.11}, 2), score({"test accuracy (%)": 93.2})
    ('97.55 +- 0.11 %', '93.2 %')
    """
    mean, spread = (row.get(name) for name in (SCORE, "standard deviation"))
    beside = "" if spread is None else f" +- {float(spread):.{digits}f}"
    return f"{float(mean or 0.0):.{digits}f}{beside} %"


def counted(row: Row) -> str:
    """The number of seeds of a row in words."""
    return seeds(int(row.get(SEEDS) or 1))
