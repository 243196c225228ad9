from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from rheobase import neurons
from rheobase.current_clamp import inject, make, respond, shown_response, step_response
from rheobase.errors import Diverged, ParameterError
from rheobase.firing_onset import firing_onset
from rheobase.plot import DARK, LIGHT
from rheobase.plot.gallery import Portrait, fi_curve, phase_plane
from rheobase.plot.gallery.docs import neuron_page
from rheobase.plot.gallery.page import page
from rheobase.plot.gallery.portrait import captions
from rheobase.plot.gallery.reduction import reduction
from rheobase.plot.gallery.render import entries, entry
from rheobase.plot.gallery.traces import spiking_curve, thinned, threshold_level
from rheobase.plot.gallery.variables import plane_variables, variables, velocity
from rheobase.plot.vector import adaptive_svg, roles


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- f-I curves -----------------------------------------------------------------------------------------------------


def test_the_f_i_curve_of_lif_is_the_closed_form():
    curve = fi_curve(neurons.LIF, 4.0)
    assert curve.unit == "Hz"
    above = curve.currents > 1.05
    period = 20.0 * np.log(curve.currents[above] / (curve.currents[above] - 1.0))
    # a spike is seen at the end of its step of 0.1 ms
    np.testing.assert_array_less(np.abs(1000.0 / curve.first[above] - period), 0.1001)
    np.testing.assert_array_less(np.abs(1000.0 / curve.onset[above] - period), 0.1001)
    np.testing.assert_array_less(np.abs(1000.0 / curve.steady[above] - period), 0.1001)
    assert not curve.steady[curve.currents <= 1.0].any()


def test_a_neuron_in_steps_has_rates_per_step():
    curve = fi_curve(neurons.IF, 0.1)
    assert curve.steady[-1] == pytest.approx(100.0, rel=0.02)  # 0.1/ms and a threshold of 1: every 10 ms
    curve = fi_curve(neurons.PLIF, 1.9)
    assert curve.unit == "1/step"
    assert 0 < curve.steady[-1] <= 1.0


def test_the_steady_rate_is_that_of_the_late_intervals():
    run = respond(neurons.AdLIF(1), current=3.0, steps=1000)
    times = np.array(run.spike_times)
    late = times[times > 500]
    curve = fi_curve(neurons.AdLIF, 3.0)
    assert curve.first[-1] == pytest.approx(1 / (times[1] - times[0]))
    assert curve.onset[-1] == pytest.approx(1 / times[0])
    assert curve.steady[-1] == pytest.approx((len(late) - 1) / (late[-1] - late[0]))
    assert curve.steady[-1] < 0.5 * curve.first[-1]


def test_rates_that_the_time_step_would_limit_are_left_out():
    curve = fi_curve(neurons.IF, 20.0)
    # 1/ms and a threshold of 1: at 2.5 every fourth step
    assert np.isnan(curve.steady[curve.currents > 3.0]).all()
    assert np.isfinite(curve.steady[curve.currents < 2.0]).all()


# --- state space ----------------------------------------------------------------------------------------------------


def test_nullclines_of_the_resonator_are_its_lines():
    # dx/dt = b x - w v + i = 0 and dv/dt = w x + b v = 0, with b = -0.05, w = 0.25
    neuron = neurons.ResonateAndFire(1, dt=0.1)
    plane = phase_plane(neuron, (-2.0, 2.0), (-2.0, 2.0), current=0.1)
    assert plane.names == ("v", "x")
    ((v, x),) = (line.T for line in plane.nullcline("v"))
    np.testing.assert_allclose(0.25 * x, 0.05 * v, atol=1e-6)
    ((v, x),) = (line.T for line in plane.nullcline("x"))
    np.testing.assert_allclose(-0.05 * x - 0.25 * v + 0.1, 0.0, atol=1e-6)


def test_nullclines_of_fitzhugh_nagumo_are_its_cubic_and_its_line():
    neuron = neurons.FitzHughNagumo(1, dt=0.1)
    plane = phase_plane(neuron, (-2.5, 2.5), (-1.0, 2.0), current=0.5)
    v, w = np.concatenate(plane.nullcline("v")).T
    # between points of the grid a contour is straight: error v'' h^2 / 8
    np.testing.assert_allclose(w, v - v**3 / 3 + 0.5, atol=2.5 * (5 / 159) ** 2)
    v, w = np.concatenate(plane.nullcline("w")).T
    np.testing.assert_allclose(w, (v + 0.7) / 0.8, atol=1e-6)


def test_hodgkin_and_huxley_reduce_to_v_and_n_as_fitzhugh_and_rinzel_did():
    run = step_response(neurons.HodgkinHuxley)
    current = float(run.current.max())
    reduced = reduction(run, current)
    # m is fast; n + h is about 0.85 (FitzHugh, 1961), or h falls with 1 to 1.3 times n (Rinzel, 1985)
    assert (reduced.first, reduced.second, reduced.fast) == ("v", "n", ("m",))
    offset, slope = reduced.lines["h"]
    assert -1.4 < slope < -0.8
    assert 0.7 < offset + slope * 0.35 + 0.35 < 1.0
    plane = phase_plane(run.neuron, (-90.0, 50.0), (0.2, 0.9), current, reduced=reduced)
    # the n-nullcline is n_inf(v), whatever the others are
    ((v, n),) = (line.T for line in plane.nullcline("n"))
    a, b = 0.01 * (v + 55) / -np.expm1(-(v + 55) / 10), 0.125 * np.exp(-(v + 65) / 80)
    np.testing.assert_allclose(n, a / (a + b), atol=2e-3)
    # the v-nullcline has a hump between two falling branches: three values of v for one n
    curve = np.concatenate(plane.nullcline("v"))
    assert np.count_nonzero(np.diff(np.sign(curve[:, 1] - 0.5)) != 0) >= 3


@pytest.mark.parametrize("name", neurons.__all__)
def test_every_neuron_with_two_variables_or_an_upstroke_has_a_plane(name):
    kind = getattr(neurons, name)
    several = len(variables(kind)) == 2 or (len(variables(kind)) > 2 and getattr(kind, "crossing", False))
    assert (plane_variables(kind) is not None) == several
    if several:
        assert "plane" in captions(kind)["dynamics"] or "two variables" in captions(kind)["dynamics"]


def test_planes_of_many_variables_are_drawn_and_where_firing_begins_to_last_is_marked():
    figure = Portrait.of(neurons.HodgkinHuxley).pictures()["dynamics"].draw(LIGHT)
    plane, curve = figure.axes
    assert (plane.get_xlabel(), plane.get_ylabel()) == ("v (mV)", "n")
    assert {text.get_text() for text in plane.get_legend().get_texts()} == {"v-nullcline", "n-nullcline"}
    assert "lasts from 6.26 uA/cm2 on" in [text.get_text() for text in curve.get_legend().get_texts()]


@pytest.mark.parametrize("name", ["LIF", "HodgkinHuxley", "AdEx", "FitzHughNagumo", "SRC"])
def test_the_f_i_curve_begins_where_firing_begins_to_last(name):
    kind = getattr(neurons, name)
    onset = firing_onset(kind)
    curve = fi_curve(kind, 2.0 * onset.current)
    begins = curve.currents[np.flatnonzero(curve.steady > 0)[0]]
    step = curve.currents[1]
    assert onset.current - 0.01 * onset.current <= begins <= onset.current + step
    # three digits of the current may lie below the onset
    at = [fi_curve(kind, onset.current * share).steady[-1] for share in (1.0, 1.005)]
    assert onset.rate == pytest.approx(at[0] or at[1], rel=1e-6)


def test_the_field_is_what_a_small_step_does():
    fine = neurons.AdEx(1, dt=1e-4).double()
    v, w = np.array([-70.0, -52.0, -45.0]), np.array([0.0, 50.0, -20.0])
    rates = velocity(fine, {"v": v, "w": w}, 300.0)
    for k in range(3):
        state = fine.State(v=torch.full((1, 1), v[k]).double(), w=torch.full((1, 1), w[k]).double())
        _, end = fine(torch.full((1, 1, 1), 300.0, dtype=torch.float64), state)
        assert rates["v"][k] == pytest.approx((end.v.item() - v[k]) / 1e-4, rel=1e-3)
        assert rates["w"][k] == pytest.approx((end.w.item() - w[k]) / 1e-4, rel=1e-3)


def test_the_field_of_a_neuron_in_steps_is_what_a_step_adds():
    # u = alpha v + (1 - alpha) (i - w'), w' = beta w + a v
    rates = velocity(neurons.AdLIF(1, a=0.1), {"v": np.array([0.5]), "w": np.array([0.2])}, 0.3)
    w = 0.98 * 0.2 + 0.1 * 0.5
    assert rates["w"][0] == pytest.approx(w - 0.2)
    assert rates["v"][0] == pytest.approx(0.9 * 0.5 + 0.1 * (0.3 - w) - 0.5)


def test_bookkeeping_is_no_variable():
    assert variables(neurons.AdLIF) == ["v", "w"]
    assert variables(neurons.GLIF1) == ["v"]
    assert variables(neurons.HindmarshRose) == ["v", "y", "z"]


# --- traces ---------------------------------------------------------------------------------------------------------


def test_a_reset_is_drawn_from_the_threshold():
    run = respond(neurons.LIF(1, dt=0.1), current=1.5, steps=500)
    time, values = spiking_curve(run, "v")
    assert len(values) == 500 + run.count
    tops = values[np.flatnonzero(np.diff(time) == 0)]
    np.testing.assert_allclose(tops, 1.0, rtol=1e-6)
    assert (np.abs(run.states["v"].numpy()) < 1.0).all()


def test_a_moving_threshold_is_found():
    run = respond(neurons.MAT(1, dt=0.1), current=600.0, steps=800)
    level = threshold_level(run, "v")
    before = run.before
    expected = float(neurons.MAT.params["omega"].default) + (before["theta_1"] + before["theta_2"]).numpy()
    there = np.isfinite(level)
    assert 0 < (~there).sum() < len(level)  # in its refractory time it has none
    np.testing.assert_allclose(level[there], expected[there], rtol=1e-5)


def test_thinning_keeps_peaks_and_ends():
    values = np.zeros(100_000)
    values[[31_415, 92_653]] = 1.0, -2.0
    time, kept = thinned(np.arange(100_000.0), values, 400)
    assert len(time) <= 400
    assert (kept.max(), kept.min(), time[0], time[-1]) == (1.0, -2.0, 0.0, 99_999.0)
    assert (np.diff(time) >= 0).all()


# --- what is simulated ----------------------------------------------------------------------------------------------


def test_the_step_shows_several_spikes_with_rest_around_it():
    run = step_response(neurons.LIF)
    assert 5 <= run.count <= 20
    assert not run.current[: run.onset].any()
    assert run.current[-1] == 0
    # 1.5 times what reaches the threshold in 50 ms
    assert float(run.current.max()) == pytest.approx(1.5 / (1 - math.exp(-2.5)), rel=5e-3)


def test_where_the_smallest_current_gives_one_spike_the_step_is_stronger():
    run = step_response(neurons.HodgkinHuxley)
    assert run.count >= 5
    assert float(run.current.max()) > 6.2  # below it the model fires once, or a few times


def test_an_equation_without_a_threshold_gets_a_step_of_one_and_no_rates():
    portrait = Portrait.of(neurons.LI)
    assert float(portrait.response.current.max()) == 1.0
    assert portrait.rates is None
    assert len(portrait.pictures()["dynamics"].draw(LIGHT).axes) == 1


def test_a_set_is_shown_as_its_source_shows_it():
    chosen = neurons.Izhikevich.sets()["phasic_spiking"]
    run = shown_response(neurons.Izhikevich, chosen)
    assert run.count == 1
    assert run.dt == 0.25
    assert run.onset == 80  # 20 ms
    assert len(run.current) == 800


def test_a_set_without_a_protocol_is_refused():
    chosen = replace(neurons.Izhikevich.sets()["tonic_spiking"], shown=None)
    with pytest.raises(ParameterError, match="no protocol"):
        shown_response(neurons.Izhikevich, chosen)


def test_states_that_leave_the_numbers_are_named():
    with pytest.raises(Diverged, match="take a dt below 1 ms"):
        inject(make(neurons.IF, 1, 1.0, r=1e30), torch.full((3,), 1e30))


# --- pictures and pages ---------------------------------------------------------------------------------------------


def test_all_axes_say_what_they_show():
    figures = {name: picture.draw(LIGHT) for name, picture in Portrait.of(neurons.AdEx).pictures().items()}
    assert set(figures) == {"response", "dynamics", "patterns"}
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in figures["response"].axes]
    assert labels == [("", "input\n(pA)"), ("", "v (mV)"), ("time (ms)", "w (pA)")]
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in figures["dynamics"].axes]
    assert labels == [("v (mV)", "w (pA)"), ("input (pA)", "rate (Hz)")]
    panels = [ax for ax in figures["patterns"].axes if ax.axison]
    assert [ax.get_title(loc="left") for ax in panels] == [name.replace("_", " ") for name in neurons.AdEx.sets()]
    assert all("spike" in ax.get_xlabel() and "pA" in ax.get_xlabel() for ax in panels)


def test_what_a_graded_cell_puts_out_is_shown_where_no_state_is():
    labels = [ax.get_ylabel() for ax in Portrait.of(neurons.SRC).pictures()["response"].draw(LIGHT).axes]
    assert labels == ["input", "h", "", "output"]  # a legend names i and h_s
    assert "output" not in [ax.get_ylabel() for ax in Portrait.of(neurons.LI).pictures()["response"].draw(LIGHT).axes]


def test_a_page_of_two():
    drawn = list(entries([neurons.LIF, neurons.LI]))
    text = page(drawn, "the end")
    assert text.count("<section id=") == 2
    assert text.count("<img src=") == 4
    assert text.count('href="#L') == 2
    assert "tau_mem dv/dt = v_leak + i - v" in text
    assert "the end" in text
    for outside in ("<script", "http://", "https://", "<link"):
        assert outside not in text
    assert text == page(list(entries([neurons.LIF, neurons.LI])), "the end")


def test_pictures_are_small_files():
    for name, plate in entry(neurons.LIF).plates.items():
        assert plate.image.startswith(b"<svg"), name
        assert 2_000 < len(plate.image) < 120_000, name


def test_the_text_of_a_page_holds_the_declaration():
    text = neuron_page(neurons.SRC, ("response", "dynamics"))
    assert "img/SRC-response.svg" in text
    assert "img/SRC-patterns.svg" not in text
    assert "| `b_h` | -6 |  | cut to <= -4 | bias: excitability |" in text
    assert "| `gate` | `'sigmoid'` | `'sigmoid'`, `'step'` | the shape of the slow gate |" in text
    assert "    >>>" not in text
    assert ">>> import torch" in text
    assert "10.1088" in text


# --- one picture for light and dark pages -----------------------------------------------------------------------------


def test_every_colour_of_every_picture_of_a_neuron_follows_the_reader():
    for kind in (neurons.AdEx, neurons.FitzHughNagumo, neurons.SRC, neurons.CondLIF):
        for name, plate in entry(kind).plates.items():
            text = plate.image.decode()
            rules, _, drawn = text.partition("</style>")
            # those of the rules alone: a colour that was drawn would stay what it is on a dark page
            assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r'(href="|url\()#\w+', "", drawn)), name
            assert set(re.findall(r"var\((--[\w-]+)\)", drawn)) == set(re.findall(r"(--[\w-]+):", rules)), name
            assert LIGHT.background in rules
            assert DARK.background in rules
            assert "<image" not in drawn
            for outside in ("<script", 'href="http', "url(http"):
                assert outside not in drawn


def test_the_same_picture_is_the_same_file():
    figures = [Portrait.of(neurons.LIF).pictures()["response"].draw(LIGHT) for _ in range(2)]
    first, second = map(adaptive_svg, figures)
    assert first == second


def test_the_two_styles_have_the_same_roles():
    light, dark = roles(LIGHT), roles(DARK)
    assert list(light) == list(dark)
    # a colour with two roles could not be told apart in a drawn picture
    assert len(set(light.values())) == len(light)
    assert {LIGHT.right, LIGHT.wrong} <= set(light.values())
    for style in (LIGHT, DARK):
        named = {colour: name for name, colour in roles(style).items()}
        assert (named[style.right], named[style.wrong]) == ("--line-0", "--line-1")
