"""`rheobase dies RUN`: the figures of the library, a picture, a page; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FEW = ("--limit", 40, "--dies", 6)


def test_a_pretrained_network_on_dies(run) -> None:
    words = ("dies", "lif-digits", *FEW, "--process", "reram-faulty", "--least", "0.5", "--json", "d.json")
    result = run(*words, "--html", "d.html", "--plot", "d.png")
    assert result.exit_code == 0, result.stderr
    content = json.loads(Path("d.json").read_text())
    assert (len(content["accuracy"]), content["samples"], content["seed"]) == (6, 40, 0)
    assert content["yield"] == sum(one >= 0.5 for one in content["accuracy"]) / 6
    assert content["process"]["stuck"] == [0.0904, 0.0175]
    assert content["lanes"]
    assert content["data"].startswith("40 test samples")
    shown = " ".join(result.stdout.split())
    for said in ("median die", "Wan et al.", "yield, of dies with 50.00 % or more"):
        assert said in shown
    page = Path("d.html").read_text()
    assert "reram-faulty" in page
    assert "prefers-color-scheme: dark" in page
    assert Path("d.png").read_bytes().startswith(b"\x89PNG")
    # a die is named by its seed
    again = ("--limit", 40, "--dies", 2, "--seed", 3, "--json", "e.json")
    assert run("dies", "lif-digits", "--process", "reram-faulty", *again).exit_code == 0
    assert json.loads(Path("e.json").read_text())["accuracy"] == content["accuracy"][3:5]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lif-digits", "--process", "pcn"), "did you mean 'pcm'"),
        (("lif-digits", "--process", "reram", "--age", "10"), "without drift"),
        (("src-digits", "--process", "dynap-se2"), "a neuron with alpha"),
        (("lif-digits", "--process", "reram-faulty", "--scale", "20"), "at most 1 together"),
        (("lif-digits", "--plot", "d.jpg"), "png"),
        (("lif-digits", "--json", "d.out", "--html", "./d.out"), "another file than that of --json"),
        (("lif-digits", "--seed", (1 << 32) - 1), "2^32 - 6"),
        (("nothing-digits",), "a pre-trained network"),
    ],
)
def test_wrong_words(refused, words, said) -> None:
    assert said in refused("dies", *words, *FEW)


def test_no_dies(run) -> None:
    result = run("dies", "lif-digits", "--dies", 0)
    assert result.exit_code == 2
    assert "--dies" in result.stderr
