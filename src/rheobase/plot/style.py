"""One look for all pictures: restrained, safe for colour-blind readers, in a light and a dark variant."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import Animation
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rheobase.errors import ParameterError
from rheobase.files import atomic_write, ensure_folder

FORMATS = ("png", "svg", "pdf")
MOVIES = ("gif", "mp4", "html")
TITLE, LABEL, TICK = 10.0, 9.0, 8.0  # points
DPI = 200
SHOWN_DPI = 112  # of a screen, in a notebook
_FEWEST, _MOST = 3, 8  # ticks of a logarithmic axis
WIDTH = 5.6  # inches: on a phone the text is then still read


@dataclass(frozen=True)
class Style:
    """Colours by role. `colours` are those of Okabe & Ito (2008), in the order in which lines take them.

    >>> LIGHT.background, DARK.background
    ('#ffffff', '#16181d')
    """

    name: str
    background: str
    ink: str  # titles and what matters most
    muted: str  # axes, ticks, what stands back
    grid: str
    colours: tuple[str, ...]
    right: str  # hits, and the amount of anything
    wrong: str  # errors

    def ramp(self, colour: str) -> LinearSegmentedColormap:
        """From the background to `colour`."""
        return LinearSegmentedColormap.from_list(f"{self.name} {colour}", [self.background, colour])


LIGHT = Style(
    "light",
    background="#ffffff",
    ink="#1f2328",
    muted="#6b7280",
    grid="#e5e7eb",
    colours=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    right="#0072b2",
    wrong="#d55e00",
)
DARK = Style(
    "dark",
    background="#16181d",
    ink="#e6e8eb",
    muted="#9aa1ab",
    grid="#2c3038",
    colours=("#56b4e9", "#e69f00", "#2fc99a", "#e59cc4", "#f0e442", "#7aa6ff"),
    right="#56b4e9",
    wrong="#e69f00",
)


class ShownFigure(Figure):
    """A figure that a notebook shows as the value of a cell, also where pyplot was not imported.

    matplotlib teaches a notebook to show figures when pyplot is imported; before that they are a line of text.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """The picture, and the size at which it is shown: its points are those of the text around it."""
        width, height = self.get_size_inches()
        return png(self), {"width": round(SHOWN_DPI * width), "height": round(SHOWN_DPI * height)}


def new_figure(width: float, height: float, style: Style) -> Figure:
    """An empty figure of width x height inches, outside pyplot."""
    return ShownFigure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor=style.background)


def dress(ax: Axes, style: Style, *, title: str = "", x: str = "", y: str = "", grid: str = "") -> Axes:
    """Give axes the common look; `grid` is "x", "y", "both" or nothing."""
    ax.set_facecolor(style.background)
    ax.set_title(title, loc="left", fontsize=TITLE, color=style.ink, fontweight="bold")
    ax.set_xlabel(x, fontsize=LABEL, color=style.muted)
    ax.set_ylabel(y, fontsize=LABEL, color=style.muted)
    ax.tick_params(labelsize=TICK, colors=style.muted, length=3)
    for axis in (ax.xaxis, ax.yaxis):
        axis.get_offset_text().set(fontsize=TICK, color=style.muted)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(style.muted)
        spine.set_linewidth(0.8)
    if grid:
        ax.grid(axis=_axis(grid), color=style.grid, linewidth=0.8)
        ax.set_axisbelow(True)
    return ax


def _axis(grid: str) -> Any:
    return grid


def few_ticks(ax: Axes, *, x: int | None = None, y: int | None = None, whole: bool = False) -> None:
    """At most so many ticks; `whole` puts them on integers."""
    if x is not None:
        ax.xaxis.set_major_locator(MaxNLocator(x, integer=whole))
    if y is not None:
        ax.yaxis.set_major_locator(MaxNLocator(y, integer=whole))


def log_ticks(ax: Axes, *, x: bool = False, y: bool = False) -> None:
    """Ticks of a logarithmic axis, all labelled, three at least and eight at most; call it when all is drawn.

    >>> ax = new_figure(2, 2, LIGHT).subplots()
    >>> _ = ax.loglog([1.0, 60.0], [0.02, 0.6])
    >>> log_ticks(ax, x=True, y=True)
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['0.02', '0.05', '0.1', '0.2', '0.5']
    """
    for axis, limits, wanted in ((ax.xaxis, ax.get_xlim(), x), (ax.yaxis, ax.get_ylim(), y)):
        if wanted:
            at = _ticks_within(min(limits), max(limits))
            axis.set_ticks(at, _written(at))
            axis.set_ticks([], minor=True)


def _ticks_within(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 2, 5), (1, 2, 3, 4, 6, 8)):
        # what is written exactly is read exactly: 3e-05, not 3.0000000000000004e-05
        found = [at for p in powers for step in steps if low <= (at := float(f"{step}e{p}")) <= high]
        if len(found) > _MOST and steps == (1,):
            every = math.ceil(len(found) / _MOST)
            # 1 is among them where the axis reaches it
            return [at for at in found if round(math.log10(at)) % every == 0]
        if len(found) >= _FEWEST:
            return found[:: math.ceil(len(found) / _MOST)]
    return [float(at) for at in MaxNLocator(_MOST - 2).tick_values(low, high) if low <= at <= high]


def _written(at: Sequence[float]) -> list[str]:
    """Numbers as they are; as powers of ten where one of them would need an exponent."""
    short = [f"{value:g}" for value in at]
    if not any("e" in one for one in short):
        return short
    parts = [f"{value:e}".split("e") for value in at]
    return [
        f"$10^{{{int(power)}}}$" if float(digits) == 1 else f"${float(digits):g}\\cdot10^{{{int(power)}}}$"
        for digits, power in parts
    ]


def draw_steps(ax: Axes, edges: np.ndarray, values: np.ndarray, style: Style, *, lw: float = 1.3) -> None:
    """What holds from one edge to the next, as a curve: a point for each stretch of equal values.

    >>> ax = new_figure(2, 2, LIGHT).subplots()
    >>> draw_steps(ax, np.arange(5.0), np.array([0.0, 2.0, 2.0, 0.0]), LIGHT)
    >>> ax.lines[0].get_xydata().tolist()
    [[0.0, 0.0], [1.0, 2.0], [3.0, 0.0], [4.0, 0.0]]
    """
    # matplotlib's `stairs` looks at its edges one by one, in Python: seconds for a long run
    begin = np.flatnonzero(np.append(True, values[1:] != values[:-1]))
    x, y = np.append(edges[begin], edges[-1]), np.append(values[begin], values[-1])
    ax.step(x, y, where="post", color=style.muted, lw=lw, solid_joinstyle="miter")


def mark_spikes(ax: Axes, times: np.ndarray, low: float, high: float, colour: str) -> None:
    """Triangles at these times, above curves that reach from `low` to `high`, with room for both."""
    span = max(high - low, 1e-9)
    ax.set_ylim(low - 0.08 * span, high + 0.28 * span)
    # an empty line that is not clipped would have no extent, and take the layout with it
    if len(times):
        ax.plot(times, np.full(len(times), high + 0.15 * span), "v", ms=4.5, color=colour, clip_on=False)


def legend(ax: Axes, style: Style, **where: Any) -> None:
    """A legend without a frame."""
    ax.legend(frameon=False, fontsize=TICK, labelcolor=style.ink, handlelength=1.4, **where)


def legend_under(ax: Axes, style: Style) -> None:
    """A legend under the label of the x axis, where it covers no curve."""
    legend(ax, style, loc="upper left", bbox_to_anchor=(0.0, -0.24), borderaxespad=0.0, labelspacing=0.25)


def legend_below(figure: Figure, ax: Axes, style: Style, *, columns: int = 2) -> None:
    """The legend of one panel, below all panels of a figure whose panels have the same lines."""
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="outside lower left",
        ncols=columns,
        frameon=False,
        fontsize=TICK,
        labelcolor=style.ink,
        handlelength=1.4,
    )


def png(figure: Figure) -> bytes:
    """The picture as PNG.

    >>> png(new_figure(1, 1, LIGHT))[:4]
    b'\\x89PNG'
    """
    return _rendered(figure, "png")


def svg(figure: Figure) -> bytes:
    """The picture as SVG."""
    return _rendered(figure, "svg")


def save(figure: Figure | Animation, path: str | Path) -> Path:
    """Write a picture whose format follows from the name: .png, .svg or .pdf; an animation as .gif, .mp4 or .html.

    The folder is made.

    Raises: `ParameterError` for another format, or one that nothing here can write; `StorageError`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(new_figure(2.0, 1.0, LIGHT), f"{folder}/empty.svg").name
    'empty.svg'
    """
    if isinstance(figure, Animation):
        # what moves is rare, and its writers take time to import
        from rheobase.plot.movies import movie_bytes

        path = check_picture_path(path, MOVIES)
        ensure_folder(path.parent)
        atomic_write(path, movie_bytes(figure, path.suffix[1:].lower()))
        return path
    path = check_picture_path(path)
    ensure_folder(path.parent)
    atomic_write(path, _rendered(figure, path.suffix[1:].lower()))
    return path


def check_picture_path(path: str | Path, formats: Sequence[str] = FORMATS) -> Path:
    """The path, if its name ends in a format that `save` writes. Raises `ParameterError`.

    >>> check_picture_path("a/b.svg").suffix
    '.svg'
    """
    path = Path(path)
    if path.suffix[1:].lower() not in formats:
        expected = "a name that ends in " + ", ".join(f".{f}" for f in formats)
        kind = "picture" if formats == FORMATS else "animation"
        raise ParameterError(kind, f"file {str(path)!r}", expected, f"{path.stem or kind}.{formats[0]}, say")
    return path


def _rendered(figure: Figure, form: str) -> bytes:
    # without a date in it, the same picture is the same file
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form)
    data = io.BytesIO()
    # a first pass settles the ticks, whose labels the layout then makes room for
    figure.draw_without_rendering()
    figure.savefig(data, format=form, facecolor=figure.get_facecolor(), metadata=metadata)
    return data.getvalue()
