"""Training of an operator or a stand-in on traces, on Fabric, by one loop for both.

It is not the `Trainer`, whose samples are a tensor with a class number each and whose network is told nothing of the
target, while here the true spikes are fed in, a window begins anew for each batch, and no class is right or wrong; it
shares its recipe, order of samples, checkpoints and random numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rheobase.errors import CheckpointError, DataError, Diverged, ParameterError
from rheobase.files import ensure_folder
from rheobase.learning import Recipe, load_checkpoint, save_checkpoint
from rheobase.learning.training.checkpoints import model_tensors, put_model_tensors
from rheobase.learning.training.distributed import make_fabric, quiet
from rheobase.learning.training.random_state import seeded
from rheobase.learning.training.recipe import optimiser_tensors, put_optimiser_tensors, set_learning_rate
from rheobase.learning.training.sampler import Sampler, derive_seed
from rheobase.operator.data_set import Traces
from rheobase.operator.samples import Samples, windows

LAST, BEST = "last.json", "best."


class Learner(Protocol):
    """What is trained: a module with an objective."""

    def objective(self, batch: Samples) -> Tensor:
        """A scalar to minimise."""
        ...


@dataclass(frozen=True)
class Epoch:
    """The figures of one epoch, numbered from 1; what it took by the clock, and of processor time in this process."""

    epoch: int
    loss: float
    validation: float
    learning_rate: float
    seconds: float
    cpu_seconds: float


def train(
    net: nn.Module,
    traces: Traces,
    validation: Traces,
    features: Tensor,
    recipe: Recipe,
    *,
    folder: Path | None = None,
    accelerator: str = "cpu",
    progress: Callable[[int, int, Sequence[Epoch]], None] = lambda done, total, history: None,
) -> list[Epoch]:
    """Train `net` in place by its `objective`; afterwards it has the weights of the epoch that validated best.

    traces, validation   of training models alone; in each batch the window begins at another sample, drawn anew
    features             (models, features), not scaled
    recipe               epochs, batch_size, learning_rate, schedule, weight_decay, clip_norm, seed (the loss is the
                         objective's)
    folder               keeps a checkpoint after each epoch, from which the same call goes on

    Raises: `DataError` for fewer traces than a batch, or traces and validation of different protocols;
    `ParameterError` for a stand-in of another time step, `CheckpointError` for a folder of another run, `Diverged`,
    `StorageError`.
    """
    protocol = traces.protocol
    if validation.protocol != protocol:
        given, remedy = "traces and validation of different protocols", "load both from one data set"
        raise DataError("train", given, "one protocol", remedy)
    if len(traces) < recipe.batch_size or not len(validation):
        given = f"{len(traces)} traces and {len(validation)} to validate"
        raise DataError("train", given, f"a batch of {recipe.batch_size}, and one to validate", "make more traces")
    sample = getattr(net, "sample", protocol.sample)
    if not math.isclose(sample, protocol.sample):
        given, expected = f"a net with steps of {sample:g} ms", f"{protocol.sample:g} ms, as of the traces"
        raise ParameterError("train", given, expected, f"sample={protocol.sample:g}")
    fabric = make_fabric(accelerator, 1, "32-true", "auto")
    fabric.launch()
    # a last batch with fewer samples would be traced anew, and weigh more than the others
    count = len(traces) // recipe.batch_size * recipe.batch_size
    sampler = Sampler(samples=len(traces), batch_size=recipe.batch_size, seed=recipe.seed)
    optimiser = recipe.optimiser_for(net)
    with quiet():
        module, stepper = fabric.setup(net, optimiser)
    module.mark_forward_method("objective")
    batches = count // recipe.batch_size
    identity = _identity(net, traces, validation, features, recipe)
    history, best = _restored(folder, net, optimiser, identity)
    total, starts = recipe.epochs * batches, protocol.recorded - protocol.window + 1
    held = windows(validation, features).on(fabric.device)
    for epoch in range(len(history), recipe.epochs):
        began, busy, losses, rate = time.perf_counter(), time.process_time(), list[float](), 0.0
        with seeded(derive_seed(recipe.seed, "epoch", epoch), fabric.device):
            for k, batch in enumerate(sampler.batches(epoch)):
                if k == batches:
                    break
                progress(epoch * batches + k, total, history)
                start = int(torch.randint(starts, (1,)))
                rate = recipe.learning_rate_at(epoch * batches + k, total)
                set_learning_rate(optimiser, rate)
                given = windows(traces.of(batch.mine), features, start).on(fabric.device)
                loss = module.objective(given)
                losses.append(_finite(float(loss.detach()), epoch, k, folder))
                optimiser.zero_grad()
                fabric.backward(loss)
                if recipe.clip_norm is not None:
                    fabric.clip_gradients(module, stepper, max_norm=recipe.clip_norm, error_if_nonfinite=False)
                stepper.step()
        found = _finite(_validated(module, held, recipe.batch_size), epoch, batches, folder)
        if not history or found < min(one.validation for one in history):
            best = {name: x.detach().cpu().clone() for name, x in model_tensors(net, prefix=BEST).items()}
        mean = sum(losses) / len(losses)
        took = time.perf_counter() - began, time.process_time() - busy
        history.append(Epoch(epoch + 1, mean, found, rate, *took))
        _save(folder, net, optimiser, best, identity, history)
    progress(total, total, history)
    put_model_tensors(net, best, "the best epoch", prefix=BEST)
    return history


def _validated(module: Any, held: Samples, batch: int) -> float:
    """The mean objective of whole batches, of the one that there is where there are fewer samples."""
    size = held.current.shape[1]
    with torch.no_grad():
        found = [
            float(module.objective(_columns(held, low, min(low + batch, size))))
            for low in range(0, max(1, size - batch + 1), batch)
        ]
    return sum(found) / len(found)


def _columns(of: Samples, low: int, high: int) -> Samples:
    return Samples(
        of.current[:, low:high], of.code[low:high], of.v[:, low:high], of.spikes[:, low:high], of.trains[low:high]
    )


def _finite(value: float, epoch: int, batch: int, folder: Path | None) -> float:
    if math.isfinite(value):
        return value
    kept = f"; the checkpoint {folder / LAST} is kept" if folder and (folder / LAST).exists() else ""
    where = f"training, epoch {epoch + 1}, batch {batch + 1}"
    raise Diverged(where, f"loss {value}", "a finite number", f"lower the learning rate, set clip_norm{kept}")


# --- checkpoints ----------------------------------------------------------------------------------
def _identity(net: nn.Module, traces: Traces, validation: Traces, features: Tensor, recipe: Recipe) -> dict[str, Any]:
    """What must be the same for a run that goes on to give the same numbers."""
    # unsaid where there is none, as in checkpoints from before there was one
    weight = getattr(net, "sag_weight", 0.0)
    return {
        "net": [repr(net), repr(getattr(net, "codes", None)), *([f"sag_weight={weight:g}"] if weight else [])],
        "recipe": {**recipe.as_json(), "loss": "objective"},
        "protocol": traces.protocol.as_json(),
        # NaN is of models that none of these traces is of
        "features": features.double().nan_to_num().sum(0).tolist(),
        "traces": [len(traces), float(traces.v.double().sum())],
        "validation": [len(validation), float(validation.v.double().sum())],
        "threads": torch.get_num_threads(),
        "figures": [one.name for one in fields(Epoch)],
    }


def _save(
    folder: Path | None,
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    best: dict[str, Tensor],
    identity: dict[str, Any],
    history: list[Epoch],
) -> None:
    if folder is None:
        return
    ensure_folder(folder)
    tensors = {**model_tensors(net), **optimiser_tensors(optimiser), **best}
    save_checkpoint(folder / LAST, tensors, {"run": identity, "history": [asdict(one) for one in history]})


def _restored(
    folder: Path | None, net: nn.Module, optimiser: torch.optim.Optimizer, identity: dict[str, Any]
) -> tuple[list[Epoch], dict[str, Tensor]]:
    if folder is None or not (folder / LAST).exists():
        return [], {}
    tensors, facts = load_checkpoint(folder / LAST)
    for name, value in identity.items():
        if facts.get("run", {}).get(name) != value:
            given = f"a run with another {name}"
            raise CheckpointError(
                str(folder), given, "the run that it was begun with", "another folder, or its settings"
            )
    put_model_tensors(net, tensors, str(folder / LAST))
    put_optimiser_tensors(optimiser, tensors)
    best = {name: x for name, x in tensors.items() if name.startswith(BEST)}
    return [Epoch(**one) for one in facts["history"]], best


__all__ = ["Epoch", "Learner", "train"]
