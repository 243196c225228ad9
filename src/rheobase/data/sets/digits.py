"""The embedded data set: 1,797 handwritten digits of 8 x 8 pixels, part of scikit-learn."""

from __future__ import annotations

import torch

from rheobase.data.dataset import Dataset, stratified
from rheobase.errors import DataError

TEST_FRACTION = 0.2
SPLIT_SEED = 1797
"""Fixed for good: another seed would put test images of published results into the training part."""

_BRIGHTEST = 16.0


def digits() -> Dataset:
    """Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, 1998), cut 80 / 20 once and for all.

    The 43 writers are not named in the file, so a writer may appear in both parts.

    **Raises**: DataError where scikit-learn is not installed.

    >>> digits()
    Dataset 'digits': 1438 training and 359 test samples of shape (8, 8), 10 classes
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        given = f"no scikit-learn ({error})"
        raise DataError("digits", given, "the package that holds them", "pip install scikit-learn") from error
    pixels, numbers = load_digits(return_X_y=True)
    x = torch.from_numpy(pixels).float().view(-1, 8, 8) / _BRIGHTEST
    y = torch.from_numpy(numbers).long()
    test = torch.zeros(len(y), dtype=torch.bool)
    test[stratified(y, round(TEST_FRACTION * len(y)), SPLIT_SEED)] = True
    return Dataset("digits", x[~test], y[~test], x[test], y[test], tuple(str(k) for k in range(10)))
