"""The yield of a process: how many dies reach which accuracy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from rheobase.chip.mixed_signal import Dies
from rheobase.errors import ParameterError
from rheobase.plot.style import LIGHT, WIDTH, Style, dress, few_ticks, legend, new_figure

_BINS = 24  # at most; no bin is narrower than a sample


def dies(found: Dies | Mapping[str, Dies], *, title: str = "", style: Style = LIGHT) -> Figure:
    """Above, a histogram of the accuracy of dies; below, the yield: the share of dies with at least an accuracy.

    Several, by name, stand in one picture: a network and one that was trained for the process, say. A solid line is the
    median, a dotted one the accuracy in software.

    Raises: `ParameterError` for none, and for more than there are colours.

    >>> import torch
    >>> from rheobase import chip, neurons, nn
    >>> net = nn.Sequential(nn.Linear(4, 3), neurons.LIF(3, dt=1.0), nn.Linear(3, 2), neurons.LI(2, dt=1.0))
    >>> x, y = torch.rand(10, 5, 4), torch.zeros(5, dtype=torch.int64)
    >>> figure = dies(chip.mixed_signal.dies(net, "dynap-se2", x, y, n=20), title="a net that was not trained")
    """
    many = {"": found} if isinstance(found, Dies) else dict(found)
    if not 1 <= len(many) <= len(style.colours):
        expected = f"1 to {len(style.colours)}"
        raise ParameterError("plot.dies", f"{len(many)} sets of dies", expected, "draw others apart")
    accuracies = {name: 100 * one.accuracy.numpy() for name, one in many.items()}
    low = min(values.min() for values in accuracies.values())
    high = max([values.max() for values in accuracies.values()] + [100 * one.software for one in many.values()])
    step = max(100 / min(one.samples for one in many.values()), (high - low) / _BINS)
    # edges half-way between what can be reached
    edges = np.arange(low - step / 2, high + step, step)
    figure = new_figure(WIDTH, 4.6, style)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    dress(top, style, title=title or "Accuracy of dies", y="dies", grid="y")
    dress(bottom, style, x="test accuracy (%)", y="yield (%)", grid="y")
    for k, (name, one) in enumerate(many.items()):
        colour, values = style.colours[k], accuracies[name]
        lead = f"{name}: " if name else ""
        label = f"{lead}median {100 * one.median:.2f} %, software {100 * one.software:.2f} %"
        top.hist(values, edges, color=colour, alpha=0.55, label=label)
        top.axvline(100 * one.median, color=colour, lw=1.6)
        for ax in (top, bottom):
            ax.axvline(100 * one.software, color=colour, lw=1.2, ls=":")
        # from every accuracy on, the share that is as good
        at = np.sort(values)
        share = 100 * np.arange(len(at), 0, -1) / len(at)
        bottom.step([low - step, *at, at[-1]], [100.0, *share, 0.0], where="pre", color=colour, lw=1.6)
    bottom.set_ylim(0, 104)
    few_ticks(top, y=5, whole=True)
    legend(top, style, loc="upper center", bbox_to_anchor=(0.45, -0.04))
    return figure
