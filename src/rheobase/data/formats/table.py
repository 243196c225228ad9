"""Tables with named columns: CSV and TSV files, and Parquet."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.data.formats.header import is_missing, names_columns, number
from rheobase.errors import BackendUnavailable, DataError
from rheobase.files import why
from rheobase.memory import check_room
from rheobase.problems import Problems
from rheobase.text_files import check_room_for_text, read_text

REMEDY = "mend or drop these lines"
PARQUET = (".parquet", ".pq")
_BYTES_A_VALUE, _BYTES_A_CELL = 155, 65  # of text and of Parquet, measured: words, numbers, and series of them
_EXPECTED = "a table: a line of names, then as many values in each line as there are names"
_WHICH = (
    "--header where it names the columns, --no-header where it is data (Reading(header=True), header=False), or write "
    "a line of names above: label,v0,v1, say"
)


@dataclass(frozen=True)
class Table:
    """Columns by name, each (rows,), text or numbers, and where each row stands in the file.

    `headed` is False for a file without a line of names, whose columns are numbered "0", "1"...
    """

    columns: dict[str, np.ndarray]
    first_line: int
    lines: np.ndarray
    headed: bool = True

    def where(self, row: int) -> str:
        """A row as a user finds it."""
        return f"{'line' if self.first_line else 'row'} {self.lines[row]}"

    def numbers(self, name: str, problems: Problems) -> np.ndarray:
        """A column as float64; what is no finite number is noted."""
        column = self.columns[name]
        try:
            values = column.astype(np.float64)
        except (ValueError, TypeError):
            values = np.array([number(word) for word in column.tolist()])
        for row in (~np.isfinite(values)).nonzero()[0].tolist():
            word = str(column[row]).strip()
            what = "a missing value" if is_missing(word) else f"{word[:20]!r}, no finite number,"
            problems.add(f"{what} in column {name!r}", self.where(row))
        return values

    def is_text(self, name: str) -> bool:
        """Whether most values of a column are neither numbers nor missing."""
        column = self.columns[name]
        if column.dtype.kind != "U":
            return False
        words = column[:200].tolist()
        return sum(bool(word.strip()) and math.isnan(number(word)) for word in words) * 2 > len(words)


def read_table(path: Path, *, header: bool | None = None) -> Table:
    """The columns of a .csv or .tsv file, plain or .gz, or of a .parquet file.

    Values are separated by tabs in a .tsv, else by the sign of , ; and tab that the first line has most of. `header`
    says whether the first line of text names the columns; None: as `names_columns` finds.

    **Raises**: DataError for a file that is no table, with all lines that do not fit, and for a first line that may be
    names or data; BackendUnavailable for Parquet without pyarrow.
    """
    if path.suffix.lower() in PARQUET:
        return _read_parquet(path)
    check_room_for_text(path, ",;\t", _BYTES_A_VALUE)
    text = read_text(path)
    head = next((line for line in text.splitlines() if line.strip()), "")
    name = path.name.lower().removesuffix(".gz")
    sign = "\t" if name.endswith(".tsv") else max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=sign)
    rows, lines = list[list[str]](), list[int]()
    try:
        for row in reader:
            if any(word.strip() for word in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        given = f"line {reader.line_num} that cannot be read ({error})"
        raise DataError(str(path), given, _EXPECTED, "is it another format?") from error
    if not rows or len(rows[0]) < 2:
        given = "no line" if not rows else f"a first line without a separator, {head[:40]!r}"
        raise DataError(str(path), given, _EXPECTED, "separate values by commas, semicolons or tabs")
    headed = names_columns(rows[0], rows[1:]) if header is None else header
    if headed is None:
        given = f"a first line, {head[:40]!r}, that may name the columns or be data"
        raise DataError(str(path), given, "one that says which", _WHICH)
    names = [word.strip() for word in rows[0]] if headed else [str(k) for k in range(len(rows[0]))]
    _check(path, names, rows[headed:], lines[headed:])
    held = np.array(rows[headed:], dtype=np.str_).T
    return Table(dict(zip(names, held, strict=True)), 1, np.array(lines[headed:]), headed)


def _check(path: Path, names: list[str], rows: list[list[str]], lines: list[int]) -> None:
    problems = Problems(str(path), REMEDY)
    for name, times in Counter(names).items():
        if times > 1 or not name:
            problems.add(f"{times} columns named {name!r}" if name else "a column without a name", "line 1")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(names):
            problems.add(f"{len(row)} values for {len(names)} columns", f"line {line}")
    if not rows:
        problems.add("no line below the names")
    problems.tell(_EXPECTED)


def _read_parquet(path: Path) -> Table:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise BackendUnavailable(
            str(path), f"no pyarrow ({error})", "the package pyarrow", 'pip install "rheobase[parquet]"'
        ) from error
    if not path.is_file():
        raise DataError(str(path), "no such file", "a Parquet file", "check the path")
    try:
        known: Any = parquet.read_metadata(path)
        cells = known.num_rows * known.num_columns
        check_room(str(path), f"{cells:.3g} cells", _BYTES_A_CELL * cells, "take fewer samples")
        read: Any = parquet.read_table(path)
    except (ArrowException, OSError) as error:
        given = f"a file that cannot be read ({why(error)})"
        raise DataError(str(path), given, "a whole Parquet file", "write it again") from error
    columns = {name: _plain(path, name, read.column(name)) for name in dict.fromkeys(read.column_names)}
    if not columns or not read.num_rows or len(columns) < len(read.column_names):
        given = f"{read.num_rows} rows of columns {', '.join(read.column_names) or 'none'}"
        raise DataError(str(path), given, "rows in columns of different names", "write it again")
    return Table(columns, 0, np.arange(read.num_rows))


def _plain(path: Path, name: str, column: Any) -> np.ndarray:
    """A column of Parquet as numbers or text; NaN or "" where it has no value."""
    import pyarrow

    kind: Any = column.type
    types: Any = pyarrow.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind):
        whole = (types.is_integer(kind) or types.is_boolean(kind)) and not column.null_count
        values = column.to_numpy()
        return values.astype(np.int64) if whole else np.asarray(values, dtype=np.float64)
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_temporal(kind):
        return np.array(["" if value is None else str(value) for value in column.to_pylist()], dtype=np.str_)
    given = f"column {name!r} of {kind}"
    raise DataError(str(path), given, "numbers, text or times", "write one value in each cell, or drop the column")
