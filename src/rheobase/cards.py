"""Tables of HTML, and the card with which an object shows itself in a notebook.

A card sets no colour: it takes the notebook's own, light or dark, and lines are that colour with less of it. It holds
no script and no address, and its style is in it, so that it looks the same in a stored notebook.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

WIDE, HIGH = 320, 60  # of a curve, in pixels
_MOST_POINTS, _MOST_ROWS = 300, 14
# the notebook's own tables are striped and aligned to the right
_STYLE = (
    ".rheobase{border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:6px;padding:.6em .8em;"
    "max-width:46em;overflow-x:auto;line-height:1.4}"
    ".rheobase table{margin:.4em 0;border-collapse:collapse;border:0}"
    ".rheobase :is(tr,th,td){background:none!important}"
    ".rheobase :is(th,td){text-align:left!important;vertical-align:top;padding:.1em 1em .1em 0;border:0}"
    ".rheobase :is(th,summary,.said){font-weight:inherit;opacity:.7}.rheobase summary{cursor:pointer}"
    ".rheobase pre{margin:.4em 0;white-space:pre-wrap;background:none;color:inherit}"
    ".rheobase svg{display:block;max-width:100%}"
)


def typeset(text: str) -> str:
    """Text as HTML, with the sign that the keyboard lacks.

    >>> typeset("97.5 +- 0.1 % < 98 %")
    '97.5 ± 0.1 % &lt; 98 %'
    """
    return _escaped(text).replace(" +- ", " ± ")


def named(rows: Mapping[str, str]) -> str:
    """A table of two columns, a name and its value.

    >>> named({"dt": "0.1 ms"})
    '<table>\\n<tr><th scope="row">dt</th><td>0.1 ms</td></tr>\\n</table>'
    """
    lines = "\n".join(
        f'<tr><th scope="row">{_escaped(name)}</th><td>{typeset(value)}</td></tr>' for name, value in rows.items()
    )
    return f"<table>\n{lines}\n</table>"


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], caption: str = "") -> str:
    """A table under named columns, those of `right` aligned to the right."""
    sides = ["number" if one else "text" for one in right]

    def line(cells: Sequence[str], tag: str) -> str:
        # a head without a word is none
        tags = [tag if c else "td" for c in cells]
        every = zip(cells, sides, tags, strict=True)
        return "".join(f'<{tag} class="{side}">{typeset(c)}</{tag}>' for c, side, tag in every)

    body = "\n".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    title = f"<caption>{_escaped(caption)}</caption>\n" if caption else ""
    head = f"<thead><tr>{line(columns, 'th')}</tr></thead>"
    return f'<table class="data">\n{title}{head}\n<tbody>\n{body}\n</tbody>\n</table>'


def aligned(rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """Rows of cells as text in columns, which stand to the right but for those in `left`.

    >>> print(aligned([("layer", "AC"), ("0: Linear", "12")]))
    layer      AC
    0: Linear  12
    """
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(c.ljust(w) if k in left else c.rjust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


@dataclass(frozen=True)
class Card:
    """What an object shows of itself: a title, a sentence, a table, and what is folded away.

    `columns` and `rows` are a table whose last columns may be text; `curve` is a line of values over time; `folded` has
    a summary and preformatted text for each part that opens on a click.

    >>> html = Card("LIF(128, dt=1.0)", "Leaky integrate-and-fire.", {"integrator": "ExpEuler"}).html()
    >>> "ExpEuler" in html, "http" in html, "<script" in html
    (True, False, False)
    """

    title: str
    said: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    curve: Sequence[float] = ()
    folded: Mapping[str, str] = field(default_factory=dict)

    def html(self) -> str:
        """The card."""
        parts = [f"<div><b>{_escaped(self.title)}</b></div>"]
        if self.said:
            parts.append(f'<div class="said">{typeset(self.said)}</div>')
        if len(self.curve) > 1:
            parts.append(_curve(self.curve))
        if self.facts:
            parts.append(named(self.facts))
        if self.rows:
            shown, more = self.rows[:_MOST_ROWS], self.rows[_MOST_ROWS:]
            parts.append(self._grid(shown))
            parts += [_fold(f"{len(more)} more", self._grid(more))] if more else []
        parts += [_fold(name, f"<pre>{_escaped(text)}</pre>") for name, text in self.folded.items()]
        inside = "\n".join(parts)
        return f'<div class="rheobase">\n<style>{_STYLE}</style>\n{inside}\n</div>'

    def _repr_html_(self) -> str:
        return self.html()

    def _grid(self, rows: Sequence[Sequence[str]]) -> str:
        return grid(self.columns, rows, [False] * len(self.columns))


def _escaped(text: str) -> str:
    # it reads a table of all names of characters, which took a quarter of the time of `import rheobase`
    from html import escape

    return escape(text)


def _fold(summary: str, inside: str) -> str:
    return f"<details><summary>{_escaped(summary)}</summary>{inside}</details>"


def _curve(values: Sequence[float]) -> str:
    """A line over time: of every stretch its lowest and highest value, so that no spike is lost."""
    stretch = max(1, 2 * len(values) // _MOST_POINTS)
    kept: list[tuple[int, float]] = []
    for first in range(0, len(values), stretch):
        part = range(first, min(first + stretch, len(values)))
        ends = sorted({min(part, key=lambda k: values[k]), max(part, key=lambda k: values[k])})
        kept += [(k, values[k]) for k in ends]
    low, high = min(value for _, value in kept), max(value for _, value in kept)
    span = (high - low) or 1.0
    points = "L".join(
        f"{2 + (WIDE - 4) * k / (len(values) - 1):.1f} {HIGH - 3 - (HIGH - 6) * (value - low) / span:.1f}"
        for k, value in kept
    )
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" width="{WIDE}" height="{HIGH}" '
        f'role="img" aria-label="course over time"><path d="M{points}" fill="none" stroke="currentColor" '
        'stroke-width="1.2" stroke-linejoin="round"/></svg>'
    )
