"""What `rheobase.explain` found: a table for a terminal, a notebook and a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from rheobase.cards import aligned
from rheobase.energy import Operations
from rheobase.energy.tables import count
from rheobase.engine.parts import Part
from rheobase.profiling.timing import Timing
from rheobase.profiling.words import duration, size

NONE = "-"


@dataclass(frozen=True)
class Layer(Part):
    """One layer, with what was measured of it; None where there is nothing to measure, or nothing was.

    shape       of its output, (time, batch, ...)
    calls       in one run of the network; times, memory and operations are of all of them together
    spikes      of a neuron in a time step, the mean over neurons, steps and samples
    forward     seconds of a forward that a backward may follow
    backward    seconds from the gradient of its output to those of its parameters and inputs
    peak, kept  bytes: the most at once in both, beside its input; what stays from forward to backward
    operations  of one sample; `uncounted` says why there are none
    """

    parameters: int = 0
    shape: tuple[int, ...] | None = None
    calls: int = 0
    spikes: float | None = None
    forward: Timing | None = None
    backward: Timing | None = None
    peak: int | None = None
    kept: int | None = None
    operations: Operations | None = None
    uncounted: str = ""

    @property
    def label(self) -> str:
        """As the rows of torch's profiler have it."""
        return self.kind if self.name == "(net)" else f"{self.name}: {self.kind}"


@dataclass(frozen=True)
class Whole:
    """The network as one: what it was given, and what that took. `peak`: the most bytes at once, beside x."""

    shape: tuple[int, ...]
    dtype: str
    device: str
    training: bool
    parameters: int
    forward: Timing
    backward: Timing | None
    peak: int | None
    operations: Operations | None
    machine: dict[str, Any]


@dataclass(frozen=True)
class Explanation:
    """The layers of a network in order, and the whole of it; `unmeasured` says why there is no whole.

    It prints as a table, is one in a notebook, and `json()` has all of its numbers.
    """

    parts: tuple[Layer, ...]
    whole: Whole | None = None
    unmeasured: str = ""

    def rows(self) -> list[tuple[str, ...]]:
        """The table as text: a head, a row for each layer, and one for the whole."""
        if self.whole is None:
            return [
                ("part", "kind", "backend", "why"),
                *((p.name, p.kind, p.backend, p.reason) for p in self.parts),
            ]
        whole, total = self.whole, self.whole.operations
        head = ("layer", "output", "parameters", "backend", "spikes", "forward", "backward", "memory", "AC", "MAC")
        last = (
            "whole network",
            NONE,
            f"{whole.parameters:,}",
            NONE,
            NONE,
            *_times(whole.forward, whole.backward),
            _text(size, whole.peak),
            *(f"{self._more}{cell}" for cell in _operations(total)),
        )
        return [head, *(_cells(p) for p in self.parts), last]

    def notes(self) -> list[str]:
        """What the numbers are, which backends run what and why, and what was not counted."""
        if self.whole is None:
            return [f"not measured: {self.unmeasured}"] if self.unmeasured else []
        whole, host = self.whole, self.whole.machine
        steps, batch, rounds = *whole.shape[:2], len(whole.forward.rounds)
        mode = "training" if whole.training else "evaluation"
        notes = [
            f"Measured on x {tuple(whole.shape)}, {whole.dtype}, in {mode} mode: {steps} steps of {batch} samples; "
            f"medians of {rounds} rounds in which all layers take turns, after a warm-up; {whole.device}, "
            f"{host['threads']} of {host['cores']} cores of {host['processor']}, torch {host['torch']}.",
            "A layer by itself finds its memory warm, and a busy machine interrupts a short call less often: layers "
            "may add up to less than the whole.",
            "spikes: of a neuron in a time step. memory: the most bytes at once in forward and backward, beside the "
            "input. AC, MAC: accumulates and multiply-accumulates of one sample, those of neurons' updates among them.",
        ]
        if whole.operations is not None:
            energy, functions = whole.operations.energy(), whole.operations.functions
            beside = f", {count(functions)} exp, sigmoid and the like as 8 of each" if functions else ""
            each = f"0.9 pJ for a sum, 3.7 pJ for a product{beside}; memory: rheobase energy"
            notes.append(f"Arithmetic of one sample: {self._more}{1e6 * energy:.3g} uJ in 45 nm ({each}).")
        for backend, reason, names in self._reasons():
            notes.append(f"{backend}: {reason} ({', '.join(names)})")
        notes += [f"not counted: {p.label}: {p.uncounted}" for p in self.parts if p.uncounted]
        return notes

    @property
    def _more(self) -> str:
        """Before a sum over the layers that leaves out some."""
        return "> " if any(p.uncounted for p in self.parts) else ""

    def _reasons(self) -> list[tuple[str, str, list[str]]]:
        found: dict[tuple[str, str], list[str]] = {}
        for part in self.parts:
            found.setdefault((part.backend, part.reason), []).append(part.name)
        return [(*key, names) for key, names in found.items()]

    def as_json(self) -> dict[str, Any]:
        """All numbers, as values of JSON; times in seconds, memory in bytes."""
        layers = [{"label": p.label, **asdict(p)} for p in self.parts]
        return {
            "layers": layers,
            "whole": None if self.whole is None else asdict(self.whole),
            "unmeasured": self.unmeasured or None,
        }

    def json(self) -> str:
        """All numbers as JSON text."""
        return json.dumps(self.as_json(), indent=1)

    def __str__(self) -> str:
        left = {0, 1, 2, 3} if self.whole is None else {0, 1, 3}
        return "\n".join([aligned(self.rows(), left), *self.notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.html()

    def html(self) -> str:
        """The table for a page or a notebook; it scrolls where it is too wide."""
        head, *rows = self.rows()

        def line(cells: tuple[str, ...], tag: str) -> str:
            sides = ["left" if k in (0, 1, 3) or self.whole is None else "right" for k in range(len(cells))]
            made = (
                f'<{tag} style="text-align: {side}; white-space: nowrap">{escape(cell)}</{tag}>'
                for cell, side in zip(cells, sides, strict=True)
            )
            return f"<tr>{''.join(made)}</tr>"

        body = "\n".join(line(row, "td") for row in rows)
        notes = "\n".join(f"<p>{escape(note)}</p>" for note in self.notes())
        return (
            '<div style="overflow-x: auto">\n<table style="font-size: .8em">\n'
            f"<thead>{line(head, 'th')}</thead>\n<tbody>\n{body}\n</tbody>\n"
            f"</table>\n</div>\n{notes}"
        )


def _cells(layer: Layer) -> tuple[str, ...]:
    return (
        layer.label if layer.calls < 2 else f"{layer.label} ({layer.calls} calls)",
        NONE if layer.shape is None else "x".join(map(str, layer.shape)),
        f"{layer.parameters:,}",
        layer.backend,
        _text(lambda share: f"{100 * share:.3g} %", layer.spikes),
        *_times(layer.forward, layer.backward),
        _text(size, layer.peak),
        *_operations(layer.operations),
    )


def _times(forward: Timing | None, backward: Timing | None) -> tuple[str, str]:
    before, after = (_text(duration, None if t is None else t.median) for t in (forward, backward))
    return before, after


def _operations(found: Operations | None) -> tuple[str, str]:
    if found is None:
        return NONE, NONE
    return count(found.accumulates), count(found.multiply_accumulates + found.updates)


def _text(form: Callable[[float], str], value: float | None) -> str:
    return NONE if value is None else form(value)
