"""A cell drawn in a plane: where its pieces lie, how wide they are, and in which colours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from PIL import Image

from rheobase.cells import Compartments, Section
from rheobase.errors import ParameterError, ShapeError, StorageError
from rheobase.plot import DARK, LIGHT, cell, cell_animation, png
from rheobase.plot.cell import colours_on
from rheobase.plot.cell_layout import laid_out


def sections() -> list[Section]:
    soma = Section("soma", length=20, diameter=20)
    trunk = Section.through("dend[0]", [[0, 10, 7], [0, 110, 7], [50, 110, 9]], [4, 4, 2], parent=soma, at=0.5)
    tips = [Section(f"dend[{k}]", length=40, diameter=1, parent=trunk) for k in (1, 2)]
    side = Section("dend[3]", length=30, diameter=1, parent=trunk, at=0.5)
    return [soma, trunk, *tips, side, Section("axon", length=60, diameter=1, parent=soma)]


CELL = Compartments.of(sections(), 3)


def lines(figure) -> LineCollection:
    (found,) = [each for each in figure.axes[0].collections if isinstance(each, LineCollection)]
    return found


@pytest.mark.parametrize("style", [LIGHT, DARK], ids=lambda style: style.name)
def test_without_values_each_kind_has_its_colour(style) -> None:
    figure = cell(CELL, title="A cell", style=style)
    ax = figure.axes[0]
    assert len(figure.axes) == 1
    assert ax.get_title(loc="left") == "A cell"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["soma", "dend", "axon"]
    seen = {tuple(np.round(colour[:3], 6)) for colour in lines(figure).get_colors()}
    assert seen == {tuple(np.round(to_rgb(style.colours[k]), 6)) for k in (0, 1)}
    (bar,) = ax.texts
    assert bar.get_text() == "20 um"


def test_each_compartment_has_the_colour_of_its_value() -> None:
    values = np.arange(len(CELL.segments), dtype=float)
    figure = cell(CELL, values, label="v (mV)", limits=(0.0, 30.0))
    drawn = laid_out(CELL, [0, 1])
    expected = colours_on(LIGHT)(drawn.owner[~drawn.soma] / 30.0)
    np.testing.assert_allclose(lines(figure).get_colors(), expected, atol=0.005)
    assert set(drawn.owner) == set(range(len(values)))
    assert figure.axes[1].get_ylabel() == "v (mV)"
    # of all nodes, those without area have no colour of their own
    nodes = np.full(len(CELL.parent), np.nan)
    nodes[CELL.segments] = values
    again = cell(CELL, torch.as_tensor(nodes), label="v (mV)", limits=(0.0, 30.0))
    np.testing.assert_array_equal(lines(again).get_colors(), lines(figure).get_colors())


def test_what_has_no_value_is_grey() -> None:
    values = np.where(CELL.kind[CELL.segments] == "axon", 0.0, 5.0)
    values[CELL.kind[CELL.segments] == "soma"] = np.nan
    figure = cell(CELL, values, log=True)
    drawn = laid_out(CELL, [0, 1])
    grey = (CELL.kind[CELL.segments] == "axon")[drawn.owner[~drawn.soma]]
    np.testing.assert_allclose(np.array(lines(figure).get_colors())[grey][:, :3], to_rgb(LIGHT.grid) * np.ones((3, 3)))
    for body in (each for each in figure.axes[0].collections if isinstance(each, PolyCollection)):
        np.testing.assert_allclose(body.get_facecolor()[0, :3], to_rgb(LIGHT.grid))


def test_widths_are_true_and_never_too_thin_to_see() -> None:
    figure = cell(CELL)
    png(figure)
    scale = np.diff(figure.axes[0].transData.transform([(0, 0), (1, 0)])[:, 0])[0] * 72 / figure.dpi
    widths = np.array(lines(figure).get_linewidths())
    assert widths.max() == pytest.approx(4 * scale, rel=0.02)
    thin = Compartments.of([Section("dend", length=1000, diameter=0.1)])
    assert np.array(lines(cell(thin)).get_linewidths()) == pytest.approx(0.7)
    ax = figure.axes[0]
    across, up = np.diff(ax.transData.transform([(0, 0), (1, 1)]), axis=0)[0]
    assert across == pytest.approx(up, rel=1e-3)


@pytest.mark.parametrize(("plane", "axes"), [("xy", (0, 1)), ("xz", (0, 2)), ("yz", (1, 2))])
def test_points_are_drawn_where_they_are(plane, axes) -> None:
    ends = np.array(lines(cell(CELL, plane=plane)).get_segments())
    corners = np.array([[0, 10, 7], [0, 110, 7], [50, 110, 9]], dtype=float)[:, axes]
    for corner in corners:
        assert np.abs(ends.reshape(-1, 2) - corner).sum(1).min() < 1e-9


def test_sections_without_points_are_laid_out() -> None:
    drawn = laid_out(CELL, [0, 1])

    def first(name: str) -> np.ndarray:
        number = int(np.searchsorted(CELL.segments, CELL.index(name, 0.1)))
        return drawn.ends[np.argmax(drawn.owner == number)]

    # from the surface of the soma downwards, on from the end of the trunk to both sides, and from its middle
    np.testing.assert_allclose(first("axon"), [[0, -10], [0, -30]], atol=1e-9)
    for name in ("dend[1]", "dend[2]"):
        np.testing.assert_allclose(first(name)[0], [50, 110])
    np.testing.assert_allclose(first("dend[1]")[1] - [0, 220], -(first("dend[2]")[1] * [-1, 1]), atol=1e-9)
    np.testing.assert_allclose(first("dend[3]")[0], [0, 85], atol=0.5)
    lengths = np.linalg.norm(np.diff(drawn.ends, axis=1)[:, 0], axis=1)
    soma = lengths[drawn.soma].sum()
    assert soma == pytest.approx(20)
    assert lengths.sum() - soma == pytest.approx(100 + 50 + 40 * 2 + 30 + 60, rel=1e-3)


def test_a_soma_as_long_as_wide_is_round() -> None:
    drawn = laid_out(CELL, [0, 1])
    middle = drawn.ends[drawn.soma].mean(1)
    np.testing.assert_allclose(middle[:, 0] ** 2 + (drawn.diameter[drawn.soma].mean(1) / 2) ** 2, 100, rtol=0.02)


BAD = {
    "too few": (lambda: cell(CELL, np.zeros(3)), ShapeError, r"3 values; expected 18 \(compartments\) or 24 \(nodes\)"),
    "a matrix": (lambda: cell(CELL, np.zeros((18, 2))), ShapeError, "values of shape"),
    "plane": (lambda: cell(CELL, plane="zx"), ParameterError, "plane 'zx'"),
    "limits": (lambda: cell(CELL, CELL.x, limits=(1, 1)), ParameterError, r"limits=\(1, 1\)"),
    "limits of a logarithm": (lambda: cell(CELL, CELL.x, limits=(0, 1), log=True), ParameterError, "above 0"),
    "no value": (lambda: cell(CELL, np.full(18, np.nan)), ParameterError, "no finite value"),
    "no logarithm": (lambda: cell(CELL, np.zeros(18), log=True), ParameterError, "no value above 0"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_drawn_is_refused(what: str) -> None:
    call, error, expected = BAD[what]
    with pytest.raises(error, match=expected):
        call()


def test_one_value_for_all_is_drawn() -> None:
    assert png(cell(CELL, np.full(18, -65.0), label="v (mV)"))
    assert png(cell(Compartments.of([Section("soma", length=20, diameter=20)]), [1e-3], log=True))


def test_an_animation_paints_each_frame_with_the_values_of_its_time(tmp_path: Path) -> None:
    path = tmp_path / "wave.gif"
    times = np.arange(41)
    values = np.exp(-((CELL.distance[CELL.segments] / 10 - times[:, None]) ** 2) / 20)
    assert cell_animation(path, CELL, values, dt=0.5, label="v (mV)", frames=5, seconds=1.0) == path
    with Image.open(path) as image:
        assert image.n_frames == 5
        frames = []
        for k in range(5):
            image.seek(k)
            assert image.info["duration"] == 200
            frames.append(np.array(image.convert("RGB")).astype(int))
    # the wave begins on the soma: its colour is that of the largest value first, and of the smallest at the end
    ends = (255 * np.array(colours_on(LIGHT)(end))[:3] for end in (1.0, 0.0))
    near = [[(np.abs(frame - colour).max(-1) < 12).sum() for frame in frames] for colour in ends]
    assert near[0][0] > 3 * near[0][-1]
    assert near[1][-1] > near[1][0]


def animate(name: str, values: object, **more: float) -> Callable[[Path], Path]:
    return lambda folder: cell_animation(folder / name, CELL, values, **{"dt": 1.0, **more})


TIMES = np.zeros((3, 18))
BAD_ANIMATIONS = {
    "name": (animate("a.mp4", TIMES), ParameterError, "ends in .gif"),
    "frames": (animate("a.gif", TIMES, frames=0), ParameterError, "frames=0"),
    "dt": (animate("a.gif", TIMES, dt=-1), ParameterError, "dt=-1"),
    "seconds": (animate("a.gif", TIMES, seconds=0), ParameterError, "seconds=0"),
    "one time": (animate("a.gif", TIMES[0]), ShapeError, r"values of shape \(18,\)"),
    "words": (animate("a.gif", [["a"]]), ShapeError, "values of type list"),
    "a folder": (animate("b.gif", TIMES), StorageError, "a folder"),
}


@pytest.mark.parametrize("what", BAD_ANIMATIONS)
def test_what_cannot_be_animated_is_refused(what: str, tmp_path: Path) -> None:
    (tmp_path / "b.gif").mkdir()
    call, error, expected = BAD_ANIMATIONS[what]
    with pytest.raises(error, match=expected):
        call(tmp_path)
    assert not (tmp_path / "a.gif").exists()
