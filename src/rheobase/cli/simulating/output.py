"""The output of a simulation of cells: on the terminal, as JSON, and as a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rheobase.cli.simulating.cell import SOMA, Found, Run, plain
from rheobase.cli.terminal import console, figures, number, table
from rheobase.firing import rates

MOST_COLUMNS = 6  # cells in a table that has a column for each


def tell(found: Found) -> None:
    """Say how each cell fires."""
    out = console()
    out.print(repr(found.cell), style="bold", soft_wrap=True)
    if found.run is not None and found.run.note:
        out.print(f"current: {found.run.note}", soft_wrap=True)
    rows = [_row(found, k) for k in range(len(found.names))]
    if rows[0]:
        if len(rows) == 1:
            out.print(figures({"file": found.names[0], **rows[0]}))
        else:
            columns = ("file", *rows[0])
            out.print(
                table(columns, [(n, *r.values()) for n, r in zip(found.names, rows, strict=True)], right=columns[1:])
            )
    if found.features is not None:
        names = list(found.features[0])
        _columns(found, "feature", [(n, [_text(each[n]) for each in found.features]) for n in names])
    if found.fi is not None:
        currents, rate = found.fi.currents.tolist(), found.fi.rate.tolist()
        each = [(f"{i:g} nA", [f"{x:.4g} Hz" for x in row]) for i, row in zip(currents, rate, strict=True)]
        _columns(found, "f-I, steps of 1000 ms", each)
    if found.run is not None:
        _converged(found, found.run)


def _row(found: Found, k: int) -> dict[str, str]:
    row: dict[str, str] = {}
    run = found.run
    if run is not None:
        rate, times = _rate(found, run, k), spike_times(found, run, k)
        after = [t for t in times if t > run.onset * found.cell.dt]
        finer = run.finer[k]
        row |= {
            "spikes": str(len(times)),
            "rate": f"{number(rate)} Hz" if rate else "none",
            "first spike after": f"{after[0] - run.onset * found.cell.dt:.6g} ms" if after else "no spike",
            "rate at half the step": "" if finer.change is None else f"{100 * finer.change:+.2g} %",
            f"{SOMA} at the end": f"{number(float(run.places[SOMA][-1, k]))} mV",
        }
    if found.rheobase is not None:
        value = float(found.rheobase[k])
        row["rheobase"] = "none up to 10 nA" if math.isnan(value) else f"{number(value)} nA"
    return row


def _columns(found: Found, what: str, rows: list[tuple[str, list[str]]]) -> None:
    """A table with a column for each cell, where there are few of them."""
    out = console()
    if len(found.names) > MOST_COLUMNS:
        out.print(f"{what}: of {len(found.names)} cells; --json FILE has all of them", soft_wrap=True)
        return
    out.print(table((what, *found.names), [(name, *values) for name, values in rows], right=found.names))


def _text(value: float) -> str:
    return "none" if math.isnan(value) else number(value)


def _converged(found: Found, run: Run) -> None:
    unsure = [k for k, finer in enumerate(run.finer) if not finer.converged]
    if not unsure:
        return
    dt, which = found.cell.dt, f"of {len(unsure)} of {len(found.names)} cells " if len(found.names) > 1 else ""
    errors = [run.finer[k].error for k in unsure]
    errors = [error for error in errors if error is not None]
    off = "half the step gives another number of spikes"
    if errors:
        off = f"the rate may be {100 * max(errors):.2g} % off, as half the step says"
    warning = f"not converged: {which}{off}; take --dt {dt / 2:g}ms, say, unless the model was made for this step"
    console().print(warning, style="yellow", soft_wrap=True)


def spike_times(found: Found, run: Run, k: int) -> list[float]:
    """When a cell spikes, in ms."""
    return [round((int(step) + 1) * found.cell.dt, 9) for step in run.spikes[:, k].nonzero()]


def _rate(found: Found, run: Run, k: int) -> float:
    return float(rates(run.spikes[run.onset :, k : k + 1], found.cell.dt))


def as_json(found: Found, morphology: Path, traces: bool) -> dict[str, Any]:
    """All numbers; the traces of what was recorded where it was asked for."""
    run, cell = found.run, found.cell
    return {
        "morphology": str(morphology),
        "cell": repr(cell),
        "dt": cell.dt,
        "time_unit": "ms",
        "steps": None if run is None else len(run.current),
        "onset": None if run is None else run.onset * cell.dt,
        "threshold_mV": cell.threshold,
        "input_unit": "nA",
        "fi_currents": None if found.fi is None else found.fi.currents.tolist(),
        "cells": [_cell(found, k, traces) for k in range(len(found.names))],
    }


def _cell(found: Found, k: int, traces: bool) -> dict[str, Any]:
    found_of: dict[str, Any] = {"file": found.names[k]}
    run = found.run
    if run is not None:
        finer = run.finer[k]
        found_of |= {
            "spikes": int(run.spikes[:, k].sum()),
            "rate": _rate(found, run, k),
            "rate_unit": "Hz",
            "spike_times": spike_times(found, run, k),
            "half_step": {
                "dt": finer.dt,
                "rate": finer.rate,
                "change": finer.change,
                "error": finer.error,
                "converged": finer.converged,
            },
        }
        if traces:
            kept = {name: v[:, k].tolist() for name, v in run.places.items()}
            found_of["traces"] = kept | {name: x[:, :, k].tolist() for name, x in run.states.items()}
    if found.features is not None:
        found_of["features"] = {name: plain(value) for name, value in found.features[k].items()}
    if found.fi is not None:
        found_of["fi"] = {
            "count": found.fi.count[:, k].tolist(),
            "rate": found.fi.rate[:, k].tolist(),
            "first": [plain(t) for t in found.fi.first[:, k].tolist()],
        }
    if found.rheobase is not None:
        found_of["rheobase"] = plain(float(found.rheobase[k]))
    return found_of


def draw(found: Found, path: Path, title: str) -> Path:
    """The picture of --plot. Raises: `StorageError`."""
    from rheobase.plot import LIGHT, CellResponse, cell_response, save

    run = None if found.run is None else CellResponse(found.run.current, found.run.places, found.cell.dt)
    figure = cell_response(run, fi=found.fi, rheobase=found.rheobase, names=found.names, title=title, style=LIGHT)
    return save(figure, path)
