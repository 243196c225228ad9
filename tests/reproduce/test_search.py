"""Searches of settings: on training data alone, stored and resumed as parts are, and honest about what was best."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from rheobase.data import Dataset, load
from rheobase.errors import ParameterError
from rheobase.learning import Trainer
from rheobase.reproduce import Call, Job, Paper, Part, find, names, reproduce
from rheobase.reproduce import job as job_module
from rheobase.reproduce.changes import changes
from rheobase.reproduce.paper import Finding, Search
from rheobase.reproduce.scores import Scores
from rheobase.reproduce.search import SCORE, Try, judged, searched
from rheobase.reproduce.src.training import task, trained
from tests.reproduce.stub import Stub

ALL = [(paper, one) for paper in names() for one in find(paper).searches]
BASE: dict[str, Any] = {
    "kind": "LIF",
    "data": "digits",
    "hidden": [],
    "epochs": 4,
    "batch": 25,
    "lr": 0.01,
    "steps": 12,
    "gain": 1.0,
    "limit": 120,
}
NETWORKS = {"LIF": {"base": BASE, "short": {"epochs": 1}, "tried": {"lr": [0.003, 0.01], "epochs": [1, 2]}}}
SETTINGS: dict[str, Any] = {"held_out": 0.25, "seeds": [0, 1], "networks": NETWORKS}


def run(job: Job) -> Finding:
    def train(name: str, network: str, choice: dict[str, Any], seed: int) -> tuple[dict[str, Any], int]:
        on = task(job, choice["data"], steps=choice["steps"], gain=choice["gain"], limit=choice["limit"])
        return trained(job, name, choice["kind"], on, choice, seed), on.classes

    return searched(job, train)


def search(**changed: Any) -> Search:
    return Search("rates", "Rates", "one after the other", run, {**SETTINGS, **changed}, sets=("depth",))


def paper(**changed: Any) -> Paper:
    return dataclasses.replace(Stub().paper(), searches=(search(**changed),))


def rows(found: Finding) -> list[dict[str, Any]]:
    (table,) = found.tables
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_every_value_has_its_row(tmp_path: Path) -> None:
    found = run(Job(SETTINGS, tmp_path, identity={}))
    said = [(row["setting"], row["value"], row["the part's"], row["epochs"]) for row in rows(found)]
    # 4 epochs are the part's, and not tried
    assert said == [("lr", "0.003", "", 1), ("lr", "0.01", "yes", 1), ("epochs", "1", "", 1), ("epochs", "2", "", 2)]
    assert all(row["samples"] == 90 and row["seeds"] == 2 for row in rows(found))
    assert "epochs 1 (the part: 4)" in found.tables[0].caption
    assert re.match(r"The part's value scored highest in [01] of 2 cases\.", found.text)
    assert "epochs: 2 scored" in found.text or "epochs: 1 scored" in found.text
    assert "; the part uses 4, which was not tried." in found.text
    assert found.seeds is not None
    assert len(found.seeds.rows) == 8
    assert SCORE in found.seeds.columns
    # one epoch at 0.01 is one training under two names
    assert len(list((tmp_path / "units").iterdir())) == 6


def test_no_sample_of_the_test_set_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rows(run(Job(SETTINGS, tmp_path / "a", identity={})))

    def other_test_set(*args: Any, **kwargs: Any) -> Dataset:
        data = load(*args, **kwargs)
        return dataclasses.replace(data, x_test=1 - data.x_test, y_test=(data.y_test + 1) % 10)

    monkeypatch.setattr(job_module, "load", other_test_set)
    assert rows(run(Job(SETTINGS, tmp_path / "b", identity={}))) == first
    # what is not cut sees it
    monkeypatch.setattr(job_module, "held_out", lambda data, part: data)
    assert rows(run(Job(SETTINGS, tmp_path / "c", identity={}))) != first


def test_what_is_held_out_was_trained_on_by_nobody(tmp_path: Path, recordings: Path) -> None:
    whole = load("digits", limit=100)
    data = Job({"held_out": 0.25}, tmp_path, identity={}).load("digits", limit=100)
    assert (len(data.x_train), len(data.x_test)) == (75, 25)
    images = {one.numpy().tobytes() for one in data.x_train}
    held = {one.numpy().tobytes() for one in data.x_test}
    assert not images & held
    assert images | held == {one.numpy().tobytes() for one in whole.x_train}
    spoken = Job({"held_out": ["bob"]}, tmp_path, identity={}, data=recordings).load("spoken_digits")
    groups = load("spoken_digits", recordings).groups
    assert groups is not None
    assert len(spoken.x_test) == int((groups.train == 1).sum())


def test_units_are_stored_and_a_second_call_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call = Call(paper=paper(), search=True, out=tmp_path)
    first = reproduce(call).as_json()
    (tmp_path / "rates" / "part.json").unlink()

    def no_more(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("trained again what was stored")

    monkeypatch.setattr(Trainer, "fit", no_more)
    again = reproduce(call).as_json()
    assert again["parts"][0]["tables"] == first["parts"][0]["tables"]


def test_both_pages_lead_to_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reproduce(Call(paper=paper()))
    outcome = reproduce(Call(paper=paper(), search=True, only=("rates",)))
    assert outcome.page.as_posix() == "results/stub/search/index.html"
    found = outcome.page.read_text()
    assert "A stub, search of settings" in found
    assert "No test sample was used" in found
    assert "Welch" in found
    assert 'href="../index.html"' in found
    main = reproduce(Call(paper=paper())).page.read_text()
    assert main.count('href="search/index.html"') == 2
    assert "Compared with other values of lr and epochs, on held-out training data:" in main
    assert "not those of the full run" not in main


def test_a_run_with_other_settings_says_which_were_not_looked_over(tmp_path: Path) -> None:
    made = paper()
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "index.html").touch()
    page = reproduce(Call(paper=Stub(epochs=10, seeds=[0]).paper(minutes=60), out=tmp_path, budget=6)).page.read_text()
    assert "looked over" not in page
    shorter = dataclasses.replace(Stub(epochs=10, seeds=[0]).paper(minutes=60), searches=made.searches)
    page = reproduce(Call(paper=shorter, out=tmp_path, budget=6)).page.read_text()
    assert "In this run epochs are not those of the full run, which were looked over." in page


def test_a_budget_cuts_seeds_and_then_epochs_but_not_what_is_compared_with(tmp_path: Path) -> None:
    made = dataclasses.replace(search(), minutes=60)
    used = made.in_force(share=0.25)
    assert used["seeds"] == [0]
    assert used["networks"]["LIF"]["base"] == BASE
    assert used["networks"]["LIF"]["tried"] == NETWORKS["LIF"]["tried"]
    without = search(networks={"LIF": {"base": BASE, "tried": {"lr": [0.01]}}})
    used = dataclasses.replace(without, minutes=60).in_force(share=0.25)
    assert used["networks"]["LIF"]["short"] == {"epochs": 2}


def test_a_paper_without_searches_says_so(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="a paper with searches"):
        reproduce(Call(paper=Stub().paper(), search=True, out=tmp_path))


# --- what is said -------------------------------------------------------------------------------------
def of(*values: float) -> Scores:
    return Scores(values, classes=10, tested=1000)


LOW, HIGH, NEAR = of(80.0, 81.0, 82.0), of(90.0, 91.0, 92.0), of(89.0, 91.0, 92.0)


@pytest.mark.parametrize(
    ("tries", "said"),
    [
        ([Try(1, LOW), Try(2, HIGH)], "2 scored highest (91.0 +- 1.0 %) and is told apart from the 1 "),
        ([Try(1, NEAR), Try(2, HIGH)], "2 scored highest (91.0 +- 1.0 %) and is not told apart from the 1 "),
        (
            [Try(1, of(80.0)), Try(2, of(91.0))],
            "before the 1 that the part uses (80.0 %); one seed tells nothing apart",
        ),
        ([Try(2, LOW), Try(3, HIGH)], "3 scored highest (91.0 +- 1.0 %); the part uses 1, which was not tried"),
        ([Try(1, of(9.0)), Try(2, of(11.0))], "no value is told apart from chance (10 %)"),
    ],
)
def test_another_value_that_scores_higher_is_said(tries: list[Try], said: str) -> None:
    assert said in judged("lr", 1, tries)


def test_the_value_of_the_part_needs_no_word_where_it_scored_highest() -> None:
    assert judged("lr", 1, [Try(1, HIGH), Try(2, LOW)]) == ""
    # or as high as another
    assert judged("lr", 1, [Try(2, HIGH), Try(1, HIGH)]) == ""


# --- of all papers ------------------------------------------------------------------------------------
def trains(part: Part) -> bool:
    inner = [one for key in ("networks", "tasks") if isinstance(one := part.settings.get(key), dict)]
    return "lr" in part.settings or any("lr" in choice for one in inner for choice in one.values())


@pytest.mark.parametrize("name", names())
def test_every_part_that_trains_has_a_search(name: str) -> None:
    made = find(name)
    # the recordings of the Heidelberg digits are not at hand
    missing = [part.name for part in made.parts if trains(part) and part.name != "heidelberg"]
    assert [part for part in missing if made.search_of(part) is None] == []
    assert {part for one in made.searches for part in one.sets} <= {part.name for part in made.parts}


@pytest.mark.parametrize(("name", "one"), ALL, ids=[f"{name}-{one.name}" for name, one in ALL])
def test_the_values_of_the_parts_are_among_those_tried(name: str, one: Search) -> None:
    assert "held_out" in one.settings
    for network, made in one.settings["networks"].items():
        for setting, values in made["tried"].items():
            first = values[0]
            own = {k: made["base"][k] for k in first} if isinstance(first, dict) else made["base"].get(setting)
            # epochs of a full run may be too many for a search
            if own is not None and setting != "epochs":
                assert own in values, (network, setting)


@pytest.mark.parametrize(("name", "one"), ALL, ids=[f"{name}-{one.name}" for name, one in ALL])
def test_what_they_start_from_is_what_the_parts_use(name: str, one: Search) -> None:
    """Another value in a part is another value in its search: none is written twice."""
    used = {value for part in find(name).parts if part.name in one.sets for value in _numbers(part.settings)} | set(
        _numbers({"limit": None})
    )
    for made in one.settings["networks"].values():
        assert {made["base"][k] for k in ("lr", "epochs", "batch")} <= used


def _numbers(settings: Any) -> list[Any]:
    if isinstance(settings, dict):
        return [value for one in settings.values() for value in _numbers(one)]
    return [settings] if isinstance(settings, (int, float, str)) or settings is None else []


@pytest.mark.parametrize("name", ["delays", "equivalence"])
def test_a_quick_search_from_start_to_page(name: str, tmp_path: Path, recordings: Path) -> None:
    made = find(name)
    quick = [_on_small_data(one) for one in made.searches]
    outcome = reproduce(
        Call(
            paper=dataclasses.replace(made, searches=tuple(quick)),
            search=True,
            quick=True,
            out=tmp_path,
            data=recordings,
        )
    )
    assert len(outcome.records) == len(quick)
    assert all(one.seeds for one in outcome.records)


def _on_small_data(one: Search) -> Search:
    """Of the speakers that the made-up recordings have; and of data that come with the library."""
    held = {"held_out": ["bob"]} if isinstance(one.settings["held_out"], list) else {}
    return dataclasses.replace(one, settings={**one.settings, **held}, needs=())


def test_changes_of_settings_within_settings() -> None:
    full = {"seeds": [0, 1], "networks": {"a": {"lr": 0.1, "own": {"b": {"lr": 0.2}}}, "c": {"lr": 0.1}}}
    used = {"seeds": [0], "networks": {"a": {"lr": 0.3, "new": 1}, "d": {"lr": 0.5}}}
    assert changes(full, used) == (
        "seeds [0] instead of [0, 1]; networks without a own b, c; a: lr 0.3 instead of 0.1, new 1; d: lr 0.5"
    )
    assert changes(full, full) == ""
