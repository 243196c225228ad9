"""Images moved by a few pixels: where they go, how often, and that nothing else changes."""

from __future__ import annotations

import pytest
import torch

from rheobase.data import Direct, EventFrames, Rate, Shifted
from rheobase.data.events import StoredEvents
from rheobase.errors import ParameterError, ShapeError


def dot(count: int) -> torch.Tensor:
    x = torch.zeros(count, 9, 9)
    x[:, 4, 4] = 1
    return x


def test_every_shift_is_as_likely() -> None:
    moved = Shifted(Direct(1), pixels=2)(dot(25_000), seed=1)[0]
    counts = moved.sum(0)[2:7, 2:7]
    assert counts.sum() == 25_000
    # 1000 expected in each of the 25 places: 4.5 standard deviations
    assert float((counts - 1000).abs().max()) < 4.5 * 31


def test_the_picture_stays_the_same() -> None:
    x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    x[..., :2, :] = x[..., -2:, :] = x[..., :2] = x[..., -2:] = 0
    moved = Shifted(Direct(1), pixels=2)(x, seed=5)[0]
    assert moved.shape == x.shape
    assert torch.equal(moved.flatten(1).sort(1).values, x.flatten(1).sort(1).values)
    for before, after in zip(x, moved, strict=True):
        spots = [torch.roll(before, (a, b), (-2, -1)) for a in range(-2, 3) for b in range(-2, 3)]
        assert any(torch.equal(after, spot) for spot in spots)


def test_a_shift_follows_from_seed_and_index() -> None:
    encoder = Shifted(Rate(5), pixels=1)
    x = dot(40)
    whole = encoder(x, seed=7, index=torch.arange(40))
    assert torch.equal(whole[:, 10:20], encoder(x[10:20], seed=7, index=torch.arange(10, 20)))
    assert not torch.equal(whole, encoder(x, seed=8, index=torch.arange(40)))
    assert eval(repr(encoder)) == encoder
    assert encoder.steps == 5


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="pixels"):
        Shifted(Direct(1), pixels=0)
    with pytest.raises(ShapeError, match="height, width"):
        Shifted(Direct(1))(torch.rand(3, 64), seed=0)


def test_recordings_move_as_their_frames_would() -> None:
    """All events of a recording together; those that leave the frame are lost."""
    generator = torch.Generator().manual_seed(3)
    y, x, p, t = (torch.randint(n, (400,), generator=generator).numpy() for n in (5, 7, 2, 9000))
    events = StoredEvents({"x": x, "y": y, "p": p, "t": t, "offsets": [0, 150, 150, 400]}, (2, 5, 7), "here")
    frames = EventFrames(3, bin_ms=2.0)
    still, moved = frames(events), Shifted(frames, pixels=2)(events, seed=4, index=torch.tensor([5, 6, 9]))
    offsets = []
    for sample in range(3):
        wide = torch.nn.functional.pad(still[:, sample], (2, 2, 2, 2))
        spots = {(a, b): wide[..., a : a + 5, b : b + 7] for a in range(5) for b in range(5)}
        offsets.append([spot for spot, frame in spots.items() if torch.equal(frame, moved[:, sample])])
    assert len(offsets[0]) == len(offsets[2]) == 1
    assert offsets[0] != offsets[2]
    assert not moved[:, 1].any()
