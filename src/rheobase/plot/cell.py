"""A cell with a shape, drawn in a plane, with a colour for each compartment."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rheobase.cells import Compartments
from rheobase.errors import ParameterError, ShapeError
from rheobase.plot.cell_layout import Drawn, laid_out
from rheobase.plot.style import LABEL, LIGHT, TICK, WIDTH, Style, dress, log_ticks, new_figure
from rheobase.plot.time_axis import array

PLANES = ("xy", "xz", "yz")
_THINNEST = 0.7  # points
_MARGIN = 0.03  # of the cell's larger extent, on each side
_BESIDE = 1.0  # inches, for what stands to the right of the cell
_LOWEST, _HIGHEST, _NARROWEST = 2.2, 7.0, 3.2  # inches


def cell(
    compartments: Compartments,
    values: Tensor | ArrayLike | None = None,
    *,
    label: str = "",
    title: str = "",
    plane: str = "xy",
    limits: tuple[float, float] | None = None,
    log: bool = False,
    style: Style = LIGHT,
) -> Figure:
    """Draw a cell in true proportions, each compartment in the colour of its value; without values, of its kind.

    values   of compartments, or of all nodes: a voltage, a density, a distance; NaN stays grey
    label    what the values are, with their unit
    plane    "xy", "xz" or "yz": the coordinates that go to the right and up
    limits   the values at the ends of the scale; else the smallest and the largest
    log      a logarithmic scale; values of 0 stay grey

    Thin dendrites are drawn at least 0.7 points wide. Sections without points, which were made from a length, are laid
    out: on from the end of their parent, several side by side, and around the soma.

    Shapes: values (compartments,) or (nodes,).

    Raises: `ShapeError` for another number of values, `ParameterError` for an unknown plane, limits that are no
    range, or a logarithm of values none of which is above 0.
    """
    if plane not in PLANES:
        raise ParameterError("plot.cell", f"plane {plane!r}", "one of " + ", ".join(PLANES), 'plane="xy"')
    drawn = laid_out(compartments, ["xyz".index(axis) for axis in plane])
    shown = None if values is None else _of_compartments(compartments, values)
    scale = None if shown is None else _scale(shown, limits, log)
    low, high = drawn.bounds()
    span = np.maximum(high - low, 1e-9)
    # as large as fits into the usual width, or into a height that a page has room for
    height = float(np.clip((WIDTH - _BESIDE) * span[1] / span[0], _LOWEST, _HIGHEST))
    width = float(np.clip(height * span[0] / span[1] + _BESIDE, _NARROWEST, WIDTH))
    figure = new_figure(width, height + 0.5, style)
    ax = figure.subplots()
    dress(ax, style, title=title)
    ax.set_axis_off()
    ax.set_aspect("equal")
    margin = _MARGIN * span.max()
    ax.set_xlim(low[0] - margin, high[0] + margin)
    ax.set_ylim(low[1] - margin - 0.06 * span.max(), high[1] + margin)
    if shown is None or scale is None:
        colours = _kinds(ax, compartments, style)
    else:
        mapped = ScalarMappable(scale, "viridis")
        colours = mapped.to_rgba(np.ma.masked_invalid(np.where(shown > 0, shown, np.nan) if log else shown))
        colours[~np.isfinite(shown) | (log & (shown <= 0))] = [*to_rgb(style.grid), 1.0]
        bar = figure.colorbar(mapped, ax=ax, pad=0.02, shrink=min(1.0, 2.5 / height), aspect=18)
        bar.set_label(label, fontsize=LABEL, color=style.muted)
        if log:
            log_ticks(bar.ax, y=True)
        bar.ax.tick_params(labelsize=TICK, colors=style.muted, length=3)
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    _scale_bar(ax, low - margin, span, style)
    _draw(figure, ax, drawn, colours)
    return figure


def _of_compartments(compartments: Compartments, values: Tensor | ArrayLike) -> NDArray[np.float64]:
    """Values, one for each compartment. Raises `ShapeError`."""
    given = array("plot.cell", "values", torch.as_tensor(values), ("compartments",)).astype(float)
    if len(given) == len(compartments.parent):
        return given[compartments.segments]
    if len(given) != len(compartments.segments):
        expected = f"{len(compartments.segments)} (compartments) or {len(compartments.parent)} (nodes)"
        raise ShapeError("plot.cell", f"{len(given)} values", expected, "give one for each compartment")
    return given


def _scale(values: NDArray[np.float64], limits: tuple[float, float] | None, log: bool) -> Normalize:
    if limits is not None:
        low, high = limits
        if not (np.isfinite([low, high]).all() and low < high and (low > 0 or not log)):
            expected = "two numbers that rise" + (", above 0 on a logarithmic scale" if log else "")
            raise ParameterError("plot.cell", f"limits={limits!r}", expected, "limits=(-80, 40)")
    else:
        usable = values[np.isfinite(values) & ((values > 0) | (not log))]
        if not len(usable):
            given = "no value above 0 for a logarithmic scale" if log else "no finite value"
            raise ParameterError("plot.cell", given, "values to draw", "log=False" if log else "draw it without values")
        low, high = float(usable.min()), float(usable.max())
        if low == high:
            # one value: the middle of a scale
            low, high = (low / 2, high * 2) if log else (low - 0.5, high + 0.5)
    return LogNorm(low, high) if log else Normalize(low, high)


def _kinds(ax: Axes, compartments: Compartments, style: Style) -> NDArray[np.float64]:
    """A colour for each kind of section, with a legend."""
    table = {"soma": style.ink, "dend": style.colours[0], "apic": style.colours[2], "axon": style.colours[1]}
    kinds = compartments.kind[compartments.segments]
    handles = [Line2D([], [], color=colour, lw=2, label=kind) for kind, colour in table.items() if kind in kinds]
    ax.legend(
        handles=handles, frameon=False, fontsize=TICK, labelcolor=style.ink, loc="upper left", bbox_to_anchor=(1.0, 1.0)
    )
    return np.array([(*to_rgb(table[kind]), 1.0) for kind in kinds])


def _scale_bar(ax: Axes, corner: NDArray[np.float64], span: NDArray[np.float64], style: Style) -> None:
    """A line of a round length, about a fifth of the picture, in its lower left corner."""
    power = 10.0 ** np.floor(np.log10(span.max() / 5))
    length = max(step * power for step in (1, 2, 5) if step * power <= span.max() / 5)
    y = corner[1] - 0.02 * span.max()
    ax.plot([corner[0], corner[0] + length], [y, y], color=style.ink, lw=2, solid_capstyle="butt")
    ax.annotate(
        f"{length:g} um", (corner[0], y), xytext=(0, -3), textcoords="offset points", va="top", fontsize=TICK,
        color=style.muted,
    )  # fmt: skip


def _draw(figure: Figure, ax: Axes, drawn: Drawn, colours: NDArray[np.float64]) -> None:
    """The pieces, each as wide as it is; a soma as an area, over the rest."""
    figure.draw_without_rendering()
    # points of a um, now that the axes have their size
    scale = np.diff(ax.transData.transform([(0.0, 0.0), (1.0, 0.0)]), axis=0)[0, 0] * 72 / figure.dpi
    thin = ~drawn.soma
    ax.add_collection(
        LineCollection(
            list(drawn.ends[thin]), colors=colours[drawn.owner[thin]], capstyle="round",
            linewidths=np.maximum(drawn.diameter[thin].mean(1) * scale, _THINNEST),
        )
    )  # fmt: skip
    for owner in np.unique(drawn.owner[drawn.soma]):
        of_it = drawn.soma & (drawn.owner == owner)
        left, right = _sides(drawn.ends[of_it], drawn.diameter[of_it])
        outline = np.concatenate([left.reshape(-1, 2), right.reshape(-1, 2)[::-1]])
        fill = [colours[owner]]
        # an edge of its own colour, so that nothing shows between two of them
        ax.add_collection(PolyCollection([outline], facecolors=fill, edgecolors=fill, linewidths=0.4, zorder=3))


def _sides(ends: NDArray[np.float64], diameter: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The left and the right edge of pieces, both (pieces, 2, 2)."""
    along = ends[:, 1] - ends[:, 0]
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / length / 2
    sides = across[:, None] * diameter[:, :, None]
    return ends + sides, ends - sides
