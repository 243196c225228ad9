"""The state of a training run between two batches, and its conversion to and from a checkpoint."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from rheobase.errors import CheckpointError
from rheobase.learning.training.checkpoints import model_tensors, put_model_tensors
from rheobase.learning.training.history import EpochRecord, History
from rheobase.learning.training.recipe import optimiser_tensors, put_optimiser_tensors

BEST = "best."


@dataclass(frozen=True, kw_only=True)
class Position:
    """The progress of a run: the records of the finished epochs, and the sums over the batches of the current one."""

    history: History = field(default_factory=History)
    batch: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    seen: int = 0
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    def after_batch(self, loss_sum: float, correct: int, seen: int, seconds: float) -> Position:
        """The position after one more batch."""
        return replace(
            self,
            batch=self.batch + 1,
            loss_sum=self.loss_sum + loss_sum,
            correct=self.correct + correct,
            seen=self.seen + seen,
            seconds=self.seconds + seconds,
        )

    def as_json(self) -> dict[str, Any]:
        """For the facts of a checkpoint; JSON keeps every bit of a float."""
        return asdict(self) | {"history": self.history.as_json()}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Position:
        """The inverse of `as_json`."""
        figures = {k: v for k, v in facts.items() if k != "history"}
        return cls(history=History(tuple(EpochRecord(**e) for e in facts["history"])), **figures)


def pack(
    net: nn.Module, optimiser: Optimizer, random: list[dict[str, Tensor]], best: Mapping[str, Tensor] | None
) -> dict[str, Tensor]:
    """All tensors of a run; `random` has one entry per process."""
    return {
        **model_tensors(net),
        **{BEST + name: tensor for name, tensor in (best or {}).items()},
        **optimiser_tensors(optimiser),
        **{f"random.{rank}.{kind}": tensor for rank, states in enumerate(random) for kind, tensor in states.items()},
    }


def unpack(
    tensors: dict[str, Tensor], net: nn.Module, optimiser: Optimizer, rank: int, owner: str
) -> tuple[dict[str, Tensor], dict[str, Tensor] | None]:
    """Load what `pack` gave into the network and the optimiser.

    Returns the random state of process `rank`, and the best weights.
    """
    put_model_tensors(net, tensors, owner)
    put_optimiser_tensors(optimiser, tensors)
    prefix = f"random.{rank}."
    random = {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
    best = {k.removeprefix(BEST): t for k, t in tensors.items() if k.startswith(BEST)}
    return random, best or None


def check_same_run(owner: str, saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise `CheckpointError` unless a checkpoint belongs to a run with these settings.

    Only `epochs` may differ, and only where the schedule of the learning rate does not depend on it.
    """
    before, current = _flat(saved), _flat(json.loads(json.dumps(now)))
    for late in ("network", "encoded"):  # runs of before do not say them
        if late not in saved:
            current = {name: value for name, value in current.items() if name.partition(".")[0] != late}
    if current.get("recipe.schedule") == "constant":
        before["recipe.epochs"] = current.get("recipe.epochs")
    if isinstance(encoder := before.get("encoder"), str):
        # an encoder of events of before names the recordings; that they are the same, the fingerprint of x says
        before["encoder"] = re.sub(r"(?<=EventFrames\()events=.*?\)\), (?=steps=)", "", encoder)
    changed = [k for k in sorted(before | current) if not _same(k, before.get(k), current.get(k))]
    if changed:
        key = changed[0]
        also = f" (and also {', '.join(changed[1:])})" if changed[1:] else ""
        raise CheckpointError(
            owner,
            f"{key} = {current.get(key)!r}{also}",
            f"{before.get(key)!r}, as when the run began",
            _remedies.get(key.partition(".")[0], "resume with the settings in config.json, or start in another folder"),
        )


def _same(name: str, before: Any, now: Any) -> bool:
    if name == "encoded.sums" and isinstance(before, list) and isinstance(now, list):
        # another machine may round the same encoder otherwise; another encoder differs by more
        return len(before) == len(now) and all(map(partial(math.isclose, rel_tol=1e-5, abs_tol=1e-9), before, now))
    return before == now


_remedies = {
    "encoded": "give the encoder as it was when the run began; what it makes must follow from x, seed and index",
    "network": "build the network as it was when the run began: the checkpoint holds its tensors alone",
    "threads": "call torch.set_num_threads with the old number; other threads round differently",
    "processes": "resume on as many devices as before, or load_weights into a new run",
    "device": "resume on the same kind of device, or load_weights into a new run",
}


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    return {
        k: v for name, sub in tree.items() for k, v in _flat(sub, f"{prefix}.{name}" if prefix else str(name)).items()
    }
