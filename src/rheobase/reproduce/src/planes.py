"""The planes of two parameters in which the cell is mapped: data, no code that runs cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rheobase.neurons import SRC

Axis = tuple[str, float, float]  # parameter, first and last value

PAPER = {name: spec.default for name, spec in SRC.params.items() if name not in ("alpha", "rho")}


@dataclass(frozen=True)
class Plane:
    """Two parameters that vary, the others as in the paper but for `fixed`; under a constant x."""

    name: str
    title: str
    x: Axis
    y: Axis
    drive: float
    about: str
    fixed: dict[str, float] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, float]:
        """All parameters; of those that vary, the paper's value."""
        return {**PAPER, **self.fixed}

    @property
    def paper_lies_in_it(self) -> bool:
        """Whether the paper's cell is a point of this plane."""
        inside = all(low <= PAPER[name] <= high for name, low, high in (self.x, self.y))
        return inside and all(PAPER[name] == value for name, value in self.fixed.items())

    def lanes(self, side: int) -> dict[str, Tensor]:
        """The parameters of side x side lanes, row after row of y."""
        columns, rows = (torch.linspace(low, high, side) for _, low, high in (self.x, self.y))
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        same = {name: torch.full((side * side,), value) for name, value in self.values.items()}
        return {**same, self.x[0]: x.flatten(), self.y[0]: y.flatten()}

    def said(self) -> str:
        """What is held, in words."""
        held = [f"{k} = {v:g}" for k, v in self.values.items() if k not in (self.x[0], self.y[0])]
        return f"Held: {', '.join(held)}, x = {self.drive:g}."


PLANES = (
    Plane(
        "gates-weak", "Slow gates, weak input", ("z_hyp", 0.0, 0.98), ("z_dep", 0.0, 0.98), 1.2,
        "z_hyp is the memory of the slow feedback between spikes, z_dep that within one.",
    ),
    Plane(
        "gates", "Slow gates, strong input", ("z_hyp", 0.0, 0.98), ("z_dep", 0.0, 0.98), 1.75,
        "The same two gates, under more input.",
    ),
    Plane(
        "feedback", "Fast and slow feedback", ("r", 0.0, 10.0), ("r_s", -16.0, 0.0), 1.75,
        "r is the fast feedback, which excites, and r_s the slow one, which inhibits.",
    ),
    Plane(
        "bias", "Bias and slow feedback", ("b_h", -9.0, -4.0), ("r_s", -16.0, 0.0), 1.75,
        "b_h is the bias, r_s the slow feedback.",
    ),
    Plane(
        "irregular", "Firing patterns", ("r", 0.0, 10.0), ("z_hyp", 0.0, 0.98), 1.75,
        "Fast feedback, and memory of the slow one between spikes, where that is long within spikes (z_dep = 0.85).",
        {"r_s": -10.0, "z_dep": 0.85},
    ),
    Plane(
        "membrane", "Membrane gate", ("b_h", -6.3, -5.5), ("z", 0.5, 0.9), 0.0,
        "z slows h; it is 0 in the paper.",
        {"r": 7.1, "r_s": -11.9, "z_hyp": 0.89, "z_dep": 0.39},
    ),
)  # fmt: skip

LEAST = 0.02  # of an axis: what a label must hold to be named along it


def along(codes: np.ndarray, plane: Plane, names: Sequence[str]) -> str:
    """The labels along both axes, through the paper's values where these lie within.

    Shapes: codes (rows of y, columns of x).
    """
    side = len(codes)
    said: list[str] = []
    for (name, low, high), (other, from_, to), lines in (
        (plane.x, plane.y, codes),
        (plane.y, plane.x, codes.T),
    ):
        values = np.linspace(from_, to, side)
        paper = PAPER[other] if from_ <= PAPER[other] <= to else 0.5 * (from_ + to)
        k = int(np.abs(values - paper).argmin())
        runs = _runs(lines[k], max(1, round(LEAST * side)))
        ends = [f"{names[code]} to {low + (high - low) * end / (side - 1):.3g}" for code, end in runs[:-1]]
        known = ", ".join([*ends, names[runs[-1][0]]]) if ends else f"{names[runs[0][0]]} throughout"
        said.append(f"Along {name}, at {other} = {values[k]:.3g}: {known}.")
    return " ".join(said)


def _runs(line: np.ndarray, least: int) -> list[tuple[int, int]]:
    """Codes of a line in order, and where each ends; what is shorter than `least` belongs to what comes before it."""
    found: list[tuple[int, int]] = []
    start = 0
    for end in range(1, len(line) + 1):
        if end == len(line) or line[end] != line[start]:
            code = int(line[start])
            if found and (end - start < least or found[-1][0] == code):
                found[-1] = (found[-1][0], end - 1)
            else:
                found.append((code, end - 1))
            start = end
    return found
