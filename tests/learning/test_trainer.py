from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from rheobase import neurons
from rheobase import nn as layers
from rheobase.errors import BackendUnavailable, Diverged, InputError, ParameterError
from rheobase.learning import (
    Callback,
    CsvLog,
    RateBand,
    Recipe,
    RichProgress,
    TensorBoardLog,
    Trainer,
    load_checkpoint,
    load_weights,
    loss,
    spikes_per_neuron,
)
from rheobase.learning.training.sampler import derive_seed
from tests.learning.stubs import CLASSES, FEATURES, STEPS, Net, NoisyRepeat, recipe, same_bits, samples

TRAIN, VALIDATION, TEST = samples(60), samples(15, seed=1), samples(31, seed=2)


def trainer(how: Recipe | None = None, **options) -> Trainer:
    return Trainer(how or recipe(epochs=6), **({"accelerator": "cpu"} | options))


def repeat(x, *, seed, index=None):
    return x.expand(STEPS, *x.shape)


# --- what it does --------------------------------------------------------------------------------------------
def test_it_learns() -> None:
    net = Net()
    history = trainer().fit(net, encoder=NoisyRepeat(), train=TRAIN, validation=VALIDATION)
    assert history.finished
    assert [e.epoch for e in history] == list(range(1, 7))
    assert history[-1].loss < 0.5 * history[0].loss
    assert history.best.validation_accuracy > 0.9
    assert all(e.seconds > 0 for e in history)
    assert trainer().test(net, encoder=NoisyRepeat(), test=TEST).accuracy > 0.9


@pytest.mark.parametrize("optimiser", ["adam", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_equals_a_loop_written_out(optimiser: str, schedule: str) -> None:
    """One epoch against torch alone: order, learning rate, clipping, weight decay on weights only."""
    how = recipe(epochs=1, optimiser=optimiser, schedule=schedule, batch_size=16, clip_norm=0.5)
    net, other = Net(), Net()
    seen: list[float] = []

    class Losses(Callback):
        def on_batch(self, record) -> None:
            seen.append(record.loss)

    net.drop.p = other.drop.p = 0.0
    # a bias before a norm has no gradient but rounding, which Adam would blow up
    net.norm, other.norm = nn.Identity(), nn.Identity()
    net.eval()
    history = trainer(how, callbacks=[Losses()]).fit(net, encoder=repeat, train=TRAIN)
    assert not net.training
    assert not net.norm.training

    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimiser]
    decayed = [other.first.weight, other.last.weight]
    plain = [p for p in other.parameters() if all(p is not d for d in decayed)]
    optim = kind([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}], lr=0.02)
    generator = torch.Generator().manual_seed(derive_seed(3, "order", 0))
    expected, correct = [], 0
    for k, index in enumerate(torch.randperm(60, generator=generator).split(16)):
        if schedule == "cosine":
            for group in optim.param_groups:
                group["lr"] = 0.02 * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * k / 4, dtype=torch.float64))).item()
        out, _ = other(repeat(TRAIN[0][index], seed=0))
        value = nn.functional.cross_entropy(out.sum(0), TRAIN[1][index])
        optim.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(other.parameters(), 0.5)
        optim.step()
        expected.append(value.item())
        correct += int((out.sum(0).argmax(1) == TRAIN[1][index]).sum())
    assert seen == pytest.approx(expected, rel=1e-5)
    assert history[0].accuracy == correct / 60
    mean = sum(v * n for v, n in zip(expected, [16, 16, 16, 12], strict=True)) / 60
    assert history[0].loss == pytest.approx(mean, rel=1e-5)
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_encoder_seeds_depend_on_epoch_and_split_alone() -> None:
    encoder = NoisyRepeat()
    fitter = trainer(recipe(epochs=2, batch_size=30))
    fitter.fit(Net(), encoder=encoder, train=TRAIN, validation=VALIDATION)
    fitter.test(Net(), encoder=encoder, test=TEST)
    calls = iter(encoder.seen)
    expected = [("train", 0, 2), ("validation", 0, 1), ("train", 1, 2), ("validation", 0, 1), ("test", 0, 2)]
    for split, epoch, batches in expected:
        seeds, index = zip(*(next(calls) for _ in range(batches)), strict=True)
        assert set(seeds) == {derive_seed(3, "encoder", split, epoch)}
        size = {"train": 60, "validation": 15, "test": 31}[split]
        assert sorted(i for part in index for i in part) == list(range(size))  # every sample once
    assert next(calls, None) is None


def test_the_network_ends_with_the_best_weights(tmp_path: Path) -> None:
    kept: list[dict[str, torch.Tensor]] = []

    class Keep(Callback):
        def on_epoch(self, history) -> None:
            kept.append({k: t.clone() for k, t in net.state_dict().items()})

    net = Net()
    # so large a rate that the last epoch is not the best
    how = recipe(epochs=8, learning_rate=0.3, schedule="constant", clip_norm=None)
    history = trainer(how, folder=tmp_path, callbacks=[Keep()]).fit(
        net, encoder=NoisyRepeat(), train=TRAIN, validation=VALIDATION
    )
    best = max(range(8), key=lambda k: (history[k].validation_accuracy, -history[k].validation_loss))
    assert best != 7
    assert history.best.epoch == best + 1
    assert all(torch.equal(t, kept[best][k]) for k, t in net.state_dict().items())
    other = Net(seed=1)
    assert load_weights(tmp_path / "best.json", other)["epoch"]["epoch"] == best + 1
    assert same_bits(net, other)
    load_weights(tmp_path / "last.json", other)
    assert all(torch.equal(t, kept[7][k]) for k, t in other.state_dict().items())


def test_without_validation_the_last_weights_stay() -> None:
    net = Net()
    history = trainer().fit(net, encoder=repeat, train=TRAIN)
    assert history.best is None
    assert history[-1].validation_accuracy is None


def test_the_test_figures_by_hand() -> None:
    # batches of 8 and all at once round a product otherwise, which may move a spike: the same weights in every run
    torch.manual_seed(0)
    net = layers.Sequential(
        nn.Linear(FEATURES, 8),
        neurons.LIF(8, dt=1.0, v_threshold=0.2),
        nn.Linear(8, 4),
        neurons.SRC(4),
        nn.Linear(4, CLASSES),
        neurons.LI(CLASSES, dt=1.0),
    )
    calls = NoisyRepeat()
    found = trainer(recipe(batch_size=8)).test(net, encoder=calls, test=TEST)
    assert calls.calls == 4
    x = NoisyRepeat()(TEST[0], seed=derive_seed(3, "encoder", "test", 0), index=torch.arange(31))
    with torch.no_grad():
        outs = net.outputs(x)
    predicted = outs[-1].sum(0).argmax(-1)
    assert found.samples == 31
    assert found.accuracy == float((predicted == TEST[1]).double().mean())
    assert found.loss == pytest.approx(float(loss("sum")(outs[-1], TEST[1])), rel=1e-5)
    assert found.confusion.sum(1).tolist() == TEST[1].bincount().tolist()
    assert found.confusion.sum(0).tolist() == predicted.bincount(minlength=3).tolist()
    assert found.spikes == pytest.approx(
        {
            "1": float(spikes_per_neuron(outs[1], False).mean()),
            "3": float(spikes_per_neuron(outs[3], True).mean()),
        }
    )
    assert found.spikes["1"] > 0
    assert found.as_json()["confusion"] == found.confusion.tolist()


def test_testing_changes_nothing() -> None:
    net = Net()
    before = {k: t.clone() for k, t in net.state_dict().items()}
    first, second = (trainer().test(net, encoder=NoisyRepeat(), test=TEST) for _ in range(2))
    assert net.training
    assert first.loss == second.loss
    assert all(torch.equal(before[k], t) for k, t in net.state_dict().items())


def test_the_band_pulls_the_rate() -> None:
    def rate(how: Recipe) -> float:
        net = Net()
        fitter = trainer(how)
        fitter.fit(net, encoder=NoisyRepeat(), train=TRAIN)
        return fitter.test(net, encoder=NoisyRepeat(), test=TEST).spikes["cells"] / STEPS

    band = RateBand(low=0.02, high=0.05, strength=100.0)
    how = dict(epochs=20, schedule="constant", clip_norm=None)
    assert rate(recipe(**how)) > 0.15 > rate(recipe(**how, rates=band))


@pytest.mark.parametrize(("precision", "dtype"), [("64-true", torch.float64), ("bf16-mixed", torch.float32)])
def test_precision(precision: str, dtype: torch.dtype) -> None:
    net = Net()
    fitter = trainer(precision=precision)
    history = fitter.fit(net, encoder=NoisyRepeat(), train=TRAIN, validation=VALIDATION)
    assert net.first.weight.dtype == dtype
    assert history.best.validation_accuracy > 0.8
    assert fitter.test(net, encoder=NoisyRepeat(), test=TEST).samples == 31


# --- who looks on ----------------------------------------------------------------------------------------------
def test_callbacks_see_every_batch_and_epoch(capsys) -> None:
    seen: list[str] = []

    class Look(Callback):
        def on_start(self, run) -> None:
            seen.append(f"start {run.done} {run.position} {run.epochs}x{run.batches} {run.samples} {run.device}")

        def on_batch(self, record) -> None:
            seen.append(f"batch {record.epoch}.{record.batch} {record.step}")

        def on_epoch(self, history) -> None:
            seen.append(f"epoch {history[-1].epoch} {history.finished}")

        def on_end(self) -> None:
            seen.append("end")

    trainer(recipe(epochs=2, batch_size=32), callbacks=[Look()]).fit(Net(), encoder=repeat, train=TRAIN)
    assert seen == [
        "start 0 0 2x2 60 cpu",
        "batch 1.1 1",
        "batch 1.2 2",
        "epoch 1 False",
        "batch 2.1 3",
        "batch 2.2 4",
        "epoch 2 True",
        "end",
    ]
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_csv(tmp_path: Path) -> None:
    fitter = trainer(folder=tmp_path / "a" / "run", callbacks=[CsvLog(tmp_path / "own.csv")])
    history = fitter.fit(Net(), encoder=repeat, train=TRAIN, validation=VALIDATION)
    text = (tmp_path / "a" / "run" / "history.csv").read_text()
    assert text == (tmp_path / "own.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(r["loss"]) for r in rows] == [e.loss for e in history]
    assert [float(r["validation_accuracy"]) for r in rows] == [e.validation_accuracy for e in history]


def test_csv_of_a_resumed_run_is_whole(tmp_path: Path) -> None:
    fitter = trainer(folder=tmp_path)
    fitter.fit(Net(), encoder=repeat, train=TRAIN, stop_after=20)
    trainer(folder=tmp_path).fit(Net(), encoder=repeat, train=TRAIN, resume=True)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "history.csv").read_text())))
    assert [r["epoch"] for r in rows] == ["1", "2", "3", "4", "5", "6"]
    assert rows[0]["validation_loss"] == ""


def test_tensorboard(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def scalars() -> dict[str, list]:
        read = events.EventAccumulator(str(tmp_path / "board"))
        read.Reload()
        return {tag: [(s.step, s.value) for s in read.Scalars(tag)] for tag in read.Tags()["scalars"]}

    def fit(encoder, **how):
        board = TensorBoardLog(tmp_path / "board")
        fitter = trainer(recipe(epochs=2, batch_size=32), folder=tmp_path / "run", callbacks=[board])
        return fitter.fit(Net(), encoder=encoder, train=TRAIN, validation=VALIDATION, **how)

    # after a trial, breaks in the fourth batch, after the second was saved: the third is written twice and counts once
    with pytest.raises(KeyboardInterrupt):
        fit(NoisyRepeat(fail_at=6))
    history = fit(NoisyRepeat(), resume=True)
    found = scalars()
    assert [step for step, _ in found["batch/loss"]] == [1, 2, 3, 4]
    assert found["epoch/accuracy"] == [(2, pytest.approx(history[0].accuracy)), (4, pytest.approx(history[1].accuracy))]
    assert "epoch/validation_loss" in found


def test_tensorboard_that_is_not_there(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(BackendUnavailable, match=r"pip install \"rheobase\[tensorboard\]\""):
        TensorBoardLog(tmp_path / "board")
    assert not (tmp_path / "board").exists()


def test_rich_progress() -> None:
    from rich.console import Console

    text = io.StringIO()
    progress = RichProgress(Console(file=text, force_terminal=True, width=160))
    trainer(recipe(epochs=2, batch_size=32), callbacks=[progress]).fit(
        Net(), encoder=repeat, train=TRAIN, validation=VALIDATION
    )
    assert "epoch 2/2" in text.getvalue()
    assert "4/4" in text.getvalue()
    assert "validation" in text.getvalue()


def test_rich_progress_ends_with_an_error() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), force_terminal=True)
    progress = RichProgress(console)

    def broken(x, *, seed, index=None):
        raise ParameterError("encoder", "a", "b", "c")

    with pytest.raises(ParameterError):
        trainer(callbacks=[progress]).fit(Net(), encoder=broken, train=TRAIN)
    # a bar that still lived would refuse a second one on its console
    trainer(recipe(epochs=1), callbacks=[RichProgress(console)]).fit(Net(), encoder=repeat, train=TRAIN)


# --- when it diverges ------------------------------------------------------------------------------------------
class Explodes(Net):
    """From its n-th training batch on, the output or the gradient is not finite."""

    def __init__(self, at: int, how: str):
        super().__init__()
        self.at, self.how, self.calls = at, how, 0

    def forward(self, x, states=None):
        out, states = super().forward(x)
        self.calls += self.training
        if self.calls >= self.at:
            if self.how == "loss" or (self.how == "validation" and not self.training):
                out = out + float("nan")
            if self.how == "gradient":
                out.register_hook(lambda g: g * float("inf"))
        return out, states


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("loss", "epoch 2, batch 3 of 8: got loss nan"),
        ("gradient", "epoch 2, batch 3 of 8: got gradient norm (nan|inf)"),
        ("validation", "epoch 2, validation: got loss nan"),
    ],
)
@pytest.mark.parametrize("clip", [None, 1.0])
def test_divergence_says_where_and_keeps_the_checkpoint(tmp_path: Path, how: str, text: str, clip) -> None:
    net = Explodes(8 + 3, how)
    with pytest.raises(Diverged, match=f"{text}.*lower the learning rate.*last.json is kept"):
        trainer(recipe(clip_norm=clip), folder=tmp_path).fit(
            net, encoder=NoisyRepeat(), train=TRAIN, validation=VALIDATION
        )
    assert load_checkpoint(tmp_path / "last.json")[1]["position"]["batch"] == 0
    assert all(bool(p.isfinite().all()) for p in net.parameters())
    # the run can go on from there with a network that behaves
    fixed = Net()
    history = trainer(recipe(clip_norm=clip), folder=tmp_path).fit(
        fixed, encoder=NoisyRepeat(), train=TRAIN, validation=VALIDATION, resume=True
    )
    assert history.finished


class Overflows(Net):
    """From its second batch on, what comes to its neurons is infinite."""

    calls = 0

    def forward(self, x, states=None):
        self.calls += 1
        if self.calls > 1:
            raise InputError("LI(3)", "current[0, 0, 0] = inf", "finite numbers", "look at the layer before")
        return super().forward(x)


def test_numbers_that_leave_float32_inside_the_network_are_a_divergence() -> None:
    with pytest.raises(Diverged, match=r"epoch 1, batch 2 of 8: got current.*inf in LI.*lower the learning"):
        trainer().fit(Overflows(), encoder=repeat, train=TRAIN)


def test_data_that_are_not_finite_are_not_the_learning_rate() -> None:
    def broken(x, *, seed, index=None):
        return repeat(x, seed=seed, index=index).fill_(float("nan"))

    net = layers.Sequential(neurons.LIF(FEATURES, dt=1.0), nn.Linear(FEATURES, CLASSES), neurons.LI(CLASSES, dt=1.0))
    with pytest.raises(InputError, match="the layer before"):
        trainer().fit(net, encoder=broken, train=TRAIN)


def test_divergence_with_nothing_saved() -> None:
    with pytest.raises(Diverged, match=r"epoch 1, batch 1 of 8.*nothing was saved"):
        trainer().fit(Explodes(1, "loss"), encoder=repeat, train=TRAIN)
