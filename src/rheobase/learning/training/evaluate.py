"""One pass over a split with a network that does not change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rheobase.errors import ShapeError
from rheobase.learning.layers import spiking_layers, watched
from rheobase.learning.losses import Loss
from rheobase.learning.metrics import confusion_matrix, spikes_per_neuron
from rheobase.learning.training.distributed import share_buffers, total
from rheobase.learning.training.sampler import Sampler
from rheobase.learning.training.samples import Coded, Encodes, Samples

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The result of one pass. `spikes`: for each spiking layer, the mean spikes of a neuron per sample.

    >>> found = Evaluation(samples=4, loss=0.5, accuracy=0.75, confusion=torch.tensor([[2, 0], [1, 1]]))
    >>> found.as_json()["confusion"]
    [[2, 0], [1, 1]]
    """

    samples: int
    loss: float
    accuracy: float
    confusion: Tensor  # (classes, classes) int64, rows are the true classes
    spikes: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The result as a dict that can be written as JSON."""
        return {
            "samples": self.samples,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "confusion": self.confusion.tolist(),
            "spikes": self.spikes,
        }


def run_network(fabric: Fabric, net: nn.Module, coded: Coded) -> Tensor:
    """The output (time, batch, classes) of a network under the precision of `fabric`. Raises `ShapeError`."""
    precision = fabric.strategy.precision
    with precision.forward_context():
        returned = net(precision.convert_input(coded.sequence), **until(coded))
    return precision.convert_output(output_of(net, returned))


def until(coded: Coded) -> dict[str, Tensor]:
    """The argument `lengths` of a network, where samples end before the last step."""
    return {} if coded.lengths is None else {"lengths": coded.lengths}


def output_of(net: nn.Module, returned: Any) -> Tensor:
    """The first item of what a network returns, (out, states). Raises `ShapeError`."""
    if not isinstance(returned, tuple) or not returned or not isinstance(returned[0], Tensor):
        raise ShapeError(
            type(net).__name__,
            f"a return value of type {type(returned).__name__}",
            "(out, states)",
            "wrap the layers in rheobase.nn.Sequential",
        )
    return returned[0]


@torch.no_grad()
def evaluate(
    fabric: Fabric,
    net: nn.Module,
    encoder: Encodes,
    samples: Samples,
    loss: Loss,
    *,
    batch_size: int,
    seed: int,
    count: bool = False,
    between: Callable[[], None] | None = None,
) -> Evaluation:
    """Run every sample once; with `count`, count the spikes of every spiking layer.

    The encoding is the same in every call with the same seed. `between` is called after each batch. The
    network is in eval mode inside, and back in its own mode afterwards.
    """
    sampler = Sampler(
        samples=len(samples),
        batch_size=batch_size,
        seed=seed,
        shuffle=False,
        rank=fabric.global_rank,
        world=fabric.world_size,
    )
    layers = spiking_layers(net) if count else {}
    tally = _Tally()
    training = net.training
    share_buffers(fabric, net)
    net.eval()
    try:
        with watched(net, layers) as watch:
            for batch in sampler.batches(0):
                coded = samples.encoded(encoder, batch.mine, seed).on(fabric)
                out = run_network(fabric, net, coded)
                spikes = {
                    name: spikes_per_neuron(seen, layers[name].graded).sum() for name, seen in watch.spiking().items()
                }
                tally.add(loss, out, coded, spikes)
                if between is not None:
                    between()
    finally:
        net.train(training)
    return tally.summed(fabric)


class _Tally:
    """Sums over the samples of this process."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.confusion: Tensor | None = None
        self.spikes: dict[str, float] = {}

    def add(self, loss: Loss, out: Tensor, coded: Coded, spikes: dict[str, Tensor]) -> None:
        self.loss += float(loss(out, coded.target, *coded.ends)) * len(coded.target)
        found = confusion_matrix(loss.predict(out, *coded.ends).cpu(), coded.target.cpu(), out.shape[-1])
        self.confusion = found if self.confusion is None else self.confusion + found
        for name, value in spikes.items():
            self.spikes[name] = self.spikes.get(name, 0.0) + float(value)

    def summed(self, fabric: Fabric) -> Evaluation:
        if self.confusion is None:
            raise ShapeError("evaluation", "no samples", "at least one for each process", "use fewer devices")
        figures = total(fabric, torch.tensor([self.loss, *self.spikes.values()], dtype=torch.float64))
        confusion = total(fabric, self.confusion).long()
        n = int(confusion.sum())
        return Evaluation(
            samples=n,
            loss=float(figures[0]) / n,
            accuracy=int(confusion.diagonal().sum()) / n,
            confusion=confusion,
            spikes={name: float(v) / n for name, v in zip(self.spikes, figures[1:], strict=True)},
        )
