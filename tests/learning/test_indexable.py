"""Training on samples that are no tensor: read batch by batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rheobase.errors import CheckpointError, ShapeError
from rheobase.learning import Recipe, Trainer
from tests.learning.stubs import Net, NoisyRepeat, recipe, same_bits, samples

TRAIN, VALIDATION = samples(60), samples(15, seed=1)


def trainer(how: Recipe, **options) -> Trainer:
    return Trainer(how, accelerator="cpu", **options)


class Stored:
    """Samples that are read when they are asked for."""

    def __init__(self, x: torch.Tensor, name: str = "a"):
        self.x, self.name, self.read = x, name, 0

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: torch.Tensor) -> torch.Tensor:
        self.read = max(self.read, len(index))
        return self.x[index]

    def fingerprint(self) -> dict[str, str]:
        return {"name": self.name}


def test_samples_that_are_read_batch_by_batch(tmp_path: Path) -> None:
    """The same bits as a tensor of them, never more than a batch at once, and resumed on the same ones alone."""
    how, (x, y) = recipe(epochs=2), TRAIN
    nets, stored = [Net(), Net()], Stored(x)
    trainer(how).fit(nets[0], encoder=NoisyRepeat(), train=TRAIN, validation=VALIDATION)
    given = {"encoder": NoisyRepeat(), "validation": VALIDATION}
    first = trainer(how, folder=tmp_path).fit(nets[1], train=(stored, y), stop_after=3, **given)
    assert not first.finished
    with pytest.raises(CheckpointError, match=r"train\.x\.name"):
        trainer(how, folder=tmp_path).fit(Net(), train=(Stored(x, "b"), y), resume=True, **given)
    trainer(how, folder=tmp_path).fit(nets[1], train=(stored, y), resume=True, **given)
    assert same_bits(*nets)
    assert 0 < stored.read <= how.batch_size
    with pytest.raises(ShapeError, match="no samples"):
        trainer(how).fit(Net(), encoder=NoisyRepeat(), train=(Stored(x[:0]), y[:0]))
