"""The gallery as one HTML file: pictures inside, no scripts, no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from rheobase.core.describe import Description
from rheobase.plot.gallery.portrait import PATTERNS
from rheobase.plot.gallery.render import BOX, Entry, Plate

TITLE = "Gallery of neurons"


def page(entries: Sequence[Entry], footer: str) -> str:
    """The page: a table of contents with a thumbnail for each neuron, then all pictures of each."""
    style = "".join(files("rheobase.plot").joinpath(name).read_text("utf-8") for name in ("report.css", "gallery.css"))
    count = f"{len(entries)} {'neuron' if len(entries) == 1 else 'neurons'}"
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{TITLE}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"<header>\n<h1>{TITLE}</h1>\n<p>{count}, each drawn from its declaration alone: at rest, under a step of "
        "current; its phase space where it has one or two variables; its firing rates; and its named sets.</p>\n"
        f"</header>\n<nav>\n{''.join(map(_card, entries))}</nav>\n{''.join(map(_section, entries))}"
        f"<footer>{escape(footer)}</footer>\n</main>\n</body>\n</html>\n"
    )


def _card(entry: Entry) -> str:
    name = entry.kind.__name__
    return (
        f'<a href="#{name}"><b>{name}</b><svg viewBox="0 0 {BOX[0]} {BOX[1]}" role="img" '
        f'aria-label="response of {name}"><path d="{entry.spark}"/></svg></a>\n'
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
    light, dark = (f"data:image/png;base64,{base64.b64encode(image).decode()}" for image in plate.images)
    return (
        f'<figure>\n<picture>\n<source srcset="{dark}" media="(prefers-color-scheme: dark)">\n'
        f'<img src="{light}" alt="{escape(plate.alt)}">\n</picture>\n'
        f"<figcaption>{escape(plate.caption)}</figcaption>\n</figure>"
    )
