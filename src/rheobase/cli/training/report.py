"""The report of a training run."""

from __future__ import annotations

from pathlib import Path

from rheobase.cli.page_text import footer, value_text
from rheobase.cli.training import figures
from rheobase.cli.training.job import Outcome
from rheobase.cli.training.pictures import pictures
from rheobase.plot import Report
from rheobase.runs.folder import REPORT

_UNITS = {
    "steps": "time steps",
    "gain": "spikes per step of the brightest pixel",
    "batch": "samples",
    "lr": "largest",
    "readout_tau": "ms",
}


def write(outcome: Outcome, folder: Path) -> Path:
    """Write report.html into the folder of a run. Raises `StorageError`."""
    settings, data = outcome.settings, outcome.data
    chosen = {key: _with_unit(key, value) for key, value in settings.choices.items() if value is not None}
    trained = len(data.y_train) - (len(outcome.validation[1]) if outcome.validation else 0)
    report = Report(
        title=f"{settings.neuron} network on {data.name}",
        summary=f"Run {folder.name}: {100 * outcome.test.accuracy:.1f} % of {outcome.test.samples:,} test samples "
        f"are right, after {outcome.history.seconds:.0f} s of training on {trained:,} samples.",
        figures=figures.rows(outcome),
        warnings=[str(concern) for concern in outcome.history.concerns],
        pictures=pictures(outcome),
        settings={**chosen, "network": repr(outcome.net)},
        command=settings.command(folder.name, folder.parent),
        footer=footer(),
    )
    return report.write(folder / REPORT)


def _with_unit(key: str, value: object) -> str:
    text = value_text(value)
    return f"{text} ({_UNITS[key]})" if key in _UNITS else text
