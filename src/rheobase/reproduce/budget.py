"""What a part does in less time than a full run takes: fewer seeds, then fewer epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rheobase.reproduce.paper import Part


def share(parts: Sequence[Part], minutes: float | None) -> float:
    """The share of the full run's time that a budget of `minutes` allows: at most 1, and 1 without a budget."""
    whole = sum(part.minutes for part in parts)
    return 1.0 if minutes is None or whole <= minutes else minutes / whole


def cut(settings: Mapping[str, Any], share: float) -> dict[str, Any]:
    """The settings of a share of the work: the last seeds are left out, one stays; then every number of epochs shrinks.

    Settings within settings are cut alike; of a network in a search `short` is, and not `base` and `tried`. What has
    neither seeds nor epochs stays as it is.

    >>> cut({"seeds": [0, 1, 2], "epochs": 30, "size": 4}, 0.5)
    {'seeds': [0], 'epochs': 30, 'size': 4}
    >>> cut({"networks": {"a": {"epochs": 30, "seeds": [0, 1, 2]}, "b": {"epochs": 30}}}, 0.1)
    {'networks': {'a': {'epochs': 9, 'seeds': [0]}, 'b': {'epochs': 3}}}
    >>> cut({"base": {"epochs": 8}, "tried": {"lr": [0.1]}}, 0.5)["short"]
    {'epochs': 4}
    """
    if share >= 1:
        return dict(settings)
    if "base" in settings:
        short = {name: settings["base"][name] for name in ("epochs",) if name in settings["base"]}
        return {**settings, "short": cut({**short, **settings.get("short", {})}, share)}
    seeds = settings.get("seeds", [0])
    kept = max(1, math.floor(len(seeds) * share))
    left = min(1.0, share * len(seeds) / kept)
    found = dict(settings)
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found[name] = cut(value, left)
        elif name == "epochs":
            # a product like 0.3 * 30 may fall just short of a whole number
            found[name] = max(1, math.floor(value * left + 1e-9))
        elif name == "seeds":
            found[name] = seeds[:kept]
    return found
