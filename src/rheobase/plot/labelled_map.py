"""A plane of two parameters, coloured by what happens at each point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from rheobase.errors import ShapeError
from rheobase.plot.style import LIGHT, TICK, WIDTH, Style, dress, few_ticks, new_figure
from rheobase.plot.time_axis import array

Range = tuple[float, float]


def labelled_map(
    codes: Tensor,
    labels: Sequence[str],
    colours: Sequence[str],
    *,
    x: tuple[str, Range],
    y: tuple[str, Range],
    title: str,
    marks: Sequence[tuple[float, float, str]] = (),
    style: Style = LIGHT,
) -> Figure:
    """Each point in the colour of its label; the legend names the labels that occur, with their share.

    Shapes: codes (rows of y, columns of x), indices into `labels`. `x` and `y` are the name and the first and last
    value of an axis; `marks` are points (x, y, word) of note.

    Raises: `ShapeError` for another rank, or a code without a label or colour.

    >>> import torch
    >>> axis = ("a", (0.0, 1.0))
    >>> figure = labelled_map(
    ...     torch.tensor([[0, 1]]), ["still", "firing"], ["grey", "red"], x=axis, y=axis, title="What it does"
    ... )
    >>> figure.axes[0].get_xlabel()
    'a'
    """
    plane = array("labelled_map", "codes", codes, ("y", "x")).astype(int)
    if plane.min() < 0 or plane.max() >= min(len(labels), len(colours)):
        given = f"codes {plane.min()} to {plane.max()}, {len(labels)} labels and {len(colours)} colours"
        raise ShapeError("labelled_map", given, "a label and a colour for each code", "count labels from 0")
    figure = new_figure(WIDTH, 3.4, style)
    ax = figure.subplots()
    dress(ax, style, title=title, x=x[0], y=y[0])
    norm = BoundaryNorm(np.arange(len(labels) + 1) - 0.5, len(labels))
    ax.imshow(
        plane,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(*x[1], *y[1]),
        cmap=ListedColormap(list(colours[: len(labels)])),
        norm=norm,
    )
    few_ticks(ax, x=6, y=6)
    for at_x, at_y, word in marks:
        # above the axis, where it lies on it
        ax.plot([at_x], [at_y], "o", ms=6, mfc="white", mec="black", mew=1.2, clip_on=False, zorder=5)
        # to the side where there is more room
        right = at_x < 0.5 * sum(x[1])
        ax.annotate(
            word,
            (at_x, at_y),
            xytext=(6 if right else -6, 5),
            textcoords="offset points",
            fontsize=TICK,
            color="black",
            ha="left" if right else "right",
            bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1.0},
        )
    share = np.bincount(plane.ravel(), minlength=len(labels)) / plane.size
    patches = [
        Patch(facecolor=colours[k], edgecolor=style.muted, linewidth=0.5, label=f"{labels[k]}  {_percent(share[k])}")
        for k in range(len(labels))
        if share[k] > 0
    ]
    figure.legend(
        handles=patches,
        loc="outside right upper",
        frameon=False,
        fontsize=TICK,
        labelcolor=style.ink,
        handlelength=1.2,
        handleheight=1.0,
    )
    return figure


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "< 1 %"
