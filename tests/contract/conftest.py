"""These tests run thousands of tiny operations: torch's threads would only get in each other's way.

That kernels give the same bits on any number of threads is a test of its own (`test_same_bits.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.contract.models import MODELS

PLACE = {model.name: place for place, model in enumerate(MODELS)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of a neuron one after the other, of whatever file: what one traced, printed and compiled is there."""
    places = [k for k, item in enumerate(items) if item.path.parent == Path(__file__).parent and _place(item) >= 0]
    for k, item in zip(places, sorted((items[k] for k in places), key=_place), strict=True):
        items[k] = item


def _place(item: pytest.Item) -> int:
    """Which neuron a test is about; -1 for none."""
    model = getattr(item, "callspec", None) and item.callspec.params.get("model")
    return PLACE.get(getattr(model, "name", ""), -1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
