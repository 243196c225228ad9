"""What every layer of a network does over time for one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.errors import InputError, ParameterError, ShapeError
from rheobase.plot.style import LIGHT, TICK, WIDTH, Style, dress, few_ticks, new_figure
from rheobase.plot.time_axis import Clock, array, ends, spike_array

Kind = Literal["spikes", "values", "lines"]
FEW = 3  # cells, each of which has its number beside it
_HEIGHTS = {"spikes": 1.5, "values": 1.5, "lines": 1.7}


@dataclass(frozen=True)
class Panel:
    """One layer: values (time, cells), drawn as ticks ("spikes"), shades ("values") or curves ("lines").

    A tick is a value other than 0. Shades go from the least value to the largest, 0 among them; NaN stays empty.

    Of the curves, the one with the index `chosen` is drawn in colour with its name in `names`, the others thin and
    grey. `given` marks what comes from outside the network: it is grey.

    >>> import torch
    >>> Panel("hidden", torch.zeros(100, 20), "spikes", "cell").title
    'hidden'
    """

    title: str
    values: Tensor
    kind: Kind
    y: str
    names: tuple[str, ...] = ()
    chosen: int | None = None
    given: bool = False


def raster(
    spikes: Tensor | Mapping[str, Tensor] | Sequence[Panel], *, dt: float | None, style: Style = LIGHT
) -> Figure:
    """A tick for every spike, over one time axis: of one population, of several by name, or of any panels.

    Panels stand one above the other, from the input at the top to the readout at the bottom.

    Shapes: spikes (time, cells), 0 or 1; each panel's values (time, cells), all of one length; dt in ms, or None where
    time is in steps.

    Raises: `ShapeError` for other shapes; `DTypeError`; `InputError` for spikes that are neither 0 nor 1, in a panel
    for ticks that are not finite; `ParameterError` for an unknown kind, no panel, a `chosen` that is no curve, as many
    names as there are no curves, or a dt that is none.

    >>> import torch
    >>> from rheobase import neurons
    >>> spikes, _ = neurons.LIF(20, dt=1.0)(torch.rand(100, 1, 20) * 3)
    >>> len(raster(spikes[:, 0], dt=1.0).axes), len(raster({"first": spikes[:, 0], "again": spikes[:, 0]}, dt=1.0).axes)
    (1, 2)
    """
    panels = _panels(spikes)
    arrays = [_checked(panel) for panel in panels]
    if not panels or len({len(a) for a in arrays}) > 1:
        given = f"panels of {[len(a) for a in arrays]} steps"
        raise ShapeError("raster", given, "one or more panels of one length", "give all layers of the same run")
    heights = [_HEIGHTS[p.kind] for p in panels]
    figure = new_figure(WIDTH, 0.5 + sum(heights), style)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    clock = Clock.checked("raster", dt)
    for ax, panel, values in zip(axes, panels, arrays, strict=True):
        dress(ax, style, title=panel.title, y=panel.y)
        draw = {"spikes": _ticks, "values": _shades, "lines": _curves}[panel.kind]
        draw(ax, panel, values, clock, style)
        few_ticks(ax, y=4, whole=panel.kind != "lines")
        if panel.kind != "lines" and values.shape[1] <= FEW:
            ax.set_yticks(range(values.shape[1]))
    axes[-1].set_xlabel(clock.label)
    axes[-1].set_xlim(0, (len(arrays[0]) + 0.5) * clock.step)
    return figure


def _checked(panel: Panel) -> np.ndarray:
    if panel.kind not in _HEIGHTS:
        raise ParameterError("raster", f"kind {panel.kind!r}", ", ".join(_HEIGHTS), "kind='spikes'")
    name = f"panel {panel.title!r}" if panel.title else "spikes"
    found = array("raster", name, panel.values, ("time", "cells"))
    if panel.kind == "spikes" and not np.isfinite(found).all():
        remedy = "kind='lines' or 'values' for potentials"
        raise InputError("raster", f"{name}, drawn as ticks, with NaN or infinity", "finite values", remedy)
    curves = found.shape[1]
    if panel.names and len(panel.names) != curves:
        given = f"{len(panel.names)} names for the {curves} curves of {name}"
        raise ParameterError("raster", given, "a name for each curve", "leave names out")
    if panel.chosen is not None and not 0 <= panel.chosen < curves:
        given = f"chosen = {panel.chosen!r} of the {curves} curves of {name}"
        raise ParameterError("raster", given, f"an index from 0 to {curves - 1}", "leave it out")
    return found


def _panels(given: Tensor | Mapping[str, Tensor] | Sequence[Panel]) -> Sequence[Panel]:
    if isinstance(given, Sequence) and all(isinstance(one, Panel) for one in given):
        return given
    named: Mapping[str, Any] = given if isinstance(given, Mapping) else {"": given}
    for name, values in named.items():
        spike_array("raster", f"panel {name!r}" if name else "spikes", values, ("time", "cells"))
    return [Panel(name, torch.as_tensor(values), "spikes", "cell") for name, values in named.items()]


def _ticks(ax: Axes, panel: Panel, values: np.ndarray, clock: Clock, style: Style) -> None:
    when, cell = np.nonzero(values)
    cells = values.shape[1]
    # a tick as tall as the row of its cell, but never too thin to see
    size = max(1.2, min(9.0, 72 * 0.8 * _HEIGHTS["spikes"] / cells))
    colour = style.muted if panel.given else style.colours[0]
    ax.plot(clock.after(len(values))[when], cell, "|", ms=size, mew=1.0, color=colour)
    ax.set_ylim(cells - 0.5, -0.5)


def _shades(ax: Axes, panel: Panel, values: np.ndarray, clock: Clock, style: Style) -> None:
    steps, cells = values.shape
    colour = style.muted if panel.given else style.colours[0]
    low, high = ends(values)
    high = max(high, 0.0)
    ax.imshow(
        np.where(np.isfinite(values), values, np.nan).T,
        aspect="auto",
        interpolation="nearest",
        cmap=style.ramp(colour),
        vmin=min(low, 0.0),
        vmax=high if high > 0.0 or low < 0.0 else 1e-9,
        extent=(0, steps * clock.step, cells - 0.5, -0.5),
    )


def _curves(ax: Axes, panel: Panel, values: np.ndarray, clock: Clock, style: Style) -> None:
    time = clock.after(len(values))
    for k, curve in enumerate(values.T):
        chosen = k == panel.chosen
        colour = style.colours[1] if chosen else style.muted
        ax.plot(time, curve, color=colour, lw=2.0 if chosen else 0.8, alpha=1.0 if chosen else 0.6, zorder=2 + chosen)
    for k, name in enumerate(panel.names):
        if k == panel.chosen:
            ax.annotate(
                name,
                (time[-1], values[-1, k]),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=style.colours[1],
                fontsize=TICK,
                fontweight="bold",
                annotation_clip=False,
            )
