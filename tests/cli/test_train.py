from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import torch

from rheobase.learning import load_checkpoint

TINY = ("--data", "digits", "--limit", 100, "--epochs", 2, "--steps", 8, "--device", "cpu")


def read(path):
    return json.loads(Path(path).read_text())


def weights(folder):
    tensors, _ = load_checkpoint(Path(folder) / "last.json")
    return {name: tensor for name, tensor in tensors.items() if name.startswith(("model.", "best."))}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.fixture(autouse=True)
def threads_are_given_back():
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before


def test_src_makes_a_run_with_everything_in_it(run):
    result = run("train", "--neuron", "src", *TINY, "--hidden", "none", "--name", "first", "--json", "copy.json")
    assert result.exit_code == 0, result.stderr
    assert {"config.json", "history.csv", "last.json", "best.json", "result.json", "report.html"} <= {
        p.name for p in Path("runs/first").iterdir()
    }
    content = read("copy.json")
    assert content == read("runs/first/result.json")
    assert content["test"]["samples"] == 100 == sum(map(sum, content["test"]["confusion"]))
    assert content["parameters"] == 64 * 100 + 100
    assert content["spikes_per_neuron"] > 0
    assert len(content["epochs"]) == 2
    for text in ("test accuracy", "spikes per neuron", "6,500", "seed", "report: runs/first/report.html"):
        assert text in result.stdout
    page = Path("runs/first/report.html").read_text()
    for text in ("How it learned", "Confusion matrix", "One sample on its way", "--neuron SRC", "GroupReadout"):
        assert text in page


@pytest.mark.usefixtures("no_pictures")
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(run):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("train", "--neuron", "LIF", *TINY, "--hidden", 16, "--name", name, "--seed", seed)
    assert same(weights("runs/a"), weights("runs/b"))
    assert not same(weights("runs/a"), weights("runs/c"))
    assert read("runs/a/result.json")["test"] == read("runs/b/result.json")["test"]


@pytest.mark.usefixtures("no_pictures")
def test_the_command_in_the_report_makes_the_run_again(run):
    import html

    run("train", "--neuron", "AdLIF", *TINY, "--hidden", "12,9", "--encoder", "direct", "--recurrent", "--name", "a b")
    page = html.unescape(Path("runs/a b/report.html").read_text())
    command = page.partition("<pre><code>")[2].partition("</code>")[0]
    program, *words = shlex.split(command)
    assert program == "rheobase"
    assert run(*words).exit_code == 0
    assert same(weights("runs/a b"), weights("runs/a b-2"))


@pytest.mark.parametrize(
    "words",
    [
        ("--neuron", "LI", "--hidden", "none"),
        ("--neuron", "ResonateAndFire", "--encoder", "latency", "--hidden", 8, "--loss", "max"),
        ("--neuron", "SRC", "--hidden", 12, "--precision", "64-true", "--schedule", "one-cycle"),
        ("--neuron", "BRC", "--hidden", 8, "--tensorboard", "--optimiser", "adamw"),
    ],
    ids=lambda words: words[1],
)
def test_other_neurons_and_settings(run, words):
    result = run("train", *words, *TINY, "--name", "x")
    assert result.exit_code == 0, result.stderr
    assert Path("runs/x/report.html").is_file()
    assert ("--tensorboard" in words) == Path("runs/x/tensorboard").is_dir()


@pytest.mark.usefixtures("no_pictures")
def test_a_run_is_never_destroyed_silently(run):
    words = ("train", "--neuron", "LIF", *TINY, "--hidden", 8, "--name", "x")
    run(*words)
    kept = {p: p.read_bytes() for p in Path("runs/x").iterdir()}
    again = run(*words)
    assert "runs/x holds a finished run; this one goes to runs/x-2" in again.stderr
    assert {p: p.read_bytes() for p in Path("runs/x").iterdir()} == kept
    Path("runs/x/mine.txt").touch()
    assert run(*words, "--overwrite").exit_code == 0
    assert not Path("runs/x/mine.txt").exists()
    assert not Path("runs/x-3").exists()


def test_overwrite_removes_runs_only(refused):
    Path("runs/x").mkdir(parents=True)
    Path("runs/x/thesis.tex").touch()
    assert "holds no run" in refused("train", "--neuron", "LIF", *TINY, "--name", "x", "--overwrite")
    assert Path("runs/x/thesis.tex").exists()


def test_data_of_ones_own(run):
    import numpy as np

    rng = np.random.default_rng(0)
    parts = {k: rng.random((n, 5, 4)).astype("float32") for k, n in (("x_train", 40), ("x_test", 20))}
    labels = {"y_train": np.arange(40) % 3, "y_test": np.arange(20) % 3}
    np.savez("mine.npz", **parts, **labels)
    result = run("train", "--neuron", "SRC", "--data", "mine.npz", "--kind", "images", "--epochs", 1, "--steps", 5)
    assert result.exit_code == 0, result.stderr
    assert read("runs/src-mine/result.json")["settings"]["data"] == str(Path("mine.npz").resolve())


def test_without_a_neuron_one_is_taken_and_told(run):
    result = run("train", *TINY, "--hidden", 8)
    assert result.exit_code == 0, result.stderr
    assert "neuron: LIF (--neuron takes another" in result.stderr
    assert read("runs/lif-digits/result.json")["settings"]["neuron"] == "LIF"


def test_without_validation_all_samples_train_and_the_last_epoch_is_kept(run):
    result = run("train", "--neuron", "LIF", *TINY, "--hidden", 8, "--validation", 0, "--name", "all")
    assert result.exit_code == 0, result.stderr
    found = read("runs/all/result.json")
    assert (found["kept_epoch"], found["epochs"][-1]["validation_loss"]) == (None, None)
    assert "none: all samples train" in result.output
    page = Path("runs/all/report.html").read_text()
    samples = int(TINY[TINY.index("--limit") + 1])
    assert f"of training on {samples} samples" in page
    assert "A training sample of class" in page
    assert "the same figures" in run("evaluate", "runs/all").output


BAD = [
    ((), "no --data"),
    (("--neuron", "SRC"), "no --data"),
    (("--neuron", "SCR", "--data", "digits"), "did you mean 'SRC'"),
    (("--neuron", "SRC", "--data", "digit"), "did you mean 'digits'"),
    (("--neuron", "SRC", "--data", "nothing.npz"), "no such file"),
    (("--neuron", "SRC", *TINY, "--encoder", "rates"), "did you mean 'rate'"),
    (("--neuron", "SRC", *TINY, "--loss", "lost"), "did you mean 'last'"),
    (("--neuron", "SRC", *TINY, "--schedule", "cosin"), "did you mean 'cosine'"),
    (("--neuron", "SRC", *TINY, "--optimiser", "sgd"), "adam"),
    (("--neuron", "SRC", *TINY, "--device", "tpu"), "accelerator"),
    (("--neuron", "SRC", *TINY, "--precision", "8-bit"), "precision"),
    (("--neuron", "SRC", *TINY, "--hidden", "12,x"), "--hidden"),
    (("--neuron", "SRC", *TINY, "--hidden", "0"), "--hidden"),
    (("--neuron", "SRC", *TINY, "--lr", -1), "learning_rate"),
    (("--neuron", "SRC", *TINY, "--gain", 2), "gain"),
    (("--neuron", "SRC", *TINY, "--readout-tau", 20), "a neuron whose readout is leaky"),
    (("--neuron", "SRC", *TINY, "--batch", 0), "batch_size"),
    (("--neuron", "SRC", *TINY, "--validation", 1), "validation"),
    (("--neuron", "SRC", *TINY, "--seed", -1), "seed"),
    (("--neuron", "SRC", *TINY, "--devices", 0), "devices"),
    (("--neuron", "SRC", *TINY, "--name", "a/b"), "--name"),
    (("--neuron", "SRC", *TINY, "--name", ".."), "--name"),
    (("--resume", "nowhere"), "nowhere"),
]


@pytest.mark.parametrize(("words", "said"), BAD)
def test_bad_input_is_one_clear_line_and_leaves_no_folder(refused, words, said):
    assert said in refused("train", *words)
    assert not Path("runs").exists()


def test_a_place_that_cannot_be_written(refused):
    Path("file").touch()
    assert "file" in refused("train", "--neuron", "SRC", *TINY, "--out", "file")
    assert "file" in refused("train", "--neuron", "SRC", *TINY, "--out", "file/runs")


@pytest.mark.parametrize("place", ["file/out.json", "folder"])
def test_json_that_cannot_be_written_is_refused_before_training(refused, place):
    Path("file").touch()
    Path("folder").mkdir()
    assert place.partition("/")[0] in refused("train", "--neuron", "SRC", *TINY, "--json", place)
    assert not Path("runs").exists()
