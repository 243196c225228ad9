"""Tables and lines on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from rich.console import Console, JustifyMethod
from rich.table import Table


def console(*, err: bool = False) -> Console:
    """Where to write; prints text as it is, without reading markup or colouring numbers."""
    return Console(stderr=err, markup=False, highlight=False, emoji=False)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str = "",
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> Table:
    """A plain table; columns named in `right` are aligned to the right; the first one and `whole` are never wrapped."""
    from rich import box

    made = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        side: JustifyMethod = "right" if column in right else "left"
        made.add_column(column, justify=side, no_wrap=column == columns[0] or column in whole, header_style="bold")
    for row in rows:
        made.add_row(*row)
    return made


def figures(rows: Mapping[str, Any]) -> Table:
    """A table of names and values, without a header."""
    from rich import box

    made = Table(box=box.SIMPLE, show_header=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows.items():
        made.add_row(name, str(value))
    return made


def number(value: float, digits: int = 4) -> str:
    """A number in few characters.

    >>> number(20.0), number(0.00012345), number(1234567.0)
    ('20', '0.0001234', '1.235e+06')
    """
    return f"{value:.{digits}g}"


@contextmanager
def counted(what: str) -> Generator[Callable[[int, int], None], None, None]:
    """Gives `progress(done, total)`: a bar on a terminal, a line every few seconds elsewhere."""
    from rheobase.progress import Paced, bar

    err, paced = console(err=True), Paced()
    paced.begin()
    with bar(err, transient=True) if err.is_terminal else nullcontext() as shown:
        task = None if shown is None else shown.add_task(what, total=None, note="")

        def progress(done: int, total: int) -> None:
            if shown is not None and task is not None:
                shown.update(task, completed=done, total=total)
            elif paced.due() and done < total:
                err.print(f"{what}: {done} of {total}")

        yield progress
