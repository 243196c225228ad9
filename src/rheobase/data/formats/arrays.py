"""Converts the arrays of a file to the tensors of a data set."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rheobase.errors import DataError


def images(array: np.ndarray, source: str, name: str) -> Tensor:
    """Images as float32: uint8 is divided by 255, bool becomes 0 and 1, floats are taken as they are.

    **Raises**: DataError for any other type, whose range cannot be told from the file.

    >>> images(np.array([[0, 51, 255]], dtype=np.uint8), "here", "x_train")
    tensor([[0.0000, 0.2000, 1.0000]])
    """
    if array.dtype != np.uint8 and array.dtype != np.bool_ and array.dtype.kind != "f":
        remedy = "store 8-bit pixels with x.astype('uint8'), or values scaled to [0, 1] as float32"
        raise DataError(source, f"{name} of dtype {array.dtype}", "uint8 pixels, or floats in [0, 1]", remedy)
    x = torch.from_numpy(array.astype(np.float32))
    return x.div_(255) if array.dtype == np.uint8 else x


def labels(array: np.ndarray, source: str, name: str) -> Tensor:
    """Labels as int64.

    **Raises**: DataError for labels that are not integers.
    """
    if array.dtype.kind not in "iu":
        remedy = "number the classes 0, 1, 2... and store them with y.astype('int64')"
        raise DataError(source, f"{name} of dtype {array.dtype}", "integer labels", remedy)
    return torch.from_numpy(array.astype(np.int64))
