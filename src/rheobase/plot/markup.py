"""The frame of every HTML page, and a figure for light and dark: no scripts, no network."""

from __future__ import annotations

import base64
from html import escape
from importlib.resources import files


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


def figure(light: bytes, dark: bytes, *, alt: str, caption: str) -> str:
    """A PNG in its two variants, inside the page."""
    return (
        f'<figure>\n<picture>\n<source srcset="{_embedded(dark)}" media="(prefers-color-scheme: dark)">\n'
        f'<img src="{_embedded(light)}" alt="{escape(alt)}">\n</picture>\n'
        f"<figcaption>{escape(caption)}</figcaption>\n</figure>"
    )


def _embedded(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()
