from __future__ import annotations

import pytest
import torch
from matplotlib.colors import to_rgba

from rheobase.errors import InputError, ShapeError
from rheobase.plot import DARK, LIGHT, Picture, Report, Section, Table, labelled_map, value_map
from rheobase.plot.style import new_figure

AXES = {"x": ("r", (0.0, 10.0)), "y": ("r_s", (-16.0, 0.0)), "title": "A map"}
CODES = torch.tensor([[0, 0, 2], [2, 2, 2]])
NAMES, COLOURS = ("silent", "tonic", "bursting"), ("#ffffff", "#0072b2", "#d55e00")


@pytest.mark.parametrize("style", [LIGHT, DARK])
def test_a_map_has_its_labels_colours_and_shares(style):
    figure = labelled_map(CODES, NAMES, COLOURS, **AXES, marks=[(2.0, -7.0, "paper")], style=style)
    (ax,), (legend,) = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["silent  33 %", "bursting  67 %"]
    assert [patch.get_facecolor() for patch in legend.get_patches()] == [to_rgba(COLOURS[0]), to_rgba(COLOURS[2])]
    image = ax.images[0]
    assert image.get_extent() == [0.0, 10.0, -16.0, 0.0]
    # the first row of codes lies at the bottom
    assert image.origin == "lower"
    shown = image.cmap(image.norm(image.get_array()))
    assert tuple(shown[0, 2]) == to_rgba(COLOURS[2])
    assert "paper" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("codes", [torch.tensor([[3]]), torch.tensor([[-1]]), torch.tensor([0]), torch.zeros(0, 2)])
def test_codes_without_a_label_are_refused(codes):
    with pytest.raises(ShapeError, match="labelled_map"):
        labelled_map(codes, NAMES, COLOURS, **AXES)


def test_points_without_a_value_stay_empty():
    values = torch.tensor([[0.0, 1.0], [float("nan"), 8.0]])
    figure = value_map(values, **AXES, label="steps", ticks=(1.0, 4.0, 16.0))
    shown = figure.axes[0].images[0].get_array()
    assert shown.mask.tolist() == [[True, False], [True, False]]
    assert figure.axes[1].get_ylabel() == "steps"
    below = value_map(values, **AXES, label="steps", ticks=(2.0, 4.0, 16.0))
    assert [one.axes[0].images[0].colorbar.extend for one in (figure, below)] == ["max", "both"]


def test_a_logarithmic_map_refuses_values_below_0():
    with pytest.raises(InputError, match="value_map: got values down to -2"):
        value_map(torch.tensor([[-2.0, 1.0]]), **AXES, label="steps", ticks=(1.0, 4.0))


def test_a_table_keeps_all_digits_for_programs_and_few_for_people():
    table = Table("A & b", ("name", "x", "n"), [("a|b", 1 / 3, 2), ("c", None, 10)], "Seen <once>.")
    assert table.csv() == f"name,x,n\na|b,{1 / 3},2\nc,,10\n"
    assert "| a\\|b | 0.3333 | 2 |\n| c |  | 10 |" in table.markdown()
    assert "|---|---:|---:|" in table.markdown()
    html = table.html()
    for text in ("A &amp; b", "Seen &lt;once&gt;.", '<td class="number">0.3333</td>', '<td class="text">c</td>'):
        assert text in html


def test_a_table_refuses_rows_that_do_not_fit_and_nan():
    with pytest.raises(ShapeError, match="a row of 1 cells"):
        Table("T", ("a", "b"), [(1,)])
    with pytest.raises(InputError, match="None where there is no value"):
        Table("T", ("a",), [(float("nan"),)])


def test_sections_of_a_page_keep_their_order():
    drawn = Picture("Late", "c", "a", lambda style: new_figure(1, 1, style)).rendered()
    content = ["First <words>.", Table("Middle", ("x",), [(1,)]), drawn]
    page = Report(
        title="", summary="", figures={}, pictures=[], settings={}, command="", sections=[Section("Chapter", content)]
    ).html()
    places = [page.index(text) for text in ("<h2>Chapter", "First &lt;words&gt;.", "Middle", "<h3>Late")]
    assert places == sorted(places)
