"""Times of things that take turns, so that a busy machine hurts them all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from rheobase.deprecated import renamed

LEAST_ROUNDS, MOST_ROUNDS = 3, 200


@dataclass(frozen=True)
class Timing:
    """Seconds of one call: the median over `calls` calls, and the fastest; `rounds` has the median of each turn."""

    median: float
    fastest: float
    calls: int
    rounds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Ratio:
    """How many times as long one takes as another: median and quartiles of the ratios within the rounds.

    Two that took turns in one round had the same machine; a ratio of medians would mix its good and its bad moments.
    """

    median: float
    lower: float
    upper: float
    rounds: int

    @classmethod
    def of(cls, slow: Timing, fast: Timing) -> Ratio:
        """From two contestants of the same `interleaved`.

        >>> round(Ratio.of(Timing(3.0, 2.0, 3, (2.0, 3.0, 9.0)), Timing(1.0, 1.0, 3, (1.0, 1.0, 3.0))).median, 9)
        3.0
        """
        ratios = [a / b for a, b in zip(slow.rounds, fast.rounds, strict=True)]
        lower, median, upper = statistics.quantiles(ratios, n=4, method="inclusive")
        return cls(median, lower, upper, len(ratios))


K = TypeVar("K")


@renamed(told="on_round")
def interleaved(
    contestants: Mapping[K, Callable[[], object]],
    *,
    seconds: float,
    on_round: Callable[[int, float], None] | None = None,
) -> dict[K, Timing]:
    """Call all in turn, in rounds, for about so many seconds, after one round that is not counted.

    A contestant that takes less than a tenth of the slowest one's time is called several times in its turn. `on_round`
    is called after each round: how many there were, and which part of the time is over.

    >>> interleaved({"nothing": lambda: None}, seconds=0.0)["nothing"].calls >= LEAST_ROUNDS
    True
    """
    first = {name: _once(call) for name, call in contestants.items()}
    typical = {name: min(first[name], _once(call)) for name, call in contestants.items()}
    slowest = max(typical.values(), default=0.0)
    repeats = {name: max(1, min(5, int(0.1 * slowest / max(t, 1e-9)))) for name, t in typical.items()}
    taken: dict[K, list[list[float]]] = {name: [] for name in contestants}
    start, rounds = time.perf_counter(), 0
    while rounds < LEAST_ROUNDS or (rounds < MOST_ROUNDS and time.perf_counter() - start < seconds):
        for name, call in contestants.items():
            if repeats[name] > 1:
                # its predecessor emptied the caches, which is not its own cost
                _once(call)
            taken[name].append([_once(call) for _ in range(repeats[name])])
        rounds += 1
        if on_round is not None:
            on_round(rounds, min(rounds / LEAST_ROUNDS, (time.perf_counter() - start) / max(seconds, 1e-9), 1.0))
    return {name: _timing(turns) for name, turns in taken.items()}


def _timing(turns: list[list[float]]) -> Timing:
    every = [t for turn in turns for t in turn]
    return Timing(statistics.median(every), min(every), len(every), tuple(map(statistics.median, turns)))


def _once(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
