"""What a neuron or a channel declares, as tables on the terminal."""

from __future__ import annotations

from rich.console import Console

from rheobase.cli.terminal import number, table
from rheobase.core.declaration.describe import Description, allowed, display
from rheobase.core.declaration.population import Declared


def tell_equations(described: Description, out: Console) -> None:
    """The name, what it is, its equations."""
    out.print(described.kind.__name__, style="bold")
    out.print(described.summary)
    out.print(f"\n{described.equations}\n", soft_wrap=True)


def tell_parameters(kind: type[Declared], how: str, out: Console) -> None:
    """The parameters; `how` says in brackets where they are set."""
    rows = [(k, number(p.default, 6), display(p.unit), allowed(p), p.meaning) for k, p in kind.params.items()]
    columns = ("name", "default", "unit", "allowed", "meaning")
    out.print(table(columns, rows, title=f"Parameters ({how})", right=("default",)))


def tell_sets(kind: type[Declared], how: str, out: Console) -> None:
    """The named sets with their sources; nothing where there is none."""
    sources = list(dict.fromkeys(each.source for each in kind.sets().values()))
    if sources:
        sets = [(s.name, s.meaning, f"[{sources.index(s.source) + 1}]") for s in kind.sets().values()]
        out.print(table(("name", "meaning", "source"), sets, title=f"Named sets ({how})"))
        for k, source in enumerate(sources, start=1):
            out.print(f"[{k}] {source}")
        out.print()
