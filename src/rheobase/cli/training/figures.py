"""The results of a run, as rows of a table and as JSON."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rheobase.cli.training.job import Outcome
from rheobase.machine import machine


def rows(outcome: Outcome) -> dict[str, str]:
    """Names and values as text, for display."""
    test, history = outcome.test, outcome.history
    best, spikes, host = history.best, outcome.spikes_per_neuron, machine()
    error = math.sqrt(test.accuracy * (1 - test.accuracy) / test.samples)
    right = round(test.accuracy * test.samples)
    kept = f", kept epoch {best.epoch}" if best else ""
    cores = f"{outcome.settings.threads} of {host['cores']} cores"
    return {
        "test accuracy": f"{_percent(test.accuracy)} ± {100 * error:.1f} ({right} of {test.samples})",
        "validation accuracy": _percent(best.validation_accuracy) if best else "none: all samples train",
        "spikes per neuron and sample": "none: no layer spikes" if spikes is None else f"{spikes:.2f}",
        "parameters": f"{outcome.parameters:,}",
        "training time": f"{history.seconds:.1f} s ({len(history)} epochs{kept})",
        **_start(outcome),
        "seed": str(outcome.settings.seed),
        "machine": f"{host['processor']}, {cores}",
    }


def _start(outcome: Outcome) -> dict[str, str]:
    """How the run began, where something was asked for."""
    rows: dict[str, str] = {}
    wanted = outcome.settings.activity_range()
    if outcome.scales is not None and wanted is not None:
        scales = ", ".join(f"layer {name} x {scale:.3g}" for name, scale in outcome.scales.items())
        spikes = f"{100 * wanted[0]:.3g} to {100 * wanted[1]:.3g} % of the steps"
        rows["first weights"] = f"scaled until every layer spikes in {spikes}: {scales}"
    if outcome.search is not None:
        tried = outcome.search.rates
        rows["learning rates tried"] = (
            f"{len(tried)}, from {tried[0]:.1e} to {tried[-1]:.1e}; {outcome.search.suggested:g} suggested, "
            f"{outcome.settings.lr:g} taken"
        )
    return rows


def as_json(outcome: Outcome, folder: Path) -> dict[str, Any]:
    """All results and settings, as values of JSON."""
    history = outcome.history
    return {
        "name": folder.name,
        "folder": str(folder),
        "test": outcome.test.as_json(),
        "spikes_per_neuron": outcome.spikes_per_neuron,
        "parameters": outcome.parameters,
        "training_seconds": history.seconds,
        "epochs": history.as_json(),
        "kept_epoch": history.best.epoch if history.best else None,
        "start_scales": None if outcome.scales is None else dict(outcome.scales),
        "find_lr": None if outcome.search is None else outcome.search.as_json(),
        "warnings": [concern.as_json() for concern in history.concerns],
        "settings": outcome.settings.as_json(),
        "machine": machine(),
    }


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.1f} %"
