"""The sizes of a convolutional recurrent layer: of the convolutions of its input, and of those of its own output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from torch import Tensor
from torch.nn import functional as F

from rheobase.checks import is_whole
from rheobase.engine.operators.products import Convolution
from rheobase.errors import ParameterError, ShapeError
from rheobase.nn.stateful import check_sequence

Size = int | tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Channels, kernel, stride, padding and groups, checked."""

    in_channels: int
    channels: int
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int

    @classmethod
    def of(
        cls,
        owner: str,
        in_channels: int,
        channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | None,
        groups: int,
    ) -> Self:
        for name, value in (("in_channels", in_channels), ("channels", channels), ("groups", groups)):
            _whole(owner, name, value, 1)
        kernel = _pair(owner, "kernel_size", kernel_size, 1)
        around = _half(kernel) if padding is None else _pair(owner, "padding", padding, 0)
        if in_channels % groups or channels % groups:
            given = f"groups = {groups} for {in_channels} and {channels} channels"
            raise ParameterError(owner, given, "a divisor of both", "groups=1 connects all")
        return cls(in_channels, channels, kernel, _pair(owner, "stride", stride, 1), around, groups)

    @property
    def outer(self) -> tuple[int, ...]:
        """The shape of a weight on the input."""
        return (self.channels, self.in_channels // self.groups, *self.kernel_size)

    @property
    def inner(self) -> tuple[int, ...]:
        """The shape of a weight on the layer itself."""
        return (self.channels, self.channels // self.groups, *self.kernel_size)

    @property
    def product(self) -> Convolution:
        """The convolution of the layer's own output, which keeps its size."""
        return Convolution(self.kernel_size, self.groups)

    def check(self, owner: str, x: Tensor) -> None:
        """Raise unless x is (time, batch, in_channels, height, width) with images that hold the kernel."""
        check_sequence(owner, x, self.in_channels, 5)
        if any(n + 2 * p < k for n, p, k in zip(x.shape[3:], self.padding, self.kernel_size, strict=True)):
            given, expected = f"images of {tuple(x.shape[3:])}", f"{self.kernel_size} or more with their padding"
            raise ShapeError(owner, given, expected, "enlarge the padding")

    def images(self, x: Tensor) -> Tensor:
        """x (time, batch, ...) as (time * batch, ...) in channels-last order."""
        images = self.product.in_memory_format(x.flatten(0, 1))
        # one channel may be read in either order: strides that say channels-last make the convolution's result so
        return images[:, 0].unsqueeze(-1).permute(0, 3, 1, 2) if self.in_channels == 1 else images

    def convolved(self, images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The convolution of the input, in its type."""
        out = F.conv2d(images, weight, stride=self.stride, padding=self.padding, groups=self.groups)
        # apart: a convolution sums the gradient of its bias over all steps and pixels in one row, with a larger error
        return self.product.in_memory_format(out.to(images.dtype)).add_(bias.view(-1, 1, 1))

    def described(self) -> list[str]:
        """Arguments for `repr`: the channels, and what is not as usual."""
        usual = {"kernel_size": (3, 3), "stride": (1, 1), "padding": _half(self.kernel_size), "groups": 1}
        given = [f"{k}={getattr(self, k)!r}" for k, v in usual.items() if getattr(self, k) != v]
        return [str(self.in_channels), str(self.channels), *given]


def _half(kernel: tuple[int, int]) -> tuple[int, int]:
    return kernel[0] // 2, kernel[1] // 2


def _whole(owner: str, name: str, value: Any, least: int) -> int:
    if not is_whole(value, least):
        raise ParameterError(owner, f"{name} = {value!r}", f"an integer >= {least}", "count channels and pixels")
    return value


def _pair(owner: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """A size for both axes of an image, given as one number or two."""
    both = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    return _whole(owner, name, both[0], least), _whole(owner, name, both[1], least)
