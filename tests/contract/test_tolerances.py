"""What the contract tests compare by: a lane that is wrong is seen beside lanes that are larger."""

from __future__ import annotations

import pytest
import torch

from tests.contract.tolerances import QUIET, assert_close, difference


def test_a_small_lane_is_compared_with_itself() -> None:
    a = torch.ones(5, 3, dtype=torch.float64)
    a[:, 1] *= 1e-3
    b = a.clone()
    b[2, 1] *= 1.0 + 1e-6
    assert difference(a, b) < 1e-8
    assert difference(a, b, by_lane=True) == pytest.approx(1e-6, rel=1e-3)
    with pytest.raises(AssertionError, match="relative difference"):
        assert_close(a, b, 1e-7, "v", by_lane=True)


def test_a_lane_of_rounding_alone_is_not() -> None:
    a = torch.ones(5, 2, dtype=torch.float64)
    a[:, 1] = 1e-17
    assert difference(a, a * torch.tensor([1.0, 2.0]), by_lane=True) < 1e-17 / QUIET * 1.01
    assert difference(a, a * float("nan"), by_lane=True) == float("inf")
