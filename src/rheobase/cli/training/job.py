"""One training run from its settings: train, test once."""

from __future__ import annotations

import math
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rheobase.cli.training.progress import progress
from rheobase.data import Dataset, Encoder, Scaled
from rheobase.data.dataset import Pair
from rheobase.errors import Diverged
from rheobase.learning import (
    Callback,
    Evaluation,
    History,
    LearningRateSearch,
    TensorBoardLog,
    Trainer,
    count_parameters,
    scale_to_activity,
)
from rheobase.learning.training.distributed import make_fabric
from rheobase.learning.training.random_state import seeded
from rheobase.learning.training.samples import Samples
from rheobase.memory import check_memory
from rheobase.nn import Sequential
from rheobase.runs.folder import CHECKSUM, checksum, read_notes
from rheobase.runs.network import build, cells_of, memory_of
from rheobase.runs.settings import Settings
from rheobase.runs.task import Task
from rheobase.runs.threads import threads
from rheobase.version import __version__


@dataclass(frozen=True)
class Start:
    """The network before the first step, and how it was made so.

    scales  of the weights before each layer that spikes (`--start-activity`); None where they are as they were drawn
    search  of a learning rate (`--find-lr`)
    """

    net: Sequential
    scales: Mapping[str, float] | None = None
    search: LearningRateSearch | None = None

    def after(self, search: LearningRateSearch) -> Start:
        """The same, with a search that was made from it."""
        return replace(self, search=search)

    def notes(self) -> dict[str, Any]:
        """For the run's config.json, where there is anything to say."""
        return {
            **({} if self.scales is None else {"start_scales": dict(self.scales)}),
            **({} if self.search is None else {"find_lr": self.search.as_json()}),
        }

    @classmethod
    def of_folder(cls, folder: Path, net: Sequential) -> Start:
        """What `notes` wrote into the folder of a run; the weights are in its checkpoint."""
        notes = read_notes(folder)
        found = notes.get("find_lr")
        search = None if found is None else LearningRateSearch(tuple(found["rates"]), tuple(found["losses"]))
        return cls(net, notes.get("start_scales"), search)


def started(settings: Settings, data: Dataset) -> Start:
    """Build the network, and scale its weights where `--start-activity` says so, by a batch of training samples.

    Raises: `ParameterError` for a layer that no scale brings into the range.
    """
    with threads(settings.threads), seeded(settings.seed, torch.device("cpu")):
        net, wanted = build(settings, data), settings.activity_range()
        if wanted is None:
            return Start(net)
        train, encoder = training_samples(settings, data)
        samples = Samples.of("train", train, encoder)
        coded = samples.encoded(encoder, torch.arange(min(settings.batch, len(samples))), settings.seed)
        low, high = wanted
        return Start(net, scale_to_activity(net, coded.sequence, low=low, high=high, lengths=coded.lengths))


def training_samples(settings: Settings, data: Dataset) -> tuple[Pair, Encoder | Scaled]:
    """The samples that are trained on, without those held back, and their encoder."""
    train, _ = parts(settings, data)
    return train, settings.encode(Task.of(data, train[0]))


@dataclass(frozen=True)
class Outcome:
    """A trained network and all that was found. `predicted` (test samples,): None with several processes.

    `validation` is None where nothing was held back.
    """

    settings: Settings
    data: Dataset
    validation: Pair | None
    net: Sequential
    history: History
    test: Evaluation
    predicted: Tensor | None
    encoder: Encoder | Scaled
    scales: Mapping[str, float] | None
    search: LearningRateSearch | None

    @property
    def spikes_per_neuron(self) -> float | None:
        """Spikes of a neuron in one test sample, the mean over all that spike; None where none can."""
        sizes = {
            str(k): cells.shape[0] for k, layer in enumerate(self.net.layers) if (cells := cells_of(layer)) is not None
        }
        total = sum(sizes[name] for name in self.test.spikes)
        return sum(mean * sizes[name] for name, mean in self.test.spikes.items()) / total if total else None

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return count_parameters(self.net)


def check(settings: Settings, data: Dataset) -> None:
    """Raise `ParameterError` or `BackendUnavailable` for what `run` would refuse, before a folder is made for it."""
    hidden = ",".join(map(str, settings.hidden)) or "none"
    sizes = f"--hidden {hidden} --steps {settings.steps} --batch {settings.batch}"
    check_memory("train", sizes, memory_of(settings, data), "take smaller layers, fewer steps or smaller batches")
    parts(settings, data)
    make_fabric(settings.device, settings.devices, settings.precision, _strategy(settings))


def parts(settings: Settings, data: Dataset) -> tuple[Pair, Pair | None]:
    """The samples that are trained on, and those that validate; None where none are held back."""
    if settings.validation == 0:
        return (data.x_train, data.y_train), None
    return data.split(settings.validation, seed=settings.seed)


def _strategy(settings: Settings) -> str:
    return "ddp_spawn" if settings.devices > 1 else "auto"


def run(settings: Settings, data: Dataset, folder: Path, start: Start | None) -> Outcome:
    """Train in `folder` from `start`, or go on there where it is None, then run the test split once.

    Raises: `TrainingInterrupted` after Ctrl-C, `Diverged` also for the test, and the errors of `Trainer`.
    """
    train, validation = parts(settings, data)
    task = Task.of(data, train[0], steps=settings.steps)
    with threads(settings.threads), _processes(settings):
        resume = start is None
        if start is None:
            with seeded(settings.seed, torch.device("cpu")):
                start = Start.of_folder(folder, build(settings, data))
        net = start.net
        logs: list[Callback] = [TensorBoardLog(folder / "tensorboard")] if settings.tensorboard else []
        described = {"settings": settings.as_json(), "task": task.as_json()}
        notes = {
            "rheobase": __version__,
            **described,
            CHECKSUM: checksum(**described),
            "digest": data.digest,
            **start.notes(),
        }
        trainer = Trainer(
            settings.recipe(),
            folder=folder,
            accelerator=settings.device,
            devices=settings.devices,
            precision=settings.precision,
            strategy=_strategy(settings),
            callbacks=[progress(settings.epochs), *logs],
            notes=notes,
        )
        encoder = settings.encode(task)
        at = 0
        lengths = encoder.lengths(data.x_test) if isinstance(encoder, Scaled) else None
        history = trainer.fit(net, encoder=encoder, train=train, validation=validation, resume=resume)
        predictions: list[Tensor] = []
        criterion = settings.recipe().criterion

        def keep(module: Any, given: Any, returned: Any) -> None:
            nonlocal at
            out = returned[0].detach().float()
            ends = () if lengths is None else (lengths[at : at + out.shape[1]].to(out.device),)
            at += out.shape[1]
            predictions.append(criterion.predict(out, *ends).cpu())

        # in other processes the hook would not be heard, and is not needed
        hook = net.register_forward_hook(keep) if settings.devices == 1 else None
        test = trainer.test(net, encoder=encoder, test=(data.x_test, data.y_test))
        if hook is not None:
            hook.remove()
        predicted = torch.cat(predictions) if predictions else None
    if not math.isfinite(test.loss):
        remedy = f"lower the learning rate; the weights are in {folder}"
        raise Diverged("test", f"loss {test.loss}", "a finite number", remedy)
    return Outcome(settings, data, validation, net.cpu(), history, test, predicted, encoder, start.scales, start.search)


@contextmanager
def _processes(settings: Settings) -> Generator[None, None, None]:
    """Inside, new processes use the threads of the settings, as this one does."""
    named = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    try:
        yield
    finally:
        if named is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = named
