"""(a) Fixed points of the cell, and for which a and u2 it is stable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from rheobase.neurons import DQIF
from rheobase.plot import Picture, Style, Table, labelled_map
from rheobase.reproduce.dqif import theory as dqif
from rheobase.reproduce.dqif.networks import LAM, PLOTTED, RECONSTRUCTED
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part

LABELS = ("returns to rest", "returns, oscillating", "does not return")
COLUMNS = ("form", "a", "u1", "u2", "rest", "factor per step at rest", "critical potential", "rheobase", "vertex",
           "measured factor")  # fmt: skip
NUDGE = 1e-3


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    for form, lam in LAM.items():
        for a, u1, u2 in job["cells"]:
            cell: dict[str, Any] = {"a": a, "u1": u1, "u2": u2, "lam": lam}
            rest, critical = (float(v) for v in dqif.fixed_points(**cell))
            factor = 1.0 - float(dqif.discriminant(**cell).sqrt())
            rows.append(
                (
                    form,
                    a,
                    u1,
                    u2,
                    rest,
                    factor,
                    critical,
                    float(dqif.rheobase_current(**cell)),
                    float(dqif.vertex(**cell)) + 0.0,
                    measured_factor(form, a, u1, u2),
                )
            )
    planes = {form: plane(form, job["side"], job["a"], job["u2"]) for form in LAM}
    table = Table(
        "Fixed points",
        COLUMNS,
        rows,
        "Without input, threshold 1. Near rest a deviation is multiplied by the factor in each step: below 0 it "
        "oscillates. The vertex is where the form 'euler' cuts the potential. The measured factor is that of the "
        f"compiled cell, a deviation of {NUDGE:g} after one step.",
    )
    return Finding(
        f"{RECONSTRUCTED} {below_threshold(rows)}".strip(),
        tables=[table],
        pictures=[_picture(job, form, codes) for form, codes in planes.items()],
    )


def below_threshold(rows: Sequence[tuple[Any, ...]]) -> str:
    """What each form does at the values of the paper's figure, where these are among the rows of the table."""
    plotted = tuple(PLOTTED.values())
    said = [
        f"'{row[0]}' {'oscillates' if row[-1] < 0 else 'does not oscillate'}" for row in rows if row[1:4] == plotted
    ]
    if not said:
        return ""
    return f"The paper says that its cell oscillates below threshold; at the values of its figure {' and '.join(said)}."


def plane(form: str, side: int, a: tuple[float, float], u2: tuple[float, float]) -> Tensor:
    """What a cell with u1 = 0 does near rest, (side, side): rows of u2, columns of a, indices of `LABELS`."""
    columns, rows = (torch.linspace(*ends, side, dtype=torch.float64) for ends in (a, u2))
    delta = dqif.discriminant(a=columns[None], u1=0.0, u2=rows[:, None], lam=LAM[form])
    codes = torch.zeros(side, side, dtype=torch.long)
    codes[delta > 1.0] = 1
    codes[delta >= 4.0] = 2
    return codes


def measured_factor(form: str, a: float, u1: float, u2: float) -> float:
    """By which a small deviation from rest grows in a step of the cell."""
    cell = DQIF(1, form=form, a=a, u1=u1, u2=u2).double()
    rest = cell.rest(1, dtype=torch.float64)
    _, end = cell(torch.zeros(1, 1, 1, dtype=torch.float64), rest._replace(v=rest.v + NUDGE))
    return float(end.v - rest.v) / NUDGE


def _picture(job: Job, form: str, codes: Tensor) -> Picture:
    share = float((codes < 2).double().mean())
    return Picture(
        f"Stability, form {form}",
        "u1 = 0, near rest, without the cut at the vertex. The frame holds the values of DQIF, learning or not.",
        f"A plane of a and u2: in {100 * share:.0f} % of it the cell returns to rest.",
        lambda style: _draw(job, form, codes, style),
    )


def _draw(job: Job, form: str, codes: Tensor, style: Style) -> Figure:
    colours = [style.colours[k] for k in (2, 5, 1)]
    figure = labelled_map(
        codes,
        LABELS,
        colours,
        x=("a", tuple(job["a"])),
        y=("u2", tuple(job["u2"])),
        title=f"form {form}",
        marks=((PLOTTED["a"], PLOTTED["u2"], "figure of the paper"),),
        style=style,
    )
    (left, right), (low, high) = (DQIF.params[name].range or (0.0, 0.0) for name in ("a", "u2"))
    figure.axes[0].add_patch(
        Rectangle((left, low), right - left, high - low, fill=False, edgecolor="black", linewidth=1.2)
    )
    return figure


PART = Part(
    "stability",
    "Stability",
    "fixed points, and the parameters for which the cell returns to rest",
    run,
    settings={
        "cells": [[0.25, 0.0, 0.5], [0.1, 0.0, 0.5], [0.5, 0.0, 0.5], [0.5, 0.0, 1.5], [0.25, -0.5, 0.5]],
        "side": 300,
        "a": [0.01, 2.0],
        "u2": [-2.0, 3.0],
    },
    quick={"side": 60},
)
