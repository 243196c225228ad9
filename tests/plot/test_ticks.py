"""Axes that can be read: ticks of logarithmic axes, dots of seeds, words beside marks, numbers of tables."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rheobase.plot import LIGHT, Link, Report, Section, Table, labelled_map
from rheobase.plot.seeds import seed_line
from rheobase.plot.style import log_ticks, new_figure


@pytest.mark.parametrize("low", [1e-15, 3e-4, 0.016, 0.3, 1.0, 7.0, 4e3])
@pytest.mark.parametrize("span", [1.3, 2.0, 5.0, 40.0, 1e3, 1e14])
def test_a_logarithmic_axis_has_three_to_eight_labelled_ticks_within_it(low: float, span: float) -> None:
    ax = new_figure(3, 3, LIGHT).subplots()
    ax.plot([low, low * span], [1.0, 2.0])
    ax.set_xscale("log")
    limits = ax.get_xlim()
    log_ticks(ax, x=True)
    at, labels = ax.get_xticks(), [text.get_text() for text in ax.get_xticklabels()]
    assert 3 <= len(at) <= 8
    assert all(limits[0] <= value <= limits[1] for value in at)
    assert len(set(labels)) == len(labels)
    assert ax.get_xlim() == limits
    # one way of writing for all
    assert len({"10^" in label for label in labels}) == 1


def test_a_label_is_its_tick() -> None:
    ax = new_figure(3, 3, LIGHT).subplots()
    ax.plot([0.016, 0.61], [1.0, 2.0])
    ax.set_xscale("log")
    log_ticks(ax, x=True)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.02", "0.05", "0.1", "0.2", "0.5"]
    assert list(ax.get_xticks()) == [0.02, 0.05, 0.1, 0.2, 0.5]


def test_every_seed_is_a_dot_and_the_line_their_mean() -> None:
    ax = new_figure(3, 3, LIGHT).subplots()
    seed_line(ax, [1, 2], [(1.0, 3.0), (4.0, 6.0)], colour="red", label="LIF")
    line, dots = ax.lines
    assert np.array_equal(line.get_ydata(), [2.0, 5.0])
    assert np.array_equal(dots.get_xydata(), [[1, 1], [1, 3], [2, 4], [2, 6]])
    assert (line.get_label(), line.get_marker()) == ("LIF", "None")


def test_one_seed_has_a_mark_and_no_dots() -> None:
    ax = new_figure(3, 3, LIGHT).subplots()
    seed_line(ax, [1, 2], [(1.0,), (4.0,)], colour="red", label="LIF")
    (line,) = ax.lines
    assert line.get_marker() == "o"


@pytest.mark.parametrize(("x", "side"), [(0.9, "right"), (0.1, "left")])
def test_a_word_stays_within_the_map(x: float, side: str) -> None:
    axes = {"x": ("a", (0.0, 1.0)), "y": ("b", (0.0, 1.0))}
    figure = labelled_map(torch.zeros(2, 2), ["it"], ["#fff"], **axes, title="", marks=[(x, 0.5, "paper")])
    (word,) = figure.axes[0].texts
    assert word.get_ha() == side


def test_numbers_are_written_without_needless_exponents() -> None:
    rows = [(4102042.68, 68917.9, 1.55e-13, 84.0, 60000, 100, -12345.6)]
    table = Table("T", tuple("abcdefg"), rows)
    assert table.shown(rows[0]) == ["4,102,043", "68,918", "1.55e-13", "84", "60,000", "100", "-12,346"]
    assert "4102042.68,68917.9,1.55e-13,84.0,60000,100,-12345.6" in table.csv()


def test_a_page_leads_to_its_sections_and_to_files_beside_it() -> None:
    sections = [
        Section("First <one>", ["words", Link("Every seed:", "a & b", "first/seeds.csv")]),
        Section("Second", []),
    ]
    given = {"title": "T", "summary": "S", "figures": {}, "pictures": [], "settings": {}, "command": "c"}
    html = Report(**given, sections=sections, links=[Link("Set so:", "search", "search/index.html")]).html()
    for k, title in ((1, "First &lt;one&gt;"), (2, "Second")):
        assert f'<a href="#part-{k}">{title}</a>' in html
        assert f'<section id="part-{k}">\n<h2>{title}</h2>' in html
    assert '<p>Every seed: <a href="first/seeds.csv">a &amp; b</a></p>' in html
    assert html.index("search/index.html") < html.index("<nav>")
    assert "<nav>" not in Report(**given, sections=sections[:1]).html()
