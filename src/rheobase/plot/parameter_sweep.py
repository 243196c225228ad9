"""How rate, rheobase and pattern of a neuron move with one parameter, or over the plane of two."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from rheobase.core.declaration.describe import driver, labelled
from rheobase.firing import PATTERNS
from rheobase.parameter_sweep import ParameterSweep
from rheobase.plot.style import LABEL, LIGHT, TICK, TITLE, WIDTH, Style, dress, few_ticks, log_ticks, new_figure


def sweep(found: ParameterSweep, *, title: str = "", style: Style = LIGHT) -> Figure:
    """The rate, in the colour of the pattern, and the rheobase: as curves, or as maps with the pattern beside them.

    A point stays empty where there is no rate, or no current was found that makes the neuron fire.
    """
    return _curves(found, title, style) if len(found.values) == 1 else _maps(found, title, style)


def _colours(style: Style) -> list[str]:
    """One for each of `PATTERNS`; what does not go on firing stands back."""
    blue, red, green, pink, orange, sky = style.colours
    return [style.grid, style.muted, style.ink, red, pink, green, blue, orange, sky][: len(PATTERNS)]


def _curves(found: ParameterSweep, title: str, style: Style) -> Figure:
    ((name, values),) = found.values.items()
    x, colours, codes = values.numpy(), _colours(style), found.pattern.numpy()
    figure = new_figure(WIDTH, 4.2, style)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.4, 1.0))
    dress(above, style, title=title or f"{found.kind.__name__} over {name}", y=f"rate ({found.rate_unit})", grid="y")
    above.plot(x, found.rate.numpy(), color=style.muted, lw=1.0, zorder=1)
    above.scatter(
        x, found.rate.numpy(), c=[colours[k] for k in codes], s=26, edgecolors=style.muted, linewidths=0.4, zorder=2
    )
    above.set_ylim(bottom=-0.04 * max(float(found.rate.max()), 1e-9))
    few_ticks(above, y=5)
    kind = found.kind
    least = "rheobase" if kind.Input is None else f"least {driver(kind)}"
    dress(below, style, x=labelled(name, kind.params[name].unit), y=labelled(least, kind.input_unit), grid="y")
    below.plot(x, found.rheobase.numpy(), "o-", color=style.colours[0], lw=1.2, ms=3.5)
    if np.isfinite(found.rheobase.numpy()).any():
        below.set_ylim(bottom=0.0)
        few_ticks(below, y=4)
    else:
        below.text(
            0.5, 0.5, "none was found", transform=below.transAxes, ha="center", color=style.muted, fontsize=LABEL
        )
    _along(below, x, style, across=True)
    _patterns_below(figure, found, style)
    figure.align_ylabels([above, below])
    return figure


def _maps(found: ParameterSweep, title: str, style: Style) -> Figure:
    kind = found.kind
    (first, across), (second, up) = ((name, v.numpy()) for name, v in found.values.items())
    figure = new_figure(WIDTH, 7.6, style)
    axes = figure.subplots(3, 1, sharex=True)
    shades = "viridis" if style.name == "dark" else "viridis_r"
    least = "rheobase" if kind.Input is None else f"least {driver(kind)}"
    shown = [
        (found.rate, f"rate ({found.rate_unit})", found.rate > 0),
        (found.rheobase, labelled(least, kind.input_unit), found.rheobase.isfinite()),
    ]
    for ax, (values, label, there) in zip(axes, shown, strict=False):
        _dress_map(ax, found, style)
        masked = np.ma.masked_where(~there.numpy(), values.numpy()).T
        image = ax.pcolormesh(_edges(across), _edges(up), masked, cmap=shades)
        bar = figure.colorbar(image, ax=ax, pad=0.02)
        bar.set_label(label, fontsize=LABEL, color=style.muted)
        bar.ax.tick_params(labelsize=TICK, colors=style.muted, length=3)
        bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    _dress_map(axes[2], found, style)
    norm = BoundaryNorm(np.arange(len(PATTERNS) + 1) - 0.5, len(PATTERNS))
    colours = ListedColormap(_colours(style))
    axes[2].pcolormesh(_edges(across), _edges(up), found.pattern.numpy().T, cmap=colours, norm=norm)
    axes[0].set_title(
        title or f"{kind.__name__} over {first} and {second}",
        loc="left",
        fontsize=TITLE,
        fontweight="bold",
        color=style.ink,
    )
    for ax in axes:
        _along(ax, up, style, across=False)
    axes[2].set_xlabel(labelled(first, kind.params[first].unit), fontsize=LABEL, color=style.muted)
    _along(axes[2], across, style, across=True)
    _patterns_below(figure, found, style)
    return figure


def _dress_map(ax: Axes, found: ParameterSweep, style: Style) -> None:
    second = list(found.values)[1]
    dress(ax, style, y=labelled(second, found.kind.params[second].unit))
    ax.set_facecolor(style.grid)


def _along(ax: Axes, values: np.ndarray, style: Style, *, across: bool) -> None:
    """The scale that the values were taken on, with its ticks."""
    if _logarithmic(values):
        (ax.set_xscale if across else ax.set_yscale)("log")
        log_ticks(ax, x=across, y=not across)
    else:
        few_ticks(ax, x=6 if across else None, y=None if across else 6)


def _logarithmic(values: np.ndarray) -> bool:
    """Whether values lie evenly in their logarithms, and not on a line."""
    if len(values) < 3 or (values <= 0).any():
        return False
    return bool(np.allclose(np.diff(np.log(values)), np.log(values[1] / values[0]), rtol=1e-3))


def _edges(values: np.ndarray) -> np.ndarray:
    """The borders of cells around the values."""
    if len(values) == 1:
        return values[0] + np.array([-0.5, 0.5]) * (abs(values[0]) or 1.0)
    x = np.log(values) if _logarithmic(values) else values
    middles = 0.5 * (x[1:] + x[:-1])
    edges = np.concatenate([[2 * x[0] - middles[0]], middles, [2 * x[-1] - middles[-1]]])
    return np.exp(edges) if _logarithmic(values) else edges


def _patterns_below(figure: Figure, found: ParameterSweep, style: Style) -> None:
    """What the colours say, of the patterns that occur."""
    colours = _colours(style)
    handles = [
        Line2D([], [], marker="o", ls="", mfc=colours[k], mec=style.muted, mew=0.4, ms=6, label=PATTERNS[k])
        for k in _seen(found.pattern)
    ]
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=4,
        frameon=False,
        fontsize=TICK,
        labelcolor=style.ink,
        handletextpad=0.2,
        columnspacing=1.2,
    )


def _seen(pattern: Tensor) -> list[int]:
    return sorted(set(pattern.flatten().tolist()))
