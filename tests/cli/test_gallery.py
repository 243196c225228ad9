from __future__ import annotations

import json
from pathlib import Path

import pytest

from rheobase import neurons


def read(path):
    return json.loads(Path(path).read_text())


def test_a_page_and_documentation_of_named_neurons(run):
    result = run("gallery", "lif", "LI", "LIF", "--out", "new/two.html", "--docs", "pages")
    assert result.exit_code == 0
    assert "page: new/two.html" in result.stdout
    assert "2 pages: pages" in result.stdout
    text = Path("new/two.html").read_text("utf-8")
    assert text.count("<section id=") == 2
    written = sorted(path.relative_to("pages").as_posix() for path in Path("pages").rglob("*.*"))
    # an index is of all neurons, and these are two
    assert written == sorted(
        [
            "LI.md",
            "LIF.md",
            *(f"img/{n}-{k}" for n in ("LI", "LIF") for k in ("response.svg", "dynamics.svg", "spark.svg")),
        ]
    )
    assert Path("pages/img/LIF-response.svg").read_bytes().startswith(b"<svg")
    assert [path.name for path in Path("new").iterdir()] == ["two.html"]


def test_the_page_has_a_place_by_default(run):
    assert "page: gallery.html" in run("gallery", "LI").stdout
    assert Path("gallery.html").is_file()


def test_documentation_alone_makes_no_page(run):
    run("gallery", "LI", "--docs", "pages")
    assert [path.name for path in Path.cwd().iterdir()] == ["pages"]


def test_help_explains(run):
    shown = run("gallery", "--help").stdout
    for text in ("--out", "--docs", "--open", "f-I curve", "rheobase gallery --open"):
        assert text in shown


def test_bad_input_is_one_clear_line(refused):
    assert "did you mean 'AdEx'" in refused("gallery", "LIF", "AdExx")
    assert "a page to open" in refused("gallery", "LI", "--docs", "pages", "--open")
    assert not list(Path.cwd().iterdir())
    Path("file").touch()
    assert "file" in refused("gallery", "LI", "--out", "file/page.html")
    assert "a folder" in refused("gallery", "LI", "--out", ".")
    assert Path("file").read_bytes() == b""


# --- named sets in the other commands -------------------------------------------------------------------------------


def test_show_lists_the_sets_with_their_sources(run):
    shown = run("show", "AdEx", "--no-plot", "--json", "a.json").stdout
    assert set(read("a.json")["sets"]) == set(neurons.AdEx.sets())
    assert read("a.json")["sets"]["tonic_spiking"]["values"]["v_reset"] == -58.0
    assert all(name in shown for name in neurons.AdEx.sets())
    assert "[1] Naud" in shown
    assert "Named sets" not in run("show", "LIF", "--no-plot").stdout


def test_a_set_runs_under_the_protocol_of_its_source(run):
    result = run("simulate", "Izhikevich", "--set", "phasic_spiking", "--json", "a.json", "--plot", "a.png")
    assert result.exit_code == 0
    assert "0 to 0.5 mV/ms" in result.stdout or "0.5 mV/ms" in result.stdout
    content = read("a.json")
    assert (content["dt"], content["steps"], content["onset"], content["spikes"]) == (0.25, 800, 20.0, 1)
    assert "b=0.25" in content["neuron"]


def test_what_is_given_beside_a_set_wins(run):
    run("simulate", "Izhikevich", "--set", "phasic_spiking", "--set", "d=7", "--dt", "0.5", "--json", "a.json")
    content = read("a.json")
    assert (content["dt"], content["steps"]) == (0.5, 400)
    assert "d=7" in content["neuron"]
    assert "b=0.25" in content["neuron"]


def test_a_set_under_a_current_of_ones_own(run):
    run("simulate", "AdEx", "--set", "tonic_spiking", "--current", "0.5nA", "--stop", "100", "--json", "a.json")
    content = read("a.json")
    assert (content["inputs"]["current"]["value"], content["steps"]) == (500.0, 4000)
    assert "c_mem=200" in content["neuron"]


BAD = [
    (("LIF",), "--current 1"),
    (("AdEx", "--set", "tonic_spikin"), "did you mean 'tonic_spiking'"),
    (("AdEx", "--set", "tonic_spiking", "--set", "adaptation"), "one named set"),
    (("AdEx", "--set", "tonic_spiking", "--stop", "10"), "--stop 10"),
    (("AdEx", "--set", "tonic_spiking", "--onset", "10"), "--onset 10"),
    (("LIF", "--set", "tonic", "--current", "1"), "NAME=VALUE"),
]


@pytest.mark.parametrize(("words", "said"), BAD)
def test_a_protocol_that_makes_no_sense_is_refused(refused, words, said):
    assert said in refused("simulate", *words)
