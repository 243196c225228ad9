"""The picture of docs/architecture.md: layers as pyproject.toml enforces them, packages as the code has them.

python docs/architecture.py
"""

from __future__ import annotations

import ast
import textwrap
import tomllib
from pathlib import Path

from matplotlib.patches import FancyBboxPatch

from rheobase.plot.style import LIGHT, new_figure, save

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "rheobase"
WIDTH, GAP, HEAD, LINE = 7.2, 0.1, 0.33, 0.125  # inches
MOST = 5  # packages side by side
LETTERS = 18.0  # an inch, at the size of the small text


def layers() -> list[list[str]]:
    """The layers, highest first, as the linter holds the code to them; those that are there."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    rows = ([part.strip(" ()") for part in row.replace("|", ":").split(":")] for row in contract["layers"])
    there = [[name for name in row if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()] for row in rows]
    return [row for row in there if row and row != ["__main__"]]


def lines(rows: list[list[str]]) -> list[list[str]]:
    """The rows, those of many packages cut so that the names fit their boxes."""
    cut: list[list[str]] = []
    for row in rows:
        parts = -(-len(row) // MOST)
        size = -(-len(row) // parts)
        cut += [row[k : k + size] for k in range(0, len(row), size)]
    return cut


def described(name: str) -> str:
    """What a package says that it is, and the packages in it."""
    text = (PACKAGE / name / "__init__.py" if (PACKAGE / name).is_dir() else PACKAGE / f"{name}.py").read_text()
    first = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].replace("\n", " ").replace("`", "")
    rooms = sorted(path.parent.name for path in (PACKAGE / name).glob("*/__init__.py"))
    return f"{first} [{', '.join(rooms)}]" if rooms else first


def wrapped(row: list[str]) -> list[str]:
    """The text of each package of a row, in lines that fit its box."""
    return [textwrap.fill(described(name), round(LETTERS * (box_width(row) - 0.2))) for name in row]


def box_width(row: list[str]) -> float:
    return (WIDTH - GAP * (len(row) + 1)) / len(row)


def row_height(row: list[str]) -> float:
    return HEAD + LINE * max(text.count("\n") + 1 for text in wrapped(row)) + 0.08


def main() -> None:
    rows = lines(layers())
    y = height = sum(row_height(row) + GAP for row in rows) + GAP
    figure = new_figure(WIDTH, height, LIGHT)
    figure.set_layout_engine("none")
    ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set(xlim=(0, WIDTH), ylim=(0, height))
    ax.set_axis_off()
    look = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": LIGHT.grid, "edgecolor": LIGHT.muted, "lw": 0.6}
    for row in rows:
        y -= row_height(row) + GAP
        for place, (name, text) in enumerate(zip(row, wrapped(row), strict=True)):
            x, top = GAP + place * (box_width(row) + GAP), y + row_height(row)
            ax.add_patch(FancyBboxPatch((x, y), box_width(row), row_height(row), **look))
            ax.text(x + 0.1, top - 0.08, name, ha="left", va="top", fontsize=9.5, color=LIGHT.ink, weight="bold")
            ax.text(x + 0.1, top - HEAD, text, ha="left", va="top", fontsize=7, color=LIGHT.muted, linespacing=1.15)
    save(figure, Path(__file__).parent / "img" / "architecture.png")


if __name__ == "__main__":
    main()
