from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from rheobase.errors import InputError, ParameterError, ShapeError
from rheobase.learning import EpochRecord
from rheobase.plot import DARK, LIGHT, Panel, confusion, learning_curve, png, raster, response, samples, traces

STYLES = [LIGHT, DARK]


def record(epoch, validation=0.8, loss=0.5):
    return EpochRecord(
        epoch=epoch,
        loss=loss,
        accuracy=0.75,
        validation_loss=None if validation is None else loss + 0.1,
        validation_accuracy=validation,
        learning_rate=1e-3,
        seconds=1.0,
    )


HISTORY = [record(1, 0.6, 0.9), record(2, 0.9, 0.5), record(3, 0.8, 0.3)]
SPIKES = torch.zeros(20, 6)
SPIKES[[3, 3, 17], [0, 4, 5]] = 1.0


def panels():
    return [
        Panel("Input: 6 pixels", SPIKES, "spikes", "pixel", given=True),
        Panel("Layer 1", torch.rand(20, 9), "values", "cell"),
        Panel("Readout", torch.randn(20, 3), "lines", "output", names=("a", "b", "c"), chosen=1),
    ]


def draw_all(style):
    trace = torch.sin(torch.arange(20) / 3)
    return {
        "learning_curve": learning_curve(HISTORY, style=style),
        "one epoch, no validation": learning_curve([record(1, None)], style=style),
        "confusion": confusion(torch.tensor([[9, 1], [0, 8]]), ("cat", "shirt"), style=style),
        "raster": raster(panels(), dt=0.5, style=style),
        "traces": traces(torch.randn(20, 2), SPIKES[:, :2], ["cell 1", "cell 2"], y="v (mV)", dt=0.5, style=style),
        "response": response(
            trace, {"v (mV)": trace, "w (pA)": -trace}, trace > 0.9, title="AdEx", dt=0.1, style=style
        ),
        "samples": samples(torch.rand(7, 8, 8), [f"{k} read as 1" for k in range(7)], style=style),
    }


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_every_picture_is_drawn_on_its_background_with_ink_that_stands_out(style):
    from matplotlib.colors import to_rgb

    for name, figure in draw_all(style).items():
        pixels = rendered(figure)
        background = np.round(255 * np.array(to_rgb(style.background)))
        assert (np.abs(pixels[0, 0] - background) <= 1).all(), name
        away = np.abs(pixels.astype(float) - background).max(axis=-1)
        assert (away > 100).mean() > 0.002, f"{name} is all but empty"


def rendered(figure):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def test_silence_is_drawn_too():
    quiet = torch.zeros(20, 3)
    assert png(traces(quiet, quiet, ["a", "b", "c"], y="v", dt=None))
    assert png(response(quiet[:, 0], dict.fromkeys("abcd", quiet[:, 0]), quiet[:, 0], title="", dt=None))
    assert png(raster([Panel("x", quiet, "spikes", "cell"), Panel("y", quiet, "values", "cell")], dt=None))


def test_pictures_leave_pyplot_alone():
    before = "matplotlib.pyplot" in sys.modules
    draw_all(LIGHT)
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_pictures_are_the_same_bytes_again():
    torch.manual_seed(0)
    first = png(raster(panels(), dt=None))
    torch.manual_seed(0)
    assert png(raster(panels(), dt=None)) == first


def test_all_axes_say_what_they_show():
    figures = draw_all(LIGHT)
    labels = {name: [(ax.get_xlabel(), ax.get_ylabel()) for ax in f.axes] for name, f in figures.items()}
    assert labels["learning_curve"] == [("epoch", "cross-entropy (nats)"), ("epoch", "wrong classes (%)")]
    assert labels["confusion"] == [("class given by the network", "true class")]
    assert labels["raster"] == [("", "pixel"), ("", "cell"), ("time (ms)", "output")]
    assert labels["response"][1:] == [("", "v (mV)"), ("time (ms)", "w (pA)")]
    assert raster(panels(), dt=None).axes[-1].get_xlabel() == "time (steps)"


def line(ax, label):
    return next(each for each in ax.lines if each.get_label() == label)


def test_the_learning_curve_shows_the_figures_and_marks_the_best_epoch():
    loss, error = learning_curve(HISTORY).axes
    assert line(loss, "training").get_ydata().tolist() == [0.9, 0.5, 0.3]
    np.testing.assert_allclose(line(error, "validation").get_ydata(), [40.0, 10.0, 20.0])
    np.testing.assert_allclose(line(error, "kept").get_xydata(), [[2, 10.0]])


def test_without_validation_there_is_no_curve_and_no_mark():
    labels = [each.get_label() for ax in learning_curve([record(1, None)]).axes for each in ax.lines]
    assert labels == ["training", "training"]


def test_the_confusion_matrix_counts():
    ax = confusion(torch.tensor([[9, 1, 0], [0, 8, 0], [2, 0, 5]]), ("a", "b", "c")).axes[0]
    assert ax.get_title(loc="left") == "22 of 25 right, 3 wrong"
    written = {tuple(text.get_position()): text.get_text() for text in ax.texts}
    assert written == {(0, 0): "9", (1, 0): "1", (1, 1): "8", (0, 2): "2", (2, 2): "5"}  # (column, row)


def test_spikes_lie_at_the_end_of_their_step_and_on_the_row_of_their_cell():
    ticks = raster(panels(), dt=0.5).axes[0].lines[0].get_xydata()
    assert sorted(map(tuple, ticks.tolist())) == [(2.0, 0.0), (2.0, 4.0), (9.0, 5.0)]


def test_traces_mark_every_spike_above_the_trace():
    values = torch.linspace(-70, 20, 20)[:, None].expand(20, 2)
    axes = traces(values, SPIKES[:, 4:], ["a", "b"], y="v (mV)", dt=None).axes
    for ax, times in zip(axes, ([4], [18]), strict=True):
        trace, marks = ax.lines
        assert marks.get_xdata().tolist() == times
        assert min(marks.get_ydata()) > max(trace.get_ydata())
    assert "1 spike" in axes[0].texts[0].get_text()


def test_response_marks_spikes_over_the_named_state():
    trace = torch.sin(torch.arange(20) / 3)
    spikes = trace > 0.95
    figure = response(trace, {"i": trace, "h": trace}, spikes, title="SRC", marked="h", out=trace.relu(), dt=None)
    current, i, h, out = figure.axes
    assert len(i.lines) == len(out.lines) == 1
    assert h.lines[1].get_xdata().tolist() == (spikes.nonzero().flatten() + 1).tolist()
    held = current.lines[0]
    assert held.get_drawstyle() == "steps-post"
    assert held.get_xdata().tolist() == list(range(21))
    assert held.get_ydata().tolist() == [*trace.tolist(), float(trace[-1])]


TRACE = torch.zeros(5)
BAD = [
    lambda: learning_curve([]),
    lambda: confusion(torch.zeros(2, 3), ("a", "b")),
    lambda: confusion(torch.zeros(2, 2), ("a", "b", "c")),
    lambda: raster([], dt=1.0),
    lambda: raster([panels()[0], Panel("x", torch.zeros(3, 2), "lines", "y")], dt=1.0),
    lambda: raster([Panel("x", torch.zeros(3), "lines", "y")], dt=1.0),
    lambda: raster([Panel("x", [1, 2], "lines", "y")], dt=1.0),
    lambda: traces(torch.zeros(5, 2), torch.zeros(5, 1), ["a", "b"], y="v", dt=None),
    lambda: traces(torch.zeros(5, 2), torch.zeros(5, 2), ["a"], y="v", dt=None),
    lambda: response(TRACE, {}, TRACE, title="", dt=None),
    lambda: response(TRACE, {"v": torch.zeros(4)}, TRACE, title="", dt=None),
    lambda: samples(torch.zeros(2, 8), ["a", "b"]),
    lambda: samples(torch.zeros(2, 8, 8), ["a"]),
]


@pytest.mark.parametrize("draw", BAD)
def test_wrong_shapes_are_named(draw):
    with pytest.raises(ShapeError, match=r"got .*; expected .*Remedy"):
        draw()


def test_an_unknown_kind_of_panel():
    with pytest.raises(ParameterError, match="kind 'dots'"):
        raster([Panel("x", torch.zeros(3, 2), "dots", "y")], dt=1.0)


def test_bfloat16_and_gradients_are_taken_as_they_come():
    values = torch.rand(20, 3, dtype=torch.bfloat16, requires_grad=True)
    assert png(raster([Panel("x", values, "lines", "y")], dt=1.0))


def test_a_notebook_shows_a_picture_without_pyplot():
    """IPython asks the value of a cell for these bytes; they are as wide as the column of text is."""
    figure = raster(SPIKES, dt=1.0)
    picture, size = figure._repr_png_()
    assert picture == png(figure)
    assert size["width"] == round(112 * figure.get_size_inches()[0])


def test_few_cells_have_their_numbers_beside_them():
    assert raster(SPIKES[:, :1], dt=1.0).axes[0].get_yticks().tolist() == [0]
    assert raster(SPIKES[:, :3], dt=1.0).axes[0].get_yticks().tolist() == [0, 1, 2]


def shades(values):
    """The shades that a panel is drawn in, (cells, time), over the whole range of the map."""
    (image,) = raster([Panel("x", values, "values", "cell")], dt=1.0).axes[0].images
    return np.ma.filled(image.norm(image.get_array()), np.nan)


def test_shades_tell_every_value_from_every_other():
    # negative currents are not 0, and what is NaN or infinite takes no shade from the others
    found = shades(torch.tensor([[-2.0, -1.0, 0.0, 2.0], [math.nan, math.inf, 1.0, 2.0]]))
    np.testing.assert_allclose(found, [[0.0, np.nan], [0.25, np.nan], [0.5, 0.75], [1.0, 1.0]])
    np.testing.assert_allclose(shades(torch.tensor([[-2.0, -1.0]]))[:, 0], [0.0, 0.5])
    np.testing.assert_allclose(shades(torch.tensor([[1.0, 2.0]]))[:, 0], [0.5, 1.0])


def test_spikes_are_marked_over_a_trace_with_nan():
    trace = torch.tensor([0.0, 1.0, math.nan, 2.0])
    ax = response(trace, {"v": trace}, torch.tensor([0.0, 1.0, 0.0, 0.0]), title="", dt=1.0).axes[1]
    assert ax.lines[1].get_xdata().tolist() == [2.0]
    assert np.isfinite(ax.lines[1].get_ydata()).all()


LIES = [
    (lambda: raster([Panel("x", torch.full((3, 2), math.nan), "spikes", "y")], dt=1.0), InputError, "ticks"),
    (lambda: raster([Panel("x", torch.zeros(3, 2), "lines", "y", chosen=2)], dt=1.0), ParameterError, "chosen = 2"),
    (lambda: raster([Panel("x", torch.zeros(3, 2), "lines", "y", names="abc")], dt=1.0), ParameterError, "3 names"),
    (lambda: response(TRACE, {"v": TRACE}, TRACE, title="", marked="u", dt=None), ParameterError, "marked = 'u'"),
    (lambda: response(TRACE, {"v": TRACE}, TRACE - 65.0, title="", dt=None), InputError, "-65"),
    (lambda: samples(torch.full((1, 8, 8), 255), ["a"]), InputError, "255"),
    (lambda: samples(torch.full((1, 8, 8), math.nan), ["a"]), InputError, "nan"),
    (lambda: confusion(torch.full((2, 2), 0.25), ("a", "b")), InputError, "counts"),
    (lambda: confusion(torch.full((2, 2), -1), ("a", "b")), InputError, "counts"),
    (lambda: confusion(torch.full((2, 2), math.nan), ("a", "b")), InputError, "counts"),
]


@pytest.mark.parametrize(("draw", "error", "said"), LIES)
def test_what_a_picture_would_show_wrongly_is_refused(draw, error, said):
    with pytest.raises(error, match=said):
        draw()
