from __future__ import annotations

import pytest
import torch

from rheobase.data import Dataset, digits
from rheobase.data.dataset import stratified
from rheobase.errors import DataError, ParameterError, RheobaseError


def make(**changes) -> Dataset:
    parts = {
        "x_train": torch.rand(30, 4, 3),
        "y_train": torch.arange(30) % 3,
        "x_test": torch.rand(9, 4, 3),
        "y_test": torch.arange(9) % 3,
    }
    return Dataset("toy", **(parts | changes), classes=("a", "b", "c"))


def test_sizes():
    data = make()
    assert data.input_size == 12
    assert data.sample_shape == (4, 3)
    with pytest.raises(AttributeError):
        data.name = "other"


@pytest.mark.parametrize("count", [1, 7, 50, 99])
def test_stratified_takes_each_class_in_proportion(count):
    labels = torch.tensor([0] * 10 + [1] * 30 + [2] * 60)[torch.randperm(100)]
    chosen = stratified(labels, count, seed=3)
    assert len(chosen) == count == len(chosen.unique())
    assert torch.equal(chosen, chosen.sort().values)
    for label, size in enumerate((10, 30, 60)):
        got = int((labels[chosen] == label).sum())
        assert abs(got - count * size / 100) < 1


def test_stratified_chooses_evenly_within_a_class():
    labels = torch.zeros(20, dtype=torch.int64)
    hits = torch.zeros(20)
    for seed in range(2000):
        hits[stratified(labels, 5, seed)] += 1
    # 2000 draws of probability 1/4: standard deviation 19.4
    assert (hits - 500).abs().max() < 4.5 * 19.4


def test_split_is_a_partition_of_the_training_part_alone():
    data = make(x_train=torch.arange(30.0).view(30, 1) / 30, x_test=torch.ones(9, 1))
    (x, y), (x_held, y_held) = data.split(0.2, seed=5)
    assert len(x) == 24
    assert len(x_held) == 6
    assert torch.equal(torch.cat([x, x_held]).sort(0).values, data.x_train)
    assert torch.equal((x * 30).round().long().view(-1) % 3, y)
    assert torch.equal((x_held * 30).round().long().view(-1) % 3, y_held)
    assert y_held.bincount().tolist() == [2, 2, 2]


def test_split_depends_on_the_seed_alone():
    data = make()
    torch.manual_seed(0)
    first = data.split(seed=1)
    torch.manual_seed(1)
    assert all(torch.equal(a, b) for a, b in zip(first[1], data.split(seed=1)[1], strict=True))
    assert not torch.equal(first[1][0], data.split(seed=2)[1][0])


@pytest.mark.parametrize("validation", [0.0, 1.0, -0.1, 1.5, 0.001, float("nan"), float("inf")])
def test_split_that_leaves_a_part_empty(validation):
    with pytest.raises(ParameterError, match="validation"):
        make().split(validation)


def test_split_seed():
    with pytest.raises(ParameterError, match="seed"):
        make().split(seed=-1)


def test_limited_keeps_proportions_and_is_fixed():
    data = make()
    small = data.limited(6)
    assert len(small.x_train) == 6
    assert len(small.x_test) == 6
    assert small.y_train.bincount().tolist() == [2, 2, 2]
    assert torch.equal(small.x_train, data.limited(6).x_train)
    assert data.limited(1000).x_train is data.x_train
    for limit in (0, -3, 2.5, True):
        with pytest.raises(ParameterError, match="limit"):
            data.limited(limit)


def with_pixel(value: float) -> torch.Tensor:
    x = torch.rand(30, 4, 3)
    x[7, 1, 1] = value
    return x


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x_train": with_pixel(float("nan"))}, "1 images of x_train, the first is number 7"),
        ({"x_train": with_pixel(float("inf"))}, "NaN or infinity"),
        ({"x_train": with_pixel(255.0)}, "from .* to 255"),
        ({"x_train": with_pixel(-0.5)}, "from -0.5"),
        ({"x_train": torch.rand(29, 4, 3)}, "29 images in x_train and 30 labels in y_train"),
        ({"x_train": torch.rand(30)}, r"shape \(30,\)"),
        ({"x_train": torch.rand(30, 4, 3).double()}, "float64"),
        ({"x_test": torch.rand(9, 3, 4)}, r"samples of shape \(3, 4\)"),
        (
            {"x_test": torch.rand(0, 4, 3), "y_test": torch.zeros(0, dtype=torch.int64)},
            r"x_test of shape \(0, 4, 3\)",
        ),
        ({"y_train": torch.arange(30) % 4}, "from 0 to 3"),
        ({"y_test": torch.arange(9) - 1}, "from -1 to 7"),
        ({"y_train": torch.zeros(30)}, "float32"),
        ({"y_train": torch.zeros(30, 1, dtype=torch.int64)}, r"\(30, 1\)"),
    ],
)
def test_parts_that_do_not_fit(changes, words):
    with pytest.raises(DataError, match=words) as caught:
        make(**changes)
    assert isinstance(caught.value, RheobaseError)
    assert caught.value.remedy


def test_digits():
    data = digits()
    assert data.x_train.shape == (1438, 8, 8)
    assert data.x_test.shape == (359, 8, 8)
    assert data.x_train.max() == 1
    assert data.x_train.min() == 0
    assert data.classes == tuple("0123456789")
    assert data.input_size == 64
    share = data.y_train.bincount() / (data.y_train.bincount() + data.y_test.bincount())
    assert ((share - 0.8).abs() < 0.004).all()


def test_digits_split_never_changes():
    data = digits()
    # The sums identify the split: a changed one would mix test images into published training sets.
    assert int((data.x_test.sum((1, 2)) * 16 * torch.arange(1, 360)).sum()) == 20028976
    pixels = torch.cat([data.x_train, data.x_test]).flatten(1)
    assert float(pixels.sum() * 16) == 561718.0
