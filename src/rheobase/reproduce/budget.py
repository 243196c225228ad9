"""What a part does in less time than a full run takes: fewer seeds, then fewer epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rheobase.reproduce.paper import Part


def share(parts: Sequence[Part], minutes: float | None) -> float:
    """Of the full run's time, how much a budget allows: 1 at most, and without a budget."""
    whole = sum(part.minutes for part in parts)
    return 1.0 if minutes is None or whole <= minutes else minutes / whole


def cut(settings: Mapping[str, Any], share: float) -> dict[str, Any]:
    """The settings of a share of the work: the last seeds are left out, one stays; then every number of epochs shrinks.

    What has neither stays as it is.

    >>> cut({"seeds": [0, 1, 2], "epochs": 30, "size": 4}, 0.5)
    {'seeds': [0], 'epochs': 30, 'size': 4}
    >>> cut({"seeds": [0, 1, 2], "networks": {"a": {"epochs": 30}}}, 0.1)
    {'seeds': [0], 'networks': {'a': {'epochs': 9}}}
    """
    if share >= 1:
        return dict(settings)
    seeds = settings.get("seeds", [0])
    kept = max(1, math.floor(len(seeds) * share))
    fewer = _epochs(settings, min(1.0, share * len(seeds) / kept))
    return {**fewer, "seeds": seeds[:kept]} if "seeds" in settings else fewer


def _epochs(settings: Mapping[str, Any], share: float) -> dict[str, Any]:
    found = dict(settings)
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found[name] = _epochs(value, share)
        elif name == "epochs":
            found[name] = max(1, math.floor(value * share + 1e-9))
    return found
