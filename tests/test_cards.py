"""What objects show of themselves in a notebook: one look, no colour of its own, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import neurons, nn
from rheobase.cards import Card
from rheobase.core.wrappers import Noisy, Refractory
from rheobase.current_clamp import FINE_DT, make
from rheobase.learning import FitRecipe, Recording, fit_neuron
from rheobase.plot import Report, Section, Table
from rheobase.recordings.sweeps import RecordingFile, Sweep
from rheobase.runs.neurons_by_name import find, names

LARGEST = 14_000  # letters of a card
EMPTY = {"path", "br"}


class Reader(HTMLParser):
    """The text of a page, and what is wrong with its tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], f"{self.open} left open"

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def shown(thing: Any) -> str:
    """The text of an object's card, which is held to what every card must be."""
    html = thing._repr_html_()
    assert len(html) < LARGEST
    assert html.startswith('<div class="rheobase"')
    # dark or light is the notebook's affair: the one colour is the one that text has there
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgba?\(|(?<![-\w])color:(?!inherit)", html)
    assert not re.search(r"https?:|<script|<link|<img|url\(", html)
    return " ".join(Reader(html).text)


@pytest.mark.parametrize("name", names())
def test_every_neuron_shows_its_parameters_states_and_equations(name: str) -> None:
    kind = find(name)
    text = shown(make(kind, 3, FINE_DT))
    for parameter, spec in kind.params.items():
        assert parameter in text
        assert spec.meaning in text
    assert all(spec.meaning in text for spec in kind.states.values())
    assert "Equations" in text


@pytest.mark.parametrize("name", [name for name in names() if find(name).sets()])
def test_every_named_set_shows_its_values_and_source(name: str) -> None:
    kind = find(name)
    every = shown(kind.sets())
    for one in kind.sets().values():
        assert one.name in every
        text = shown(one)
        assert one.source in text
        assert all(parameter in text for parameter in one.values)


def test_values_learnable_or_one_for_each() -> None:
    text = shown(neurons.LIF(2, dt=1.0, tau_mem=torch.tensor([10.0, 30.0]), learn=("v_threshold",)))
    assert "10 to 30, one for each neuron" in text
    assert "learnable" in text
    for wrapped in (Refractory(neurons.LIF(2, dt=1.0), tau_refrac=2.0), Noisy(neurons.LIF(2, dt=1.0), sigma=0.1)):
        text = shown(wrapped)
        assert type(wrapped).__name__ in text
        assert "Equations" in text


def test_a_network_has_a_row_for_each_layer() -> None:
    inner = nn.Sequential(nn.Linear(3, 2), neurons.LI(2, dt=1.0))
    net = nn.Sequential(nn.Linear(4, 3), neurons.LIF(3, dt=1.0, learn=("tau_mem",)), inner)
    text = shown(net)
    assert "4 layers, 24 parameters, dt = 1 ms" in text
    assert "2.1" in text
    assert "counts in steps" in shown(nn.Sequential(nn.Linear(4, 3), neurons.SRC(3)))


@pytest.fixture(scope="module")
def recording() -> Recording:
    current = torch.full((2, 600), 500.0)
    v = torch.full((2, 600), -70.0)
    v[1, 50::100] = 20.0
    return Recording(v, current, dt=0.5)


def test_a_recording_shows_the_sweep_with_the_most_spikes(recording: Recording) -> None:
    text = shown(recording)
    assert "sweep 1" in text
    assert "0, 6" in text
    assert "-70 to 20 mV" in text
    curve = re.search(r'<path d="M([^"]*)"', recording._repr_html_())
    # no spike is lost where a line has fewer points than the sweep has samples
    assert curve is not None
    assert sum(float(point.split()[1]) == 3.0 for point in curve[1].split("L")) == 6


def test_the_file_of_a_recording(tmp_path: Any) -> None:
    sweeps = tuple(Sweep(f"sweep {k}", np.linspace(-70, -60, 50), np.zeros(50), 0.1, "channel 0") for k in range(20))
    text = shown(RecordingFile(tmp_path / "cell.abf", "ABF 2", sweeps, ("the current is the command",)))
    assert "20 sweeps" in text
    assert "sweep 11" in text
    assert "sweep 12" not in text
    assert "8 more sweeps" in text


def test_a_fit_is_short_in_print_and_its_candidates_are_long(recording: Recording) -> None:
    recipe = FitRecipe(restarts=4, forced=1, free=1, generations=1, population=4)
    fit = fit_neuron(neurons.LIF(1, dt=0.5), recording, learn=("tau_mem",), scale=0.01, recipe=recipe)
    text = shown(fit)
    assert "Gamma" in text
    assert all(axis.name in text for axis in fit.axes)
    assert "The best" in text
    assert len(str(fit)) < 400 < len(str(fit.candidates))
    assert "\n" not in str(fit)


def things() -> Iterator[tuple[str, Any]]:
    table = Table("A <b> & c", ("x",), [(1.0,)], "said < so")
    yield "table", table
    yield (
        "report",
        Report(
            title="A <b> & c",
            summary="said < so",
            figures={"a < b": "1"},
            pictures=[],
            settings={},
            command="",
            sections=[Section("More", [table])],
        ),
    )
    yield "card", Card("A <b> & c", "said < so", {"a<": "b>"}, ("x<",), [("y>",)], [1.0, 1.0], {"z<": "w>"})


@pytest.mark.parametrize("thing", [one for _, one in things()], ids=[name for name, _ in things()])
def test_what_users_write_stays_text(thing: Any) -> None:
    text = shown(thing)
    assert "A <b> & c" in text
    assert "said < so" in text
