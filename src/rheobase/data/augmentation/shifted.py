"""Images and recordings moved by a few pixels at random while a network trains."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.data.encoding.checks import check_index, check_integer, check_planes, check_seed
from rheobase.data.encoding.encoders import Encoder
from rheobase.data.encoding.frames import EventFrames
from rheobase.data.encoding.hash_bits import draws
from rheobase.data.events import Events


@dataclass(frozen=True)
class Shifted:
    """An encoder that first moves each image by up to `pixels` along each axis; what moves in is dark.

    It is the random crop of an image padded with zeros: by `pixels` on each side, cut to its size.

    Around `EventFrames` it moves the events of a recording; those that leave the frame are lost. The shift follows
    from the seed and the index of the sample, so a trainer, which gives another seed each epoch, sees each one
    elsewhere every time. For training alone: test with the encoder inside.

    **Shapes**: x (batch, ..., height, width) in [0, 1], or recordings of events -> what `encoder` gives.

    **Raises**: ParameterError for pixels below 1; ShapeError for x without two axes; what `encoder` raises.

    >>> from rheobase.data import Direct
    >>> x = torch.zeros(1, 5, 5)
    >>> x[0, 2, 2] = 1
    >>> moved = Shifted(Direct(1), pixels=1)(x, seed=3)
    >>> moved.nonzero()[0, 2:].tolist(), float(moved.sum())
    ([3, 2], 1.0)
    """

    encoder: Encoder
    pixels: int = 1

    def __post_init__(self) -> None:
        check_integer("Shifted", "pixels", self.pixels, 1, None, "leave Shifted out for images that stay")

    @property
    def steps(self) -> int:
        """Length of the output in time steps."""
        return self.encoder.steps

    def __call__(self, x: Tensor | Events, *, seed: int, index: Tensor | None = None) -> Tensor:
        """What the encoder makes of the moved images."""
        check_seed(self, seed)
        if isinstance(x, Events) and isinstance(self.encoder, EventFrames):
            return self.encoder(x, seed=seed, index=index, moved=self._shift(x, seed, index))
        images = check_planes("Shifted", x)
        return self.encoder(_moved(images, *self._shift(images, seed, index), self.pixels), seed=seed, index=index)

    def _shift(self, x: Tensor | Events, seed: int, index: Tensor | None) -> tuple[Tensor, Tensor]:
        """Pixels down and to the right, each (batch,)."""
        index = check_index(self, index, x)
        # a key of its own, so that the shift has nothing to do with the draws of the encoder
        down, right = draws(seed ^ _OWN, index) % (2 * self.pixels + 1) - self.pixels
        return down, right


_OWN = 0x5317F7ED


def _moved(x: Tensor, down: Tensor, right: Tensor, pixels: int) -> Tensor:
    height, width = x.shape[-2:]
    wide = torch.nn.functional.pad(x.reshape(len(x), -1, height, width), (pixels,) * 4)
    rows = torch.arange(height, device=x.device) + pixels - down[:, None]  # (batch, height)
    columns = torch.arange(width, device=x.device) + pixels - right[:, None]
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    # indices around a slice: (batch, height, width, channels)
    picked = wide[sample, :, rows[:, :, None], columns[:, None, :]]
    return picked.movedim(-1, 1).reshape(x.shape)
