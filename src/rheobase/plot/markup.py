"""The frame of every HTML page, and figures for light and dark: no scripts, no network."""

from __future__ import annotations

import base64
import re
import struct
from html import escape
from importlib.resources import files

from rheobase.cards import typeset
from rheobase.plot.style import WIDTH

LEGIBLE = 66  # pixels of a page for an inch of a picture: one of the usual width then fits a phone


def document(title: str, body: str, *styles: str) -> str:
    """A whole page; `styles` name files of `rheobase.plot`."""
    style = "".join(files("rheobase.plot").joinpath(name).read_text("utf-8") for name in styles)
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}"
        "</main>\n</body>\n</html>\n"
    )


def vector_figure(image: bytes, *, alt: str, caption: str) -> str:
    """An SVG that knows light and dark itself, inside the page."""
    width = re.search(rb'width="([\d.]+)pt"', image)
    inches = float(width[1]) / 72.0 if width else 0.0
    source = "data:image/svg+xml;base64," + base64.b64encode(image).decode()
    return (
        f'<figure{_legible(inches)}>\n<picture><img src="{source}" alt="{escape(alt)}"></picture>\n'
        f"<figcaption>{typeset(caption)}</figcaption>\n</figure>"
    )


def figure(light: bytes, dark: bytes, *, alt: str, caption: str) -> str:
    """A PNG in its two variants, inside the page; on a narrow one it keeps the width at which it can be read."""
    return (
        f"<figure{_legible(_inches(light))}>\n<picture>\n"
        f'<source srcset="{_embedded(dark)}" media="(prefers-color-scheme: dark)">\n'
        f'<img src="{_embedded(light)}" alt="{escape(alt)}">\n</picture>\n'
        f"<figcaption>{typeset(caption)}</figcaption>\n</figure>"
    )


def _legible(inches: float) -> str:
    """The width that a picture keeps on a narrow page, where it is wider than most; it then scrolls in its own box."""
    return f' class="scrolls" style="--legible: {round(inches * LEGIBLE)}px"' if inches > 1.02 * WIDTH else ""


def _inches(image: bytes) -> float:
    """The width of a PNG; 0 where it does not say how many pixels an inch has."""
    at = image.find(b"pHYs")
    if at < 0:
        return 0.0
    (pixels,), (per_metre,) = struct.unpack_from(">I", image, 16), struct.unpack_from(">I", image, at + 4)
    return pixels / (per_metre * 0.0254)


def _embedded(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()
