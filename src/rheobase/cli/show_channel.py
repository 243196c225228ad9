"""What `rheobase show` says of a channel: equations, parameters, what it reads and writes, a picture of its gates."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from rheobase.channels.channel import REST, Membrane, Pool
from rheobase.channels.flows import flows
from rheobase.cli.declared_tables import tell_equations, tell_parameters, tell_sets
from rheobase.cli.terminal import figures, number, table
from rheobase.core.declaration.describe import Description, display


def tell_channel(described: Description, kind: type[Membrane], out: Console) -> None:
    """The card of a channel or a pool."""
    name = kind.__name__
    tell_equations(described, out)
    tell_parameters(kind, f"{name}(name=value)", out)
    rest = kind().rest(1)
    states = [(k, number(float(getattr(rest, k))), display(s.unit), s.meaning) for k, s in kind.states.items()]
    if states:
        settles = "rests at" if issubclass(kind, Pool) else f"at {REST:g} mV"
        out.print(table(("name", settles, "unit", "meaning"), states, title="States", right=(settles,)))
    tell_sets(kind, f'{name}.named("name")', out)
    facts = flows(kind) | {
        k.lower(): v for k, v in described.sections.items() if k in ("Numerics", "Differs from the paper", "Reference")
    }
    out.print(figures(facts))


def picture(kind: type[Membrane], path: Path) -> Path:
    """Draw the kinetics of a channel into a file. Raises `ParameterError` for another format, `StorageError`."""
    from rheobase.plot import save
    from rheobase.plot.kinetics import channel

    return save(channel(kind), path)
