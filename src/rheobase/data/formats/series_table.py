"""Series from the rows of a table: a row for each step, or a row for each series."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rheobase.data.formats.found_series import FoundSeries
from rheobase.data.formats.header import USUAL
from rheobase.data.formats.table import REMEDY, Table, read_table
from rheobase.data.formats.ts import moment
from rheobase.errors import DataError, ParameterError, nearest
from rheobase.problems import Problems

_EXPECTED = "columns for the id, the time, the label and the channels of each step"
_SET = "say which is which with --columns id=...,time=...,label=...,channels=..."


def read_series_table(
    path: Path,
    given: Mapping[str, tuple[str, ...]],
    *,
    labelled: bool = True,
    header: bool | None = None,
    steps: int | None = None,
) -> FoundSeries:
    """The series of a table; `given` names columns by what they are (see `Reading.columns`).

    With a column for the id, a row is a step, and the steps of a series come in the order of the time, or of the rows
    where there is no time. Without, a row is a whole series of one channel; where there is no line of names either, its
    first value is the label, as in the UCR archive.

    Where no label is asked for, one that is not there is no fault, and neither is a group or a part. In lines without
    names that are series, `steps` then tells: as many values are a series, and one more is a label before it.

    **Raises**: DataError with all that is wrong, by line, and for lines of another number of values; ParameterError for
    a column that is not there.
    """
    table = read_table(path, header=header)
    if not labelled:
        beside = {
            name for role in ("label", "group", "part") for name in given.get(role, ()) if name not in table.columns
        }
        given = {role: names for role, names in given.items() if not beside.intersection(names)}
    if not labelled and not table.headed and "id" not in given:
        given = _without_names(path, table, given, steps)
    roles = _roles(path, table, given)
    problems = Problems(str(path), REMEDY)
    if labelled and not table.headed and "id" not in roles:
        roles = {"label": ("0",), **roles}
    if labelled and "label" not in roles:
        problems.add(f"no column for the label among {_listed(table)} ({_SET})")
    taken = {name for role, names in roles.items() if role != "channels" for name in names}
    channels = roles.get("channels") or tuple(name for name in table.columns if name not in taken)
    text = [name for name in channels if table.is_text(name)]
    if text:
        comma = "; write 0.5 for 0,5" if any(_decimal_comma(table, name) for name in text) else ""
        problems.add(f"text in column {', '.join(map(repr, text))}: no channel (name those that are, {_SET}){comma}")
    if not channels:
        problems.add(f"no column for a channel among {_listed(table)}")
    if len(problems):
        problems.tell(_EXPECTED)
    values = np.stack([table.numbers(name, problems) for name in channels], 1)  # (rows, channels)
    found = _long if "id" in roles else _wide
    series = found(table, roles, channels, values, problems)
    problems.tell(_EXPECTED)
    return series


def _decimal_comma(table: Table, name: str) -> bool:
    """Whether the first value of a column is a number with a comma for its point."""
    first = str(table.columns[name].tolist()[0]).strip()
    return re.fullmatch(r"[-+]?\d+,\d+([eE][-+]?\d+)?", first) is not None


def _listed(table: Table) -> str:
    names = list(table.columns)
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def _roles(path: Path, table: Table, given: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    for names in given.values():
        for name in names:
            if name not in table.columns:
                raise ParameterError("--columns", name, f"a column of {path}", nearest(name, table.columns))
    roles = dict(given)
    if not table.headed:
        return roles
    lower = {name.lower(): name for name in reversed(table.columns)}
    named = {name for names in given.values() for name in names}
    for role, usual in USUAL.items():
        found = next((lower[word] for word in usual if word in lower and lower[word] not in named), None)
        if role not in roles and found is not None:
            roles[role] = (found,)
    return roles


def _without_names(
    path: Path, table: Table, given: Mapping[str, tuple[str, ...]], steps: int | None
) -> Mapping[str, tuple[str, ...]]:
    """The columns of lines that are series, or a label and a series: `steps` values tell which."""
    if "channels" in given:
        return given
    beside = {name for role, names in given.items() if role != "label" for name in names}
    values = len(table.columns) - len(beside & set(table.columns))
    if values - 1 == steps:
        return {"label": ("0",), **given}
    # without the label all columns have other numbers, so that what else was named is elsewhere
    if values == steps and not beside:
        return {}
    said = f"lines of {len(table.columns)} values without names"
    expected = (
        f"{steps} values, as the training had, or a class and {steps} values" if steps else "names of the columns"
    )
    raise DataError(str(path), said, expected, "write a line of names above: v0,v1, say, or label,v0,v1")


def _first(roles: Mapping[str, tuple[str, ...]]) -> str:
    """What the first value of a line without names is."""
    if roles.get("label") == ("0",):
        return "so that the first value is the label"
    return "and no label" if "label" not in roles else f"and the label is value {roles['label'][0]}"


def _said(roles: Mapping[str, tuple[str, ...]]) -> str:
    return ",".join(f"{role}={','.join(names)}" for role, names in roles.items())


def _column(table: Table, roles: Mapping[str, tuple[str, ...]], role: str, problems: Problems) -> list[str]:
    """The text of each row in the column of a role, () without one; an empty one is noted."""
    if role not in roles:
        return []
    words = [str(word).strip() for word in table.columns[roles[role][0]].tolist()]
    for row, word in enumerate(words):
        if word.lower() in ("", "nan", "?"):
            problems.add(f"no {role} in column {roles[role][0]!r}", table.where(row))
    return words


def _wide(
    table: Table, roles: dict[str, tuple[str, ...]], channels: tuple[str, ...], values: np.ndarray, problems: Problems
) -> FoundSeries:
    if "time" in roles:
        given = f"column {roles['time'][0]!r} for the time, and none for the id of a series among {_listed(table)}"
        raise DataError(problems.source, given, _EXPECTED, f"add a column id, or {_SET}")
    how = f"each line is a series of one channel and {len(channels)} steps: no column is called id"
    names = "" if table.headed else f"; no line of names, {_first(roles)}"
    return FoundSeries(
        list(values[..., None]),
        ("value",),
        _column(table, roles, "label", problems),
        groups=_column(table, roles, "group", problems),
        parts=_column(table, roles, "part", problems),
        notes=(f"{how}{names} (--columns id=... for a line for each step)",),
        columns=_said({**roles, "channels": channels}) if table.headed else None,
    )


def _long(
    table: Table, roles: dict[str, tuple[str, ...]], channels: tuple[str, ...], values: np.ndarray, problems: Problems
) -> FoundSeries:
    ids = _column(table, roles, "id", problems)
    names = list(dict.fromkeys(ids))
    place = {name: k for k, name in enumerate(names)}
    of = np.array([place[name] for name in ids])
    time, notes = _times(table, roles, problems)
    order = np.lexsort((time, of))
    cuts = np.flatnonzero(np.diff(of[order])) + 1
    rows = np.split(order, cuts)
    apart = [np.diff(time[which]) for which in rows]
    for name, which, steps in zip(names, rows, apart, strict=True):
        for at in (steps == 0).nonzero()[0].tolist():
            problems.add(f"a second row of series {name!r} for one time", table.where(int(which[at + 1])))
    steps = np.concatenate(apart)
    if "time" in roles and len(steps) and steps.max() > steps.min() * (1 + 1e-6):
        spread = f"from {steps.min():g} to {steps.max():g}"
        notes += (f"caution: steps in {roles['time'][0]!r} vary {spread}; each row is taken as one step",)
    one = {role: _one_each(table, roles, role, rows, names, problems) for role in ("label", "group", "part")}
    told = ", ".join(f"{role} {' '.join(names)}" for role, names in {**roles, "channels": channels}.items())
    return FoundSeries(
        [values[which] for which in rows],
        channels,
        one["label"],
        names,
        one["group"],
        one["part"],
        notes=(f"columns: {told} (--columns changes them)", *notes),
        columns=_said({**roles, "channels": channels}),
        step=float(np.median(steps)) if "time" in roles and len(steps) else None,
    )


def _times(
    table: Table, roles: Mapping[str, tuple[str, ...]], problems: Problems
) -> tuple[np.ndarray, tuple[str, ...]]:
    if "time" not in roles:
        return np.arange(len(table.lines), dtype=np.float64), (
            "no column for the time: steps in the order of the rows",
        )
    name = roles["time"][0]
    if not table.is_text(name):
        return table.numbers(name, problems), ()
    times = np.zeros(len(table.lines))
    for row, word in enumerate(table.columns[name].tolist()):
        try:
            times[row] = moment(word)
        except ValueError:
            problems.add(f"neither a number nor a date in column {name!r}", table.where(row))
    return times, ()


def _one_each(
    table: Table,
    roles: Mapping[str, tuple[str, ...]],
    role: str,
    rows: list[np.ndarray],
    names: list[str],
    problems: Problems,
) -> list[str]:
    """The value of a role for each series, which all its rows must agree on."""
    words = _column(table, roles, role, problems)
    if not words:
        return []
    out = list[str]()
    for name, which in zip(names, rows, strict=True):
        found = dict.fromkeys(words[row] for row in which.tolist())
        if len(found) > 1:
            problems.add(f"series {name!r} with several values for its {role}: {', '.join(list(found)[:4])}")
        out.append(next(iter(found)))
    return out
