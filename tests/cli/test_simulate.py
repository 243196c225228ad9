from __future__ import annotations

import json
from pathlib import Path

import pytest


def read(path):
    return json.loads(Path(path).read_text())


def test_a_lif_fires_as_its_equation_says(run):
    result = run("simulate", "LIF", "--current", 1.5, "--json", "lif.json", "--record", "v")
    assert result.exit_code == 0
    content = read("lif.json")
    # 20 ms ln(1.5 / 0.5) = 21.97 ms from reset to threshold
    assert content["spikes"] == 18
    assert content["first_spike_after"] == pytest.approx(22.0)
    assert (content["rate"], content["rate_unit"]) == (45.0, "Hz")
    assert len(content["traces"]["v"]) == content["steps"] == 4000
    for text in ("18", "45 Hz", "22 ms", "integrator=ExpEuler()"):
        assert text in result.stdout


def test_units_options_and_pictures(run):
    result = run(
        "simulate", "lif", "--current", "1.5", "--stop", "0.1s", "--dt", "500us", "--set", "tau_mem=10ms",
        "--set", "v_threshold=0.5", "--onset", "20ms", "--plot", "a/lif.svg", "--json", "b/lif.json",
    )  # fmt: skip
    assert result.exit_code == 0
    content = read("b/lif.json")
    assert (content["dt"], content["steps"], content["onset"]) == (0.5, 200, 20.0)
    assert "tau_mem=10" in content["neuron"]
    assert Path("a/lif.svg").read_text().startswith("<?xml")


def test_a_neuron_in_steps(run):
    run("simulate", "SRC", "--current", 0.3, "--stop", 100, "--set", "gate=step", "--set", "detach_recurrence=false",
        "--record", "h,h_s", "--json", "src.json")  # fmt: skip
    content = read("src.json")
    assert content["dt"] is None
    assert content["rate_unit"] == "1/step"
    assert set(content["traces"]) == {"h", "h_s"}
    assert "gate='step'" in content["neuron"]
    assert "detach_recurrence=False" in content["neuron"]


def test_no_spike_is_said(run):
    assert "no spike" in run("simulate", "LIF", "--current", 0.5).stdout
    assert "it has no threshold" in run("simulate", "LI", "--current", 5).stdout


BAD = [
    (("LIFF", "--current", 1), "did you mean 'LIF'"),
    (("LIF", "--current", "800pA"), "a plain number"),
    (("LIF", "--current", "much"), "a finite number"),
    (("LIF", "--current", "nan"), "a finite number"),
    (("ResonateAndFire", "--current", "1mV"), "1/ms"),
    (("LIF", "--current", 1, "--stop", "-400ms"), "--stop"),
    (("LIF", "--current", 1, "--stop", "0"), "--stop"),
    (("LIF", "--current", 1, "--stop", "1e12ms"), "--stop"),
    (("LIF", "--current", 1, "--stop", "5mV"), "ms"),
    (("SRC", "--current", 1, "--stop", "5ms"), "a number of steps"),
    (("SRC", "--current", 1, "--stop", "1.5"), "a whole number of steps"),
    (("SRC", "--current", 1, "--dt", "1ms"), "counts in steps"),
    (("LIF", "--current", 1, "--dt", "0"), "dt"),
    (("LIF", "--current", 1, "--dt", "-1ms"), "dt"),
    (("LIF", "--current", 1, "--onset", "400ms"), "--onset"),
    (("LIF", "--current", 1, "--set", "tau_men=3"), "did you mean 'tau_mem'"),
    (("LIF", "--current", 1, "--set", "tau_mem"), "NAME=VALUE"),
    (("LIF", "--current", 1, "--set", "tau_mem=-3"), "tau_mem > 0 ms"),
    (("LIF", "--current", 1, "--set", "tau_mem=3mV"), "ms"),
    (("SRC", "--current", 1, "--set", "gate=stair"), "sigmoid, step"),
    (("LIF", "--current", 1, "--record", "w"), "a state of LIF"),
    (("LIF", "--current", 1, "--plot", "a.bmp"), ".png"),
]


@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_input_is_one_clear_line(refused, words, said):
    assert said in refused("simulate", *words)


def test_a_place_that_cannot_be_written(refused):
    Path("file").touch()
    assert "file" in refused("simulate", "LIF", "--current", 1, "--json", "file/out.json")
    assert "file" in refused("simulate", "LIF", "--current", 1, "--plot", "file/out.png")


def test_inputs_by_name(run):
    run("simulate", "CondLIF", "--input", "g_exc=5nS", "--input", "g_inh=0.003uS", "--json", "a.json")
    content = read("a.json")
    assert content["inputs"]["g_exc"] == {"value": 5.0, "unit": "nS"}
    assert content["inputs"]["g_inh"]["value"] == pytest.approx(3.0)
    assert content["spikes"] == 25


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("CondLIF",), "--input g_exc=1"),
        (("CondLIF", "--current", "5"), "--input g_exc=5"),
        (("CondLIF", "--input", "g_exc"), "NAME=VALUE"),
        (("CondLIF", "--input", "g_ex=1"), "did you mean 'g_exc'"),
        (("CondLIF", "--input", "g_exc=1", "--input", "g_exc=2"), "g_exc twice"),
        (("CondLIF", "--input", "g_exc=1mV"), "nS"),
        (("LIF", "--current", "1", "--input", "current=1"), "one of them"),
    ],
)
def test_inputs_that_cannot_be(refused, words, says):
    assert says in refused("simulate", *words)
