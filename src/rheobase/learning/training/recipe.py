"""Everything that decides the numbers of a training run, in one object."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from rheobase.checks import is_number, is_whole
from rheobase.errors import ParameterError, nearest
from rheobase.learning.losses import LastCrossEntropy, Loss, RateBand, loss
from rheobase.learning.training.schedules import SCHEDULES
from rheobase.nn.decay_groups import parameter_groups

# beyond it, a product of two of these or a first step of Adam, ten times as long, leaves float32
LARGEST = 1e18
OPTIMISERS: dict[str, type[Adam]] = {"adam": Adam, "adamw": AdamW}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to train: the numbers of a run follow from this, the network, the encoder and the data.

    epochs          how often every training sample is seen
    batch_size      samples per step, over all processes together
    loss            a `Loss`, or the name of one ("last", "sum", "mean", "max", "mean-softmax", "tet")
    optimiser       "adam" or "adamw"
    learning_rate   its largest value; `schedule` moves it: "constant", "cosine", "one-cycle"
    weight_decay    acts on weight matrices only, not on biases and the parameters of neurons
    clip_norm       largest norm of all gradients together; None leaves them as they are
    rates           a `RateBand` for the spiking layers, or None
    patience        stop after so many epochs without a better validation; None never stops early
    seed            of the order of samples, the encoder and all other random numbers of the run

    Raises: `ParameterError`.

    >>> Recipe(epochs=3, loss="sum").loss
    SumCrossEntropy(label_smoothing=0.0, temperature=1.0)
    >>> Recipe(schedule="cosin")
    Traceback (most recent call last):
        ...
    rheobase.errors.ParameterError: Recipe: got schedule = 'cosin'; expected the name of a schedule. Remedy: did you mean 'cosine'? Known: constant, cosine, one-cycle.
    """  # noqa: E501

    epochs: int = 20
    batch_size: int = 64
    loss: Loss | str = field(default_factory=LastCrossEntropy)
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    weight_decay: float = 0.0
    clip_norm: float | None = None
    rates: RateBand | None = None
    patience: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.loss, str):
            object.__setattr__(self, "loss", loss(self.loss))
        if not callable(self.loss) or not hasattr(self.loss, "predict"):
            self._refuse("loss", "a loss with a `predict`, or the name of one", "see rheobase.learning.losses")
        if self.rates is not None and not isinstance(self.rates, RateBand):
            self._refuse("rates", "a RateBand or None", "RateBand(low=0.01, high=0.2)")
        self._whole("epochs", 1)
        self._whole("batch_size", 1)
        self._whole("seed", 0)
        if self.patience is not None:
            self._whole("patience", 1)
        self._number("learning_rate", positive=True)
        self._number("weight_decay", positive=False)
        if self.clip_norm is not None:
            self._number("clip_norm", positive=True)
        for name, known in (("optimiser", OPTIMISERS), ("schedule", SCHEDULES)):
            if (given := getattr(self, name)) not in known:
                article = "an" if name == "optimiser" else "a"
                self._refuse(name, f"the name of {article} {name}", nearest(str(given), known))

    def _refuse(self, name: str, expected: str, remedy: str) -> None:
        raise ParameterError("Recipe", f"{name} = {getattr(self, name)!r}", expected, remedy)

    def _whole(self, name: str, low: int) -> None:
        value = getattr(self, name)
        if not is_whole(value, low):
            self._refuse(name, f"a whole number of at least {low}", f"{name}={max(low, 1)} is the least that is of use")

    def _number(self, name: str, *, positive: bool) -> None:
        value = getattr(self, name)
        if not is_number(value, least=0, most=LARGEST) or (positive and value == 0):
            expected = f"a finite number {'> 0' if positive else '>= 0'}, at most {LARGEST:g}"
            self._refuse(name, expected, f"the default is {_default(name)}")

    @property
    def criterion(self) -> Loss:
        """The loss, as an object."""
        return cast(Loss, self.loss)

    def optimiser_for(self, net: nn.Module) -> Optimizer:
        """A fresh optimiser of what `net` can learn. Raises `ParameterError` where that is nothing."""
        groups = [
            {"params": group["params"], "weight_decay": group["weight_decay"]}
            for group in parameter_groups(net, weight_decay=self.weight_decay)
        ]
        return OPTIMISERS[self.optimiser](groups, lr=self.learning_rate)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """The learning rate of step `step` (from 0) of `steps`.

        >>> Recipe(schedule="cosine", learning_rate=0.1).learning_rate_at(50, 100)
        0.05
        """
        return self.learning_rate * SCHEDULES[self.schedule](step / steps)

    def as_json(self) -> dict[str, Any]:
        """The recipe as a dict that can be written as JSON.

        >>> Recipe(loss="sum").as_json()["loss"]
        {'name': 'SumCrossEntropy', 'label_smoothing': 0.0, 'temperature': 1.0}
        """
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return plain | {
            "loss": _described(self.loss),
            "rates": None if self.rates is None else asdict(self.rates),
        }


def _described(loss: Any) -> dict[str, Any]:
    options = asdict(loss) if is_dataclass(loss) and not isinstance(loss, type) else {}
    return {"name": type(loss).__name__, **options}


def _default(name: str) -> Any:
    return next(f.default for f in fields(Recipe) if f.name == name)


def set_learning_rate(optimiser: Optimizer, value: float) -> None:
    """Give all groups of an optimiser the same learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = value


def optimiser_tensors(optimiser: Optimizer) -> dict[str, torch.Tensor]:
    """The state of an optimiser (moments, steps) as named tensors; its settings follow from the recipe."""
    state = optimiser.state_dict()["state"]
    return {f"optimiser.{i}.{name}": value for i, slots in state.items() for name, value in slots.items()}


def put_optimiser_tensors(optimiser: Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Load what `optimiser_tensors` gave."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        kind, _, rest = key.partition(".")
        if kind == "optimiser":
            index, _, name = rest.partition(".")
            state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
