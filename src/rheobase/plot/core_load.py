"""How full the cores of a Loihi chip are: bars of what each holds, of its limits."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from rheobase.chip.loihi import Configuration
from rheobase.plot.style import LIGHT, TICK, WIDTH, Style, dress, few_ticks, new_figure

PARTS = {"compartments": "compartments", "in_axons": "axons in", "out_axons": "axons out", "synapse_bits": "synapses"}
FEW = 8  # cores, up to which numbers stand beside the bars


def core_load(net: Configuration, *, style: Style = LIGHT) -> Figure:
    """A panel for each kind of thing that a core has: a bar for each core, in percent of what it can hold.

    Colours tell the layers of cores apart. On up to 8 cores the numbers stand beside the bars.

    >>> from rheobase import nn
    >>> from rheobase.chip import loihi
    >>> layer = nn.Linear(3, 2, bias=False)
    >>> layer.weight.data[:] = 10.0
    >>> found = loihi.programmed(nn.Sequential(loihi.synapses(layer), loihi.Compartment(2)), (3,))
    >>> len(core_load(found.net).axes)
    4
    """
    loads, many = [core.load() for core in net.cores], len(net.cores)
    layers = list(dict.fromkeys(core.layer for core in net.cores))
    colours = [style.colours[layers.index(core.layer) % len(style.colours)] for core in net.cores]
    figure = new_figure(WIDTH, 1.2 + 0.26 * min(many, 24), style)
    for k, ((name, title), ax) in enumerate(zip(PARTS.items(), figure.subplots(1, 4, sharey=True), strict=True)):
        used = np.array([getattr(load, name) for load in loads])
        most = getattr(net.chip, name)
        in_bytes = name == "synapse_bits"
        dress(ax, style, x=f"% of {most // 8192} KiB" if in_bytes else f"% of {most:,}")
        ax.set_title(title, loc="left", fontsize=TICK, color=style.ink, fontweight="bold")
        ax.barh(np.arange(many), np.full(many, 100.0), color=style.grid, height=0.7)
        ax.barh(np.arange(many), 100.0 * used / most, color=colours, height=0.7)
        if many <= FEW:
            for row, value in enumerate(used.tolist()):
                text = f"{value / 8192:.3g} KiB" if in_bytes else f"{value:,}"
                ax.text(98, row, text, ha="right", va="center", fontsize=TICK - 1, color=style.ink)
            ax.set_yticks(np.arange(many), [f"core {k}, layer {core.layer}" for k, core in enumerate(net.cores)])
        else:
            few_ticks(ax, y=9, whole=True)
            ax.set_ylabel("core" if k == 0 else "")
        ax.set_xlim(0, 100)
        ax.set_xticks([0, 50, 100], ["0", "50", "100"])
        ax.set_ylim(many - 0.5, -0.5)
    return figure


__all__ = ["core_load"]
