"""A picture as one SVG for light and dark pages: its colours follow the reader's, by role."""

from __future__ import annotations

import re

import matplotlib as mpl
from matplotlib.figure import Figure

from rheobase.plot.style import DARK, LIGHT, Style, svg

_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_HEAD = re.compile(r"^.*?(?=<svg )|<metadata>.*?</metadata>\n?", re.DOTALL)
_PATH = re.compile(r'(?<= d=")[^"]*')
_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def adaptive_svg(figure: Figure) -> bytes:
    """A figure that was drawn in the style `LIGHT`, as SVG with the colours of `DARK` on a dark page.

    Its background is part of it, so that it can be read wherever a page and its reader disagree. The same figure gives
    the same bytes. Paths have two decimals, a hundredth of a point.

    >>> from rheobase.plot.style import new_figure
    >>> b"prefers-color-scheme: dark" in adaptive_svg(new_figure(1, 1, LIGHT))
    True
    """
    # without a salt, matplotlib names what it reuses by chance
    with mpl.rc_context({"svg.hashsalt": "rheobase"}):
        text = svg(figure).decode()
    text = _PATH.sub(lambda path: _NUMBER.sub(_shorter, path[0]), _HEAD.sub("", text))
    names = {colour: name for name, colour in roles(LIGHT).items()}
    text = _COLOUR.sub(lambda found: f"var({names[found[0]]})" if found[0] in names else found[0], text)
    used = sorted(set(re.findall(r"--[\w-]+(?=\))", text)))
    light, dark = ("".join(f"{name}:{style[name]};" for name in used) for style in (roles(LIGHT), roles(DARK)))
    rules = f"svg{{{light}}}@media (prefers-color-scheme: dark){{svg{{{dark}}}}}"
    return text.replace("<defs>", f"<style>{rules}</style>\n<defs>", 1).encode()


def roles(style: Style) -> dict[str, str]:
    """The colours of a style by the names of their roles in a style sheet."""
    named = {f"--line-{k}": colour for k, colour in enumerate(style.colours)}
    return {
        **named,
        "--paper": style.background,
        "--ink": style.ink,
        "--muted": style.muted,
        "--grid": style.grid,
    }


def _shorter(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
