"""A plane of two parameters, shaded by a number at each point."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter
from torch import Tensor

from rheobase.errors import InputError
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

    Points at 0 or NaN have no value and stay empty. What is beyond the last tick has its shade, and so has what is
    below the first one; the bar then has a point at that end.

    Shapes: values (rows of y, columns of x).

    Raises: `ShapeError` for another rank; `InputError` for a negative value, which has no place on a logarithmic scale.

    >>> import torch
    >>> axis = ("a", (0.0, 1.0))
    >>> figure = value_map(torch.rand(4, 4) + 0.5, x=axis, y=axis, title="Rates", label="Hz", ticks=(0.5, 1.0, 1.5))
    >>> figure.axes[0].get_xlabel()
    'a'
    """
    plane = array("value_map", "values", values, ("y", "x")).astype(float)
    if (plane < 0).any():
        given = f"values down to {np.nanmin(plane):g}"
        raise InputError("value_map", given, "values above 0, and 0 or NaN where there is none", "draw their size, say")
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
    below = ((plane > 0) & (plane < ticks[0])).any()
    bar = figure.colorbar(image, ax=ax, extend="both" if below else "max", pad=0.02)
    bar.set_label(label, fontsize=LABEL, color=style.muted)
    bar.ax.yaxis.set_major_formatter(ScalarFormatter())
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.set_ticks(list(ticks))
    bar.ax.tick_params(labelsize=TICK, colors=style.muted, length=3)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    return figure
