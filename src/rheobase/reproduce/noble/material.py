"""What a stand-in learns from: traces of published models, of models mixed from them, and of other currents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from rheobase.errors import ParameterError, nearest
from rheobase.operator import Traces
from rheobase.reproduce.noble.traces import RESPONSE, Between, Family

PUBLISHED, MIXED, VARIED = "published models", "mixed models", "mixed models, all currents"
SOURCES = (PUBLISHED, MIXED, VARIED)
KNOWN = ("conductances", "none", RESPONSE)  # the codes of a mixed model: features of its f-I curve are not published


@dataclass(frozen=True)
class Material:
    """Traces to train on, to choose the checkpoint by, and to calibrate with; none is of a model that was held out."""

    train: Traces
    validation: Traces
    calibration: Traces


def material(on: Family, choice: Mapping[str, Any]) -> Material:
    """Of a choice its `source`, how many of the `mixed` models, and how many traces it is `calibrated` with, or all.

    With mixed models the published training models are learned from, too; the checkpoint is chosen on fresh mixed
    models, which are never learned from. Raises: `ParameterError`.
    """
    source = choice.get("source", PUBLISHED)
    if source not in SOURCES:
        raise ParameterError("noble", f"source {source!r}", "a kind of traces", nearest(str(source), SOURCES))
    if source == PUBLISHED:
        return Material(on.train, on.validation, _some(on.train, choice))
    between = _between(on, choice, source)
    steps = _first(between.steps, choice.get("mixed"))
    parts = [on.train, steps]
    if source == VARIED and between.varied is not None:
        parts.append(_first(between.varied, choice.get("mixed")))
    return Material(Traces.together(parts), between.validation, _some(steps, choice))


def _between(on: Family, choice: Mapping[str, Any], source: str) -> Between:
    if on.between is None or (source == VARIED and on.between.varied is None):
        given, remedy = f"source {source!r} without such traces", "give the part the setting mixed"
        raise ParameterError("noble", given, f"{PUBLISHED!r}", remedy)
    if choice["code"] not in KNOWN:
        given, expected = f"code {choice['code']!r} of mixed models", f"one of {', '.join(KNOWN)}"
        raise ParameterError("noble", given, expected, "other codes are known of published models alone")
    return on.between


def _some(traces: Traces, choice: Mapping[str, Any]) -> Traces:
    """The first of them, which are of many models: as many as are calibrated with, all unless given."""
    return traces.of(torch.arange(min(choice.get("calibrated") or len(traces), len(traces))))


def _first(traces: Traces, models: int | None) -> Traces:
    """Those of the first so many models, all unless given."""
    if models is None:
        return traces
    return traces.of(torch.isin(traces.model, traces.model.unique()[:models]))


__all__ = ["MIXED", "PUBLISHED", "VARIED", "Material", "material"]
