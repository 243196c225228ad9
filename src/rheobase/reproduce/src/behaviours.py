"""Part (b): how its parameters move the cell between behaviours, as maps whose every point is labelled by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from rheobase.firing import PARTED
from rheobase.plot import Picture, Style, Table, labelled_map, value_map
from rheobase.plot.labelled_map import Range
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.src import excitability, portraits
from rheobase.reproduce.src.examples import Example, choose
from rheobase.reproduce.src.labels import LABELS, REST_OR_FIRING
from rheobase.reproduce.src.lanes import labelled
from rheobase.reproduce.src.planes import PAPER, PLANES, Plane, along

WIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
CENSUS = {"r": (0.0, 10.0), "r_s": (-20.0, 0.0), "z_hyp": (0.0, 0.98), "z_dep": (0.0, 1.0), "b_h": (-8.0, -4.0)}


def run(job: Job) -> Finding:
    """Maps, widths, examples, a census, and how firing begins."""
    size = {"side": job["side"], "steps": job["steps"], "window": job["window"]}
    maps = {plane.name: job.unit(plane.name, partial(_map, job, plane), **size, **_said(plane)) for plane in PLANES}
    census = job.unit("census", partial(_census, job), draws=job["draws"], **size)
    begins = job.unit(
        "excitability", lambda: excitability.along_r(job["r"], job["onset_steps"]), r=job["r"], steps=job["onset_steps"]
    )
    codes = {name: found["codes"] for name, found in maps.items()}
    examples = choose(codes, PLANES)
    counts = census["without"] + census["with"]
    absent = [
        LABELS[k] for k in range(len(LABELS)) if not counts[k] and not any((c == k).any() for c in codes.values())
    ]
    return Finding(
        _text(census, excitability.classes(begins), len(job["r"]))
        + (f" Not seen anywhere: {', '.join(absent)}." if absent else ""),
        tables=[_shares(codes), _census_table(census), excitability.table(begins)],
        pictures=[
            *(_labelled(plane, codes[plane.name]) for plane in PLANES),
            *(_widths(plane, maps[plane.name]["width"]) for plane in PLANES if plane.name in ("gates", "irregular")),
            _portraits(examples),
            Picture(
                "How firing begins along r",
                "Left: the x + b_h from which on the cell oscillates, measured and as the Jacobian predicts it, and "
                "from which on it spikes. Right: frequencies at the onset of spikes, and 0.5 above it.",
                "Onsets and frequencies over r.",
                lambda style: portraits.beginning(begins, style),
            ),
        ],
    )


def _said(plane: Plane) -> dict[str, Any]:
    return {"x": list(plane.x), "y": list(plane.y), "values": plane.values, "drive": plane.drive}


def _map(job: Job, plane: Plane) -> dict[str, Any]:
    side = job["side"]
    x = torch.full((side * side,), plane.drive)
    track = partial(job.track, what=f"map of {plane.x[0]} and {plane.y[0]}")
    found = labelled(plane.lanes(side), x, job["steps"], job["window"], track)
    return {"codes": found.codes.view(side, side).to(torch.uint8), "width": found.width.view(side, side)}


def _census(job: Job) -> dict[str, Any]:
    """Labels of random cells, with z = 0 as in the paper, and with any z."""
    counts: dict[str, Any] = {}
    for name, most_z in (("without", 0.0), ("with", 0.95)):
        generator = torch.Generator().manual_seed(job.seed)

        def draw(low: float, high: float, among: torch.Generator = generator) -> torch.Tensor:
            return low + (high - low) * torch.rand(job["draws"], generator=among)

        parameters = {key: draw(*ends) for key, ends in CENSUS.items()} | {"z": draw(0.0, most_z)}
        track = partial(job.track, what=f"census, z up to {most_z:g}")
        found = labelled(parameters, draw(0.0, 2.9), job["steps"], job["window"], track)
        counts[name] = torch.bincount(found.codes, minlength=len(LABELS))
    return counts


def _text(census: Mapping[str, np.ndarray], classes: Mapping[str, int], tried: int) -> str:
    lanes = int(census["without"].sum())
    coexist = int(census["without"][REST_OR_FIRING]), int(census["with"][REST_OR_FIRING])
    kinds = " and ".join(f"as class {name} for {count}" for name, count in sorted(classes.items()))
    return (
        "The rules that label a lane stand in rheobase.reproduce.src.labels; a step of a constant x meets the cell at "
        f"rest. Bursting is groups of three spikes or more, parted by pauses of at least {PARTED} times the intervals "
        "within them in which the cell is silent (after Cocatre-Zilgien & Delcomyn, 1992, and Pasquale et al., 2010). "
        f"Of {lanes:,} random cells with z = 0, as in the paper, {coexist[0]} can rest and fire under the same "
        f"input; with any z up to 0.95, {coexist[1]} of {lanes:,} can. Of {tried} values of r, firing begins {kinds}."
    )


def _axes(plane: Plane) -> dict[str, tuple[str, Range]]:
    return {"x": (plane.x[0], plane.x[1:]), "y": (plane.y[0], plane.y[1:])}


def _labelled(plane: Plane, codes: np.ndarray) -> Picture:
    marks = [(PAPER[plane.x[0]], PAPER[plane.y[0]], "paper")] if plane.paper_lies_in_it else []

    def draw(style: Style) -> Figure:
        colours = portraits.colours(style)
        return labelled_map(
            torch.from_numpy(codes), LABELS, colours, **_axes(plane), title=plane.title, marks=marks, style=style
        )

    seen = ", ".join(LABELS[k] for k in np.unique(codes))
    return Picture(
        f"Map: {plane.title.lower()}",
        f"{plane.about} {along(codes, plane, LABELS)} {plane.said()}",
        f"Labelled map: {seen}.",
        draw,
    )


def _widths(plane: Plane, width: np.ndarray) -> Picture:
    # up to the first that none exceeds, two at least
    ticks = WIDTHS[: max(2, 1 + int(np.searchsorted(WIDTHS, width.max())))]

    def draw(style: Style) -> Figure:
        return value_map(
            torch.from_numpy(width),
            **_axes(plane),
            title=f"{plane.title}: width of a spike",
            label="steps above 0.5",
            ticks=ticks,
            style=style,
        )

    caption = f"Mean number of steps that a spike spends above 0.5; empty where there is none. {plane.said()}"
    return Picture(f"Spike width: {plane.title.lower()}", caption, "Shaded map of spike widths.", draw)


def _portraits(examples: Sequence[Example]) -> Picture:
    where = "; ".join(
        f"{e.label}: {e.plane.title.lower()}, {e.plane.x[0]} {e.x:.3g}, {e.plane.y[0]} {e.y:.3g}" for e in examples
    )
    return Picture(
        "An example of each label",
        "h from the step on, of a lane from the middle of the largest region of each label; for the bistable ones also "
        f"after a kick, in the second colour. The line is at 0.5, which a spike crosses. {where}.",
        f"Traces of {len(examples)} lanes.",
        lambda style: portraits.examples(examples, style),
    )


def _shares(codes: Mapping[str, np.ndarray]) -> Table:
    counts = [np.bincount(codes[plane.name].ravel(), minlength=len(LABELS)) for plane in PLANES]
    rows = [(name, *(float(100 * c[k] / c.sum()) for c in counts)) for k, name in enumerate(LABELS)]
    return Table("Share of each map (%)", ("label", *(plane.title for plane in PLANES)), rows, digits=3)


def _census_table(census: Mapping[str, np.ndarray]) -> Table:
    box = ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in CENSUS.items())
    rows = [(LABELS[k], int(census["without"][k]), int(census["with"][k])) for k in range(len(LABELS))]
    return Table(
        "Census of random cells",
        ("label", "cells with z = 0", "cells with z from 0 to 0.95"),
        rows,
        f"Drawn uniformly: {box}, x from 0 to 2.9.",
    )


PART = Part(
    "behaviours",
    "Behaviours of the cell",
    "labelled maps of its parameters, spike widths, excitability class",
    run,
    revision=2,
    settings={
        "side": 200,
        "steps": 2000,
        "window": 1000,
        "draws": 40000,
        "r": [round(1.2 + 0.2 * k, 1) for k in range(21)],
        "onset_steps": 6000,
    },
    quick={"side": 50, "steps": 1200, "window": 600, "draws": 4000, "onset_steps": 3000},
)
