"""What one neuron does under a current: the current, the states, what comes out."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from rheobase.errors import ParameterError, ShapeError, nearest
from rheobase.plot.style import LIGHT, WIDTH, Style, draw_steps, dress, few_ticks, mark_spikes, new_figure
from rheobase.plot.time_axis import Clock, array, ends, spike_array


def response(
    current: Tensor,
    states: Mapping[str, Tensor],
    spikes: Tensor,
    *,
    title: str,
    marked: str | None = None,
    current_label: str = "input",
    out: Tensor | None = None,
    dt: float | None,
    style: Style = LIGHT,
) -> Figure:
    """The current at the top, one panel per state below it, and the spikes marked over the state `marked`.

    Shapes: current, spikes, out and each state (time,). The names of `states` label the axes, with units; `marked` is
    one of them, the first unless said. `out` gets a panel of its own where it is given: what a graded cell puts out.

    Raises: `ShapeError` for other shapes; `DTypeError`; `InputError` for spikes that are neither 0 nor 1;
    `ParameterError` for a dt that is none, and a `marked` that is no state.

    >>> import torch
    >>> zeros = torch.zeros(50)
    >>> len(response(zeros + 1.0, {"v (1)": zeros}, zeros, title="At rest", dt=1.0).axes)
    2
    """
    stimulus = array("response", "current", current, ("time",))
    fired = spike_array("response", "spikes", spikes, ("time",))
    curves = {name: array("response", name, value, ("time",)) for name, value in states.items()}
    if out is not None:
        curves["output"] = array("response", "out", out, ("time",))
    lengths = {len(stimulus), len(fired), *(len(v) for v in curves.values())}
    if len(lengths) > 1 or not curves:
        given = f"lengths {sorted(lengths)} and {len(curves)} states"
        raise ShapeError("response", given, "one length, and at least one state", "record them in the same run")
    if marked is not None and marked not in curves:
        raise ParameterError("response", f"marked = {marked!r}", "the name of a state", nearest(marked, curves))
    clock = Clock.checked("response", dt)
    time = clock.after(len(stimulus))
    figure = new_figure(WIDTH, 1.4 + 1.1 * len(curves), style)
    heights = [0.5, *([1.1] * len(curves))]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    dress(axes[0], style, title=title, y=current_label)
    draw_steps(axes[0], clock.edges(len(stimulus)), stimulus, style, lw=1.4)
    few_ticks(axes[0], y=2)
    at, marked = time[fired > 0], marked or next(iter(curves))
    for k, (ax, (name, values)) in enumerate(zip(axes[1:], curves.items(), strict=True)):
        dress(ax, style, y=name)
        ax.plot(time, values, color=style.colours[k % len(style.colours)], lw=1.3)
        few_ticks(ax, y=4)
        if name == marked:
            mark_spikes(ax, at, *ends(values), style.ink)
    axes[-1].set_xlabel(clock.label)
    axes[-1].set_xlim(0, float(time[-1]))
    figure.align_ylabels(axes)
    return figure
