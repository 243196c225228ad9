from __future__ import annotations

import json
import shlex
import signal
from pathlib import Path

import pytest

from rheobase.cli.training import job
from rheobase.learning import Callback
from tests.cli.test_train import TINY, read, same, weights

pytestmark = pytest.mark.usefixtures("no_pictures")

WORDS = ("train", "--neuron", "SRC", *TINY, "--hidden", 12, "--batch", 20)  # five batches in an epoch


class CtrlC(Callback):
    """A Ctrl-C after so many batches."""

    def __init__(self, after):
        self.left = after

    def on_batch(self, record):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


def interrupted(run, monkeypatch, name, after):
    with monkeypatch.context() as patch:
        patch.setattr(job, "progress", lambda epochs: CtrlC(after))
        return run(*WORDS, "--name", name)


@pytest.mark.parametrize("after", [2, 5, 8])
def test_an_interrupted_run_goes_on_to_the_same_weights(run, monkeypatch, after):
    run(*WORDS, "--name", "whole")
    stopped = interrupted(run, monkeypatch, "cut", after)
    assert stopped.exit_code == 130
    assert "checkpoint: runs/cut/last.json" in stopped.stderr
    assert not Path("runs/cut/report.html").exists()
    command = stopped.stderr.partition("go on with: ")[2].strip()
    program, *words = shlex.split(command)
    assert program == "rheobase"
    result = run(*words, "--json", "out.json")
    assert result.exit_code == 0, result.stderr
    assert same(weights("runs/whole"), weights("runs/cut"))
    one, other = read("runs/whole/result.json"), read("out.json")
    assert one["test"] == other["test"]
    assert [e["loss"] for e in one["epochs"]] == [e["loss"] for e in other["epochs"]]


def test_a_path_with_spaces_is_quoted(run, monkeypatch):
    stopped = interrupted(run, monkeypatch, "my run", 2)
    assert "rheobase train --resume 'runs/my run'" in stopped.stderr


def test_ctrl_c_while_the_report_is_written_can_be_resumed_too(run, monkeypatch):
    from rheobase.cli.training import report as page

    def press(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(page, "write", press)
        stopped = run(*WORDS, "--name", "x")
    assert stopped.exit_code == 130
    assert "rheobase train --resume runs/x" in stopped.stderr
    assert run("train", "--resume", "runs/x").exit_code == 0
    assert Path("runs/x/report.html").is_file()


def test_the_next_run_of_that_name_says_that_the_first_can_be_resumed(run, monkeypatch):
    interrupted(run, monkeypatch, "x", 2)
    assert "runs/x holds a run that can be resumed; this one goes to runs/x-2" in run(*WORDS, "--name", "x").stderr


def test_a_resumed_run_takes_no_other_setting(refused, run, monkeypatch):
    interrupted(run, monkeypatch, "x", 2)
    line = refused("train", "--resume", "runs/x", "--lr", 0.5, "--name", "y")
    assert "--lr, --name" in line


def test_a_finished_run_is_not_resumed(refused, run):
    run(*WORDS, "--name", "x")
    assert "a finished run" in refused("train", "--resume", "runs/x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON"),
        ("[]", "no settings"),
        ('{"notes": {}}', "no settings"),
        ('{"notes": {"settings": {}}}', "no settings"),
    ],
)
def test_a_damaged_config_is_named(refused, run, monkeypatch, content, said):
    interrupted(run, monkeypatch, "x", 2)
    Path("runs/x/config.json").write_text(content)
    assert said in refused("train", "--resume", "runs/x")


def test_a_damaged_checkpoint_is_named(refused, run, monkeypatch):
    interrupted(run, monkeypatch, "x", 2)
    path = Path("runs/x/last.json")
    path.write_text(json.dumps({**read(path), "sha256": "0"}))
    assert "damaged" in refused("train", "--resume", "runs/x")
