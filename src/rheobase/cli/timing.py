"""Times of things that take turns, so that a busy machine hurts them all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LEAST_ROUNDS, MOST_ROUNDS = 3, 200


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the median over `calls` calls, and the fastest."""

    median: float
    fastest: float
    calls: int


def interleaved(contestants: Mapping[str, Callable[[], object]], *, seconds: float) -> dict[str, Timing]:
    """Call all in turn, in rounds, for about so many seconds, after one round that is not counted.

    A contestant that takes less than a tenth of the slowest one's time is called several times in its turn.

    >>> interleaved({"nothing": lambda: None}, seconds=0.0)["nothing"].calls >= LEAST_ROUNDS
    True
    """
    first = {name: _once(call) for name, call in contestants.items()}
    typical = {name: min(first[name], _once(call)) for name, call in contestants.items()}
    slowest = max(typical.values())
    repeats = {name: max(1, min(5, int(0.1 * slowest / max(t, 1e-9)))) for name, t in typical.items()}
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    start, rounds = time.perf_counter(), 0
    while rounds < LEAST_ROUNDS or (rounds < MOST_ROUNDS and time.perf_counter() - start < seconds):
        for name, call in contestants.items():
            if repeats[name] > 1:
                # its predecessor emptied the caches, which is not its own cost
                _once(call)
            taken[name] += [_once(call) for _ in range(repeats[name])]
        rounds += 1
    return {name: Timing(statistics.median(t), min(t), len(t)) for name, t in taken.items()}


def _once(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
