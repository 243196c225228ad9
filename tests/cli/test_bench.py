from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from rheobase.profiling.timing import interleaved

SMALL = ("--steps", 5, "--batch", 2, "--size", 3, "--seconds", 0)


def test_the_neurons_named_are_timed(run):
    result = run("bench", "neurons", "--neuron", "lif", "--neuron", "SRC", *SMALL, "--json", "b.json")
    assert result.exit_code == 0
    content = json.loads(Path("b.json").read_text())
    assert [row["neuron"] for row in content["rows"]] == ["LIF", "SRC"]
    assert content["shape"] == [5, 2, 3]
    assert content["machine"]["torch"] == torch.__version__
    for row in content["rows"]:
        assert row["over_trivial"] == pytest.approx(row["layer"] / row["trivial"])
        assert row["speedup_over_loop"] == pytest.approx(row["loop"] / row["layer"])
        assert min(row["calls"].values()) >= 3
        assert f"{row['neuron']}" in result.stdout


def test_threads_are_set_for_the_run_only(run):
    before = torch.get_num_threads()
    run("bench", "neurons", "--neuron", "LI", *SMALL, "--threads", before + 1, "--json", "b.json")
    assert json.loads(Path("b.json").read_text())["machine"]["threads"] == before + 1
    assert torch.get_num_threads() == before


def test_an_unknown_neuron_is_refused(refused):
    assert "did you mean 'LIF'" in refused("bench", "neurons", "--neuron", "LIFF")


@pytest.mark.parametrize("option", ["--steps", "--batch", "--size", "--threads"])
def test_nothing_to_time_is_refused(run, option):
    result = run("bench", "neurons", option, 0)
    assert result.exit_code == 2
    assert option in result.stderr


def test_contestants_take_turns():
    calls = []
    timings = interleaved({name: lambda name=name: calls.append(name) for name in "ab"}, seconds=0.0)
    assert "".join(calls).count("ab") >= 3
    assert timings["a"].fastest <= timings["a"].median
