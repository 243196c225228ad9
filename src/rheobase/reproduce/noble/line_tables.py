"""The table of codes between two models: Gamma at each fraction, errors, and which features lie between the ends."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rheobase.plot.table import Cell
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.lines import FEATURES, lies_between
from rheobase.reproduce.noble.tables import number
from rheobase.reproduce.seeds import Seeds

BETWEEN, OWN = "in between", "of the cell in between"
CELL, TIMES, END = "the cell itself", "spike times in between", "the nearer end"
FIRING = "in between, firing"
ERRORS = ("spike count error (%)", "interval error (%)", "first spike error (ms)", "steady potential error (mV)")


def place_of(group: str, name: str, code: str, share: float) -> str:
    return f"{group}, {name}, {code}, {share:g}"


def codes_of(job: Job, group: str, one: Mapping[str, Any]) -> list[str]:
    """Which codes a net was told at every inner fraction: a cell that hardly fires has no responses."""
    inner = [share for share in job["fractions"] if 0.0 < share < 1.0]
    return [code for code in (BETWEEN, OWN) if all(place_of(group, "", code, share) in one for share in inner)]


def columns(job: Job) -> tuple[str, ...]:
    gammas = (f"Gamma at {share:g}" for share in job["fractions"])
    between = (f"{name.partition(' (')[0]} between (%)" for name in FEATURES)
    return ("prediction", "code", "seeds", *gammas, "Gamma in between, each seed", *ERRORS, *between, FIRING)


def rows(
    job: Job, group: str, found: Mapping[str, Sequence[Mapping[str, Any]]], without: Mapping[str, Any]
) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [
        (name, None, None, *_row(job, group, name, BETWEEN, [without])) for name in (CELL, TIMES, END)
    ]
    for name, results in found.items():
        for code in codes_of(job, group, results[0]):
            own = f"{job['trained'][name]['code']}, {code}"
            rows.append((name, own, len(results), *_row(job, group, "", code, results)))
    return rows


def _row(job: Job, group: str, name: str, code: str, results: Sequence[Mapping[str, Any]]) -> tuple[Cell, ...]:
    """Gamma at each fraction, and means over the inner ones and over seeds."""
    fractions = [share for share in job["fractions"] if place_of(group, name, code, share) in results[0]]
    gammas: list[Cell] = [
        _mean([one[place_of(group, name, code, share)]["gamma"] for one in results]) if share in fractions else None
        for share in job["fractions"]
    ]
    each = [_inner_gamma(job, one, group, name, code) for one in results]
    spread = ", ".join(number(x) for x in each) if len(each) > 1 else None
    places, errors, shares = list[str](), list[list[float | None]](), list[list[float | None]]()
    for one in results:
        # the ends are those of the code in between: another code has none of its own
        places = [place_of(group, name, code if share in fractions else BETWEEN, share) for share in job["fractions"]]
        own, cell = (
            torch.stack([torch.as_tensor(one[f"{place}, {of}"]) for place in places]) for of in ("own", "cell")
        )
        errors.append(_errors(own[1:-1], cell[1:-1]))
        inside, known = lies_between(own)
        shares.append([_share(inside[..., k], known[..., k]) for k in range(len(FEATURES))])
    means = [_mean(column) for table in (errors, shares) for column in zip(*table, strict=True)]
    firing = sum(results[0][place]["firing"] for place in places[1:-1])
    return (*gammas, spread, *means, firing)


def _inner_gamma(job: Job, one: Mapping[str, Any], group: str, name: str, code: str) -> float:
    inner = (share for share in job["fractions"] if 0.0 < share < 1.0)
    return statistics.fmean(one[place_of(group, name, code, share)]["gamma"] or 0.0 for share in inner)


def _errors(own: Tensor, cell: Tensor) -> list[float | None]:
    """Of features (fractions, samples, 4) the errors in the units and the order of `ERRORS`."""
    count, first, interval, steady = ((own - cell)[..., k].abs() for k in range(len(FEATURES)))
    fires = cell[..., 0] > 0
    return [
        _mean((100.0 * count[fires] / cell[..., 0][fires]).tolist()),
        _median(100.0 * interval / cell[..., 2]),
        _median(first),
        _median(steady),
    ]


def _median(x: Tensor) -> float | None:
    known = x[torch.isfinite(x)]
    return float(known.quantile(0.5)) if len(known) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [x for x in values if x is not None]
    return statistics.fmean(known) if known else None


def _share(inside: Tensor, known: Tensor) -> float | None:
    return 100.0 * float(inside.sum()) / int(known.sum()) if bool(known.any()) else None


def keep(job: Job, kept: Seeds, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    for name, results in found.items():
        seeds = job["trained"][name].get("seeds", job["seeds"])
        for seed, one in zip(seeds, results, strict=True):
            for group in job["pairs"]:
                for code in codes_of(job, group, one):
                    shares = [share for share in job["fractions"] if place_of(group, "", code, share) in one]
                    for share in shares:
                        gamma = one[place_of(group, "", code, share)]["gamma"]
                        kept.put(
                            {
                                "prediction": name,
                                "code": code,
                                "between": group,
                                "fraction": share,
                                "seed": seed,
                                "Gamma at 4 ms": gamma,
                            }
                        )


def said(job: Job, found: Mapping[str, Sequence[Mapping[str, Any]]], without: Mapping[str, Any]) -> str:
    said = list[str]()
    for group in job["pairs"]:
        told = [
            f"{name} ({code}) {number(_mean([_inner_gamma(job, one, group, '', code) for one in results]))}"
            for name, results in found.items()
            for code in codes_of(job, group, results[0])
        ]
        known = [f"{name} {number(_inner_gamma(job, without, group, name, BETWEEN))}" for name in (TIMES, END)]
        said.append(f"Between {group}, Gamma at 4 ms, mean of inner fractions and seeds: {'; '.join([*told, *known])}.")
    return " ".join(said)


__all__ = ["BETWEEN", "CELL", "END", "OWN", "TIMES", "codes_of", "columns", "keep", "place_of", "rows", "said"]
