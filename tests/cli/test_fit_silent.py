"""`rheobase fit` of a recording without a spike: hyperpolarising steps, from which passive parameters come."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import Result

from rheobase import neurons
from rheobase.cli.fitting import page
from rheobase.learning import FitRecipe, Recording, fit_neuron

Run = Callable[..., Result]
DT, ONSET, STOP = 0.25, 20.0, 100.0  # ms
AMPLITUDES = (-100.0, -60.0, -30.0, -80.0)  # pA
DIAMETER, G, C, E = 20.0, 8e-5, 1.2, -70.0  # um, S/cm2, uF/cm2, mV
AREA = math.pi * DIAMETER**2  # um2
G_NS, C_PF = 10.0 * AREA * G, 0.01 * AREA * C
QUICK = ("--population", 12, "--time-limit", "none", "--hold-out", 1, "--json", "x.json")


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages without the pictures of all sweeps, which take most of the time."""
    monkeypatch.setattr(page, "all_sweeps", lambda fitted: [])


def closed_form(noise: float) -> NDArray[np.float64]:
    """v = e + (i/g) (1 - exp(-t g/c)) from the onset on, at the end of each step, with noise of so many mV."""
    t = DT * np.arange(1, round(STOP / DT) + 1) - ONSET
    rise = np.where(t > 0.0, -np.expm1(-np.maximum(t, 0.0) * G_NS / C_PF), 0.0)
    v = E + np.array(AMPLITUDES)[:, None] / G_NS * rise
    return v + noise * np.random.default_rng(0).standard_normal(v.shape)


def write(path: str, v: NDArray[np.float64]) -> None:
    current = np.array(AMPLITUDES)[:, None] * (DT * np.arange(v.shape[1]) >= ONSET - 1e-9)
    np.savez(path, v_mV=v, i_pA=current, dt_ms=DT)


def write_cell() -> None:
    """A sphere whose leak is twice too large, and its capacitance two thirds."""
    rows = [("g_pas", 2 * G, "pas"), ("e_pas", E, "pas"), ("cm", 2 * C / 3, "")]
    content = {
        "passive": [{"ra": 100.0}],
        "conditions": [{"celsius": 34.0, "v_init": E, "erev": [{"section": "soma", "ena": 53.0, "ek": -90.0}]}],
        "genome": [{"section": "soma", "name": n, "value": x, "mechanism": m} for n, x, m in rows],
    }
    Path("fit.json").write_text(json.dumps(content), "utf-8")
    Path("cell.swc").write_text(f"1 1 0 0 0 {DIAMETER / 2} -1\n", "utf-8")


def test_a_leak_and_a_capacitance_are_found_from_the_closed_form(run: Run) -> None:
    write("steps.npz", closed_form(noise=0.1))
    write_cell()
    words = ("--morphology", "cell.swc", "--axon", "none", "--learn", "soma.Pas.g,c_mem.soma", "--dt", DT)
    result = run("fit", "fit.json", "steps.npz", *words, "--forced", 30, "--generations", 15, *QUICK)
    assert result.exit_code == 0, result.output
    found = json.loads(Path("x.json").read_text("utf-8"))
    assert found["parameters"]["soma.Pas.g"]["value"] == pytest.approx(G, rel=0.02)
    assert found["parameters"]["c_mem.soma"]["value"] == pytest.approx(C, rel=0.02)
    assert found["gamma"] is None
    assert found["unidentifiable"] == []
    # what is left is the noise
    assert found["fitted"]["v_rms"] == pytest.approx(0.1, rel=0.1)
    assert found["held_out"]["v_rms"] == pytest.approx(0.1, rel=0.1)
    assert found["as_it_was"]["fitted"]["v_rms"] > 2.0
    assert f"with an rms error of {found['fitted']['v_rms']:.3g} mV" in Path("runs/fit-steps/report.html").read_text(
        "utf-8"
    )
    assert "Gamma" not in result.stdout


def test_what_such_a_recording_does_not_tell_is_said_and_neurons_are_compared_by_the_rest(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "write", lambda fitted, folder: folder)
    write("steps.npz", closed_form(noise=0.0))
    words = ("--forced", 20, "--free", 2, "--generations", 30, "--name", "two")
    result = run("fit", "GLIF1,GLIF2", "steps.npz", *words, *QUICK)
    assert result.exit_code == 0, result.output
    out = "not fitted, since without a spike the potential does not depend on them: v_reset, v_threshold, tau_refrac"
    assert out in " ".join(result.stderr.split())
    said = " ".join(result.stdout.split())
    assert "has the least rms error of the potential on sweeps that none of them was fitted to" in said
    assert "Gamma" not in said
    found = next(x for x in json.loads(Path("x.json").read_text("utf-8"))["fits"] if x["neuron"] == "GLIF1")
    assert set(found["parameters"]) == {"c_mem", "g_leak", "v_leak"}
    assert found["parameters"]["g_leak"]["value"] == pytest.approx(G_NS, rel=0.02)
    assert found["parameters"]["c_mem"]["value"] == pytest.approx(C_PF, rel=0.02)


def test_who_fits_what_is_not_told_is_told(run: Run) -> None:
    write("steps.npz", closed_form(noise=0.0))
    quick = FitRecipe(restarts=4, forced=2, free=0, generations=2, population=4)
    neuron = neurons.GLIF1(1, dt=DT, c_mem=C_PF, g_leak=2 * G_NS, v_leak=E, v_threshold=-50.0, v_reset=-60.0)
    fit = fit_neuron(neuron, Recording.read("steps.npz"), learn=("g_leak", "v_threshold"), recipe=quick)
    assert fit.silent
    assert math.isnan(fit.gamma)
    assert fit.unidentifiable == ("v_threshold",)
    assert "rms error" in repr(fit)
    assert "v_threshold: without a spike the potential does not depend on it" in fit._repr_html_()


def test_what_may_have_spikes_is_refused(refused: Callable[..., str]) -> None:
    v = closed_form(noise=0.0)
    v[0, 200] = -20.0
    write("low.npz", v)
    assert "below -30 mV throughout. Remedy: --level" in refused("fit", "GLIF1", "low.npz")
