"""Numbers and tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def ms(timing: dict[str, float]) -> str:
    median, lower, upper = (f"{1e3 * timing[k]:.3g}" for k in ("median", "lower", "upper"))
    return f"{median} [{lower}, {upper}]"


def times(value: float | None) -> str:
    return "" if value is None else f"{value:.3g} x"


def megabytes(value: float | None) -> str:
    return "" if value is None else f"{value / 1e6:.1f}"


def percent(value: float) -> str:
    """Rounded down: 100 % is said only of all."""
    return f"{int(value * 1e5) / 1e3:.6g} %"


def notes(rows: dict[str, dict[str, Any]], absent: dict[str, str]) -> str:
    """What differs and who is missing, under the table."""
    lines = [f"- {name}: {row['differs']}." for name, row in rows.items() if row.get("differs")]
    lines += [
        f"- {name}: compiled in {row['compile_seconds']:.0f} s."
        for name, row in rows.items()
        if "compile_seconds" in row
    ]
    lines += [f"- Absent: {name} ({why})." for name, why in absent.items()]
    return "\n".join(lines) + "\n" if lines else ""
