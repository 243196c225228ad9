"""What is wrong with a run is on its page: one run for each kind of concern."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from rheobase.cli.training import job
from rheobase.learning import Callback
from tests.cli.test_train import TINY, read

pytestmark = pytest.mark.usefixtures("no_pictures")
WORDS = ("train", "--neuron", "LIF", *TINY, "--hidden", 12, "--batch", 20, "--name", "r")


class Kill(Callback):
    """What a learning rate that is far too large does to a layer in a step: all of its weights are on one side."""

    net: Any = None

    def on_batch(self, record: Any) -> None:
        self.net.layers[1].weight.data.fill_(-1.0)
        self.net.layers[1].bias.data.fill_(-1.0)


def started(change: Callable[[Any], None]) -> Callable[..., Any]:
    built = job.build

    def build(settings: Any, data: Any) -> Any:
        net = built(settings, data)
        change(net)
        return net

    return build


def positive(scale: float) -> Callable[[Any], None]:
    """Weights that drive every neuron."""

    def change(net: Any) -> None:
        Kill.net = net
        net.layers[1].weight.data.abs_().mul_(scale)
        net.layers[1].bias.data.zero_()

    return change


@pytest.mark.parametrize(
    ("kind", "words", "change", "said"),
    [
        ("silent", ("--gain", 0.001), None, "no spike of any of its 12 neurons"),
        ("saturated", (), positive(500), "it passes on next to nothing"),
        ("died", (), positive(20), "no spike any more"),
        ("exploding", ("--lr", 20, "--epochs", 4, "--schedule", "constant"), None, "times that of the first epoch"),
        ("chance", ("--lr", 1e-9, "--epochs", 3, "--batch", 2), None, "where always naming class"),
    ],
)
def test_the_page_says_what_the_run_said(
    run: Any, monkeypatch: pytest.MonkeyPatch, kind: str, words: tuple[Any, ...], change: Any, said: str
) -> None:
    if change is not None:
        monkeypatch.setattr(job, "build", started(change))
    if kind == "died":
        progress = job.progress
        monkeypatch.setattr(job, "progress", lambda epochs: _Both(progress(epochs), Kill()))
    result = run(*WORDS, *words)
    assert result.exit_code == 0, result.stderr
    told = [line.removeprefix("warning: ") for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert any(said in line for line in told), told
    assert kind in [w["kind"] for w in read("runs/r/result.json")["warnings"]]
    page = unescape(Path("runs/r/report.html").read_text())
    chapter = page.partition("<h2>Warnings</h2>")[2].partition("</section>")[0]
    # with the remedy, or that it no longer held
    assert all(f"<li>{line.partition(';')[0]}" in chapter for line in told)
    assert page.index("<h2>Warnings</h2>") < page.index("<h2>Results</h2>")
    assert "--start-activity" in chapter or "--find-lr" in chapter, "what helps, by the name of its option"


class _Both(Callback):
    def __init__(self, *all_of_them: Callback) -> None:
        self.all_of_them = all_of_them

    def on_batch(self, record: Any) -> None:
        for one in self.all_of_them:
            one.on_batch(record)

    def on_concern(self, concern: Any) -> None:
        for one in self.all_of_them:
            one.on_concern(concern)


def test_a_run_without_a_concern_has_no_such_chapter(run: Any) -> None:
    assert run(*WORDS, "--start-activity", 0.1).exit_code == 0
    assert "Warnings" not in Path("runs/r/report.html").read_text()
