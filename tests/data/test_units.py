"""Events of units in a row: in memory in every form of time, and frames of neighbouring units together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rheobase.data import EventFrames, Shifted
from rheobase.data.events import StoredEvents
from rheobase.data.sets.join import Part, joined
from rheobase.errors import DataError, ParameterError, ShapeError

OFFSETS = np.array([0, 3, 3, 7])
UNIT = np.array([0, 4, 699, 5, 5, 9, 100], np.uint16)
TICKS = np.array([0, 199, 200, 10, 11, 399, 400], np.uint16)


def stored(t: np.ndarray = TICKS, tick_us: int = 50, **changed: np.ndarray) -> StoredEvents:
    return StoredEvents({"unit": UNIT, "t": t, "offsets": OFFSETS} | changed, (700,), "here", tick_us=tick_us)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("channels", [None, 140, 1, 700])
def test_frames(channels: int | None, binary: bool) -> None:
    events = stored()
    frames = EventFrames(2, bin_ms=10.0, binary=binary, channels=channels)
    out = frames(events[torch.tensor([2, 0, 1])])
    width = channels or 700
    assert out.shape == (2, 3, *frames.frame_shape(events)) == (2, 3, width)
    expected = torch.zeros(2, 3, width)
    for b, k in enumerate((2, 0, 1)):
        for n in range(OFFSETS[k], OFFSETS[k + 1]):
            if TICKS[n] < 400:  # 20 ms, the end
                expected[TICKS[n] // 200, b, int(UNIT[n]) * width // 700] += 1
    assert torch.equal(out, expected.clamp(max=1) if binary else expected)


def test_memory() -> None:
    events = stored()
    assert events._address.dtype == events._t.dtype == np.uint16
    assert stored(TICKS.astype(np.float16) / 1000)._t.dtype == np.float16
    assert stored(TICKS.astype(np.int64))._t.dtype == np.uint32
    assert events.take(np.array([2])).t.tolist() == [500, 550, 19_950, 20_000]


def test_float_seconds_fall_in_the_bin_of_their_exact_value() -> None:
    """Every float16 up to 2 s, against bins of integers of exact arithmetic."""
    t = np.arange(np.float16(2).view(np.uint16), dtype=np.uint16).view(np.float16)
    events = StoredEvents({"unit": np.zeros(len(t), np.uint8), "t": t, "offsets": [0, len(t)]}, (1,), "here")
    exact = (t.astype(np.float64) * 2**24).astype(np.int64).astype(object)  # float16 are multiples of 2^-24
    for bin_us in (1000, 4000, 10_000, 14_000):
        out = EventFrames(2_000_000 // bin_us + 1, bin_ms=bin_us / 1000)(events)
        bins = (exact * 1_000_000 // (bin_us * 2**24)).astype(np.int64)
        assert np.array_equal(out.flatten().numpy(), np.bincount(bins, minlength=len(out)))


@pytest.mark.parametrize("channels", [0, 141, 701, 2.5, True])
def test_channels_that_do_not_divide(channels: object) -> None:
    with pytest.raises(ParameterError, match="channels"):
        EventFrames(2, bin_ms=10.0, channels=channels)(stored())


def test_channels_are_of_units_and_shifts_of_pixels() -> None:
    camera = StoredEvents({"x": [0], "y": [0], "p": [0], "t": [0], "offsets": [0, 1]}, (1, 1, 2), "here")
    with pytest.raises(ParameterError, match="leave channels out"):
        EventFrames(2, bin_ms=10.0, channels=2)(camera)
    with pytest.raises(ShapeError, match="leave Shifted out"):
        Shifted(EventFrames(2, bin_ms=10.0), 1)(stored(), seed=0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"unit": UNIT + 1}, "unit from 1 to 700"),
        ({"unit": UNIT.astype(np.int64) - 1}, "unit from -1"),
        ({"unit": UNIT[1:]}, "lengths"),
        ({"unit": UNIT / 2}, "unit of shape"),
        ({"t": np.full(7, np.nan, np.float16)}, "t from nan"),
        ({"t": np.full(7, 5000.0)}, "t from 5000"),
        ({"t": np.full(7, -0.1)}, "t from -0.1"),
        ({"t": np.full(7, 2**32 // 50)}, "t from 85899345"),
        ({"t": np.array(["a"] * 7)}, "t of shape"),
        ({"offsets": OFFSETS[1:]}, "offsets from"),
        ({"offsets": OFFSETS / 1}, "offsets of shape"),
    ],
)
def test_events_that_do_not_fit(changed: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(DataError, match=said):
        stored(**changed)


def test_parts_go_on_where_the_one_before_ends() -> None:
    def part(source: str) -> Part:
        return Part(source, {"unit": UNIT, "t": TICKS, "offsets": OFFSETS.astype(np.uint8)}, torch.zeros(3))

    events = joined([part("a"), part("b"), part("c")], (700,), tick_us=50)
    assert events.sizes().tolist() == [3, 0, 4] * 3
    for k in range(9):
        assert all(map(np.array_equal, events.take(np.array([k])), stored().take(np.array([k % 3]))))
    broken = Part("b", {"unit": UNIT, "t": TICKS / 20_000, "offsets": OFFSETS}, torch.zeros(3))
    with pytest.raises(DataError, match="a, b: got t of dtypes uint16, float64"):
        joined([part("a"), broken], (700,))
