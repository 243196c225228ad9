"""Tables that are written once and read on a page, in a spreadsheet and in Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from rheobase.cards import Card, grid, typeset
from rheobase.errors import InputError, ShapeError

Cell = str | int | float | None

_GROUPED, _LONGEST = 10_000, 1e9


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Numbers are shown with `digits` significant digits; the CSV file has all digits. None is an empty cell.

    >>> print(Table("Onset", ("b_h", "x"), [(-6.0, 1.44903)], caption="By bisection.").markdown(), end="")
    **Onset**
    <BLANKLINE>
    | b_h | x |
    |---:|---:|
    | -6 | 1.449 |
    <BLANKLINE>
    By bisection.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    digits: int = 4

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                given = f"a row of {len(row)} cells"
                raise ShapeError(f"Table {self.title!r}", given, f"{len(self.columns)}", "give each column a cell")
            for value in row:
                if isinstance(value, float) and not math.isfinite(value):
                    given = f"{value} in the row {row[0]!r}"
                    raise InputError(f"Table {self.title!r}", given, "finite numbers", "None where there is no value")

    def csv(self) -> str:
        """The rows with all digits; nothing where there is no value."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return text.getvalue()

    def markdown(self) -> str:
        """The table in Markdown, with its title above and its caption below."""
        lines = [self.columns, *(self.shown(row) for row in self.rows)]
        body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
        sides = "".join("---:|" if right else "---|" for right in self.numeric())
        parts = [f"**{self.title}**", "\n".join([body[0], f"|{sides}", *body[1:]]), self.caption]
        return "\n\n".join(part for part in parts if part) + "\n"

    def html(self) -> str:
        """The table for a page, in a box that scrolls where the page is too narrow."""
        table = grid(self.columns, [self.shown(row) for row in self.rows], self.numeric(), self.title)
        caption = f"<p>{typeset(self.caption)}</p>\n" if self.caption else ""
        return f'<div class="scroll">\n{table}\n</div>\n{caption}'

    def _repr_html_(self) -> str:
        """The table in a notebook."""
        rows = [self.shown(row) for row in self.rows]
        return Card(self.title, self.caption, columns=self.columns, rows=rows).html()

    def shown(self, row: Sequence[Cell]) -> list[str]:
        """The cells of a row, as people read them."""
        return [self._cell(value) for value in row]

    def numeric(self) -> list[bool]:
        """For each column, whether it holds numbers."""
        columns = zip(*self.rows, strict=True) if self.rows else [() for _ in self.columns]
        return [bool(c) and all(v is None or isinstance(v, (int, float)) for v in c) for c in columns]

    def _cell(self, value: Cell) -> str:
        if value is None:
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:,}" if abs(value) >= _GROUPED else str(value)
        return number(value, self.digits) if isinstance(value, float) else str(value)


def number(value: float, digits: int) -> str:
    """A number as text, to so many significant digits; large ones in full up to 1e9, with commas and no exponent.

    >>> number(4102042.68, 4), number(0.3333333, 4), number(2.6e-06, 3), number(84.0, 4)
    ('4,102,043', '0.3333', '2.6e-06', '84')
    """
    if 10**digits <= abs(value) < _LONGEST:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
