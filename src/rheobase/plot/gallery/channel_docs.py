"""The channels in pictures: for the gallery's page, and as Markdown, a page for each and an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rheobase.channels.channel import REST, Membrane, Pool
from rheobase.channels.flows import flows
from rheobase.channels.kinetics import kinetics
from rheobase.core.declaration.describe import Description, display
from rheobase.files import atomic_write, ensure_folder
from rheobase.plot.gallery.docs import PICTURES, equations, escaped, parameters, sets, table
from rheobase.plot.gallery.render import Entry, Plate, curve
from rheobase.plot.kinetics import channel
from rheobase.plot.style import LIGHT
from rheobase.plot.vector import adaptive_svg

KINETICS = "kinetics"
CAPTION = (
    "Where the gates settle, how fast they do, and how much of the conductance is open then; of a kinetic scheme the "
    "sums of like states and the slowest relaxation."
)


def channel_entries(kinds: Iterable[type[Membrane]]) -> Iterator[Entry]:
    """Draw channels, in their order, each as soon as it is ready."""
    for kind in kinds:
        found, name = kinetics(kind), kind.__name__
        plate = Plate("Kinetics", CAPTION, f"kinetics of {name}", adaptive_svg(channel(kind, style=LIGHT)))
        first = found.open if found.open is not None else next(iter(found.steady.values()))
        yield Entry(kind, {KINETICS: plate}, curve(np.arange(len(found.x), dtype=float), first))


def write_channel_docs(entries: Sequence[Entry], folder: Path, *, index: bool) -> list[Path]:
    """Write the pages and pictures of these channels, with the index if they are all; each file in one step.

    Raises: `StorageError`.
    """
    ensure_folder(folder / PICTURES)
    written: list[Path] = []
    for entry in entries:
        name = entry.kind.__name__
        atomic_write(folder / PICTURES / f"{name}.svg", entry.plates[KINETICS].image)
        written.append(folder / f"{name}.md")
        atomic_write(written[-1], channel_page(entry.kind).encode())
    if index:
        written.append(folder / "index.md")
        atomic_write(written[-1], channel_index(entry.kind for entry in entries).encode())
    return written


def channel_page(kind: type[Any]) -> str:
    """The page of a channel."""
    described, name = Description.of(kind), kind.__name__
    known = described.sections
    facts = flows(kind) | {k: known[k] for k in ("Numerics", "Differs from the paper", "Reference") if k in known}
    parts = [
        f"# {name}\n\n{escaped(described.summary)}\n\n{equations(described.equations)}",
        f"![Kinetics of {name}]({PICTURES}/{name}.svg)\n",
        parameters(kind),
        _states(kind),
        sets(kind, "channels"),
        "\n\n".join(f"**{_capital(k)}.** {escaped(_capital(text)).rstrip('.')}." for k, text in facts.items()) + "\n",
        f"## Example\n\n```python\n{_example(kind)}\n```\n",
        "[All channels](index.md) · [cells](../cells.md) · [from NMODL](../from_nmodl.md)\n",
    ]
    return "\n".join(part for part in parts if part)


def channel_index(kinds: Iterable[type[Any]]) -> str:
    """The overview: every channel with what it is, what it conducts, and its paper."""
    rows: list[tuple[str, ...]] = []
    for kind in kinds:
        described, name = Description.of(kind), kind.__name__
        paper = f"{described.authors}, {described.year}".strip(", ")
        ion = "fills and empties: ca" if issubclass(kind, Pool) else kind.ion or "several"
        rows.append((f"[{name}]({name}.md)", escaped(described.summary), ion, paper))
    return (
        "# Channels\n\nEvery channel of `rheobase.channels`, for the sections of a [cell](../cells.md) and for point "
        "neurons. Pages and pictures are made from the declarations by `rheobase gallery --channels --docs "
        "docs/channels`.\n\n" + table(("channel", "what it is", "ion", "paper"), rows)
    )


def _capital(text: str) -> str:
    """A sentence's beginning, unless it is a name."""
    first = text.split(maxsplit=1)[0]
    return text if (first.islower() and len(first) < 3) or "_" in first else text[0].upper() + text[1:]


def _example(kind: type[Membrane]) -> str:
    """A channel alone, in voltage clamp."""
    name = kind.__name__
    given = ", ".join(f"{k}={k}" for k in kind.entries) if kind.Input is not None else next(iter(kind.entries))
    out, what = (next(iter(kind.states)), "mM") if issubclass(kind, Pool) else ("current", "mA/cm2")
    axes = ", ".join(f"{k} in {spec.unit}" for k, spec in kind.entries.items())
    return f"{out}, end = channels.{name}(dt=0.025)({given})  # {axes}, (time, batch); {out} in {what}"


def _states(kind: type[Membrane]) -> str:
    if not kind.states:
        return ""
    rest = kind().rest(1)
    rows = [(f"`{k}`", f"{float(getattr(rest, k)):.3g}", display(s.unit), s.meaning) for k, s in kind.states.items()]
    settles = "rests at" if issubclass(kind, Pool) else f"at {REST:g} mV"
    return "## States\n\n" + table(("name", settles, "unit", "meaning"), rows)


__all__ = ["channel_entries", "channel_index", "channel_page", "write_channel_docs"]
