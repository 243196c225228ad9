"""A page that holds everything about a run: one HTML file with its pictures inside, no scripts, no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from rheobase.cards import Card, named, typeset
from rheobase.files import atomic_write, ensure_folder
from rheobase.plot.markup import document, figure
from rheobase.plot.style import DARK, LIGHT, Style, png
from rheobase.plot.table import Table

OPENING = "opening"  # the anchor of the picture that opens a page
_NEXT, _LINE = " &middot;\n", "\n"


@dataclass(frozen=True)
class Picture:
    """A picture of the page. `draw` is called once for each style; `alt` says in words what is seen.

    >>> from rheobase.plot.style import new_figure
    >>> shown = Picture("Rate", "over time", "a line", lambda style: new_figure(2.0, 1.0, style)).rendered()
    >>> shown.light[1:4], shown.dark[1:4]
    (b'PNG', b'PNG')
    """

    title: str
    caption: str
    alt: str
    draw: Callable[[Style], Figure]

    def rendered(self) -> Rendered:
        """The picture in its two variants."""
        light, dark = (png(self.draw(style)) for style in (LIGHT, DARK))
        return Rendered(self.title, self.caption, self.alt, light, dark)


@dataclass(frozen=True)
class Rendered:
    """A picture that is drawn: PNG for light and for dark pages.

    >>> Rendered("Rate", "over time", "a line", light=b"", dark=b"").title
    'Rate'
    """

    title: str
    caption: str
    alt: str
    light: bytes
    dark: bytes


@dataclass(frozen=True)
class Link:
    """A paragraph that begins with the text `said` and ends in a link to a file beside the page.

    >>> Link("The numbers are in", "a table", "table.csv").href
    'table.csv'
    """

    said: str
    text: str
    href: str


Block = str | Table | Picture | Rendered | Link | Mapping[str, str]


@dataclass(frozen=True)
class Section:
    """A chapter of the page: paragraphs, tables, pictures, links and named values, in the order given.

    >>> Section("Data", ["Ten samples.", {"classes": "2"}]).title
    'Data'
    """

    title: str
    content: Sequence[Block]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The content of a page, from top to bottom.

    `summary` says what was found, `note` in small what to know beside it, `links` lead to other pages, and `opening` is
    a picture right below them. `warnings` stand before all that was measured; then comes a list of the `sections`,
    where there are several. `figures` are what was measured, `settings` what was chosen; `sections` follow the
    pictures, and `command` makes the run again.

    >>> page = Report(
    ...     title="A run",
    ...     summary="It ran.",
    ...     figures={"accuracy": "96 %"},
    ...     pictures=[],
    ...     settings={},
    ...     command="rheobase train",
    ... )
    >>> "<td>96 %</td>" in page.html()
    True
    """

    title: str
    summary: str
    figures: Mapping[str, str]
    pictures: Sequence[Picture]
    settings: Mapping[str, str]
    command: str
    footer: str = ""
    sections: Sequence[Section] = ()
    opening: Picture | Rendered | None = None
    note: str = ""
    links: Sequence[Link] = ()
    warnings: Sequence[str] = ()

    def html(self) -> str:
        """The whole page."""
        body = (
            f"<header>\n<h1>{escape(self.title)}</h1>\n<p>{typeset(self.summary)}</p>\n"
            f"{f'<p><small>{escape(self.note)}</small></p>{_LINE}' if self.note else ''}"
            f"{''.join(f'{_block(link)}{_LINE}' for link in self.links)}</header>\n"
            f"{_opening(self.opening)}"
            f"{_section('Warnings', _list(self.warnings)) if self.warnings else ''}"
            f"{_contents(self.sections)}"
            f"{_section('Results', named(self.figures)) if self.figures else ''}"
            f"{''.join(_section(picture.title, _figure(picture)) for picture in self.pictures)}"
            f"{''.join(_chapter(number, section) for number, section in enumerate(self.sections, start=1))}"
            f"{_section('Settings', named(self.settings))}"
            f"{_section('To run it again', f'<pre><code>{escape(self.command)}</code></pre>')}"
            f"<footer>{escape(self.footer)}</footer>\n"
        )
        return document(self.title, body, "report.css")

    def _repr_html_(self) -> str:
        """The report in a notebook, in short: what was found, and what its page holds."""
        inside = [*(picture.title for picture in self.pictures), *(section.title for section in self.sections)]
        folded = {"On its page": "\n".join(inside)} if inside else {}
        return Card(self.title, self.summary, self.figures, folded=folded).html()

    def write(self, path: str | Path) -> Path:
        """Write the page in one step. Raises `StorageError`."""
        path = Path(path)
        ensure_folder(path.parent)
        atomic_write(path, self.html().encode())
        return path


def _section(title: str, content: str, name: str = "") -> str:
    mark = f' id="{name}"' if name else ""
    return f"<section{mark}>\n<h2>{escape(title)}</h2>\n{content}\n</section>\n"


def _opening(picture: Picture | Rendered | None) -> str:
    return "" if picture is None else f'<div id="{OPENING}">\n{_figure(picture)}\n</div>\n'


def _contents(sections: Sequence[Section]) -> str:
    if len(sections) < 2:
        return ""
    items = (f'<a href="#part-{k}">{escape(one.title)}</a>' for k, one in enumerate(sections, start=1))
    return f"<nav>\n{_NEXT.join(items)}\n</nav>\n"


def _list(items: Sequence[str]) -> str:
    return "<ul>\n" + "".join(f"<li>{escape(item)}</li>\n" for item in items) + "</ul>"


def _chapter(number: int, section: Section) -> str:
    return _section(section.title, "\n".join(_block(block) for block in section.content), f"part-{number}")


def _block(block: Block) -> str:
    if isinstance(block, str):
        return f"<p>{typeset(block)}</p>"
    if isinstance(block, Link):
        return f'<p>{escape(block.said)} <a href="{escape(block.href)}">{escape(block.text)}</a></p>'
    if isinstance(block, Table):
        return block.html()
    if isinstance(block, Mapping):
        return named(block)
    return f"<h3>{escape(block.title)}</h3>\n{_figure(block)}"


def _figure(picture: Picture | Rendered) -> str:
    drawn = picture.rendered() if isinstance(picture, Picture) else picture
    return figure(drawn.light, drawn.dark, alt=picture.alt, caption=picture.caption)
