"""The gallery as Markdown: a page for each neuron, and an index. The text follows from the declarations alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import dedent

from rheobase.core.declaration.describe import Description, allowed, display, inputs
from rheobase.core.declaration.parameter_sets import NamedSet
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import FINE_DT, make
from rheobase.files import atomic_write, ensure_folder
from rheobase.plot.gallery.portrait import DYNAMICS, PATTERNS, RESPONSE, captions
from rheobase.plot.gallery.render import BOX, Entry
from rheobase.plot.style import DARK, LIGHT

PICTURES = "img"
TITLES = {RESPONSE: "Response", DYNAMICS: "Dynamics", PATTERNS: "Firing patterns"}
SPARK = "spark.svg"


def write_docs(entries: Sequence[Entry], folder: Path, *, index: bool) -> list[Path]:
    """Write the pages and pictures of these neurons, with the index if they are all; each file in one step.

    Raises: `StorageError`.
    """
    ensure_folder(folder / PICTURES)
    written: list[Path] = []
    for entry in entries:
        name = entry.kind.__name__
        for key, plate in entry.plates.items():
            atomic_write(folder / PICTURES / f"{name}-{key}.svg", plate.image)
        atomic_write(folder / PICTURES / f"{name}-{SPARK}", thumbnail(entry.spark).encode())
        written.append(folder / f"{name}.md")
        atomic_write(written[-1], neuron_page(entry.kind, entry.plates).encode())
    if index:
        written.append(folder / "index.md")
        atomic_write(written[-1], index_page([entry.kind for entry in entries]).encode())
    return written


def neuron_page(kind: type[Declared], pictures: Collection[str]) -> str:
    """The page of a neuron, with these of its pictures (`response`, `dynamics`, `patterns`)."""
    described, name = Description.of(kind), kind.__name__
    caption = captions(kind)
    parts = [
        f"# {name}\n\n{escaped(described.summary)}\n\n{equations(described.equations)}",
        *(
            f"## {title}\n\n![{title} of {name}]({PICTURES}/{name}-{key}.svg)\n\n{caption[key]}\n"
            for key, title in TITLES.items()
            if key in pictures
        ),
        parameters(kind),
        _states(kind),
        sets(kind),
        "\n\n".join(f"**{title}.** {escaped(text)}" for title, text in _facts(described)) + "\n",
        f"## Example\n\n```python\n{described.example}\n```\n\n[All neurons](index.md)\n",
    ]
    return "\n".join(part for part in parts if part)


def index_page(kinds: Iterable[type[Declared]]) -> str:
    """The overview: every neuron with its response and what it is."""
    rows = [_index_row(kind) for kind in kinds]
    return (
        "# Neurons\n\nEvery neuron of `rheobase.neurons`, at rest under a step of current. Pages and pictures are made "
        "from the declarations by `rheobase gallery --docs docs/neurons`.\n\n"
        + table(("neuron", "response", "what it is"), rows)
    )


def _index_row(kind: type[Declared]) -> tuple[str, str, str]:
    name = kind.__name__
    small = f"![response of {name}]({PICTURES}/{name}-{SPARK})"
    return f"[{name}]({name}.md)", small, escaped(Description.of(kind).summary)


def equations(text: str) -> str:
    """The part of a docstring that holds the equations: what is indented as it stands, prose as prose."""
    made: list[str] = []
    for indented, paragraphs in groupby(text.split("\n\n"), key=lambda paragraph: paragraph.startswith("    ")):
        joined = "\n\n".join(paragraphs)
        made.append(f"```text\n{dedent(joined)}\n```\n" if indented else escaped(joined) + "\n")
    return "\n".join(made)


def parameters(kind: type[Declared]) -> str:
    """The section of the parameters, and that of the options where there are some."""
    rows = [(f"`{k}`", f"{p.default:.6g}", display(p.unit), allowed(p), p.meaning) for k, p in kind.params.items()]
    text = "## Parameters\n\n" + table(("name", "default", "unit", "allowed", "meaning"), rows)
    if kind.declared_options:
        options = [
            (f"`{k}`", f"`{o.default!r}`", ", ".join(f"`{c!r}`" for c in o.choices) or o.allowed, o.meaning)
            for k, o in kind.declared_options.items()
        ]
        text += "\n" + table(("option", "default", "choices", "meaning"), options)
    return text


def _states(kind: type[Declared]) -> str:
    rest = make(kind, 1, FINE_DT).rest(1)
    rows = [(f"`{k}`", f"{float(getattr(rest, k)):.3g}", display(s.unit), s.meaning) for k, s in kind.states.items()]
    return "## States\n\n" + table(("name", "rests at", "unit", "meaning"), rows)


def sets(kind: type[Declared], package: str = "neurons") -> str:
    """The section of the named sets; empty where there are none."""
    named = kind.sets()
    if not named:
        return ""
    sources = list(dict.fromkeys(each.source for each in named.values()))
    rows = [(f"`{s.name}`", s.meaning, _given(kind, s), str(sources.index(s.source) + 1)) for s in named.values()]
    listed = "\n".join(f"{k}. {escaped(source)}" for k, source in enumerate(sources, start=1))
    first = next(iter(named))
    return (
        f"## Named sets\n\n`{package}.{kind.__name__}.named({first!r}, 128, ...)` makes 128 {package} with a set.\n\n"
        + table(("name", "meaning", "values", "source"), rows)
        + f"\nSources:\n\n{listed}\n"
    )


def _given(kind: type[Declared], chosen: NamedSet) -> str:
    """In what a set differs from the defaults."""
    values = [f"{k} = {v:g}" for k, v in chosen.values.items() if v != kind.params[k].default]
    values += [f"{k} = {v!r}" for k, v in chosen.options.items() if v != kind.declared_options[k].default]
    return f"`{', '.join(values)}`" if values else "the defaults"


def _facts(described: Description) -> list[tuple[str, str]]:
    kind = described.kind
    known = described.sections
    return [
        ("Time", "In ms, with a step dt." if described.time == "ms" else "In steps, as in the paper."),
        ("Input", f"{inputs(kind)[0].upper()}{inputs(kind)[1:]}."),
        ("Output", "Values; a spike is an upward crossing of 0.5." if kind.graded else "Spikes, 0 or 1."),
        *((k, known[k]) for k in ("Shapes", "Raises", "Numerics", "Differs from the paper", "Reference") if k in known),
    ]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as a table of Markdown."""
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escaped(text: str) -> str:
    """Text in which Markdown sees no emphasis, tags or links.

    >>> escaped("g_Na m^3 h * (v - e_Na) < 0")
    'g\\\\_Na m^3 h \\\\* (v - e\\\\_Na) &lt; 0'
    """
    parts = text.split("`")
    for k in range(0, len(parts), 2):
        for mark in ("\\", "_", "*", "["):
            parts[k] = parts[k].replace(mark, "\\" + mark)
        parts[k] = parts[k].replace("<", "&lt;")
    return "`".join(parts)


def thumbnail(path: str) -> str:
    """A thumbnail as SVG."""
    light, dark = (f"path{{stroke:{style.colours[0]}}}" for style in (LIGHT, DARK))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{BOX[0]}" height="{BOX[1]}" viewBox="0 0 {BOX[0]} {BOX[1]}">'
        f"<style>{light}@media (prefers-color-scheme: dark){{{dark}}}</style>"
        f'<path d="{path}" fill="none" stroke-width="1.5" stroke-linejoin="round"/></svg>\n'
    )
