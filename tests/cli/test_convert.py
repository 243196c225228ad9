from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from rheobase.cli.converting.saved import header, inputs, read

TINY = ("--data", "digits", "--limit", 100, "--epochs", 2, "--device", "cpu")


@pytest.fixture
def trained(run, no_pictures):
    """Trains a small network and gives the folder of the run."""

    def train(neuron="IF", *words):
        result = run("train", "--neuron", neuron, *TINY, "--steps", 8, "--hidden", 12, "--name", "net", *words)
        assert result.exit_code == 0, result.stderr
        return Path("runs/net")

    return train


def content(path):
    return json.loads(Path(path).read_text())


def test_there_and_back(run, trained):
    folder = trained("IF", "--recurrent")
    result = run("convert", "single-spike", folder, "--grid", 10, "--samples", 50, "--json", "one-facts.json")
    assert result.exit_code == 0, result.stderr
    one = content("one-facts.json")
    assert one["certificate"]["mismatches"] == 0 == one["predictions_changed"]
    assert one["right_before"] == one["right_after"]
    assert one["certificate"]["neurons_after"] == 12 * one["certificate"]["max_spikes"][0] > 12
    for text in (
        "12 -> ",
        "0 of 50",
        "smallest |v - v_threshold|",
        "condition 1",
        "network: runs/net/single-spike.json",
    ):
        assert text in result.stdout.replace("\n", " ")

    for how in ("moebius", "autapse"):
        out = f"{how}.json"
        words = ("--how", how, "--samples", 50, "--out", out, "--json", "many-facts.json")
        result = run("convert", "multi-spike", folder / "single-spike.json", *words)
        assert result.exit_code == 0, result.stderr
        many = content("many-facts.json")
        assert many["certificate"]["mismatches"] == 0 == many["predictions_changed"]
        assert [step["to"] for step in many["conversions"]] == ["grid", "single-spike", "multi-spike"]
        saved = read(Path(out), None)
        x = inputs(saved, 20)
        assert torch.equal(saved.net(x)[0], read(folder / "single-spike.json", None).net(x)[0])


def test_weights_as_they_were_trained(run, trained):
    """Without a grid: spikes are equal all the same, since float64 adds weights of float32 exactly."""
    folder = trained("LIF")
    result = run(
        "convert", "single-spike", next(folder.glob("best-*.safetensors")), "--json", "facts.json", "--out", "a.json"
    )
    assert result.exit_code == 0, result.stderr
    facts = content("facts.json")
    assert facts["certificate"]["mismatches"] == 0 == facts["predictions_changed"]
    assert facts["certificate"]["margin"] > 0
    result = run("convert", "multi-spike", "a.json", "--samples", 20)
    assert "autapse" in result.stdout


def test_the_number_of_copies(run, refused, trained):
    folder = trained()
    assert run("convert", "single-spike", folder, "--max-spikes", 8, "--samples", 20).exit_code == 0
    assert "no fewer" in refused("convert", "single-spike", folder, "--max-spikes", 1, "--samples", 20)
    assert "--max-spikes many" in refused("convert", "single-spike", folder, "--max-spikes", "many")
    assert "--grid" in refused("convert", "single-spike", folder, "--decay-bits", 2)


def test_networks_outside_the_assumptions(refused, trained):
    folder = trained("SRC")
    assert "spikes of size 0 or 1" in refused("convert", "single-spike", folder)


def test_the_reverse_wants_a_converted_network(refused, trained):
    assert "OneShot" in refused("convert", "multi-spike", trained())


def test_files_that_hold_no_network(refused, tmp_path):
    Path("net.txt").write_text("a network")
    assert "no checkpoint" in refused("convert", "single-spike", "net.txt")
    assert "missing.json" in refused("convert", "single-spike", "missing.json")
    assert header(Path("a/one-0123456789abcdef.safetensors")) == Path("a/one.json")


def test_help_shows_how(run):
    shown = run("convert", "single-spike", "--help").stdout
    assert "--max-spikes" in shown
    assert "rheobase convert single-spike runs/lif-digits" in shown
