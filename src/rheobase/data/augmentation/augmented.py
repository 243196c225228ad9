"""Images changed by chance while a network trains: mirrored, or with a square cut out."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rheobase.data.encoding.checks import check_images, check_index, check_integer, check_planes, check_seed
from rheobase.data.encoding.encoders import Encoder
from rheobase.data.encoding.hash_bits import draws


@dataclass(frozen=True)
class Augmented(abc.ABC):
    """An encoder that first changes each image. Abstract; `Shifted` is another, which moves them.

    The change follows from the seed and the index of the sample, so a trainer, which gives another seed each epoch,
    sees each image in another way every time. They nest, the outermost acts first:
    `Shifted(Flipped(Cutout(Direct(4), 16)), 4)`. For training alone: test with the encoder inside.

    **Shapes**: x (batch, ..., height, width) in [0, 1] -> what `encoder` gives.

    **Raises**: ShapeError for x without two axes; what `encoder` raises.

    >>> from rheobase.data import Direct, Flipped
    >>> code = Flipped(Direct(4))
    >>> code(torch.rand(2, 1, 8, 8), seed=0).shape
    torch.Size([4, 2, 1, 8, 8])
    """

    encoder: Encoder

    # of its draws: what one does has nothing to do with what others and the encoder do
    key: ClassVar[int]

    @abc.abstractmethod
    def changed(self, x: Tensor, chance: Tensor) -> Tensor:
        """The changed images; `chance` (2, batch) has two numbers for each, from 0 to 2^31 - 1."""

    @property
    def steps(self) -> int:
        """Length of the output in time steps."""
        return self.encoder.steps

    def __call__(self, x: Tensor, *, seed: int, index: Tensor | None = None) -> Tensor:
        """What the encoder makes of the changed images."""
        check_images(self, check_planes(type(self).__name__, x))
        check_seed(self, seed)
        index = check_index(self, index, x)
        return self.encoder(self.changed(x, draws(seed ^ self.key, index)), seed=seed, index=index)


@dataclass(frozen=True)
class Flipped(Augmented):
    """An encoder that first mirrors half of the images, chosen by chance, left to right. See `Augmented`.

    >>> from rheobase.data import Direct
    >>> x = torch.tensor([[0.0, 0.5, 1.0]]).expand(4, 1, 3)
    >>> Flipped(Direct(1))(x, seed=2)[0, :, 0, 2].tolist()
    [0.0, 0.0, 0.0, 1.0]
    """

    key: ClassVar[int] = 0x0F11BBED

    def changed(self, x: Tensor, chance: Tensor) -> Tensor:
        mirrored = (chance[0] & 1).bool().view(-1, *(1 for _ in x.shape[1:]))
        return torch.where(mirrored, x.flip(-1), x)


@dataclass(frozen=True)
class Cutout(Augmented):
    """An encoder that first blackens a square of `pixels` x `pixels` in each image. See `Augmented`.

    The middle of the square is any pixel, so that at the border a part of it falls outside.

    **Raises**: ParameterError for pixels below 1.

    **Differs from the paper**: 0 is black; the paper's images have their mean subtracted before, so that it is grey.

    Reference: DeVries & Taylor, arXiv 1708.04552 (2017), sec. 3: 16 pixels for CIFAR-10, 8 for CIFAR-100.

    >>> from rheobase.data import Direct
    >>> int(Cutout(Direct(1), pixels=2)(torch.ones(1, 5, 5), seed=1).sum())
    21
    """

    pixels: int = 16

    key: ClassVar[int] = 0x0C01007D

    def __post_init__(self) -> None:
        check_integer("Cutout", "pixels", self.pixels, 1, None, "leave Cutout out for whole images")

    def changed(self, x: Tensor, chance: Tensor) -> Tensor:
        inside = [self._within(size, chance[k]) for k, size in enumerate(x.shape[-2:])]
        square = inside[0][:, :, None] & inside[1][:, None, :]  # (batch, height, width)
        return x.masked_fill(square.view(len(x), *(1 for _ in x.shape[1:-2]), *x.shape[-2:]), 0.0)

    def _within(self, size: int, chance: Tensor) -> Tensor:
        """Which rows (or columns) the square covers, (batch, size)."""
        first = (chance % size - self.pixels // 2)[:, None]
        at = torch.arange(size, device=chance.device)
        return (at >= first) & (at < first + self.pixels)
