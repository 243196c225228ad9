from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from rheobase.current_clamp import current_at_work
from rheobase.neurons import LIF


def read(path):
    return json.loads(Path(path).read_text())


def test_a_table_and_its_numbers(run):
    result = run("sweep", "LIF", "--vary", "tau_mem=5ms:0.04s:8", "--current", 1.5, "--json", "a.json")
    assert result.exit_code == 0, result.output
    content = read("a.json")
    assert content["varied"]["tau_mem"] == {"unit": "ms", "values": [5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0]}
    assert [point["pattern"] for point in content["points"]] == ["tonic"] * 8
    assert content["points"][3]["rate"] == pytest.approx(45.45, abs=0.01)
    assert content["points"][3]["rheobase"] == 1.0
    assert all(point["converged"] for point in content["points"])
    for text in ("tau_mem (ms)", "rate (Hz)", "45.45", "tonic", "under input 1.5 for 1000 ms (dt 0.1 ms)"):
        assert text in result.stdout


def test_a_map_and_its_picture(run):
    result = run(
        "sweep",
        "AdLIF",
        "--vary",
        "alpha=0.82:0.96:9",
        "--vary",
        "beta=0.97:0.99:8:log",
        "--current",
        "step:2:20",
        "--duration",
        200,
        "--set",
        "a=0.1",
        "--plot",
        "map.svg",
        "--json",
        "a.json",
    )
    assert result.exit_code == 0, result.output
    assert "72 points; --json FILE" in result.stdout
    assert Path("map.svg").read_text().startswith("<?xml")
    content = read("a.json")
    assert len(content["points"]) == 72
    assert content["given"] == {"a": 0.1}
    assert content["rate_unit"] == "1/step"
    betas = content["varied"]["beta"]["values"]
    assert betas[1] / betas[0] == pytest.approx(betas[-1] / betas[-2])


def test_without_a_current_it_takes_one_under_which_the_neuron_works(run):
    run("sweep", "LIF", "--vary", "tau_mem=10:20:2", "--json", "a.json")
    assert read("a.json")["under"] == f"input {current_at_work(LIF):g}"


def test_a_named_set_and_an_integrator(run):
    result = run(
        "sweep",
        "Izhikevich",
        "--vary",
        "d=2:8:2",
        "--set",
        "CH",
        "--current",
        10,
        "--integrator",
        "heun",
        "--json",
        "a.json",
    )
    assert result.exit_code == 0, result.output
    assert read("a.json")["given"]["integrator"] == "Heun()"
    assert read("a.json")["points"][0]["pattern"] == "bursting"


def test_a_step_that_is_too_long_is_told(run):
    result = run("sweep", "EIF", "--vary", "delta_T=2:4:2", "--current", 1, "--dt", "0.1ms", "--json", "a.json")
    assert "not converged (?): at 2 of 2 points" in result.stdout
    assert [point["converged"] for point in read("a.json")["points"]] == [False, False]


def test_how_far_it_is_is_said(run, monkeypatch):
    monkeypatch.setattr("rheobase.progress.SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr("rheobase.parameter_sweep.AT_ONCE", 4000)
    result = run("sweep", "LIF", "--vary", "tau_mem=5:10:4", "--current", 1.5, "--duration", 200)
    assert "points: 2 of 4" in result.stderr


BAD = [
    (("LIF", "--vary", "tau=1:2:3"), "did you mean 'tau_mem'"),
    (("LIF", "--vary", "tau_mem"), "PARAM=FROM:TO:COUNT"),
    (("LIF", "--vary", "tau_mem=1:2"), "--vary tau_mem=10:40:11"),
    (("LIF", "--vary", "tau_mem=1:2:1"), "a COUNT from 2 to 400"),
    (("LIF", "--vary", "tau_mem=1:2:3:lin"), "COUNT[:log]"),
    (("LIF", "--vary", "tau_mem=1:1:3"), "two ends that differ"),
    (("LIF", "--vary", "v_leak=-1:1:3:log"), "above 0 for logarithms"),
    (("LIF", "--vary", "tau_mem=1mV:2:3"), "a number in ms"),
    (("LIF", "--vary", "tau_mem=0:20:3"), "tau_mem > 0"),
    (("LIF", "--vary", "tau_mem=1:2:3", "--vary", "tau_mem=1:2:3"), "tau_mem twice"),
    (("LIF", *("--vary", "tau_mem=1:2:3") * 3), "one, or two for a map"),
    (("LIF", "--vary", "tau_mem=1:2:300", "--vary", "v_leak=0:1:300"), "90000 points"),
    (("LIF", "--vary", "tau_mem=1:2:3", "--set", "tau_mem=3"), "tau_mem to vary, and given"),
    (("LIF", "--vary", "tau_mem=1:2:3", "--current", "step:1:5000"), "begins at 5000 ms"),
    (("LIF", "--vary", "tau_mem=1:2:3", "--current", "step"), "step:AMP"),
    (("LIF", "--vary", "tau_mem=1:2:3", "--duration", "0"), "--duration"),
    (("LIF", "--vary", "tau_mem=1:2:3", "--plot", "a.bmp"), ".png"),
    (("SRC", "--vary", "r=1:2:3", "--dt", "1ms"), "counts in steps"),
    (("LI", "--vary", "tau_mem=1:2:3"), "a neuron that fires"),
    (
        ("HodgkinHuxley", "--vary", "g_Na=1:1e9:3", "--current", "10", "--integrator", "Euler"),
        "HodgkinHuxley at g_Na =",
    ),
]


@pytest.mark.parametrize(("words", "said"), BAD, ids=[" ".join(words) for words, _ in BAD])
def test_bad_input_is_one_clear_line(refused, words, said):
    assert said in refused("sweep", *words)


def test_the_examples_of_the_help_are_understood(run):
    shown = run("sweep", "--help").stdout.partition("Examples:")[2]
    lines = [line.strip() for line in shown.splitlines() if line.strip().startswith("rheobase ")]
    assert len(lines) == 4
    for line in lines:
        # fewer values, for a quick test
        words = [word.replace(":11", ":2").replace(":10:log", ":2:log") for word in shlex.split(line)[1:]]
        result = run(*words, "--duration", 100)
        assert result.exit_code == 0, line + result.output
