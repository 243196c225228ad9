"""`rheobase energy RUN`: three numbers, layers, NeuroBench's names, a chip's bill; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rheobase
from rheobase.energy import Yan22, account, compare, neurobench
from rheobase.runs.batch import batch_of

FEW = ("--limit", 20)


def test_a_pretrained_network(run) -> None:
    result = run("energy", "src-digits", *FEW, "--json", "e.json", "--html", "e.html", "--plot", "e.png")
    assert result.exit_code == 0, result.stderr
    content = json.loads(Path("e.json").read_text())
    model = rheobase.load("src-digits")
    expected = account(model.network, batch_of(model, 20).coded.sequence)
    found = compare(expected)
    assert content["spiking"] == [found.spiking.low, found.spiking.nominal, found.spiking.high]
    assert content["neurobench"] == neurobench(expected)
    assert content["operations"]["accumulates"] == expected.total.accumulates > 0
    assert (content["samples"], content["steps"], content["chip"]) == (20, 60, None)
    assert [layer["label"] for layer in content["counted"]][:3] == ["0: Flatten", "1: Linear", "2: SRC"]
    published = compare(expected, process=Yan22()).break_even
    assert published is not None
    assert content["published"]["break_even"] == [published.low, published.nominal, published.high]
    shown, active = " ".join(result.stdout.split()), f"at {100 * expected.activity:.3g} % of the lines of its synapses"
    for said in ("synapses alone, as papers quote it", "of 6 bits", "Effective_ACs", "wins at no activity", active):
        assert said in shown
    page = Path("e.html").read_text()
    assert "first 20 test samples" in page
    assert "5: GroupReadout" in page
    assert Path("e.png").read_bytes().startswith(b"\x89PNG")


def test_a_batch_is_as_good_as_its_parts(run) -> None:
    """300 samples are more than a batch of the training."""
    model = rheobase.load("lif-digits")
    assert model.settings.batch < 300
    result = run("energy", "lif-digits", "--limit", 300, "--json", "e.json")
    assert result.exit_code == 0, result.stderr
    expected = account(model.network, batch_of(model, 300).coded.sequence).total
    found = json.loads(Path("e.json").read_text())["operations"]
    assert found == pytest.approx(vars(expected))


def test_a_bill_of_a_chip(run) -> None:
    result = run("energy", "lif-digits", *FEW, "--chip", "truenorth", "--hops", 2, "--tick", 0.5, "--json", "e.json")
    assert result.exit_code == 0, result.stderr
    chip = json.loads(Path("e.json").read_text())["chip"]
    assert chip["seconds"] == pytest.approx(0.03)
    assert chip["parts"]["whole chip, at rest"][1] == pytest.approx(0.06443 * 0.03)
    assert "never added" in " ".join(result.stdout.split())
    assert "20 mW/cm2" in result.stdout


def test_what_a_chip_refuses_leaves_what_was_counted(run) -> None:
    result = run("energy", "src-digits", *FEW, "--chip", "loihi", "--json", "e.json")
    assert result.exit_code == 2
    assert "3: Linear reads" in result.stderr
    assert "that are no spikes" in result.stderr
    assert "with memory traffic" in result.stdout
    content = json.loads(Path("e.json").read_text())
    assert "3: Linear reads" in content["chip"]["refused"]
    assert content["spiking"][1] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing-digits",), "src-digits|lif-digits|a pre-trained network"),
        (("src-digits", "--chip", "truenort"), "truenorth"),
        (("src-digits", "--hops", "2"), "a chip that it is for"),
        (("src-digits", "--tick", "2"), "a chip that it is for"),
        (("src-digits", "--chip", "loihi", "--tick", "-1"), "--tick: got -1; expected milliseconds, more than 0"),
        (("src-digits", "--plot", "e.jpg"), "png"),
        (("src-digits", "--html", "a-file/e.html"), "--html|a-file"),
    ],
)
def test_wrong_words(run, words, said) -> None:
    Path("a-file").write_text("")
    result = run("energy", *words)
    assert result.exit_code == 2
    assert any(word in result.stderr + result.stdout for word in said.split("|")), result.stderr
