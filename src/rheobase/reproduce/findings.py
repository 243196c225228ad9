"""Sentences about scores: each states the number of seeds, and none claims more than their spread supports.

Two means are told apart by `rheobase.reproduce.scores.apart`. A score that guessing would reach carries no sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rheobase.reproduce.scores import ALIKE, Scores, apart, margin, paired, seeds

JUDGED = (
    "Two means over seeds are told apart by Welch's t test at 5 %, without correction for many comparisons, on one "
    "test set. One seed tells nothing apart. Behind a gain stands half of its 95 % interval. A score within three "
    f"standard errors of guessing counts as chance. What differs between seeds by more than {ALIKE:g} times stands "
    "seed by seed."
)


def quoted(name: str) -> str:
    """A name for a list of names: in quotes where it has a comma of its own."""
    return f"'{name}'" if "," in name else name


def listed(scores: Mapping[str, Scores]) -> str:
    """All scores, with the seeds where they are the same number for all.

    >>> listed({"SRC": Scores((95.0, 96.0), 10, 1000), "LIF": Scores((97.0, 97.4), 10, 1000)})
    'SRC 95.5 +- 0.7 %, LIF 97.2 +- 0.3 % (2 seeds)'
    """
    numbers = {one.n for one in scores.values()}
    each = len(numbers) > 1
    said = ", ".join(
        f"{quoted(name)} {one.said()}{f' ({seeds(one.n)})' if each else ''}" for name, one in scores.items()
    )
    return said if each or not numbers else f"{said} ({seeds(numbers.pop())})"


def ranked(scores: Mapping[str, Scores]) -> str:
    """All scores, and which is best, if one is.

    >>> ranked({"SRC": Scores((95.7,), 10, 1000), "LIF": Scores((96.5,), 10, 1000)})
    'SRC 95.7 %, LIF 96.5 % (one seed); one seed does not tell which is best.'
    >>> ranked({"a": Scores((15.0,), 10, 100), "b": Scores((12.0,), 10, 100)})
    'a 15.0 %, b 12.0 % (one seed); none is told apart from chance (10 %).'
    >>> ranked({"a": Scores((80.0, 81.0, 82.0), 10, 1000), "b": Scores((90.0, 91.0, 92.0), 10, 1000)})
    'a 81.0 +- 1.0 %, b 91.0 +- 1.0 % (3 seeds); b is best.'
    """
    known = [text for text in (verdict(scores), at_chance(scores)) if text]
    return f"{'; '.join([listed(scores), *known])}."


def verdict(scores: Mapping[str, Scores]) -> str:
    """Which score is best, of those that are above chance; nothing where there is nothing to choose from.

    >>> near = {"a": Scores((80.0, 84.0), 10, 1000), "b": Scores((81.0, 85.0), 10, 1000)}
    >>> verdict(near), verdict({**near, "c": Scores((98.0, 98.1), 10, 1000)}), verdict({"c": near["a"]})
    ('b is highest, but not told apart from a', 'c is highest, but not told apart from b, a', '')
    """
    order = sorted((name for name, one in scores.items() if one.learnt), key=lambda name: -scores[name].mean)
    if len(order) < 2:
        return ""
    first, *others = order
    near = [name for name in others if not apart(scores[first], scores[name])]
    if not near:
        return f"{quoted(first)} is best"
    if scores[first].n == 1 or all(scores[name].n == 1 for name in near):
        return "one seed does not tell which is best"
    return f"{quoted(first)} is highest, but not told apart from {', '.join(map(quoted, near))}"


def at_chance(scores: Mapping[str, Scores]) -> str:
    """Which scores are not told apart from guessing; an empty text where there are none."""
    lost = [name for name, one in scores.items() if not one.learnt]
    if not lost:
        return ""
    chance = f"chance ({next(iter(scores.values())).chance:.3g} %)"
    every = len(lost) == len(scores)
    return (
        f"none is told apart from {chance}" if every else f"{', '.join(map(quoted, lost))} not told apart from {chance}"
    )


def gains(pairs: Mapping[str, tuple[Scores, Scores]]) -> str:
    """By how many points the second of each pair is above the first, where that is told apart.

    >>> one, two = (Scores(x, 10, 250) for x in ((45.0, 46.0, 47.0), (60.0, 61.0, 62.0)))
    >>> gains({"16 cells": (one, two), "64 cells": (two, two)})
    '16 cells +15.0 +- 2.3; not told apart: 64 cells (+0.0)'
    """
    carried: list[str] = []
    left: dict[str, list[str]] = {"not told apart": [], "one seed, which tells nothing apart": []}
    for name, (before, after) in pairs.items():
        gain = after.mean - before.mean
        if apart(before, after) and (before.learnt or after.learnt):
            carried.append(f"{quoted(name)} {gain:+.1f} +- {margin(before, after):.1f}")
        else:
            known = list(left)[min(before.n, after.n) == 1]
            left[known].append(f"{quoted(name)} ({gain:+.1f})")
    parts = [", ".join(carried), *(f"{known}: {', '.join(names)}" for known, names in left.items() if names)]
    return "; ".join(part for part in parts if part)


def near_peak(values: Mapping[str, Sequence[float]]) -> tuple[str, list[str]]:
    """Where a quantity measured on the same seeds is largest in the mean, and what is not told apart from that.

    >>> near_peak({"1": [0.5, 0.6, 0.5], "2": [0.7, 0.8, 0.7], "4": [0.7, 0.7, 0.8]})
    ('2', ['4'])
    """
    top = max(values, key=lambda name: sum(values[name]))
    pairs = {name: paired(one, values[top]) for name, one in values.items() if name != top}
    return top, [name for name, (mean, half) in pairs.items() if mean <= half]
