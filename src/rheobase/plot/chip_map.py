"""A chip with what stands on it: how much of each core is in use, and the traffic between cores."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rheobase.chip.truenorth import NEURONS, NOWHERE, Configuration, Events, traffic
from rheobase.plot.board import mesh, shaded
from rheobase.plot.style import LIGHT, TICK, WIDTH, Style, dress, few_ticks, new_figure

FEW = 12  # cores along a side, up to which numbers are written into them


def load_of(net: Configuration) -> dict[str, NDArray[np.int64]]:
    """How much of each core is in use, (cores,): axons with a synapse, neurons that send somewhere, synapses.

    >>> from rheobase.chip.truenorth import TrueNorth
    >>> found = load_of(Configuration(TrueNorth(cores=(2, 1)), crossbar=1, target=-2))
    >>> {name: values.tolist() for name, values in found.items()}
    {'axons': [256, 256], 'neurons': [256, 256], 'synapses': [65536, 65536]}
    """
    bits = np.bitwise_count(net.crossbar).astype(np.int64).sum(-1)  # (cores, axons)
    return {
        "axons": (bits > 0).sum(1),
        "neurons": (net.target != NOWHERE).sum(1).astype(np.int64),
        "synapses": bits.sum(1),
    }


def chip_map(net: Configuration, spikes: Events | None = None, *, style: Style = LIGHT) -> Figure:
    """The cores of a configuration: above how many axons and neurons are in use, below the traffic of a run.

    Cores are shaded by the fuller of their axons and neurons; on boards of up to 12 cores a side both numbers stand in
    them, axons first. Without `spikes` (of a run with `record="all"`) there is no lower half.

    Raises: `ParameterError` for spikes of another board.

    >>> from rheobase.chip.truenorth import TrueNorth
    >>> len(chip_map(Configuration(TrueNorth(cores=(2, 2)), crossbar=1, target=3)).axes)
    2
    """
    figure = new_figure(WIDTH, 3.4 if spikes is None else 6.4, style)
    panels = np.atleast_1d(figure.subplots(1 if spikes is None else 2, 1))
    _load(panels[0], net, style)
    if spikes is not None:
        mesh(panels[1], net, traffic(net, spikes), style)
    return figure


def _load(ax: Axes, net: Configuration, style: Style) -> None:
    found = load_of(net)
    width, height = net.board.width, net.board.height
    axons, neurons = (found[name].reshape(height, width) for name in ("axons", "neurons"))
    dress(ax, style, title="Load", x="core along x", y="core along y")
    fuller = np.maximum(axons, neurons)
    place = (-0.5, width - 0.5, height - 0.5, -0.5)
    shaded(ax, fuller, place, f"axons or neurons in use, of {NEURONS}", style, most=NEURONS)
    if max(width, height) <= FEW:
        for y, x in np.argwhere(fuller > 0).tolist():
            colour = style.background if fuller[y, x] > 0.6 * NEURONS else style.ink
            ax.text(x, y, f"{axons[y, x]}\n{neurons[y, x]}", ha="center", va="center", fontsize=TICK - 2, color=colour)
    ax.set_aspect("equal")
    few_ticks(ax, x=9, y=9, whole=True)


__all__ = ["chip_map", "load_of"]
