from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import numpy as np
import pytest

from rheobase import neurons, stimuli
from rheobase.current_clamp import inject
from tests.cli.test_simulate_cells import written


def read(path):
    return json.loads(Path(path).read_text())


def test_a_lif_fires_as_its_equation_says(run):
    result = run("simulate", "LIF", "--current", 1.5, "--json", "lif.json", "--record", "v")
    assert result.exit_code == 0
    content = read("lif.json")
    # 20 ms ln(1.5 / 0.5) = 21.97 ms from reset to threshold
    assert content["spikes"] == 18
    assert content["first_spike_after"] == pytest.approx(22.0)
    # by intervals, not by 18 spikes in 400 ms, of which the last begins no interval
    assert content["rate"] == pytest.approx(1000 / 22.0, rel=1e-3)
    assert content["rate_unit"] == "Hz"
    assert len(content["intervals"]) == 17
    assert len(content["traces"]["v"]) == content["steps"] == 4000
    for text in ("18", "45.45 Hz", "22 ms", "integrator=ExpEuler()"):
        assert text in result.stdout


def test_units_options_and_pictures(run):
    result = run(
        "simulate",
        "lif",
        "--current",
        "1.5",
        "--stop",
        "0.1s",
        "--dt",
        "500us",
        "--set",
        "tau_mem=10ms",
        "--set",
        "v_threshold=0.5",
        "--onset",
        "20ms",
        "--plot",
        "a/lif.svg",
        "--json",
        "b/lif.json",
    )
    assert result.exit_code == 0
    content = read("b/lif.json")
    assert (content["dt"], content["steps"], content["onset"]) == (0.5, 200, 20.0)
    assert "tau_mem=10" in content["neuron"]
    assert Path("a/lif.svg").read_text().startswith("<?xml")


def test_a_neuron_in_steps(run):
    run(
        "simulate",
        "SRC",
        "--current",
        0.3,
        "--stop",
        100,
        "--set",
        "gate=step",
        "--set",
        "detach_recurrence=false",
        "--record",
        "h,h_s",
        "--json",
        "src.json",
    )
    content = read("src.json")
    assert content["dt"] is None
    assert content["rate_unit"] == "1/step"
    assert set(content["traces"]) == {"h", "h_s"}
    assert "gate='step'" in content["neuron"]
    assert "detach_recurrence=False" in content["neuron"]


def test_no_spike_is_said(run):
    assert "no spike" in run("simulate", "LIF", "--current", 0.5).stdout
    assert "it has no threshold" in run("simulate", "LI", "--current", 5).stdout


@pytest.mark.parametrize(
    ("current", "said"),
    [
        ("-150nA", "v = -4920 mV, and no neuron leaves -200 to 200 mV"),
        ("150nA", "it fires at "),
        ("150pA", None),
    ],
)
def test_another_unit_of_the_current_is_seen_by_what_it_does(run, current, said):
    result = run("simulate", "AdEx", "--current", current, "--stop", "50")
    assert result.exit_code == 0
    told = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(told) == (said is not None)
    assert all(said in line and f"current {current.replace('nA', '000 pA')}" in line for line in told)


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
        (("CondLIF", "--input", "g_exc"), "NAME=CURRENT"),
        (("CondLIF", "--input", "g_ex=1"), "did you mean 'g_exc'"),
        (("CondLIF", "--input", "g_exc=1", "--input", "g_exc=2"), "g_exc twice"),
        (("CondLIF", "--input", "g_exc=1mV"), "nS"),
        (("LIF", "--current", "1", "--input", "current=1"), "one of them"),
    ],
)
def test_inputs_that_cannot_be(refused, words, says):
    assert says in refused("simulate", *words)


# --- currents that are words ---------------------------------------------------------------------------------------


WORDS = [
    ("AdEx", "step:0.8nA:100:300", 100.0, stimuli.step(800.0, start=100.0, stop=300.0)),
    ("AdEx", "ramp:0:1nA", 0.0, stimuli.ramp(1000.0, stop=400.0)),
    ("QIF", "sine:2:10Hz:4", 0.0, stimuli.sine(2.0, 10.0, offset=4.0)),
    ("LIF", "noise:1:0.5:5ms", 0.0, stimuli.noise(1.0, 0.5, tau=5.0, seed=3)),
    ("LIF", "pulses:20:2:50:20ms", 20.0, stimuli.pulses(20.0, width=2.0, rate=50.0, start=20.0)),
    ("HodgkinHuxley", "step:10uA/cm2", 0.0, stimuli.step(10.0)),
]


@pytest.mark.parametrize(("neuron", "typed", "onset", "meant"), WORDS, ids=[typed for _, typed, _, _ in WORDS])
def test_a_word_is_the_function_of_that_name(run, neuron, typed, onset, meant):
    result = run("simulate", neuron, "--current", typed, "--seed", 3, "--json", "a.json")
    assert result.exit_code == 0, result.output
    content = read("a.json")
    kind = getattr(neurons, neuron)
    assert content["onset"] == onset
    expected = inject(kind(1, dt=content["dt"]), meant.sample(400.0, content["dt"]), onset=round(onset / content["dt"]))
    assert content["spike_times"] == expected.spike_times
    assert expected.count > 0


def test_another_seed_is_other_noise(run):
    seen = []
    for seed in (3, 3, 4):
        run("simulate", "LIF", "--current", "noise:1:0.5:5", "--seed", seed, "--json", "a.json")
        seen.append(read("a.json")["spike_times"])
    assert seen[0] == seen[1] != seen[2]


def test_words_in_steps_and_for_one_of_several_inputs(run):
    run("simulate", "SRC", "--current", "step:0.3:20:80", "--stop", 100, "--json", "a.json", "--record", "h")
    assert read("a.json")["onset"] == 20
    run("simulate", "CondLIF", "--input", "g_exc=step:10nS:200", "--json", "b.json")
    assert min(read("b.json")["spike_times"]) > 200


WRONG_WORDS = [
    (("LIF", "step"), "step:AMP[:START[:STOP]]", "--current step:1.5:100:300"),
    (("LIF", "stpe:1"), "ramp:FROM:TO", "did you mean 'step'"),
    (("LIF", "step:1:300:100"), "less than a step", "step:1.5:100:300"),
    (("LIF", "step:1:-5"), "a start of -5", "step:1.5"),
    (("LIF", "step:1:500"), "which begins at 500 ms", "--stop 1000"),
    (("LIF", "step:1:2:3:4"), "step:AMP", "step:1.5"),
    (("LIF", "step::2"), "step:AMP", "step:1.5"),
    (("AdEx", "ramp:0:1mV"), "currents in pA", "ramp:0:100"),
    (("AdEx", "sine:100:fast"), "FREQ in Hz", "sine:20:10:100"),
    (("LIF", "sine:1:0"), "not above 0", "sine:0.5:10"),
    (("LIF", "sine:1:6000"), "no more than two steps", "sine:0.5:10"),
    (("SRC", "sine:1:0.5"), "FREQ in 1/step", "sine:0.5:0.01"),
    (("SRC", "step:1:5ms"), "START and STOP in steps", "step:1.5"),
    (("LIF", "noise:1:-0.5:5"), "below 0", "noise:1.5:0.5:5"),
    (("LIF", "noise:1:0.5"), "noise:MEAN:SD:TAU", "noise:1.5:0.5:5"),
    (("LIF", "pulses:1:0.01:50"), "shorter than the step", "pulses:1.5:2:50"),
    (("LIF", "pulses:1:30:50"), "run into each other", "pulses:1.5:2:50"),
    (("LIF", "pulses:1:nan:50"), "'nan'", "pulses:1.5:2:50"),
]


@pytest.mark.parametrize(
    ("given", "said", "example"), WRONG_WORDS, ids=[" ".join(given) for given, _, _ in WRONG_WORDS]
)
def test_a_word_that_is_wrong_says_what_is_expected_and_shows_an_example(refused, given, said, example):
    line = refused("simulate", given[0], "--current", given[1])
    assert said in line
    assert example in line


def test_times_of_a_word_and_an_onset_are_one_too_many(refused):
    assert "leave --onset out" in refused("simulate", "LIF", "--current", "step:1", "--onset", 5)


# --- currents that are files ----------------------------------------------------------------------------------------


@pytest.fixture
def stimulus(tmp_path):
    """400 pA from 50 to 250 ms, in samples of 0.05 ms, 300 ms long, as CSV; and as npz in nA with a second sweep."""
    time = np.arange(0, 300, 0.05)
    current = np.where((time >= 50) & (time < 250), 800.0, 0.0)
    rows = "\n".join(f"{t:.2f},{i:g}" for t, i in zip(time, current, strict=True))
    (tmp_path / "a.csv").write_text("time (ms),current (pA)\n" + rows)
    np.savez(tmp_path / "a.npz", i_nA=np.stack([0 * current, current]) / 1000, dt_ms=0.05)
    (tmp_path / "v.csv").write_text("time (ms),v (mV)\n" + rows)
    (tmp_path / "plain.csv").write_text("current\n" + "\n".join(["1.5"] * 200))
    return tmp_path


@pytest.mark.parametrize(("name", "said"), [("a.csv", "'current (pA)', 6000"), ("a.npz:1", "'i_nA', 6000")])
@pytest.mark.parametrize(("dt", "how"), [("0.05", ""), ("0.1", "averaged over"), ("0.025", "held through")])
def test_a_file_is_its_current_in_any_step(run, stimulus, name, said, dt, how):
    result = run("simulate", "AdEx", "--current", name, "--dt", dt, "--json", "out.json")
    assert result.exit_code == 0, result.output
    assert said in result.stdout
    assert how in result.stdout
    content = read("out.json")
    assert content["steps"] * content["dt"] == pytest.approx(300.0)
    same = stimuli.step(800.0, start=50.0, stop=250.0).sample(300.0, float(dt))
    assert content["spike_times"] == inject(neurons.AdEx(1, dt=float(dt)), same).spike_times


def test_a_number_of_a_file_without_a_unit_is_the_neurons_own(run, stimulus):
    run("simulate", "SRC", "--current", "plain.csv", "--json", "out.json")
    assert read("out.json")["steps"] == 200


def test_a_file_of_an_amplifier(run):
    file = Path(os.environ.get("RHEOBASE_DATA", "data")) / "files_for_readers" / "abf" / "171116sh_0016.abf"
    if not file.is_file():
        pytest.skip(f"needs {file.name} of the recordings that readers are tested with")
    result = run("simulate", "AdEx", "--current", f"{file}:3", "--json", "out.json")
    assert result.exit_code == 0, result.output
    assert "in pA" in result.stdout or "(pA)" in result.stdout


WRONG_FILES = [
    (("AdEx", "none.csv"), "No such file"),
    (("AdEx", "v.csv"), "no current in it, but 'v (mV)'"),
    (("AdEx", "a.npz"), "2 sweeps"),
    (("AdEx", "a.npz:2"), "one from 0 to 1"),
    (("AdEx", "a.csv", "--stop", 100), "which lasts 300 ms; expected a current no longer than --stop 100"),
    (("LIF", "a.csv"), "a current in pA; expected plain numbers"),
    (("HodgkinHuxley", "a.csv"), "a current in uA/cm2"),
    (("LIF", "plain.csv"), "no time between samples"),
    (("AdEx", "a.pkl"), "a pickle"),
    (("AdEx", "folder/a"), "a recording: .abf"),
]


@pytest.mark.parametrize(("given", "said"), WRONG_FILES, ids=[" ".join(map(str, given)) for given, _ in WRONG_FILES])
def test_a_file_that_cannot_be_says_why(refused, stimulus, given, said):
    assert said in refused("simulate", given[0], "--current", *given[1:])


# --- integrators, and whether a step is short enough ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Euler", "expeuler", "ExpMidpoint", "Heun", "rk4"])
def test_any_integrator(run, name):
    result = run("simulate", "HodgkinHuxley", "--current", 10, "--integrator", name, "--json", "a.json")
    assert result.exit_code == 0
    assert f"integrator={name}()".lower() in result.stdout.lower()
    assert read("a.json")["rate"] == pytest.approx(68.3, rel=0.02)


def test_integrators_that_cannot_be(refused):
    assert "its paper counts in steps" in refused("simulate", "SRC", "--current", 1, "--integrator", "RK4")
    assert "Known: Euler, ExpEuler" in refused("simulate", "LIF", "--current", 1, "--integrator", "rk5")
    # it grows beyond all numbers at 0.1 ms
    assert "take a dt below" in refused(
        "simulate", "HodgkinHuxley", "--current", 10, "--integrator", "RK4", "--dt", "0.5ms"
    )


def test_a_step_that_is_too_long_is_told(run):
    result = run("simulate", "EIF", "--current", 1, "--dt", "0.1ms", "--json", "a.json")
    assert "not converged: the rate changes by +0.95 % at half the step (0.05 ms)" in result.stdout
    assert "take --dt 0.025ms" in result.stdout
    assert read("a.json")["half_step"]["converged"] is False
    result = run("simulate", "EIF", "--current", 1, "--json", "a.json")
    assert "not converged" not in result.stdout
    assert read("a.json")["half_step"]["converged"] is True


def test_a_step_without_which_it_does_not_fire_is_told(run):
    result = run("simulate", "LIF", "--current", 1.5, "--dt", "4ms", "--stop", "44ms")
    assert "at half the step (2 ms) it fires 2 times, and not 1" in result.stdout


def test_the_examples_of_the_help_work(run, stimulus):
    (stimulus / "stimulus.csv").write_text((stimulus / "a.csv").read_text())
    shown = run("simulate", "--help").stdout.partition("Examples:")[2]
    lines = [line.split("(also")[0].strip() for line in shown.splitlines() if line.strip().startswith("rheobase ")]
    assert len(lines) == 12
    written(axon="none")
    for line in lines:
        # a shell puts the files of fit_*.json there
        result = run(*shlex.split(line.replace("fit_*.json", "fit_1.json fit_2.json"))[1:])
        assert result.exit_code == 0, line + result.output
