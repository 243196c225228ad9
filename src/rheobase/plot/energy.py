"""The energy of a network: three numbers, where it goes, and how it follows the activity."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rheobase.energy.comparison import PARTS, Comparison
from rheobase.energy.span import Span, total
from rheobase.energy.tables import joules, names
from rheobase.plot.style import LIGHT, TICK, WIDTH, Style, dress, few_ticks, legend, log_ticks, new_figure

SAID = {
    "synapses": "synapses",
    "cells": "cells",
    "weights": "weights read",
    "states": "states read and written",
    "spikes": "spikes moved",
}
_UNITS = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ"), (1e-9, "nJ"), (1e-12, "pJ"))
_LEAST, _MOST, _POINTS = 1e-3, 1.0, 60
_LAYERS = 40  # bars, at most


def energy(found: Comparison, *, title: str = "", style: Style = LIGHT) -> Figure:
    """Above, the three numbers with their ranges; then the layers; below, energy over activity with this network on it.

    The spiking bar and the layers are made of the parts of the energy; a diamond is a layer of the ordinary network. A
    band is a range.
    """
    labels = _shown(found)
    rows = max(1, len(labels))
    figure = new_figure(WIDTH, 5.3 + 0.28 * rows, style)
    numbers, layers, curve = figure.subplots(3, 1, height_ratios=[1.0, 0.05 + 0.28 * rows, 1.8])
    size, unit = _unit(max(span.high for span in (found.arithmetic, found.spiking, found.ordinary or found.spiking)))
    dress(numbers, style, title=title or "Energy of one sample", x=f"energy ({unit})", grid="x")
    _numbers(numbers, found, size, style)
    most = max((_both(found, name) for name in labels), default=0.0)
    size, unit = _unit(most)
    name = "By layer" if len(labels) < _LAYERS else f"By layer, the {_LAYERS} that take most"
    _layers(dress(layers, style, title=name, x=f"energy ({unit})", grid="x"), found, labels, size, style)
    _curve(dress(curve, style, title="By activity", x="active lines in a step (%)", grid="both"), found, style)
    return figure


def _both(found: Comparison, name: str) -> float:
    """The larger energy of a layer, spiking or ordinary."""
    other = found.ordinary_layers.get(name)
    return max(total([*found.layers[name].values()]).nominal, 0.0 if other is None else other.nominal)


def _shown(found: Comparison) -> list[str]:
    """The layers that take energy, in order; of very many, those that take most."""
    taking = [layer.label for layer in found.account.layers if _both(found, layer.label)]
    least = sorted((_both(found, name) for name in taking), reverse=True)[:_LAYERS]
    return [name for name in taking if _both(found, name) >= least[-1]][:_LAYERS] if least else []


def _ordinary(style: Style) -> str:
    """The colour that no part of the energy has."""
    return style.colours[5]


def _unit(value: float) -> tuple[float, str]:
    return next(((size, unit) for size, unit in _UNITS if value >= size), _UNITS[-1])


def _numbers(ax: Axes, found: Comparison, size: float, style: Style) -> None:
    quoted, spiking, ordinary = names(found)
    rows: list[tuple[str, Span | None]] = [
        (quoted, found.arithmetic),
        (spiking, found.spiking),
        (ordinary, found.ordinary),
    ]
    for k, (_, span) in enumerate(rows):
        if span is None:
            ax.text(0.0, k, " none: layers reach through time", va="center", fontsize=TICK, color=style.muted)
            continue
        if k == 1:
            _stacked(ax, k, [found.parts[name].nominal / size for name in PARTS], style)
        else:
            ax.barh(k, span.nominal / size, height=0.55, color=style.muted if k == 0 else _ordinary(style))
        ax.plot([span.low / size, span.high / size], [k, k], color=style.ink, lw=1.2, marker="|", ms=6)
        ax.annotate(
            joules(span.nominal),
            (span.high / size, k),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=TICK,
            color=style.ink,
        )
    _named(ax, [name for name, _ in rows])
    ax.set_xlim(0, 1.18 * max(span.high for _, span in rows if span is not None) / size)


def _layers(ax: Axes, found: Comparison, labels: list[str], size: float, style: Style) -> None:
    longest = 0.0
    for k, name in enumerate(labels):
        parts = [found.layers[name][part].nominal / size for part in PARTS]
        _stacked(ax, k, parts, style, named=not k)
        other = found.ordinary_layers.get(name)
        longest = max(longest, sum(parts), 0.0 if other is None else other.nominal / size)
        if other is not None:
            ax.plot(other.nominal / size, k, "D", ms=5, mfc=_ordinary(style), mec=style.ink, mew=0.9, clip_on=False)
    if found.ordinary is not None:
        look: dict[str, Any] = {"ms": 5, "mfc": _ordinary(style), "mec": style.ink, "mew": 0.9, "ls": "none"}
        ax.plot([], [], "D", label="ordinary network", **look)
    _named(ax, labels)
    # behind stacked bars there is no margin of its own
    ax.set_xlim(0, 1.05 * longest or None)
    # below the label of the axis, which is so many rows high
    legend(ax, style, loc="upper center", bbox_to_anchor=(0.3, -1.9 / (len(labels) + 0.2)), ncols=3)


def _stacked(ax: Axes, at: int, parts: list[float], style: Style, *, named: bool = False) -> None:
    left = 0.0
    for k, (name, width) in enumerate(zip(PARTS, parts, strict=True)):
        label = SAID[name] if named else None
        ax.barh(at, width, left=left, height=0.55, color=style.colours[k], label=label)
        left += width


def _named(ax: Axes, names_: list[str]) -> None:
    ax.set_yticks(range(len(names_)), names_)
    ax.set_ylim(len(names_) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _curve(ax: Axes, found: Comparison, style: Style) -> None:
    now = found.account.activity
    rates = np.geomspace(min(_LEAST, now or _LEAST), _MOST, _POINTS)
    size, unit = _unit(found.spiking.nominal)
    _band(
        ax,
        rates,
        [found.spiking_at(rate) for rate in rates],
        size,
        color=style.ink,
        label="spiking, with memory traffic",
    )
    if found.ordinary is not None:
        spans = [found.ordinary_at(rate) for rate in rates]
        _band(ax, rates, spans, size, color=_ordinary(style), label="ordinary network")
    if now:
        quoted = [found.arithmetic.nominal * rate / now / size for rate in rates]
        ax.plot(100 * rates, quoted, color=style.muted, lw=1.4, ls="--", label="synapses alone, as papers quote it")
        ax.plot(
            100 * now,
            found.spiking.nominal / size,
            "o",
            ms=6,
            mfc=style.background,
            mec=style.ink,
            mew=1.8,
            zorder=4,
            ls="none",
            label=f"this network: {100 * now:.3g} %",
        )
    at = found.break_even
    if at is not None and 0.0 < at.nominal < 1.0:
        ax.axvline(100 * at.nominal, color=style.muted, lw=1.2, ls=":", label=f"as much: {100 * at.nominal:.3g} %")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylabel(f"energy ({unit})")
    ax.set_xlim(100 * rates[0], 100 * rates[-1])
    few_ticks(ax)
    log_ticks(ax, x=True, y=True)
    legend(ax, style, loc="upper center", bbox_to_anchor=(0.3, -0.28), ncols=2)


def _band(ax: Axes, rates: Any, spans: list[Span], size: float, *, color: str, label: str) -> None:
    ax.plot(100 * rates, [span.nominal / size for span in spans], color=color, lw=1.8, label=label)
    ends = ([span.low / size for span in spans], [span.high / size for span in spans])
    ax.fill_between(100 * rates, *ends, color=color, alpha=0.15, lw=0)
