"""A channel in a picture: where its gates settle, how fast, and how much of it is open then."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rheobase.channels.channel import Membrane, Pool
from rheobase.channels.kinetics import SLOWEST, Curve, Kinetics, kinetics
from rheobase.core.declaration.describe import labelled
from rheobase.plot.style import LIGHT, WIDTH, Style, dress, few_ticks, legend, log_ticks, new_figure

WIDE = 20.0  # a ratio of time constants from which on their axis is logarithmic


def channel(kind: type[Membrane], *, style: Style = LIGHT) -> Figure:
    """Steady states, time constants, and the share of the conductance that is open at rest, over what gates it.

    That is the potential, or the calcium inside where a channel reads it; of a pool the current that fills it. A leak
    has its current.
    """
    found = kinetics(kind)
    panels = [_steady, _taus, *([_open] if found.open is not None else [])] if found.steady else [_current]
    figure = new_figure(WIDTH, 0.6 + 1.5 * len(panels), style)
    axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True))
    for ax, panel in zip(axes, panels, strict=True):
        panel(ax, kind, found, style)
    last: Axes = axes[-1]
    name, unit = found.along
    last.set_xlabel(labelled(_words(kind, name), unit))
    last.set_xlim(float(found.x[0]), float(found.x[-1]))
    if name == "ca":
        last.set_xscale("log")
        log_ticks(last, x=True)
    figure.align_ylabels(list(axes))
    return figure


def _words(kind: type[Membrane], name: str) -> str:
    return kind.entries[name].meaning


def _steady(ax: Axes, kind: type[Membrane], found: Kinetics, style: Style) -> None:
    pool = issubclass(kind, Pool)
    unit = next(iter(kind.states.values())).unit if pool else "1"
    dress(ax, style, title=f"{kind.__name__}: where it settles", y=labelled("steady state", unit), grid="y")
    for names in _alike(found.steady):
        name, count = names[0], sum(s.rstrip("0123456789") == names[0] for s in kind.states)
        label = ", ".join(names) if count < 2 else f"{name} ({count} states)"
        ax.plot(found.x, found.steady[name], color=_colour(found, name, style), lw=1.5, label=label)
    if not pool:
        ax.set_ylim(-0.04, 1.04)
        ax.set_yticks([0.0, 0.5, 1.0])
    _beside(ax, style)


def _taus(ax: Axes, kind: type[Membrane], found: Kinetics, style: Style) -> None:
    dress(ax, style, title="How fast", y="time constant (ms)", grid="y")
    for name, y in found.tau.items():
        colour = style.ink if name == SLOWEST else _colour(found, name, style)
        ax.plot(found.x, y, color=colour, lw=1.5, label="slowest relaxation" if name == SLOWEST else name)
    # without the ends of a curve that falls to nothing at the edge
    least, most = min(np.quantile(y, 0.02) for y in found.tau.values()), max(y.max() for y in found.tau.values())
    if most > WIDE * least:
        ax.set_yscale("log")
        ax.set_ylim(0.7 * least, 1.4 * most)
        log_ticks(ax, y=True)
    else:
        ax.set_ylim(0.0, 1.1 * most)
        few_ticks(ax, y=4)
    _beside(ax, style)


def _open(ax: Axes, kind: type[Membrane], found: Kinetics, style: Style) -> None:
    dress(ax, style, title="Open when settled", y="share of gbar", grid="y")
    if found.open is not None:
        ax.plot(found.x, found.open, color=style.ink, lw=1.5)
    ax.set_ylim(bottom=0.0)
    few_ticks(ax, y=4)


def _current(ax: Axes, kind: type[Membrane], found: Kinetics, style: Style) -> None:
    """Of a channel without gates."""
    g, e = (kind.params[name].default for name in ("g", "e"))
    title = f"{kind.__name__}: current at g = {g:g} S/cm2, e = {e:g} mV"
    dress(ax, style, title=title, y="i (mA/cm2)", grid="y")
    ax.plot(found.x, g * (found.x - e), color=style.colours[0], lw=1.5)
    ax.axhline(0.0, color=style.muted, lw=0.8)
    few_ticks(ax, y=4)


def _alike(curves: Mapping[str, Curve]) -> list[list[str]]:
    """The names of curves, those of equal ones together: a line would hide the other."""
    groups: list[list[str]] = []
    for name, y in curves.items():
        same = next((group for group in groups if np.array_equal(curves[group[0]], y)), None)
        groups.append([name]) if same is None else same.append(name)
    return groups


def _colour(found: Kinetics, name: str, style: Style) -> str:
    return style.colours[list(found.steady).index(name) % len(style.colours)]


def _beside(ax: Axes, style: Style) -> None:
    """A legend to the right, where it covers no curve."""
    legend(ax, style, loc="center left", bbox_to_anchor=(1.0, 0.5))


__all__ = ["channel"]
