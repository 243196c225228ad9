"""How the settings of a part were chosen: one setting at a time is changed, and scored on held-out training data.

A search is a part of its own, in `reproduce/<paper>/search.py` and in the `searches` of the paper:

    def run(job: Job) -> Finding:
        def train(name: str, network: str, choice: dict[str, Any], seed: int) -> tuple[Mapping[str, Any], int]:
            on = task(job, choice)  # of job.load, which in a search gives training data alone, cut in two
            return trained(job, name, on, choice, seed), on.classes

        return searched(job, train)

    DEPTH = Search(
        "depth", "Depth", "learning rates of each cell", run, sets=("depth",),
        settings={
            "held_out": 0.2,  # of the training samples; or the names of groups, of speakers say
            "seeds": [0, 1],
            # `base`: what the part uses; `short`: what replaces it to save time; `tried`: values, one at a time (a
            # dict of settings where some belong together)
            "networks": {"SRC": {"base": {...}, "short": {"epochs": 4}, "tried": {"lr": [0.001, 0.003, 0.01]}}},
        },
    )

A search changes no settings: where another value than the part's scores higher, the table and the text say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rheobase.jobs import store
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding
from rheobase.reproduce.record import slug
from rheobase.reproduce.scores import EACH, SEEDS, SPREAD, Scores, apart, scored
from rheobase.reproduce.seeds import Seeds

SCORE = "held-out accuracy (%)"
TITLE = "Settings beside others"
# what `judged` says, where the value in use did not score highest
APART, UNTRIED, CHANCE = "and is told apart from", "which was not tried", "no value is told apart from chance"
COLUMNS = ("network", "setting", "value", "the part's", SCORE, SPREAD, EACH, SEEDS, "samples", "epochs")
Train = Callable[[str, str, dict[str, Any], int], tuple[Mapping[str, Any], int]]


@dataclass(frozen=True)
class Try:
    """A value of a setting, and what it scored."""

    value: Any
    scores: Scores


def searched(job: Job, train: Train) -> Finding:
    """Train each network with every value to try and every seed. `train(name, network, choice, seed)` runs one unit.

    Raises: what `train` raises.
    """
    rows: list[tuple[Any, ...]] = []
    others: list[str] = []
    settings = 0
    kept = Seeds(SCORE)
    made = _made(job, train)
    for network, one in job["networks"].items():
        base = one["base"]
        for setting, values in one["tried"].items():
            tries: list[Try] = []
            for value in values:
                given, choice = _choice(one, setting, value)
                found, classes = made[network, store.key(choice)]
                scores = Scores.of(found, classes)
                tries.append(Try(value, scores))
                used = "yes" if all(base.get(k) == v for k, v in given.items()) else ""
                rows.append(
                    (network, setting, _word(value), used, *scores.cells, found[0]["samples"], choice["epochs"])
                )
                for seed, result in zip(job["seeds"], found, strict=True):
                    kept.add({"network": network, "setting": setting, "value": _word(value)}, seed, result)
            first = values[0]
            own = {k: base.get(k) for k in first} if isinstance(first, Mapping) else base.get(setting)
            said = judged(setting, own, tries)
            settings += 1
            others += [f"{network}, {said}."] if said else []
    return Finding(
        f"The part's value scored highest in {settings - len(others)} of {settings} cases. {' '.join(others)}".strip(),
        tables=[scored(TITLE, COLUMNS, rows, _caption(job))],
        seeds=kept.table(),
    )


def _choice(one: Mapping[str, Any], setting: str, value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a value to try changes, and all settings with it; settings that belong together are tried together."""
    given: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {setting: value}
    return given, {**one["base"], **one.get("short", {}), **given}


def _made(job: Job, train: Train) -> dict[tuple[str, str], tuple[list[Mapping[str, Any]], int]]:
    """By network and key of a choice, what came of all seeds, and the classes; asked for before one is looked at."""
    made: dict[tuple[str, str], tuple[list[Mapping[str, Any]], int]] = {}
    for network, one in job["networks"].items():
        for setting, value in [(setting, value) for setting, values in one["tried"].items() for value in values]:
            _, choice = _choice(one, setting, value)
            name = store.key(choice)
            # what is the same network under another setting's name is trained once
            if (network, name) not in made:
                pairs = [train(f"{slug(network)}-{name}-seed-{s}", network, choice, s) for s in job["seeds"]]
                made[network, name] = [result for result, _ in pairs], pairs[0][1]
    return made


def judged(setting: str, used: Any, tries: list[Try]) -> str:
    """In words, which value scored highest, if it is not the part's; else an empty text.

    >>> low, high = (Scores(x, 10, 1000) for x in ((80.0, 81.0, 82.0), (90.0, 91.0, 92.0)))
    >>> judged("lr", 0.1, [Try(0.1, low), Try(0.2, high)])
    'lr: 0.2 scored highest (91.0 +- 1.0 %) and is told apart from the 0.1 that the part uses (81.0 +- 1.0 %)'
    """
    own = next((one for one in tries if one.value == used), None)
    # of those that score alike the part's
    top = max(tries, key=lambda one: (one.scores.mean, one is own))
    if not top.scores.learnt:
        return f"{setting}: {CHANCE} ({top.scores.chance:.3g} %)"
    highest = f"{setting}: {_word(top.value)} scored highest ({top.scores.said()})"
    if own is None:
        return f"{highest}; the part uses {_word(used)}, {UNTRIED}"
    if own is top:
        return ""
    theirs = f"the {_word(used)} that the part uses ({own.scores.said()})"
    if top.scores.n == 1:
        return f"{highest}, before {theirs}; one seed tells nothing apart"
    return f"{highest} {APART if apart(top.scores, own.scores) else 'and is not told apart from'} {theirs}"


def _caption(job: Job) -> str:
    held = job["held_out"]
    part = f"{100 * held:g} % of the training samples" if isinstance(held, (int, float)) else ", ".join(held)
    short: dict[str, list[str]] = {}
    for name, one in job["networks"].items():
        if one.get("short"):
            short.setdefault(_shorter(one["base"], one["short"]), []).append(name)
    saved = "; ".join(f"{' / '.join(names)}: {said}" for said, names in short.items())
    shorter = f" To save time, {saved}." if short else ""
    return (
        f"Held out: {part}. All settings but the one named are the part's.{shorter} Samples are those trained on. No "
        "sample of the test set was used."
    )


def _shorter(base: Mapping[str, Any], short: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_word(value)} (the part: {_word(base.get(name))})" for name, value in short.items())


def _word(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_word(v)}" for k, v in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)
