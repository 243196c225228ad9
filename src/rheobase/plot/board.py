"""What a board of a chip does: the spikes of its cores over time, and their way over the mesh."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from rheobase.chip.truenorth import NEURONS, Configuration, Events, Traffic, traffic
from rheobase.chip.truenorth.traffic import check_spikes
from rheobase.errors import ParameterError
from rheobase.plot.style import LABEL, LIGHT, TICK, WIDTH, Style, dress, few_ticks, new_figure

FEW_CORES = 2  # up to so many, a raster has a row for each neuron
FEW_LINKS = 24  # cores along a side, up to which links are drawn


def board(net: Configuration, spikes: Events, *, style: Style = LIGHT) -> Figure:
    """Spikes over time (of each neuron on a small board, of each core on a larger one), and the load of the mesh.

    Below, cores are shaded by the spikes that they send, and links between routers by those that they carry, along x
    first; on a board of more than 24 cores a side, routers by what goes over their links. Thick lines are the borders
    of chips. `spikes` are those of a run with `record="all"`.

    Raises: `ParameterError` where there is no spike, or one of another board.

    >>> from rheobase.chip.truenorth import Emulator, TrueNorth
    >>> net = Configuration(TrueNorth(cores=(2, 2)), leak=1, alpha=5, target=3)
    >>> len(board(net, Emulator(net).run(20, record="all").spikes).axes)
    5
    """
    check_spikes("board", net, spikes)
    if not len(spikes.tick):
        remedy = 'run it longer, or with record="all"'
        raise ParameterError("board", "no spikes", "spikes of a run", remedy)
    figure = new_figure(WIDTH, 6.4, style)
    above, below = figure.subplots(2, 1, height_ratios=[1.0, 1.6])
    _raster(above, net, spikes, style)
    mesh(below, net, traffic(net, spikes), style)
    return figure


def _raster(ax: Axes, net: Configuration, spikes: Events, style: Style) -> None:
    cores, first = net.board.n_cores, int(spikes.tick.min())
    ticks = int(spikes.tick.max()) + 1 - first
    few = cores <= FEW_CORES
    dress(ax, style, title="Spikes", x="tick", y="neuron" if few else "core")
    if few:
        ax.plot(spikes.tick, spikes.core * NEURONS + spikes.neuron, "|", ms=2, mew=0.8, color=style.colours[0])
        ax.set_ylim(cores * NEURONS - 0.5, -0.5)
    else:
        counts = np.bincount(spikes.core * ticks + spikes.tick - first, minlength=cores * ticks).reshape(cores, ticks)
        shaded(ax, counts, (first - 0.5, first + ticks - 0.5, cores - 0.5, -0.5), "spikes of a core in a tick", style)
    ax.set_xlim(first - 0.5, first + ticks - 0.5)
    few_ticks(ax, x=8, y=5, whole=True)


def mesh(ax: Axes, net: Configuration, found: Traffic, style: Style) -> None:
    """Cores shaded by what they send, and links by what they carry."""
    height, width = found.sent.shape
    links = max(height, width) <= FEW_LINKS
    what = "sent by a core" if links else "over the links of a router"
    dress(ax, style, title="Spikes on the mesh", x="core along x", y="core along y")
    place = (-0.5, width - 0.5, height - 0.5, -0.5)
    shaded(ax, found.sent if links else found.through, place, f"spikes {what}", style, faint=links)
    if links:
        _links(ax, found, style)
    for k in range(1, net.board.chips[0]):
        ax.axvline(k * net.board.cores[0] - 0.5, color=style.ink, lw=1.5)
    for k in range(1, net.board.chips[1]):
        ax.axhline(k * net.board.cores[1] - 0.5, color=style.ink, lw=1.5)
    ax.set_aspect("equal")
    few_ticks(ax, x=9, y=9, whole=True)


def _links(ax: Axes, found: Traffic, style: Style) -> None:
    """A line between two routers for each link, as wide as what it carries."""
    ways = [(found.along_x, (1, 0)), (found.along_y, (0, 1))]
    ends = [((x, y), (x + dx, y + dy)) for load, (dx, dy) in ways for y, x in np.argwhere(load).tolist()]
    loads = np.concatenate([load[load > 0] for load, _ in ways])
    if not len(loads):
        return
    ramp = style.ramp(style.colours[1])
    lines = LineCollection(ends, cmap=ramp, linewidths=0.6 + 4.0 * loads / loads.max(), capstyle="round")
    lines.set_array(loads)
    lines.set_clim(0.0, float(loads.max()))
    ax.add_collection(lines)
    _bar(ax, lines, "spikes over a link", style)


def shaded(
    ax: Axes,
    values: NDArray[np.int64],
    extent: tuple[float, float, float, float],
    label: str,
    style: Style,
    *,
    faint: bool = False,
    most: int | None = None,
) -> None:
    """Whole numbers from 0 to `most` (None: the largest of them), with a bar beside them."""
    ramp: Colormap = style.ramp(style.colours[0])
    most = max(1, int(values.max())) if most is None else most
    image = ax.imshow(
        values,
        aspect="auto",
        interpolation="nearest",
        cmap=ramp,
        vmin=0,
        vmax=most,
        extent=extent,
        alpha=0.6 if faint else 1.0,
    )
    _bar(ax, image, label, style)


def _bar(ax: Axes, drawn: object, label: str, style: Style) -> None:
    bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02, ticks=MaxNLocator(4, integer=True))  # type: ignore[arg-type]
    bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    bar.set_label(label, fontsize=LABEL, color=style.muted)
    bar.ax.tick_params(labelsize=TICK, colors=style.muted, length=3)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
