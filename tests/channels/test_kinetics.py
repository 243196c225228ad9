"""The curves of `show`: those of NEURON's clamps, and what a clamp of ours does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rheobase import channels
from rheobase.channels.kinetics import kinetics
from rheobase.plot import png
from rheobase.plot.kinetics import channel
from tests.channels.test_channels import FILE, NAMES, stored


@stored
@pytest.mark.parametrize("name", ["Kv3_1", "Ca_LVA", "Ih"])
def test_gates_are_neurons(name: str) -> None:
    oracle = np.load(FILE)
    v, found = oracle["v_mV"], kinetics(getattr(channels, name))
    assert found.along == ("v", "mV")
    for gate, y in found.steady.items():
        for curve, key in ((y, "inf"), (found.tau[gate], "tau_ms")):
            at = np.isin(found.x.round(6), v.round(6))
            assert at.sum() > 50
            np.testing.assert_allclose(
                curve[at], oracle[f"{name}_{gate}_{key}"][np.isin(v.round(6), found.x.round(6))], rtol=1e-6
            )


@stored
def test_probabilities_of_a_scheme_are_neurons() -> None:
    oracle, found = np.load(FILE), kinetics(channels.NaV)
    names, p = list(oracle["NaV_state_names"]), oracle["NaV_states_equilibrium"]
    at = [int(np.argmin(np.abs(found.x - v))) for v in (-100.0, -60.0, 0.0, 40.0)]
    rows = [int(np.argmin(np.abs(oracle["v_mV"] - found.x[k]))) for k in at]
    for group in ("C", "I", "O"):
        expected = p[rows][:, [k for k, n in enumerate(names) if n[0] == group]].sum(1)
        np.testing.assert_allclose(found.steady[group][at], expected, rtol=1e-6)
    assert found.open is not None
    np.testing.assert_allclose(found.open, found.steady["O"], rtol=1e-12)


def test_the_slowest_relaxation_is_that_of_a_clamp() -> None:
    """Of backward Euler, the last mode left shrinks by 1 + dt/tau in a step."""
    v, dt = -50.0, 0.05
    found = kinetics(channels.NaV)
    clamp = channels.NaV(dt=dt).double()
    end: Any = None
    sizes = []
    for steps in (400, 1, 2000):
        _, end = clamp(torch.full((steps, 1), v, dtype=torch.float64), end)
        sizes.append(float(end.C1))
    ratio = (sizes[0] - sizes[2]) / (sizes[1] - sizes[2])
    tau = found.tau["slowest"][found.x == v][0]
    assert ratio == pytest.approx(1.0 + dt / tau, rel=1e-6)


def test_over_calcium_and_over_its_current() -> None:
    sk, pool = kinetics(channels.SK), kinetics(channels.CaDynamics, decay=40.0)
    assert (sk.along, pool.along) == (("ca", "mM"), ("i_ca", "mA/cm2"))
    assert float(np.interp(4.3e-4, sk.x, sk.steady["z"])) == pytest.approx(0.5, abs=0.005)
    assert pool.open is None
    # 1e4 * 0.05 * 1e-3 * 40 / (2 F 0.1) mM above rest
    assert pool.steady["ca"][0] == pytest.approx(1e-4 + 1e4 * 0.05 * 1e-3 * 40.0 / (2 * 96485.33212 * 0.1), rel=1e-9)


def test_a_leak_is_always_open() -> None:
    found = kinetics(channels.Pas)
    assert not found.steady
    assert (found.open == 1.0).all()


@pytest.mark.parametrize("name", ["Kv2like", "NaV", "SK", "CaDynamics", "Pas"])
def test_every_kind_of_picture(name: str) -> None:
    figure = channel(getattr(channels, name))
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0].startswith(name)
    labels = [text.get_text() for ax in figure.axes if (drawn := ax.get_legend()) for text in drawn.get_texts()]
    expected = {
        "Kv2like": ["m", "h1, h2", "m", "h1", "h2"],
        "NaV": ["C (5 states)", "O", "I (6 states)", "slowest relaxation"],
        "SK": ["z", "z"],
        "CaDynamics": ["ca", "ca"],
        "Pas": [],
    }
    assert labels == expected[name]
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", NAMES)
def test_curves_are_finite_and_shares_are_shares(name: str) -> None:
    found = kinetics(getattr(channels, name))
    for y in (*found.steady.values(), *found.tau.values()):
        assert y.shape == found.x.shape
        assert np.isfinite(y).all()
    assert all((y > 0).all() for y in found.tau.values())
    assert found.open is None or ((found.open >= 0) & (found.open <= 1)).all()
