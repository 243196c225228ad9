"""The gallery as one HTML file: pictures inside, no scripts, no network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rheobase.core.declaration.describe import Description
from rheobase.plot.gallery.portrait import PATTERNS
from rheobase.plot.gallery.render import BOX, Entry, Plate
from rheobase.plot.markup import document, vector_figure

DRAWN = {
    "neuron": "at rest, under a step of current; its phase space where it has one or two variables; its firing rates; "
    "and its named sets",
    "channel": "where its gates settle, how fast, and how much of it is open then",
}


def page(entries: Sequence[Entry], footer: str, *, of: str = "neuron") -> str:
    """The page: a table of contents with a thumbnail for each, then all pictures; `of` is "neuron" or "channel"."""
    title = f"Gallery of {of}s"
    count = f"{len(entries)} {of}{'' if len(entries) == 1 else 's'}"
    body = (
        f"<header>\n<h1>{title}</h1>\n<p>{count}, each drawn from its declaration alone: {DRAWN[of]}.</p>\n"
        f"</header>\n<nav>\n{''.join(map(_card, entries))}</nav>\n{''.join(map(_section, entries))}"
        f"<footer>{escape(footer)}</footer>\n"
    )
    return document(title, body, "report.css", "gallery.css")


def _card(entry: Entry) -> str:
    name = entry.kind.__name__
    return (
        f'<a href="#{name}"><b>{name}</b><svg viewBox="0 0 {BOX[0]} {BOX[1]}" role="img" '
        f'aria-label="{name}"><path d="{entry.spark}"/></svg></a>\n'
    )


def _section(entry: Entry) -> str:
    described, name = Description.of(entry.kind), entry.kind.__name__
    plates = "".join(
        f'<div class="{"wide" if key == PATTERNS else "half"}">\n{_figure(each)}\n</div>\n'
        for key, each in entry.plates.items()
    )
    return (
        f'<section id="{name}">\n<h2>{name}</h2>\n<p>{escape(described.summary)}</p>\n'
        f"<details>\n<summary>Equations and paper</summary>\n<pre><code>{escape(described.equations)}</code></pre>\n"
        f"<p>{escape(described.sections.get('Reference', ''))}</p>\n</details>\n"
        f'<div class="plates">\n{plates}</div>\n</section>\n'
    )


def _figure(plate: Plate) -> str:
    return vector_figure(plate.image, alt=plate.alt, caption=plate.caption)
