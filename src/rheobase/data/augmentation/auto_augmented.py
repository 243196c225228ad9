"""AutoAugment: operations on images that a search found, from torchvision where it is installed."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from rheobase.data.augmentation.augmented import Augmented
from rheobase.errors import BackendUnavailable, ParameterError, ShapeError, nearest

POLICIES = {"cifar10": "CIFAR10", "imagenet": "IMAGENET", "svhn": "SVHN"}


@dataclass(frozen=True)
class AutoAugmented(Augmented):
    """An encoder that first changes each image by one of the searched policies of AutoAugment. See `Augmented`.

    The policies and operations are torchvision's; so the images become 8-bit ones in between.

    **Shapes**: x (batch, 1 or 3, height, width) in [0, 1] -> what `encoder` gives.

    **Raises**: ParameterError for another policy; BackendUnavailable without torchvision; ShapeError for x of another
    form; what `encoder` raises.

    Reference: Cubuk, Zoph, Mane, Vasudevan & Le, CVPR (2019), arXiv 1805.09501.
    """

    policy: str = "cifar10"

    key: ClassVar[int] = 0x0A070A06

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            given = f"policy {self.policy!r}"
            raise ParameterError("AutoAugmented", given, "the name of a policy", nearest(str(self.policy), POLICIES))
        _transforms()

    def changed(self, x: Tensor, chance: Tensor) -> Tensor:
        if x.dim() != 4 or x.shape[1] not in (1, 3):
            given = f"x of shape {tuple(x.shape)}"
            raise ShapeError("AutoAugmented", given, "(batch, 1 or 3, height, width)", "give images of 1 or 3 colours")
        transforms = _transforms()
        change = transforms.AutoAugment(getattr(transforms.AutoAugmentPolicy, POLICIES[self.policy]))
        images = (255.0 * x).round().to(torch.uint8)
        found: list[Tensor] = []
        # torchvision draws from the generator of the CPU alone, which afterwards is as it was
        with torch.random.fork_rng(devices=[]):
            for image, own in zip(images, chance[0].tolist(), strict=True):
                torch.default_generator.manual_seed(own)
                found.append(change(image))
        return torch.stack(found).to(x.dtype) / 255.0


def _transforms() -> Any:
    try:
        return importlib.import_module("torchvision.transforms")
    # one that was built for another torch fails with a RuntimeError
    except (ImportError, RuntimeError) as error:
        raise BackendUnavailable(
            "AutoAugmented",
            f"no torchvision that works ({error})",
            "the package torchvision, of this torch",
            "pip install torchvision, or use Shifted, Flipped and Cutout, which need nothing",
        ) from error
