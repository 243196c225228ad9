"""Images changed by chance: what is done, how often, and that it follows from seed and index."""

from __future__ import annotations

import sys
import types

import pytest
import torch

from rheobase.data import Augmented, AutoAugmented, Cutout, Direct, Encoder, Flipped, Rate, Shifted
from rheobase.errors import BackendUnavailable, InputError, ParameterError, ShapeError

X = torch.rand(40, 3, 8, 10, generator=torch.Generator().manual_seed(0))
KINDS: list[Augmented] = [Flipped(Rate(5)), Cutout(Rate(5), 4)]


def test_half_of_the_images_are_mirrored() -> None:
    x = torch.tensor([[0.0, 1.0]]).expand(10_000, 1, 2)
    mirrored = Flipped(Direct(1))(x, seed=1)[0, :, 0, 0]
    # 5000 expected: 4.5 standard deviations
    assert abs(float(mirrored.sum()) - 5000) < 4.5 * 50
    for before, after in zip(X, Flipped(Direct(1))(X, seed=3)[0], strict=True):
        assert torch.equal(after, before) or torch.equal(after, before.flip(-1))


@pytest.mark.parametrize("pixels", [1, 2, 3, 4])
def test_squares_are_cut_anywhere(pixels: int) -> None:
    x = torch.ones(20_000, 1, 5, 6)
    black = 1 - Cutout(Direct(1), pixels)(x, seed=2)[0, :, 0]
    rows, columns = black.amax(2).sum(1), black.amax(1).sum(1)
    assert torch.equal(rows * columns, black.sum((1, 2)))
    assert int(rows.max()) == pixels == int(columns.max())
    # the middle is as often in each place: so often is each pixel covered
    reach = torch.arange(-(pixels // 2), pixels - pixels // 2)
    for axis, size in ((black.amax(2), 5), (black.amax(1), 6)):
        expected = [sum(0 <= int(at - r) < size for r in reach) / size for at in range(size)]
        assert axis.mean(0).tolist() == pytest.approx(expected, abs=4.5 * 0.5 / 20_000**0.5)


@pytest.mark.parametrize("encoder", KINDS, ids=lambda one: type(one).__name__)
def test_a_change_follows_from_seed_and_index(encoder: Augmented) -> None:
    whole = encoder(X, seed=7, index=torch.arange(40))
    assert torch.equal(whole[:, 10:20], encoder(X[10:20], seed=7, index=torch.arange(10, 20)))
    assert not torch.equal(whole, encoder(X, seed=8, index=torch.arange(40)))
    assert eval(repr(encoder)) == encoder
    assert encoder.steps == 5
    assert isinstance(encoder, Encoder)


def test_they_nest_and_have_draws_of_their_own() -> None:
    nested = Shifted(Flipped(Cutout(Direct(2), 3)), 2)(X, seed=1)
    assert nested.shape == (2, 40, 3, 8, 10)
    assert torch.equal(nested[0], nested[1])
    keys = {Flipped.key, Cutout.key, AutoAugmented.key}
    assert len(keys) == 3


@pytest.mark.parametrize("kind", [Flipped, Cutout])
def test_refusals(kind: type[Augmented]) -> None:
    with pytest.raises(ShapeError, match="height, width"):
        kind(Direct(1))(torch.rand(3, 64), seed=0)
    with pytest.raises(InputError, match="0, 1"):
        kind(Direct(1))(2 * X, seed=0)
    with pytest.raises(ParameterError, match="seed"):
        kind(Direct(1))(X, seed=-1)
    with pytest.raises(ParameterError, match="pixels"):
        Cutout(Direct(1), 0)


# --- AutoAugment: torchvision need not be there -------------------------------------------------------
def test_without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.transforms", None)
    with pytest.raises(BackendUnavailable, match="pip install torchvision"):
        AutoAugmented(Direct(1))


@pytest.fixture
def standing_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of torchvision: a policy that adds a number drawn from torch's generator to 8-bit images."""

    class AutoAugment:
        def __init__(self, policy: str):
            self.policy = policy

        def __call__(self, image: torch.Tensor) -> torch.Tensor:
            assert image.dtype == torch.uint8
            return (image // 2 + torch.randint(0, 100, (1,))).to(torch.uint8)

    fake = types.ModuleType("torchvision.transforms")
    fake.AutoAugment = AutoAugment  # type: ignore[attr-defined]
    fake.AutoAugmentPolicy = types.SimpleNamespace(CIFAR10="c", IMAGENET="i", SVHN="s")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.transforms", fake)


@pytest.mark.usefixtures("standing_in")
def test_policies_draw_by_seed_and_index_and_leave_the_generator() -> None:
    encoder, before = AutoAugmented(Direct(1)), torch.get_rng_state()
    whole = encoder(X, seed=7, index=torch.arange(40))[0]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(whole[10:20], encoder(X[10:20], seed=7, index=torch.arange(10, 20))[0])
    added = 255 * whole - (255 * X).round() // 2
    assert len(added.round().flatten(1)[:, 0].unique()) > 10


@pytest.mark.usefixtures("standing_in")
def test_refusals_of_policies() -> None:
    with pytest.raises(ParameterError, match="did you mean 'cifar10'"):
        AutoAugmented(Direct(1), "cifar")
    with pytest.raises(ShapeError, match="1 or 3"):
        AutoAugmented(Direct(1))(X[:, :2], seed=0)
