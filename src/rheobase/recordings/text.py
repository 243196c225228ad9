"""Text: CSV with a line of names, and Axon Text Format, whose names say units in the same way."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rheobase.errors import DataError
from rheobase.recordings.arrays import split
from rheobase.recordings.sweeps import CURRENT, POTENTIAL, TIME, Stored, Trace, Values, converted, even, kind_of

_REMEDY = "a first line such as: time (ms),v (mV),current (pA)"


def load(path: Path) -> tuple[str, Sequence[Stored]]:
    """The sweeps: one potential and one current for each, beside one column of times. Raises `DataError`."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        # ATF of Windows
        lines = path.read_text("latin-1").splitlines()
    if lines and lines[0].startswith("ATF"):
        return "ATF", _axon(path, lines)
    if path.suffix.lower() == ".atf":
        raise DataError(str(path), "a first line that is not ATF", "Axon Text Format", "give it the suffix .csv")
    return "CSV", _table(path, lines)


def _axon(path: Path, lines: Sequence[str]) -> Sequence[Stored]:
    """Columns "Trace #1 (mV)": a sweep is what has the same number; "Signals=" names the channels."""
    head = re.match(r"\s*(\d+)\s+(\d+)", lines[1]) if len(lines) > 1 else None
    if head is None or len(lines) < 4 + int(head[1]):
        raise DataError(str(path), "a header that is cut off", "Axon Text Format", "export it again")
    comments = int(head[1])
    titles = [title.strip().strip('"') for title in lines[2 + comments].rstrip("\t").split("\t")]
    values = _numbers(path, lines[3 + comments :], "\t", len(titles), 4 + comments)
    named = next((line for line in lines[2 : 2 + comments] if line.startswith('"Signals=')), "")
    signals = [name.strip().strip('"') for name in named.split("\t")[1:]]
    dt = _step(path, titles[0], values[:, 0])
    sweeps: dict[str, list[Trace]] = {}
    for k, title in enumerate(titles[1:], start=1):
        match = re.fullmatch(r"(.*?)\s*\((.*)\)", title)
        trace, unit = (match[1], match[2]) if match is not None else (title, "")
        name = signals[k - 1] if len(signals) == len(titles) - 1 else trace
        sweeps.setdefault(trace, []).append(Trace(name, unit, values[:, k], dt))
    return [Stored(name, traces) for name, traces in sweeps.items()]


def _table(path: Path, lines: Sequence[str]) -> Sequence[Stored]:
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    if len(lines) < 3:
        raise DataError(str(path), f"{len(lines)} lines", "a line of names and two samples at least", _REMEDY)
    separator = next((s for s in "\t;," if s in lines[0]), ",")
    titles = [title.strip().strip('"') for title in lines[0].split(separator)]
    # v_mV, v_mV.1, "v 2 (mV)": the number is that of the sweep
    said = [split(re.sub(r"([ _.]*#?\d+)(?=$|\s*[(\[])", "", title)) for title in titles]
    kinds = [kind for kind, _ in said]
    # a file of a stimulus has currents alone
    if POTENTIAL not in kinds and CURRENT not in kinds:
        given = f"the columns {', '.join(titles)}, none of which is a potential"
        raise DataError(str(path), given, "names with units", _REMEDY)
    alone = POTENTIAL not in kinds
    if kinds.count(TIME) > 1 or not (alone or kinds.count(CURRENT) in (0, 1, kinds.count(POTENTIAL))):
        given = f"{kinds.count(TIME)} times, {kinds.count(POTENTIAL)} potentials and {kinds.count(CURRENT)} currents"
        raise DataError(str(path), given, "one column of times, and a current for each potential", _REMEDY)
    values = _numbers(path, lines[1:], separator, len(titles), 2)
    dt = None
    if TIME in kinds and kind_of(said[kinds.index(TIME)][1]) == TIME:
        place = kinds.index(TIME)
        dt = even(path, titles[place], converted(values[:, place], said[place][1], TIME))
    potentials, currents = (
        [Trace(titles[k], said[k][1], values[:, k], dt, kind=kind) for k in range(len(titles)) if kinds[k] == kind]
        for kind in (POTENTIAL, CURRENT)
    )
    if alone:
        return [Stored(f"sweep {k}", [i]) for k, i in enumerate(currents)]
    if len(currents) == 1:
        currents *= len(potentials)
    return [Stored(f"sweep {k}", [v, *currents[k : k + 1]]) for k, v in enumerate(potentials)]


def _numbers(path: Path, lines: Sequence[str], separator: str, columns: int, first: int) -> Values:
    """Rows of numbers; an error names its line."""
    try:
        values = np.loadtxt(io.StringIO("\n".join(line.rstrip("\t") for line in lines)), delimiter=separator, ndmin=2)
    except ValueError as error:
        bad = next((k for k, line in enumerate(lines) if not _is_row(line, separator, columns)), 0)
        given = f"line {first + bad}: {lines[bad][:60]!r}"
        comma = separator != "," and re.search(r"\d,\d", lines[bad]) is not None
        remedy = "write decimals with a point, 0.1 and not 0,1" if comma else "correct that line"
        raise DataError(str(path), given, f"{columns} numbers", remedy) from error
    if values.shape[1] != columns or len(values) < 2:
        given = f"{values.shape[1]} columns of {len(values)} numbers under {columns} names"
        raise DataError(str(path), given, "a number under each name", "correct the first line")
    return values


def _is_row(line: str, separator: str, columns: int) -> bool:
    parts = line.rstrip("\t").split(separator)
    try:
        return len([float(part) for part in parts]) == columns
    except ValueError:
        return False


def _step(path: Path, title: str, times: Values) -> float:
    match = re.fullmatch(r".*\((.*)\)", title)
    if match is None or kind_of(match[1]) != TIME:
        raise DataError(str(path), f"a first column {title!r}", "times, with their unit", "export it again")
    return even(path, title, converted(times, match[1], TIME))
