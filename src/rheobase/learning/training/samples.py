"""The samples of one split, checked before any work is done, and encoded batch by batch."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from rheobase.errors import DTypeError, InputError, ShapeError
from rheobase.learning.losses import check_target
from rheobase.learning.training.random_state import seeded
from rheobase.learning.training.sampler import derive_seed

if TYPE_CHECKING:
    from lightning_fabric import Fabric

TRIED = 8  # samples of a trial
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@runtime_checkable
class Indexable(Protocol):
    """Samples that lie elsewhere and are read batch by batch: what x of a training may be where it is no tensor.

    `data.Events` are such: recordings in files. So are arrays that do not fit into memory:

    >>> import numpy as np
    >>> class OnDisk:
    ...     def __init__(self, array):
    ...         self.array = array  # np.load(path, mmap_mode="r"), say
    ...
    ...     def __len__(self):
    ...         return len(self.array)
    ...
    ...     def __getitem__(self, index):
    ...         return torch.from_numpy(self.array[index.numpy()])
    ...
    ...     def fingerprint(self):
    ...         return {"shape": list(self.array.shape)}
    >>> x = OnDisk(np.zeros((5, 3), np.float32))
    >>> isinstance(x, Indexable), x[torch.tensor([4, 0])].shape
    (True, torch.Size([2, 3]))
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: Tensor, /) -> Any:
        """The samples at these places (batch,), int64, as the encoder takes them."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """What tells these samples from others, as values of JSON: a run is resumed on the same ones alone."""
        ...


class Encodes(Protocol):
    """What the trainer asks of an encoder: a sequence for each sample, by (seed, index) alone."""

    def __call__(self, x: Any, *, seed: int, index: Tensor | None = None) -> Tensor:
        """x (batch, ...) -> (time, batch, features); `index` (batch,) is the samples' place in their data."""
        ...


@runtime_checkable
class EncodesSeries(Encodes, Protocol):
    """An encoder of samples that differ in length: x holds NaN after the end of a sample."""

    def lengths(self, x: Tensor) -> Tensor:
        """The steps of each sample in the sequence, (batch,) int64. Raises: `InputError` for NaN before an end."""
        ...


class Coded(NamedTuple):
    """A batch, ready for a network."""

    sequence: Tensor  # (time, batch, features)
    target: Tensor  # (batch,) int64
    lengths: Tensor | None  # (batch,) int64, the steps of each sample; None where all have as many

    def on(self, fabric: Fabric) -> Coded:
        """The batch on the device of `fabric`."""
        lengths = None if self.lengths is None else fabric.to_device(self.lengths)
        return Coded(fabric.to_device(self.sequence), fabric.to_device(self.target), lengths)

    @property
    def ends(self) -> tuple[Tensor, ...]:
        """The lengths as a further argument of a loss: none where all samples are of one length."""
        return () if self.lengths is None else (self.lengths,)


@dataclass(frozen=True)
class Samples:
    """Inputs (samples, ...) and class numbers (samples,) of one split: "train", "validation" or "test".

    `padded`: samples end where NaN begins (see `EncodesSeries`).

    Raises: `ShapeError`, `DTypeError`, `InputError`.
    """

    split: str
    x: Tensor | Indexable
    y: Tensor
    padded: bool = False

    def __post_init__(self) -> None:
        source = f"{self.split} data"
        for name, value in (("x", self.x), ("y", self.y)):
            if not isinstance(value, Tensor) and not (name == "x" and isinstance(value, Indexable)):
                given, remedy = f"{name} of type {type(value).__name__}", "convert arrays with torch.from_numpy"
                raise DTypeError(source, given, "a pair of tensors (x, y)", remedy)
        if not isinstance(self.x, Tensor):
            if not len(self.x):
                raise ShapeError(source, "no samples", "at least one", "add samples")
        elif self.x.dim() < 2 or not self.x.numel():
            given = f"x of shape {tuple(self.x.shape)}"
            raise ShapeError(source, given, "(samples, ...), no axis empty", "add samples")
        elif self.x.is_floating_point() and not self.padded and not bool(self.x.isfinite().all()):
            bad = int((~self.x.isfinite()).flatten(1).any(1).nonzero()[0])
            raise InputError(source, f"NaN or infinity in sample {bad}", "finite numbers", "clean or drop it")
        check_target(source, self.y, len(self.x), 2**31)

    @classmethod
    def of(cls, split: str, pair: Any, encoder: Encodes) -> Samples:
        """From what a user gives: a pair (x, y), for this encoder."""
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DTypeError(f"{split} data", f"{type(pair).__name__}", "a pair of tensors (x, y)", f"{split}=(x, y)")
        padded = isinstance(encoder, EncodesSeries)
        samples = cls(split, pair[0], pair[1], padded)
        if padded:
            encoder.lengths(pair[0])
        return samples

    def __len__(self) -> int:
        return len(self.x)

    def encoded(self, encoder: Encodes, index: Tensor, seed: int, epoch: int = 0) -> Coded:
        """Some samples: their sequence, classes and lengths; a function of seed, epoch, index.

        Raises: `ShapeError`, `DTypeError` where the encoder gives something else.
        """
        at = index.to(self.x.device) if isinstance(self.x, Tensor) else index.cpu()
        x = self.x[at]
        sequence = encoder(x, seed=derive_seed(seed, "encoder", self.split, epoch), index=at)
        if not isinstance(sequence, Tensor) or not sequence.is_floating_point():
            given = f"{sequence.dtype}" if isinstance(sequence, Tensor) else type(sequence).__name__
            raise DTypeError(
                _name(encoder),
                f"an output of {given}",
                "a tensor of floating point numbers",
                "convert it to float",
            )
        if sequence.dim() < 3 or sequence.shape[1] != len(at):
            raise ShapeError(
                _name(encoder),
                f"an output of shape {tuple(sequence.shape)}",
                f"(time, {len(at)}, features)",
                "put time first and the batch second",
            )
        lengths = encoder.lengths(x) if isinstance(encoder, EncodesSeries) else None
        if lengths is not None and bool((lengths == len(sequence)).all()):
            lengths = None
        return Coded(sequence, self.y[at.to(self.y.device)].long(), lengths)

    def trial(self, encoder: Encodes) -> dict[str, Any] | None:
        """What an encoder makes of a few samples, as values of JSON; None for one whose `repr` says all that it does.

        A function is known by its name alone, and so is an object without a `repr` of its own: what it gives tells it
        from another. "sums" are of each sample's sequence times fixed weights, so that the order of steps and features
        counts; they are compared up to rounding (`check_same_run`). No random state moves.

        Raises: what `encoded` raises.
        """
        if says_all(encoder):
            return None
        at = torch.linspace(0, len(self) - 1, min(len(self), TRIED)).round().long()
        device = self.x.device if isinstance(self.x, Tensor) else torch.device("cpu")
        with seeded(0, device):
            sequence = self.encoded(encoder, at, seed=0).sequence
        rows = sequence.detach().cpu().double().nan_to_num().transpose(0, 1).flatten(1)  # (tried, time features)
        weights = 1.5 + torch.arange(rows.shape[1], dtype=torch.float64).sin()
        return {"shape": list(sequence.shape[::2]), "sums": (rows * weights).sum(1).tolist()}

    def fingerprint(self) -> dict[str, Any]:
        """What tells this split from another: shapes, types and a CRC of the contents."""
        return {"x": _fingerprint(self.x), "y": _fingerprint(self.y)}


def _fingerprint(values: Tensor | Indexable) -> dict[str, Any]:
    if not isinstance(values, Tensor):
        return values.fingerprint()
    crc = zlib.crc32(values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return {"shape": list(values.shape), "dtype": str(values.dtype).removeprefix("torch."), "crc32": crc}


def _name(encoder: object) -> str:
    return f"encoder {type(encoder).__name__}"


def described(thing: object) -> str:
    """An encoder, say, in words that are the same in every process: its `repr`, without addresses in memory."""
    return _ADDRESS.sub("", repr(thing))


def says_all(encoder: object) -> bool:
    """Whether a `repr` holds every choice: that of an encoder of this package, unless it has another's within."""
    return type(encoder).__module__.partition(".")[0] == "rheobase" and not _ADDRESS.search(repr(encoder))
