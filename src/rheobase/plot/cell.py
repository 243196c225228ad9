"""A cell with a shape, drawn in a plane, with a colour for each compartment."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import ListedColormap, LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rheobase.cells import Compartments
from rheobase.errors import ParameterError, ShapeError, StateError
from rheobase.plot.cell_layout import laid_out
from rheobase.plot.style import LABEL, LIGHT, TICK, WIDTH, Style, dress, legend, log_ticks, new_figure
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

    >>> from rheobase.cells import Compartments, Section
    >>> ball = Compartments.of([Section("soma", length=20, diameter=20)])
    >>> len(cell(ball, [-65.0], label="v (mV)").axes)
    2
    """
    picture = CellPicture(compartments, title=title, plane=plane, style=style)
    if values is None:
        picture.paint_kinds()
    else:
        shown = of_compartments(compartments, values, ("compartments",))
        picture.add_scale(shown, label=label, limits=limits, log=log)
        picture.paint(shown)
    return picture.figure


class CellPicture:
    """A drawing of a cell whose compartments can be painted again and again; see `cell`."""

    def __init__(self, compartments: Compartments, *, title: str, plane: str, style: Style):
        if plane not in PLANES:
            raise ParameterError("plot.cell", f"plane {plane!r}", "one of " + ", ".join(PLANES), 'plane="xy"')
        self.compartments, self.style = compartments, style
        self._drawn = laid_out(compartments, ["xyz".index(axis) for axis in plane])
        self._mapped: ScalarMappable | None = None
        self._log = False
        self._cable: LineCollection | None = None
        self._bodies: list[tuple[int, PolyCollection]] = []
        low, high = self._drawn.bounds()
        span = np.maximum(high - low, 1e-9)
        # as large as fits into the usual width, or into a height that a page has room for
        self._height = float(np.clip((WIDTH - _BESIDE) * span[1] / span[0], _LOWEST, _HIGHEST))
        width = float(np.clip(self._height * span[0] / span[1] + _BESIDE, _NARROWEST, WIDTH))
        self.figure = new_figure(width, self._height + 0.5, style)
        self.ax = dress(self.figure.subplots(), style, title=title)
        self.ax.set_axis_off()
        self.ax.set_aspect("equal")
        margin = _MARGIN * span.max()
        self.ax.set_xlim(low[0] - margin, high[0] + margin)
        self.ax.set_ylim(low[1] - margin - 0.06 * span.max(), high[1] + margin)
        _scale_bar(self.ax, low - margin, span, style)

    def add_scale(
        self, values: NDArray[np.float64], *, label: str, limits: tuple[float, float] | None, log: bool
    ) -> None:
        """Map values to colours, with a bar that says how. Raises `ParameterError`."""
        style = self.style
        self._log, self._mapped = log, ScalarMappable(_scale(values, limits, log), colours_on(style))
        bar = self.figure.colorbar(self._mapped, ax=self.ax, pad=0.02, shrink=min(1.0, 2.5 / self._height), aspect=18)
        bar.set_label(label, fontsize=LABEL, color=style.muted)
        if log:
            log_ticks(bar.ax, y=True)
        bar.ax.tick_params(labelsize=TICK, colors=style.muted, length=3)
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]

    def paint(self, values: NDArray[np.float64]) -> None:
        """Give each compartment the colour of its value; `add_scale` came before."""
        if self._mapped is None:
            raise StateError("CellPicture", "no scale", "add_scale before paint", "call add_scale(values, ...)")
        shown = np.isfinite(values) & ((values > 0) | (not self._log))
        colours = self._mapped.to_rgba(np.where(shown, values, 1.0))
        colours[~shown] = [*to_rgb(self.style.grid), 1.0]
        self._colour(colours)

    def paint_kinds(self) -> None:
        """Give each kind of section a colour, with a legend."""
        style, kinds = self.style, self.compartments.kind[self.compartments.segments]
        table = {"soma": style.ink, "dend": style.colours[0], "apic": style.colours[2], "axon": style.colours[1]}
        handles = [Line2D([], [], color=colour, lw=2, label=kind) for kind, colour in table.items() if kind in kinds]
        legend(self.ax, style, handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        self._colour(np.array([(*to_rgb(table[kind]), 1.0) for kind in kinds]))

    def _colour(self, colours: NDArray[np.float64]) -> None:
        drawn = self._drawn
        cable = self._draw() if self._cable is None else self._cable
        cable.set_color(list(map(tuple, colours[drawn.owner[~drawn.soma]])))
        for owner, body in self._bodies:
            # the edge too, so that nothing shows between two of them
            body.set_color([tuple(colours[owner])])

    def _draw(self) -> LineCollection:
        """The pieces, each as wide as it is; a soma as an area, over the rest."""
        self.figure.draw_without_rendering()
        # points of a um, now that the axes have their size
        pixels = np.diff(self.ax.transData.transform([(0.0, 0.0), (1.0, 0.0)]), axis=0)[0, 0]
        drawn, scale = self._drawn, pixels * 72 / self.figure.dpi
        width = np.maximum(drawn.diameter[~drawn.soma].mean(1) * scale, _THINNEST)
        self._cable = LineCollection(list(drawn.ends[~drawn.soma]), linewidths=width, capstyle="round")
        self.ax.add_collection(self._cable)
        for owner in np.unique(drawn.owner[drawn.soma]):
            of_it = drawn.soma & (drawn.owner == owner)
            left, right = _sides(drawn.ends[of_it], drawn.diameter[of_it])
            outline = np.concatenate([left.reshape(-1, 2), right.reshape(-1, 2)[::-1]])
            body = PolyCollection([outline], linewidths=0.4, zorder=3)
            self.ax.add_collection(body)
            self._bodies.append((int(owner), body))
        return self._cable


def colours_on(style: Style) -> ListedColormap:
    """Viridis but for the end that a thin line of it could not be seen in on the background."""
    first, last = (0.18, 1.0) if style.name == "dark" else (0.0, 0.92)
    return ListedColormap(colormaps["viridis"](np.linspace(first, last, 256)))


def of_compartments(
    compartments: Compartments, values: Tensor | ArrayLike, axes: tuple[str, ...]
) -> NDArray[np.float64]:
    """Values whose last axis is that of the compartments. Raises `ShapeError`."""
    count, nodes = len(compartments.segments), len(compartments.parent)
    expected = f"{count} (compartments) or {nodes} (nodes)"
    try:
        tensor = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values, dtype=float))
    except (TypeError, ValueError) as error:
        given = f"values of type {type(values).__name__}: {error}"
        raise ShapeError("plot.cell", given, f"{expected} numbers", "give one for each compartment") from error
    plain = array("plot.cell", "values", tensor, axes).astype(float)
    if plain.shape[-1] == nodes:
        return plain[..., compartments.segments]
    if plain.shape[-1] != count:
        raise ShapeError("plot.cell", f"{plain.shape[-1]} values", expected, "give one for each compartment")
    return plain


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


def _scale_bar(ax: Axes, corner: NDArray[np.float64], span: NDArray[np.float64], style: Style) -> None:
    """A line of a round length, about a fifth of the picture, in its lower left corner."""
    power = 10.0 ** np.floor(np.log10(span.max() / 5))
    length = max(step * power for step in (1, 2, 5) if step * power <= span.max() / 5)
    y = corner[1] - 0.02 * span.max()
    ax.plot([corner[0], corner[0] + length], [y, y], color=style.ink, lw=2, solid_capstyle="butt")
    ax.annotate(
        f"{length:g} um",
        (corner[0], y),
        xytext=(0, -3),
        textcoords="offset points",
        va="top",
        fontsize=TICK,
        color=style.muted,
    )


def _sides(ends: NDArray[np.float64], diameter: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The left and the right edge of pieces, both (pieces, 2, 2)."""
    along = ends[:, 1] - ends[:, 0]
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / length / 2
    sides = across[:, None] * diameter[:, :, None]
    return ends + sides, ends - sides
