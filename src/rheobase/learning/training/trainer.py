"""The trainer: devices, folder and callbacks around a run."""

from __future__ import annotations

import atexit
import copy
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from rheobase.checks import is_whole
from rheobase.errors import CheckpointError, Diverged, ParameterError
from rheobase.files import ensure_folder
from rheobase.learning.training.callbacks import Callback, Callbacks, CsvLog, WarnOfConcerns
from rheobase.learning.training.distributed import leave_group, make_fabric, quiet
from rheobase.learning.training.evaluate import Evaluation, evaluate
from rheobase.learning.training.history import History
from rheobase.learning.training.recipe import Recipe
from rheobase.learning.training.run import LAST, Job, Run
from rheobase.learning.training.samples import Encodes, Indexable, Samples
from rheobase.learning.training.stopping import InterruptWatch, TrainingInterrupted
from rheobase.nn.axes import check_chains

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Pair = tuple[Tensor | Indexable, Tensor]


class Trainer:
    """Trains and tests a network by a `Recipe`, on one device or several.

    recipe            a `Recipe`; by default `Recipe()`
    folder            where config.json, history.csv, last.json (resumable) and best.json (weights) are written;
                      None writes nothing
    accelerator       "auto", "cpu", "cuda", "mps"
    devices           how many, or which
    precision         "32-true", "64-true", "bf16-mixed", "16-mixed", ...
    strategy          "auto"; with several devices "ddp" (starts the script again for each) or "ddp_spawn"
    callbacks         called during the run: `RichProgress()`, `TensorBoardLog(folder)`, your own; where none of them
                      tells of concerns (`on_concern`: a silent layer, a loss that explodes...), they are warnings
    checkpoint_every  batches between checkpoints inside an epoch; the end of an epoch always makes one
    notes             further facts for config.json

    The network is called as `net(sequence)` and returns (out (time, batch, classes), states).

    Raises: `ParameterError`, `BackendUnavailable`, `StorageError`.

    Example:

        >>> import torch
        >>> class Leak(nn.Linear):
        ...     def forward(self, x, states=None):
        ...         return super().forward(x).cumsum(0), ()
        >>> def encoder(x, *, seed, index=None):
        ...     return x.expand(5, *x.shape)
        >>> x = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(20, 1)
        >>> trainer = Trainer(Recipe(epochs=5, batch_size=8, learning_rate=0.1))
        >>> history = trainer.fit(net := Leak(2, 2), encoder=encoder, train=(x, x[:, 0].long()))
        >>> trainer.test(net, encoder=encoder, test=(x, x[:, 0].long())).accuracy
        1.0
    """

    def __init__(
        self,
        recipe: Recipe | None = None,
        *,
        folder: str | Path | None = None,
        accelerator: str = "auto",
        devices: int | str | list[int] = 1,
        precision: str = "32-true",
        strategy: str = "auto",
        callbacks: Iterable[Callback] = (),
        checkpoint_every: int | None = None,
        notes: Mapping[str, Any] | None = None,
    ):
        self.recipe = Recipe() if recipe is None else recipe
        _check_count("checkpoint_every", checkpoint_every)
        self.folder = None if folder is None else Path(folder)
        self.precision, self.checkpoint_every, self.notes = precision, checkpoint_every, dict(notes or {})
        self._fabric = make_fabric(accelerator, devices, precision, strategy)
        if self.folder is not None:
            ensure_folder(self.folder)
        logs = [CsvLog(self.folder / "history.csv")] if self.folder is not None else []
        given = list(callbacks)
        told = any(type(callback).on_concern is not Callback.on_concern for callback in given)
        self.callbacks = Callbacks([*given, *logs, *([] if told else [WarnOfConcerns()])])

    @property
    def is_first_process(self) -> bool:
        """Whether this is the first process, the only one that should write to the user."""
        return self._fabric.is_global_zero

    def fit(
        self,
        net: nn.Module,
        *,
        encoder: Encodes,
        train: Pair,
        validation: Pair | None = None,
        resume: bool = False,
        stop_after: int | None = None,
    ) -> History:
        """Train `net` in place. Afterwards it holds the weights of the epoch that validated best, if any.

        train, validation   (x (samples, ...), y (samples,) integers); see `EncodesSeries` for samples of many lengths,
                            `Indexable` for an x that is read batch by batch
        encoder             called as encoder(x, seed=..., index=...), makes sequences (time, batch, features) of x
        resume              go on from last.json in the folder; the result has the same bits as without the break,
                            on the same device, number of processes and threads
        stop_after          stop after so many batches, with a checkpoint; `finished` of the history is then False

        What is found wrong (silent or saturated layers, a loss that explodes, an accuracy at chance) is told at once,
        and is in `concerns` of the history.

        Raises: `TrainingInterrupted` after Ctrl-C,
        `Diverged` for a loss or gradient that is not finite,
        `CheckpointError` for a folder that already holds a run (or, with `resume`, none that fits),
        `StorageError`,
        and `ShapeError`, `DTypeError`, `InputError` for data that cannot be used.
        """
        _check_count("stop_after", stop_after)
        _check_net(net)
        job = Job(
            net=net,
            encoder=encoder,
            recipe=self.recipe,
            train=Samples.of("train", train, encoder),
            validation=None if validation is None else Samples.of("validation", validation, encoder),
            folder=self.folder,
            precision=self.precision,
            callbacks=self.callbacks,
            checkpoint_every=self.checkpoint_every,
            notes=self.notes,
            resume=resume,
            stop_after=stop_after,
        )
        if self.recipe.patience is not None and validation is None:
            raise ParameterError(
                "Trainer.fit",
                "patience without validation data",
                "validation=(x, y)",
                "pass some, or no patience",
            )
        if not resume and self.folder is not None and (self.folder / LAST).exists():
            raise CheckpointError(
                str(self.folder),
                "a folder that already holds a run",
                "a new folder",
                "pass resume=True, or another folder",
            )
        # where processes are spawned, this one waits through a Ctrl-C while they save
        with InterruptWatch().installed():
            outcome = _launch(self._fabric, _fit, job)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def test(
        self, net: nn.Module, *, encoder: Encodes, test: Pair, between: Callable[[], None] | None = None
    ) -> Evaluation:
        """One pass over the test samples (x, y): loss, accuracy, confusion matrix, spikes of each layer.

        `between` is called after each batch, in every process.

        Raises: `ShapeError`, `DTypeError`, `InputError`.
        """
        _check_net(net)
        job = _TestJob(net, encoder, Samples.of("test", test, encoder), self.recipe, between)
        return _launch(self._fabric, _test, job)


class _TestJob:
    def __init__(
        self, net: nn.Module, encoder: Encodes, samples: Samples, recipe: Recipe, between: Callable[[], None] | None
    ):
        self.net, self.encoder, self.samples, self.recipe, self.between = net, encoder, samples, recipe, between


def _fit(fabric: Fabric, job: Job) -> History | TrainingInterrupted | Diverged:
    try:
        return Run(fabric, job).go()
    except (TrainingInterrupted, Diverged) as stop:
        # all processes stop together; returned, because an exception would reach the caller as another one
        return stop


def _test(fabric: Fabric, job: _TestJob) -> Evaluation:
    net = fabric.to_device(fabric.strategy.precision.convert_module(job.net))
    return evaluate(
        fabric,
        net,
        job.encoder,
        job.samples,
        job.recipe.criterion,
        batch_size=job.recipe.batch_size,
        seed=job.recipe.seed,
        count=True,
        between=job.between,
    )


class _Parcel:
    """Work for all processes; `sender` and `folder` bring the result back where they are not this process."""

    def __init__(self, work: Callable[[Any, Any], Any], job: Any, folder: str):
        self.work, self.job, self.folder, self.sender = work, job, Path(folder), os.getpid()


def _launch(fabric: Fabric, work: Callable[[Any, Any], Any], job: Any) -> Any:
    """Run `work(fabric, job)` in every process; the result of the first, its weights put in `job.net`."""
    with quiet(), tempfile.TemporaryDirectory() as folder:
        parcel = _Parcel(work, job, folder)
        returned = fabric.launch(partial(_open_parcel, parcel=parcel))
        if returned is not None:
            return returned[0]
        # written by our own child process
        result, weights = pickle.loads((parcel.folder / "result").read_bytes())
        job.net.load_state_dict(weights)
        return result


def _open_parcel(fabric: Fabric, parcel: _Parcel) -> list[Any] | None:
    if os.getpid() == parcel.sender:
        if fabric.world_size > 1:
            # later calls need the group again
            atexit.register(leave_group)
        return [parcel.work(fabric, parcel.job)]
    # a spawned process sees the weights of its parent in shared memory
    parcel.job.net = copy.deepcopy(parcel.job.net)
    result = parcel.work(fabric, parcel.job)
    if fabric.is_global_zero:
        weights = {name: tensor.cpu() for name, tensor in parcel.job.net.state_dict().items()}
        (parcel.folder / "result").write_bytes(pickle.dumps((result, weights)))
    fabric.barrier()
    leave_group()
    return None


def _check_count(name: str, value: int | None) -> None:
    if value is not None and not is_whole(value, 1):
        raise ParameterError("Trainer", f"{name} = {value!r}", "a number of batches >= 1, or None", "leave it out")


def _check_net(net: nn.Module) -> None:
    if not isinstance(net, nn.Module):
        raise ParameterError(
            "Trainer", f"net of type {type(net).__name__}", "a torch.nn.Module", "see rheobase.nn.Sequential"
        )
    if hasattr(net, "_orig_mod"):
        raise ParameterError(
            "Trainer", "the result of torch.compile(net)", "the network itself", "call net.compile() instead"
        )
    check_chains("Trainer", net)
