"""Rasters and traces of a user's own tensors, and the animations of both."""

from __future__ import annotations

import io
import math
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import rheobase.plot
from rheobase.errors import DTypeError, InputError, ParameterError, RheobaseError, ShapeError
from rheobase.plot import DARK, Panel, animate, png, raster, save, traces

SPIKES = torch.zeros(40, 5)
SPIKES[[3, 10, 30], [0, 4, 2]] = 1.0
V = torch.sin(torch.arange(40.0))[:, None] * torch.arange(1, 4)


def ticks(figure):
    return sorted(map(tuple, np.asarray(figure.axes[0].lines[0].get_xydata()).tolist()))


def test_a_raster_of_one_population_of_several_and_of_numpy():
    expected = [(2.0, 0.0), (5.5, 4.0), (15.5, 2.0)]
    for given in (SPIKES, SPIKES.numpy(), SPIKES.bool(), SPIKES.long(), [Panel("", SPIKES, "spikes", "cell")]):
        assert ticks(raster(given, dt=0.5)) == expected
    first, second = raster({"input": SPIKES, "hidden": SPIKES[:, :2]}, dt=None, style=DARK).axes
    assert (first.get_title(loc="left"), second.get_title(loc="left")) == ("input", "hidden")


def test_traces_need_no_spikes_and_no_names():
    figure = traces(V, dt=0.5, y="v (mV)")
    assert [text.get_text() for ax in figure.axes for text in ax.texts] == ["cell 0", "cell 1", "cell 2"]
    assert png(traces(V.numpy(), SPIKES[:, :3], dt=None, style=DARK))
    # a run that diverged is drawn up to where it did
    assert png(traces(torch.where(torch.arange(40)[:, None] > 20, torch.nan, V), dt=None))


def test_the_old_name_still_works_and_says_the_new_one():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert rheobase.plot.membranes is traces
    assert "rheobase.plot.traces" in str(told[0].message)


WRONG = [
    (lambda f: f(torch.zeros(5), dt=1.0), ShapeError, r"shape \(5,\)"),
    (lambda f: f(torch.zeros(0, 5), dt=1.0), ShapeError, r"shape \(0, 5\)"),
    (lambda f: f([[1, 0]], dt=1.0), ShapeError, "type list"),
    (lambda f: f(torch.zeros(5, 2, dtype=torch.complex64), dt=1.0), DTypeError, "complex64"),
    (lambda f: f(np.array([["a", "b"]]), dt=1.0), DTypeError, "dtype <U1"),
    (lambda f: f(torch.zeros(5, 2), dt=0.0), ParameterError, r"dt = 0\.0"),
    (lambda f: f(torch.zeros(5, 2), dt="1"), ParameterError, "dt = '1'"),
]


@pytest.mark.parametrize("draw", [raster, traces, animate], ids=lambda f: f.__name__)
@pytest.mark.parametrize(("call", "error", "said"), WRONG)
def test_what_cannot_be_drawn_is_one_clear_error(draw, call, error, said):
    with pytest.raises(error, match=rf"^{draw.__name__}: .*{said}.*expected .*Remedy"):
        call(draw)


def test_spikes_are_0_or_1():
    for draw in (raster, animate):
        with pytest.raises(InputError, match=r"of 0\.5 at \(2, 1\).*0 or 1"):
            draw(torch.where(torch.arange(10).view(5, 2) == 5, 0.5, 0.0), dt=1.0)
    with pytest.raises(InputError, match="nan at"):
        raster(torch.full((2, 2), torch.nan), dt=1.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "dots"}, "kind 'dots'"),
        ({"seconds": 0}, "seconds = 0"),
        ({"fps": "fast"}, "fps = 'fast'"),
        ({"window": -1.0}, r"window = -1\.0"),
        ({"seconds": 1000.0}, "20,000 in all"),
    ],
)
def test_an_animation_that_there_is_not(options, said):
    with pytest.raises(ParameterError, match=said):
        animate(SPIKES, dt=1.0, **options)


@pytest.mark.parametrize("draw", [traces, lambda v, dt: animate(v, dt=dt, kind="traces")])
def test_more_traces_than_can_be_told_apart(draw):
    with pytest.raises(ParameterError, match=r"512 cells.*choose some"):
        draw(torch.zeros(5, 512), dt=1.0)


def frames(movie, folder):
    """The pictures of a movie, as the GIF has them."""
    held = Image.open(io.BytesIO(save(movie, folder / "movie.gif").read_bytes()))
    pictures = []
    for k in range(held.n_frames):
        held.seek(k)
        pictures.append(np.asarray(held.convert("L")).astype(int))
    return pictures


@pytest.mark.parametrize("kind", ["spikes", "traces"])
def test_a_gif_has_all_frames_and_shows_more_in_each(tmp_path, kind):
    values = SPIKES if kind == "spikes" else V
    shown = frames(animate(values, dt=1.0, kind=kind, seconds=1.0, fps=4), tmp_path)
    assert len(shown) == 4
    # thin lines are soft at this size
    ink = [(picture < 220).sum() for picture in shown]
    assert ink[-1] > ink[0]
    assert [p.name for p in tmp_path.iterdir()] == ["movie.gif"]


def test_a_spike_is_seen_from_its_step_on(tmp_path):
    movie = animate(SPIKES, dt=0.5, seconds=1.0, fps=4)
    counts = []
    for frame in range(4):
        movie._draw_frame(frame)
        counts.append(len(movie._fig.axes[0].lines[0].get_xdata()))
    # the spikes come at 2, 5.5 and 15.5 of 20 ms
    assert counts == [1, 2, 2, 3]


def test_a_window_moves_with_time():
    movie = animate(V, dt=1.0, kind="traces", window=10.0, seconds=1.0, fps=4)
    movie._draw_frame(0)
    assert movie._fig.axes[-1].get_xlim() == (0.0, 10.0)
    movie._draw_frame(3)
    assert movie._fig.axes[-1].get_xlim() == (30.0, 40.0)


def test_html_stands_alone_and_a_notebook_plays_it(tmp_path):
    movie = animate(SPIKES, dt=1.0, seconds=0.5, fps=4)
    page = save(movie, tmp_path / "movie.html").read_text()
    assert page.count("data:image/png;base64") == 2
    assert "data:image/png;base64" in movie._repr_html_()


def test_mp4_needs_ffmpeg(tmp_path, monkeypatch):
    monkeypatch.setattr("rheobase.plot.movies.FFMpegWriter.isAvailable", lambda: False)
    with pytest.raises(ParameterError, match=r"ffmpeg.*\.gif or \.html"):
        save(animate(SPIKES, dt=1.0), tmp_path / "movie.mp4")
    assert not list(tmp_path.iterdir())


def test_an_animation_is_no_picture_and_a_picture_does_not_move(tmp_path):
    with pytest.raises(ParameterError, match=r"\.gif, \.mp4, \.html"):
        save(animate(SPIKES, dt=1.0), tmp_path / "movie.png")
    with pytest.raises(RheobaseError, match=r"\.png, \.svg, \.pdf"):
        save(raster(SPIKES, dt=1.0), tmp_path / "raster.gif")


def test_traces_with_an_infinite_value_move():
    values = torch.tensor([[0.0], [math.inf], [1.0]])
    axes = animate(values, dt=1.0, kind="traces", seconds=0.1)._fig.axes
    assert np.isfinite(axes[0].get_ylim()).all()
