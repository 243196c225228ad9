from __future__ import annotations

import json
from pathlib import Path

import pytest

from rheobase import neurons
from rheobase.core.declaration.describe import Description
from rheobase.runs.channels_by_name import names as channel_names
from rheobase.runs.neuron_groups import GROUPS
from rheobase.runs.neurons_by_name import find, names


def test_list_has_every_neuron(run):
    result = run("list", "--json", "all.json")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in neurons.__all__)
    listed = {each["name"]: each for each in json.loads(Path("all.json").read_text())["neurons"]}
    assert set(listed) == set(neurons.__all__)
    assert listed["LIF"]["parameters"]["tau_mem"] == {
        "default": 20.0,
        "unit": "ms",
        "meaning": "membrane time constant",
        "allowed": "> 0",
    }
    assert listed["SRC"]["time"] == "steps"
    assert listed["SRC"]["options"]["gate"]["choices"] == ["sigmoid", "step"]


def test_every_neuron_is_in_one_group_and_says_in_a_few_words_what_it_is_for(run):
    placed = [name for members in GROUPS.values() for name in members]
    assert sorted(placed) == sorted(neurons.__all__)
    for group, members in GROUPS.items():
        for name, use in members.items():
            assert 3 <= len(use.split()) <= 7, f"{group}: {name}"
            assert use.lower().rstrip(".") == use.lower()
    uses = [use for members in GROUPS.values() for use in members.values()]
    assert len(set(uses)) == len(uses)
    result = run("list", "--json", "all.json")
    titles = [result.stdout.index(group) for group in GROUPS]
    assert titles == sorted(titles)
    listed = {each["name"]: each for each in json.loads(Path("all.json").read_text())["neurons"]}
    assert listed["SRC"]["group"] == "Recurrent cells, which are trained"
    assert listed["AdEx"]["for"] == "cortical firing patterns, two variables"


@pytest.mark.parametrize("name", names())
def test_every_docstring_is_understood(name):
    described = Description.of(find(name))
    assert described.authors
    assert described.year.isdecimal()
    assert "=" in described.equations
    assert {"Numerics", "Reference", "Example"} <= set(described.sections)


def test_show_tells_equations_parameters_states_and_paper(run):
    result = run("show", "src", "--json", "src.json", "--no-plot")
    for text in (
        "SRC",
        "De Geeter",
        "s_out[t] = ReLU( h[t] )",
        "r_s",
        "-7",
        "cut to <= -4",
        "slow variable",
        "10.1088",
    ):
        assert text in result.stdout
    content = json.loads(Path("src.json").read_text())
    # firing begins at x + b_h = -4.551, x = 3 tanh(10 i / 3)
    assert content["rheobase"] == pytest.approx(0.17, abs=0.02)
    assert [path.name for path in Path.cwd().iterdir()] == ["src.json"]


@pytest.mark.parametrize("name", names())
def test_show_draws_every_neuron_and_says_where(run, name):
    result = run("show", name, "--plot", f"{name}.png")
    assert result.exit_code == 0
    assert f"picture: {name}.png" in result.stdout
    assert (Path.cwd() / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_has_a_place_by_default(run):
    assert "picture: runs/show/LIF.png" in run("show", "LIF").stdout
    assert Path("runs/show/LIF.png").is_file()


def test_show_says_the_rheobase(run):
    assert "1 (constant current, within 400 ms)" in run("show", "LIF", "--no-plot").stdout
    assert "none: it never spikes" in run("show", "LI", "--no-plot").stdout


def told(run, name):
    """Where firing begins to last, in the words of `show` and in its JSON."""
    result = run("show", name, "--no-plot", "--json", "a.json")
    lines = " ".join(result.stdout.split())
    return lines.partition("goes on firing ")[2].partition(" numerics ")[0], json.loads(Path("a.json").read_text())


def test_show_says_where_firing_begins_to_last_and_why_the_rheobase_is_another_current(run):
    said, content = told(run, "HodgkinHuxley")
    # between 6.2 and 6.3 uA/cm2 (Rinzel & Miller, 1980), at some 50 Hz: class 2
    assert 6.2 <= content["firing_onset"]["current"] <= 6.3
    assert 50 <= content["firing_onset"]["rate"] <= 55
    assert content["rheobase"] < 3
    assert said.endswith("Between the rheobase and that current it fires from rest, and stops")
    said, content = told(run, "LIF")
    assert content["firing_onset"]["current"] == content["rheobase"] == 1.0
    assert said == "from 1 on, at 9.425 Hz: there its f-I curve begins"
    assert told(run, "IF")[0].endswith("400 ms are too short for so late a first spike")
    assert told(run, "TTFS") == ("under no constant current, for 1000 ms", told(run, "TTFS")[1])
    assert told(run, "TraubMiles")[0].startswith("by itself, at ")
    assert told(run, "LI")[0] == ""


@pytest.mark.parametrize(("given", "nearest"), [("LIFF", "LIF"), ("srx", "SRC"), ("cubalf", "CubaLIF")])
def test_an_unknown_neuron_is_refused_with_the_nearest(refused, given, nearest):
    line = refused("show", given)
    assert f"did you mean '{nearest}'" in line
    assert "ResonateAndFire" in line


def test_a_picture_in_an_unknown_format_is_refused_before_any_work(refused):
    assert "picture.bmp" in refused("show", "LIF", "--plot", "picture.bmp")


def test_a_picture_and_none_is_refused(refused):
    assert "--no-plot" in refused("show", "LIF", "--plot", "a.png", "--no-plot")


# --- channels -------------------------------------------------------------------------------------------------------


def test_list_has_every_channel(run):
    result = run("list", "--json", "all.json")
    assert "39 neurons, 31 channels" in " ".join(result.stdout.split())
    listed = {each["name"]: each for each in json.loads(Path("all.json").read_text())["channels"]}
    assert list(listed) == channel_names()
    assert listed["SK"]["inputs"]["ca"]["unit"] == "mM"
    assert (listed["Kv3_1"]["authors"], listed["Kv3_1"]["year"]) == ("Rettig et al.", "1992")
    assert all(each["authors"] for name, each in listed.items() if name != "Pas")
    assert all(each["time"] == "ms" for each in listed.values())


def test_show_tells_what_a_channel_reads_and_writes(run):
    shown = " ".join(run("show", "kv3_1", "--json", "a.json").stdout.split())
    for text in (
        "tau_m = 4",
        "18.7",
        "gbar",
        "S/cm2",
        "e, which a cell sets from its reversal of k",
        "a current of k",
        "insert(...)",
        "10.1371",
        "picture: runs/show/Kv3_1.png",
    ):
        assert text in shown
    assert Path("runs/show/Kv3_1.png").read_bytes().startswith(b"\x89PNG")
    content = json.loads(Path("a.json").read_text())
    assert content["kinetics"]["along"] == {"name": "v", "unit": "mV"}
    assert len(content["kinetics"]["tau"]["m"]) == len(content["kinetics"]["v"])
    shown = " ".join(run("show", "NaV", "--no-plot").stdout.split())
    assert "insert(...)" not in shown
    assert "ca (calcium concentration inside) in mM" in " ".join(run("show", "CaDynamics", "--no-plot").stdout.split())
    assert "[1] Connor" in run("show", "Na_HH", "--no-plot").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "kv3"), "did you mean 'Kv3_1'"),
        (("show", "models/kdr.mod"), "NMODL is not translated: docs/from_nmodl.md"),
        (("simulate", "kdr.mod"), "NMODL is not translated"),
        (("simulate", "Kv3_1"), "Kv3_1 is a channel, a part of neurons and cells: rheobase show Kv3_1"),
        (("gallery", "AdEx", "--channels"), "the name of a channel"),
    ],
)
def test_a_channel_where_there_is_none(refused, words, said):
    assert said in refused(*words)
    assert not list(Path.cwd().iterdir())


def test_no_channel_has_the_name_of_a_neuron():
    both = [name.lower() for name in (*names(), *channel_names())]
    assert len(set(both)) == len(both)


def test_a_gallery_of_channels(run):
    result = run("gallery", "sk", "Pas", "--channels", "--docs", "pages", "--out", "two.html")
    assert "2 pages: pages" in result.stdout
    assert Path("two.html").read_text("utf-8").count("<section id=") == 2
    written = sorted(path.relative_to("pages").as_posix() for path in Path("pages").rglob("*.*"))
    assert written == ["Pas.md", "SK.md", "img/Pas.svg", "img/SK.svg"]
