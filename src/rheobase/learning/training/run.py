"""One process's part in one training run: the loop over epochs and batches."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rheobase.errors import CheckpointError, Diverged, InputError, ParameterError, StorageError
from rheobase.json_files import write_json
from rheobase.learning.layers import resets_attached, spiking_layers, watched
from rheobase.learning.losses import check_target
from rheobase.learning.metrics import count_parameters
from rheobase.learning.training.activity import layer_activity
from rheobase.learning.training.callbacks import BatchRecord, Callback, RunStart
from rheobase.learning.training.checkpoints import (
    load_checkpoint,
    model_tensors,
    put_model_tensors,
    save_checkpoint,
    save_weights,
)
from rheobase.learning.training.concern import Concern
from rheobase.learning.training.concerns import Concerns
from rheobase.learning.training.distributed import gathered, total
from rheobase.learning.training.evaluate import Evaluation, evaluate, output_of, until
from rheobase.learning.training.history import EpochRecord, History
from rheobase.learning.training.network_facts import network_facts
from rheobase.learning.training.random_state import random_state, seeded, set_random_state
from rheobase.learning.training.recipe import Recipe, set_learning_rate
from rheobase.learning.training.sampler import Batch, Sampler, derive_seed
from rheobase.learning.training.samples import Encodes, Samples, described
from rheobase.learning.training.snapshot import Position, check_same_run, pack, unpack
from rheobase.learning.training.stopping import InterruptWatch, TrainingInterrupted

if TYPE_CHECKING:
    from lightning_fabric import Fabric

LAST, BEST, CONFIG = "last.json", "best.json", "config.json"


class Job:
    """The arguments of a training run: network, data, recipe, folder and callbacks."""

    def __init__(
        self,
        *,
        net: nn.Module,
        encoder: Encodes,
        recipe: Recipe,
        train: Samples,
        validation: Samples | None,
        folder: Path | None,
        precision: str,
        callbacks: Callback,
        checkpoint_every: int | None,
        notes: Mapping[str, Any],
        resume: bool,
        stop_after: int | None,
    ):
        self.net, self.encoder, self.recipe = net, encoder, recipe
        self.train, self.validation = train, validation
        self.folder, self.precision, self.callbacks = folder, precision, callbacks
        self.checkpoint_every, self.notes = checkpoint_every, notes
        self.resume, self.stop_after = resume, stop_after


class Run:
    """The state of a job in one process. After `go`, the network has the weights with the best validation."""

    def __init__(self, fabric: Fabric, job: Job):
        self.fabric, self.job, self.recipe, self.net = fabric, job, job.recipe, job.net
        self.sampler = Sampler(
            samples=len(job.train),
            batch_size=self.recipe.batch_size,
            seed=self.recipe.seed,
            rank=fabric.global_rank,
            world=fabric.world_size,
        )
        self.layers = spiking_layers(self.net) if self.recipe.rates else {}
        if self.recipe.rates and not self.layers:
            raise ParameterError(
                type(self.net).__name__,
                "rates, but no layer that spikes",
                "a spiking layer",
                "leave rates out of the recipe",
            )
        self.optimiser = self.recipe.optimiser_for(self.net)
        self.module, self.stepper = fabric.setup(self.net, self.optimiser)
        self.at = Position()
        self.best: dict[str, Tensor] | None = None
        self.saved: Position | None = None
        self.watch = InterruptWatch()
        self.between_batches = True
        self.classes_checked = False
        self.concerns = Concerns(job.train.y, self.recipe.learning_rate)

    # --- the loop -----------------------------------------------------------------------------------
    def go(self) -> History:
        """Train to the end, or for `stop_after` batches. Raises `TrainingInterrupted`, `Diverged`."""
        fabric, callbacks = self.fabric, self.job.callbacks
        with (
            seeded(derive_seed(self.recipe.seed, "process", fabric.global_rank), fabric.device),
            self.watch.installed(),
        ):
            if self.job.resume:
                self._restore()
            self._write_config()
            training = self.net.training
            self.net.train()
            try:
                self._tell(callbacks.on_start, self._start())
                self._loop()
            except KeyboardInterrupt:
                # inside a batch the weights may be half updated; then the last checkpoint is the one to
                # resume
                if self.between_batches:
                    self._save()
                at = self.saved
                path = self.job.folder / LAST if self.job.folder and at else None
                raise TrainingInterrupted(path, at.epoch + 1 if at else 0, at.batch if at else 0) from None
            finally:
                self.net.train(training)
                self._tell(callbacks.on_end)
        if self.finished and self.best is not None:
            put_model_tensors(self.net, self.best, "best weights", prefix="")
        return replace(self.at.history, finished=self.finished, concerns=tuple(self.concerns.found))

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        patience = self.recipe.patience
        history = self.at.history
        return len(history) >= self.recipe.epochs or (patience is not None and history.stale >= patience)

    def _loop(self) -> None:
        left = self.job.stop_after
        every = self.job.checkpoint_every
        while not self.finished:
            for batch in self.sampler.batches(self.at.epoch, self.at.batch):
                self._train_on(batch)
                self._obey_interrupt()
                left = None if left is None else left - 1
                if left == 0 or (every and self.at.batch % every == 0):
                    self._save()
                if left == 0:
                    return
            self._close_epoch()
            self._obey_interrupt()

    def _train_on(self, batch: Batch) -> None:
        started = time.perf_counter()
        self.between_batches = False
        loss_sum, correct = self._step(batch)
        seen = len(batch.everyone)
        self.at = self.at.after_batch(loss_sum, correct, seen, time.perf_counter() - started)
        self.between_batches = True
        self._tell(
            self.job.callbacks.on_batch,
            BatchRecord(
                epoch=self.at.epoch + 1,
                batch=self.at.batch,
                batches=len(self.sampler),
                step=self.step,
                loss=loss_sum / seen,
            ),
        )

    @property
    def step(self) -> int:
        """Optimiser steps done."""
        return self.at.epoch * len(self.sampler) + self.at.batch

    def _learning_rate(self, step: int) -> float:
        return self.recipe.learning_rate_at(step, self.recipe.epochs * len(self.sampler))

    def _step(self, batch: Batch) -> tuple[float, int]:
        """One optimiser step; the sum of the loss over the batch, and how many samples it had right."""
        fabric, criterion = self.fabric, self.recipe.criterion
        coded = self.job.train.encoded(self.job.encoder, batch.mine, self.recipe.seed, self.at.epoch).on(fabric)
        set_learning_rate(self.optimiser, self._learning_rate(self.step))
        # in the first batch of a run, and the last one of every epoch
        looked = self.step == 0 or self.at.batch == len(self.sampler) - 1
        with watched(self.net, spiking_layers(self.net) if looked else self.layers) as watch:
            try:
                out = output_of(self.net, self.module(coded.sequence, **until(coded)))
            except (InputError, Diverged) as error:
                if not bool(coded.sequence.isfinite().all()):
                    raise
                # what came in was finite: the weights are what made it leave the numbers
                raise self._diverged(f"{error.given} in {error.obj}") from error
        if not self.classes_checked:
            self._check_classes(out)
        if looked:
            self._warn(self.concerns.of_layers(self.at.epoch, layer_activity(fabric, watch)))
        loss = criterion(out, coded.target, *coded.ends)
        # processes average their gradients: the weight makes that the mean over all samples of the batch
        objective = loss * (len(batch.mine) * fabric.world_size / len(batch.everyone))
        if self.recipe.rates:
            rates = self.recipe.rates(list(watch.spiking().values()), coded.lengths)
            if not rates.requires_grad:
                # of layers within `nn.Chunked`, which sees them without a graph
                given, expected = "rates of layers whose outputs have no gradient", "layers outside of nn.Chunked"
                raise ParameterError(type(self.net).__name__, given, expected, "leave rates or Chunked out")
            objective = objective + rates
        correct = int((criterion.predict(out.detach(), *coded.ends) == coded.target).sum())
        figures = [float(loss.detach()) * len(batch.mine), float(objective.detach()), correct]
        loss_sum, checked, hits = total(fabric, figures).tolist()
        self._check_finite("loss", checked)
        self.optimiser.zero_grad()
        fabric.backward(objective)
        self._clip()
        self.stepper.step()
        return loss_sum, int(hits)

    def _clip(self) -> None:
        # under 16-mixed the loss scaler itself skips steps with gradients that overflowed
        scaled, limit = self.job.precision == "16-mixed", self.recipe.clip_norm
        if limit is not None or not scaled:
            norm = self.fabric.clip_gradients(
                self.module,
                self.stepper,
                max_norm=math.inf if limit is None else limit,
                error_if_nonfinite=False,
            )
            if norm is not None and not scaled:
                self._check_finite("gradient norm", float(norm), attached=resets_attached(self.net))

    def _check_finite(self, what: str, value: float, where: str | None = None, attached: str = "") -> None:
        if math.isfinite(value):
            return
        raise self._diverged(f"{what} {value}", where, attached)

    def _diverged(self, given: str, where: str | None = None, attached: str = "") -> Diverged:
        place = where or f"batch {self.at.batch + 1} of {len(self.sampler)}"
        saved = self.job.folder is not None and self.saved is not None
        kept = f"the checkpoint {self.job.folder}/{LAST} is kept" if saved else "nothing was saved"
        return Diverged(
            f"training, epoch {self.at.epoch + 1}, {place}",
            given,
            "a finite number",
            f"lower the learning rate, set clip_norm{attached}; {kept}",
        )

    def _check_classes(self, out: Tensor) -> None:
        for samples in (self.job.train, self.job.validation):
            if samples is not None and out.dim() == 3:
                check_target(f"{samples.split} data", samples.y, len(samples), out.shape[-1])
        self.classes_checked = True

    def _close_epoch(self) -> None:
        started = time.perf_counter()
        at, found = self.at, self._validate()
        if found is not None:
            self._check_finite("loss", found.loss, "validation")
        record = EpochRecord(
            epoch=at.epoch + 1,
            loss=at.loss_sum / at.seen,
            accuracy=at.correct / at.seen,
            validation_loss=found.loss if found else None,
            validation_accuracy=found.accuracy if found else None,
            learning_rate=self._learning_rate(self.step - 1),
            seconds=at.seconds + time.perf_counter() - started,
        )
        history = History((*at.history, record))
        if history.best is record:
            self.best = {k: t.detach().cpu().clone() for k, t in model_tensors(self.net, prefix="").items()}
        self.at = Position(history=history)
        if history.best is record and self.job.folder and self.fabric.is_global_zero:
            save_weights(self.job.folder / BEST, self.net, {"epoch": history.as_json()[-1]})
        self._save()
        self._tell(self.job.callbacks.on_epoch, replace(history, finished=self.finished))
        self._warn(self.concerns.of_figures(history, self.step))

    def _validate(self) -> Evaluation | None:
        if self.job.validation is None:
            return None
        return evaluate(
            self.fabric,
            self.net,
            self.job.encoder,
            self.job.validation,
            self.recipe.criterion,
            batch_size=self.recipe.batch_size,
            seed=self.recipe.seed,
            between=self._obey_interrupt,
        )

    # --- who is told, who may stop --------------------------------------------------------------------
    def _start(self) -> RunStart:
        return RunStart(
            epochs=self.recipe.epochs,
            batches=len(self.sampler),
            done=self.at.epoch,
            position=self.at.batch,
            samples=len(self.job.train),
            parameters=count_parameters(self.net),
            device=str(self.fabric.device),
        )

    def _tell(self, hook: Any, *what: Any) -> None:
        if self.fabric.is_global_zero:
            try:
                hook(*what)
            except KeyboardInterrupt:
                # obeyed by all processes together, at the next place where they meet
                self.watch.requested = True

    def _warn(self, concerns: Iterable[Concern]) -> None:
        for concern in concerns:
            self._tell(self.job.callbacks.on_concern, concern)

    def _obey_interrupt(self) -> None:
        if total(self.fabric, [float(self.watch.requested)])[0] > 0:
            raise KeyboardInterrupt

    # --- checkpoints ------------------------------------------------------------------------------------
    @cached_property
    def identity(self) -> dict[str, Any]:
        """What must be the same for a resumed run to give the same numbers."""
        job = self.job
        return {
            "recipe": self.recipe.as_json(),
            "network": network_facts(self.net),
            "encoder": described(job.encoder),
            "encoded": job.train.trial(job.encoder),
            "train": job.train.fingerprint(),
            "validation": job.validation.fingerprint() if job.validation else None,
            "precision": job.precision,
            "device": self.fabric.device.type,
            "processes": self.fabric.world_size,
            "threads": torch.get_num_threads(),
        }

    def _write_config(self) -> None:
        if self.job.folder and self.fabric.is_global_zero:
            content = {**self.identity, "torch": torch.__version__, "notes": dict(self.job.notes)}
            write_json(self.job.folder / CONFIG, content)

    def _save(self) -> None:
        if self.job.folder is None:
            return
        states = random_state(self.fabric.device)
        everyone = {kind: gathered(self.fabric, state) for kind, state in states.items()}
        random = [{kind: rows[rank] for kind, rows in everyone.items()} for rank in range(self.fabric.world_size)]
        failed: StorageError | None = None
        if self.fabric.is_global_zero:
            scaler = self.fabric.strategy.precision.state_dict()
            facts = {"run": self.identity, "position": self.at.as_json(), "scaler": scaler}
            try:
                save_checkpoint(self.job.folder / LAST, pack(self.net, self.optimiser, random, self.best), facts)
            except StorageError as error:
                failed = error
        if total(self.fabric, [float(failed is not None)])[0] > 0:
            raise failed or StorageError(
                str(self.job.folder / LAST),
                "a failure in the first process",
                "a file that can be written",
                "see its message",
            )
        self.saved = self.at

    def _restore(self) -> None:
        if self.job.folder is None:
            raise CheckpointError(
                "Trainer", "resume=True without a folder", "a folder with a run", "pass folder=... to Trainer"
            )
        path = self.job.folder / LAST
        tensors, facts = load_checkpoint(path)
        check_same_run(str(path), facts["run"], self.identity)
        random, self.best = unpack(tensors, self.net, self.optimiser, self.fabric.global_rank, str(path))
        set_random_state(random, self.fabric.device)
        if facts["scaler"]:
            self.fabric.strategy.precision.load_state_dict(facts["scaler"])
        self.at = self.saved = Position.from_json(facts["position"])
