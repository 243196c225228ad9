"""Going on with a fit that was interrupted, or that the clock ended: by the journal in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rheobase.cli.fitting.job import Fitted
from rheobase.cli.fitting.settings import FitSettings
from rheobase.errors import CheckpointError, ParameterError
from rheobase.json_files import read_json
from rheobase.runs.folder import CONFIG, REPORT, RESULT

JOURNAL = "search.journal"
CLOCK = "time limit"
ALLOWED = ("--resume", "--time-limit", "--json", "--debug")


def left(folder: Path, given: Sequence[str], limit: float | None) -> list[FitSettings]:
    """The settings of the fits in a folder that is gone on with; with another time limit, where one is `given`.

    Raises: `ParameterError` for other options and for a fit that is finished, `CheckpointError` for a folder without.
    """
    others = [option for option in given if option not in ALLOWED]
    if others:
        expected = "no other setting: a fit goes on as it began"
        raise ParameterError("--resume", ", ".join(others), expected, "leave the others out, or start a new fit")
    content = read_json(folder / CONFIG, remedy="give the folder of a fit, runs/NAME")
    notes = content.get("notes") if isinstance(content, dict) else None
    notes = notes if isinstance(notes, dict) else {}
    found = notes.get("fits") or ([notes["fit"]] if "fit" in notes else [])
    if not isinstance(found, list) or not found:
        expected = "what `rheobase fit` wrote"
        raise CheckpointError(str(folder / CONFIG), "no fit in it", expected, "give the folder of a fit, runs/NAME")
    settings = [FitSettings.from_json(one, str(folder / CONFIG)) for one in found]
    if "--time-limit" in given:
        settings = [replace(one, time_limit=limit) for one in settings]
    places = [folder / one.neuron for one in settings] if "fits" in notes else [folder]
    if (folder / RESULT).exists():
        _check_unfinished(folder, places, settings[0].time_limit)
    return settings


def _check_unfinished(folder: Path, places: Sequence[Path], limit: float | None) -> None:
    """Raise `ParameterError` where nothing is left to do."""
    if not any((place / JOURNAL).exists() for place in places):
        given = f"{folder}, a finished fit"
        raise ParameterError("--resume", given, "an interrupted one", f"look at {folder / REPORT}")
    paths = [place / RESULT for place in places if (place / RESULT).exists()]
    ends = [read_json(path, remedy="remove it, and resume again") for path in paths]
    clock = [one["seconds"] for one in ends if one["ended"] == CLOCK]
    if len(clock) == len(places) and limit is not None and max(clock) >= limit:
        given = f"{folder}, whose search took {max(clock):.0f} s of {limit:g}"
        raise ParameterError("--resume", given, "a longer --time-limit", f"--time-limit {2 * max(clock):.0f}s")


def close(fits: Sequence[Fitted], folders: Sequence[Path]) -> None:
    """Remove the journals of fits that nothing can be added to."""
    for fitted, folder in zip(fits, folders, strict=True):
        if fitted.fit.finished and fitted.fit.ended != CLOCK:
            (folder / JOURNAL).unlink(missing_ok=True)


__all__ = ["JOURNAL", "close", "left"]
