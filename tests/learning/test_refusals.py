"""What a user can get wrong ends in one clear error, before any work is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rheobase import neurons
from rheobase import nn as layers
from rheobase.errors import (
    BackendUnavailable,
    Diverged,
    DTypeError,
    InputError,
    ParameterError,
    RheobaseError,
    ShapeError,
    StorageError,
)
from rheobase.learning import (
    RateBand,
    Recipe,
    Trainer,
)
from tests.learning.stubs import CLASSES, FEATURES, STEPS, Net, recipe, samples

TRAIN, VALIDATION, TEST = samples(60), samples(15, seed=1), samples(31, seed=2)


def trainer(how: Recipe | None = None, **options) -> Trainer:
    return Trainer(how or recipe(epochs=6), **({"accelerator": "cpu"} | options))


def repeat(x, *, seed, index=None):
    return x.expand(STEPS, *x.shape)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (dict(epochs=0), "epochs = 0; expected a whole number of at least 1"),
        (dict(epochs=2.0), "epochs = 2.0"),
        (dict(batch_size=True), "batch_size = True"),
        (dict(seed=-1), "seed = -1"),
        (dict(patience=0), "patience = 0"),
        (dict(learning_rate=0.0), "learning_rate = 0.0; expected a finite number > 0"),
        (dict(learning_rate=float("nan")), "learning_rate = nan"),
        (dict(learning_rate=1e38), r"learning_rate = 1e\+38; expected .* at most 1e\+18"),
        (dict(weight_decay=1e38), r"at most 1e\+18"),
        (dict(weight_decay=-1e-3), "weight_decay"),
        (dict(clip_norm=0), "clip_norm"),
        (dict(optimiser="adamm"), "did you mean 'adam"),
        (dict(schedule="cosin"), "did you mean 'cosine'"),
        (dict(loss="summ"), "did you mean 'sum'"),
        (dict(loss=3), "loss = 3"),
        (dict(rates=0.1), "rates = 0.1"),
    ],
)
def test_recipes(change: dict, text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        recipe(**change)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        (dict(accelerator="gpuu"), ParameterError, "did you mean 'gpu'"),
        (dict(precision="32-tru"), ParameterError, "precision = '32-tru'.*did you mean '32-true'"),
        (dict(strategy="fsdp"), ParameterError, "strategy = 'fsdp'"),
        (dict(devices=0), ParameterError, "devices = 0"),
        (dict(devices="two"), ParameterError, "devices = 'two'"),
        (dict(precision="16-mixed"), ParameterError, "on the CPU; expected a GPU"),
        (dict(checkpoint_every=0), ParameterError, "checkpoint_every = 0"),
    ],
)
def test_trainers(options: dict, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        trainer(**options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(BackendUnavailable, match='accelerator="auto"'):
        trainer(accelerator="cuda")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        trainer(folder=tmp_path / "file" / "run")


X, Y = TRAIN
NAN = X.clone()
NAN[7, 2] = float("nan")


@pytest.mark.parametrize(
    ("pair", "error", "text"),
    [
        (X, DTypeError, "train data: got Tensor"),
        ((X.numpy(), Y), DTypeError, "torch.from_numpy"),
        ((X, Y.float()), DTypeError, "target.long"),
        ((X, Y[:5]), ShapeError, r"expected \(60,\)"),
        ((X[:0], Y[:0]), ShapeError, "no axis empty"),
        ((NAN, Y), InputError, "NaN or infinity in sample 7"),
        ((X, Y - 1), ShapeError, "labels from -1"),
        ((X, Y + 1), ShapeError, "train data: got labels from 1 to 3.*give the network 4 outputs"),
    ],
)
def test_data(pair, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        trainer().fit(Net(), encoder=repeat, train=pair)


def test_labels_of_the_validation_are_looked_at_before_any_step() -> None:
    net = Net()
    before = net.first.weight.clone()
    with pytest.raises(ShapeError, match="validation data: got labels from 2 to 4"):
        trainer().fit(net, encoder=repeat, train=TRAIN, validation=(VALIDATION[0], VALIDATION[1] + 2))
    assert torch.equal(before, net.first.weight)


@pytest.mark.parametrize(
    ("encoder", "error", "text"),
    [
        (lambda x, *, seed, index=None: x, ShapeError, r"encoder function: got an output of shape \(8, 6\)"),
        (lambda x, *, seed, index=None: x.expand(5, *x.shape).transpose(0, 1), ShapeError, "time first"),
        (lambda x, *, seed, index=None: x.expand(5, *x.shape).long(), DTypeError, "int64"),
        (lambda x, *, seed, index=None: x.tolist(), DTypeError, "list"),
    ],
)
def test_encoders(encoder, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        trainer().fit(Net(), encoder=encoder, train=TRAIN)


def test_networks() -> None:
    with pytest.raises(ParameterError, match=r"a torch\.nn\.Module"):
        trainer().fit(lambda x: x, encoder=repeat, train=TRAIN)
    with pytest.raises(ShapeError, match=r"Linear: got a return value of type Tensor; expected \(out, states\)"):
        trainer().fit(nn.Linear(FEATURES, CLASSES), encoder=repeat, train=TRAIN)
    with pytest.raises(ParameterError, match="no learnable parameter"):
        trainer().fit(Net().requires_grad_(False), encoder=repeat, train=TRAIN)
    with pytest.raises(ParameterError, match="no layer that spikes"):
        trainer(recipe(rates=RateBand())).fit(
            layers.Sequential(nn.Linear(FEATURES, CLASSES)), encoder=repeat, train=TRAIN
        )
    with pytest.raises(ParameterError, match="patience without validation"):
        trainer(recipe(patience=2)).fit(Net(), encoder=repeat, train=TRAIN)
    with pytest.raises(ParameterError, match="stop_after = 0"):
        trainer().fit(Net(), encoder=repeat, train=TRAIN, stop_after=0)


def test_a_compiled_network_is_refused_before_it_is_wrapped() -> None:
    with pytest.raises(ParameterError, match=r"call net\.compile\(\) instead"):
        trainer().fit(torch.compile(Net(), backend="eager"), encoder=repeat, train=TRAIN)


def test_a_chain_of_torch_s_around_neurons_is_refused() -> None:
    """BatchNorm1d takes the batch for its channels, without an error where the two are of one size."""

    class Own(nn.Module):
        def __init__(self, *layers: nn.Module):
            super().__init__()
            self.body = nn.Sequential(*layers)

        def forward(self, x: torch.Tensor) -> Any:
            return self.body(x)

    cell = neurons.LIF(CLASSES, dt=1.0)
    with pytest.raises(ParameterError, match=r"torch's BatchNorm1d\(\d, .* as layer body\.1; .*nn\.TdBatchNorm"):
        trainer().fit(Own(nn.Linear(FEATURES, CLASSES), nn.BatchNorm1d(CLASSES), cell), encoder=repeat, train=TRAIN)
    with pytest.raises(ParameterError, match=r"LIF as layer body\.0; .*Remedy: rheobase\.nn\.Sequential"):
        trainer().fit(Own(cell, nn.Linear(FEATURES, CLASSES)), encoder=repeat, train=TRAIN)
    fits = Own(nn.Linear(FEATURES, CLASSES), nn.ReLU(), neurons.LI(CLASSES, dt=1.0))
    assert trainer().fit(fits, encoder=repeat, train=TRAIN)


def test_errors_are_of_one_hierarchy() -> None:
    assert issubclass(Diverged, RheobaseError)


def test_a_full_disk_ends_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    from tests.learning.test_storage import full_after

    fitter = trainer(folder=tmp_path)
    fitter.fit(Net(), encoder=repeat, train=TRAIN, stop_after=3)
    before = sorted((p.name, p.read_bytes()) for p in tmp_path.glob("last*"))
    with full_after(3000), pytest.raises(StorageError, match="File too large"):
        trainer(folder=tmp_path).fit(Net(), encoder=repeat, train=TRAIN, resume=True)
    assert before == sorted((p.name, p.read_bytes()) for p in tmp_path.glob("last*"))
    assert not list(tmp_path.glob(".*"))
    assert trainer(folder=tmp_path).fit(Net(), encoder=repeat, train=TRAIN, resume=True).finished


def test_a_band_of_rates_without_a_gradient() -> None:
    """Layers in chunks are run without a graph: the band was added to the loss, and pulled at nothing."""
    inside = layers.Sequential(
        nn.Linear(FEATURES, 8),
        neurons.LIF(8, dt=1.0, v_threshold=1e-3),
        nn.Linear(8, CLASSES),
        neurons.LI(CLASSES, dt=1.0),
    )
    how = recipe(epochs=1, rates=RateBand(low=0.1))
    with pytest.raises(ParameterError, match=r"no gradient.*outside of nn\.Chunked"):
        trainer(how).fit(layers.Chunked(inside, steps=2), encoder=repeat, train=TRAIN)
