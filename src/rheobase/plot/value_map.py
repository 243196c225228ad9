"""A plane of two parameters, shaded by a number at each point."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter
from torch import Tensor

from rheobase.plot.labelled_map import Range
from rheobase.plot.style import LABEL, LIGHT, TICK, WIDTH, Style, dress, few_ticks, new_figure
from rheobase.plot.time_axis import array


def value_map(
    values: Tensor,
    *,
    x: tuple[str, Range],
    y: tuple[str, Range],
    title: str,
    label: str,
    ticks: tuple[float, ...],
    style: Style = LIGHT,
) -> Figure:
    """Each point in the shade of its value, on a logarithmic scale between the first and the last of `ticks`.

    Points at 0 or NaN have no value and stay empty.

    Shapes: values (rows of y, columns of x).

    Raises: `ShapeError` for another rank.

    >>> import torch
    >>> axis = ("a", (0.0, 1.0))
    >>> figure = value_map(torch.rand(4, 4) + 0.5, x=axis, y=axis, title="Rates", label="Hz", ticks=(0.5, 1.0, 1.5))
    >>> figure.axes[0].get_xlabel()
    'a'
    """
    plane = array("value_map", "values", values, ("y", "x")).astype(float)
    figure = new_figure(WIDTH, 3.4, style)
    ax = figure.subplots()
    dress(ax, style, title=title, x=x[0], y=y[0])
    shades = "viridis" if style.name == "dark" else "viridis_r"
    image = ax.imshow(
        np.ma.masked_where(~(plane > 0), plane),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(*x[1], *y[1]),
        cmap=shades,
        norm=LogNorm(ticks[0], ticks[-1]),
    )
    few_ticks(ax, x=6, y=6)
    bar = figure.colorbar(image, ax=ax, extend="max", pad=0.02)
    bar.set_label(label, fontsize=LABEL, color=style.muted)
    bar.ax.yaxis.set_major_formatter(ScalarFormatter())
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.set_ticks(list(ticks))
    bar.ax.tick_params(labelsize=TICK, colors=style.muted, length=3)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return figure
