from __future__ import annotations

import math

import pytest
import torch

from rheobase.data import Direct, Encoder, Latency, Rate, Thermometer
from rheobase.errors import DTypeError, InputError, ParameterError, RheobaseError, ShapeError

ALL = [Rate(12, gain=0.5, silent=2), Latency(12, silent=2), Thermometer(12, silent=2), Direct(12)]
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("encoder", ALL)
def test_contract(encoder):
    assert isinstance(encoder, Encoder)
    assert encoder.steps == 12
    assert eval(repr(encoder)) == encoder
    with pytest.raises(AttributeError):
        encoder.steps = 3
    for shape in ((3, 5), (3, 2, 4, 4), (1, 1)):
        for dtype in DTYPES:
            x = torch.rand(shape).to(dtype)
            out = encoder(x, seed=1)
            assert out.shape == (12, *shape)
            assert out.dtype == dtype


@pytest.mark.parametrize("encoder", ALL)
@pytest.mark.parametrize(
    ("x", "kind", "words"),
    [
        (torch.tensor([[0.2, float("nan")]]), InputError, "1 values of x"),
        (torch.tensor([[0.2, float("inf"), float("-inf")]]), InputError, "2 values of x"),
        (torch.tensor([[0.2, float("-inf")]]), InputError, "1 values of x"),
        (torch.tensor([[0.2, 255.0]]), InputError, "from 0.2 to 255"),
        (torch.tensor([[-0.1, 0.5]]), InputError, "from -0.1"),
        (torch.tensor([[0, 255]], dtype=torch.uint8), DTypeError, "uint8"),
        (torch.tensor([[True]]), DTypeError, "bool"),
        ([[0.5]], DTypeError, "type list"),
        (torch.rand(5), ShapeError, r"shape \(5,\)"),
        (torch.rand(0, 5), ShapeError, r"shape \(0, 5\)"),
        (torch.rand(5, 0), ShapeError, r"shape \(5, 0\)"),
    ],
)
def test_bad_input(encoder, x, kind, words):
    with pytest.raises(kind, match=words) as caught:
        encoder(x, seed=0)
    assert isinstance(caught.value, RheobaseError)
    assert type(encoder).__name__ in caught.value.obj


@pytest.mark.parametrize("encoder", ALL)
def test_bad_seed_and_index(encoder):
    x = torch.rand(3, 4)
    for seed in (-1, 2**64, 1.5, True, None):
        with pytest.raises(ParameterError, match="seed"):
            encoder(x, seed=seed)
    for index, kind in (
        (torch.arange(4), ShapeError),
        (torch.zeros(3, 1, dtype=torch.int64), ShapeError),
        (torch.zeros(3), DTypeError),
        ([0, 1, 2], DTypeError),
    ):
        with pytest.raises(kind, match="index"):
            encoder(x, seed=0, index=index)


@pytest.mark.parametrize("make", [Rate, Latency, Thermometer, Direct])
@pytest.mark.parametrize("steps", [0, -1, 2.5, True, None, "3"])
def test_bad_steps(make, steps):
    with pytest.raises(ParameterError, match="steps"):
        make(steps)


def test_bad_options():
    for make in (Rate, Latency, Thermometer):
        for silent in (-1, 5, 6, 0.5):
            with pytest.raises(ParameterError, match="silent"):
                make(5, silent=silent)
    for gain in (0, -0.5, 1.01, float("nan"), float("inf"), "1", None, True):
        with pytest.raises(ParameterError, match="gain"):
            Rate(5, gain=gain)


def test_latency_brighter_is_earlier_and_zero_is_silent():
    x = torch.tensor([[1.0, 0.75, 0.5, 0.25, 1e-6, 0.0]])
    spikes = Latency(9, silent=4)(x)
    assert spikes.sum(0).tolist() == [[1, 1, 1, 1, 1, 0]]
    assert spikes.argmax(0).tolist()[0][:5] == [4, 5, 6, 7, 8]
    assert Latency(1)(x).tolist() == [[[1, 1, 1, 1, 1, 0]]]


def test_latency_on_all_grey_levels_keeps_their_order():
    x = torch.arange(256).view(1, 256) / 255
    when = Latency(256)(x).argmax(0)[0, 1:]
    assert torch.equal(when, torch.arange(254, -1, -1))


def test_a_thermometer_stands_as_high_as_a_value():
    x = torch.arange(256).view(1, 256) / 255
    spikes = Thermometer(9, silent=4)(x)
    assert torch.equal(spikes.sum(0), (5 * x.double()).round().float())
    assert torch.equal(spikes[4:].cumprod(0), spikes[4:]), "no gap in a column"
    assert not spikes[:4].any()


def test_direct_is_a_view_that_passes_gradients():
    x = torch.rand(2, 3, requires_grad=True)
    out = Direct(7)(x)
    assert out.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    assert out.stride(0) == 0
    out.sum().backward()
    assert torch.equal(x.grad, torch.full((2, 3), 7.0))


def test_rate_has_no_gradient():
    assert not Rate(5)(torch.rand(2, 3, requires_grad=True), seed=0).requires_grad


def test_rate_zero_never_and_one_always_spikes():
    # 3.2 million draws each: one level of 2^-16 off would show some 49 times.
    x = torch.tensor([0.0, 1.0]).repeat_interleave(64)[None]
    spikes = Rate(50_000)(x, seed=3)
    assert spikes[..., :64].sum() == 0
    assert (spikes[..., 64:] == 1).all()


@pytest.mark.parametrize(
    "encoder",
    [Rate(9, silent=4), Rate(9, silent=8), Latency(9, silent=4), Latency(9, silent=8), Thermometer(9, silent=4)],
)
def test_every_value_is_written_and_silent_steps_are_empty(encoder):
    torch.use_deterministic_algorithms(True)  # fills new memory with NaN
    try:
        out = encoder(torch.rand(5, 7), seed=0)
    finally:
        torch.use_deterministic_algorithms(False)
    assert set(out.unique().tolist()) == {0, 1}
    assert (out[: encoder.silent] == 0).all()


def test_rate_resolution_is_what_the_docstring_says():
    # Below half a level of 2^-16 a feature is silent; above it has exactly one level.
    x = torch.full((1, 2), 0.49 / 65536)
    x[0, 1] = 0.51 / 65536
    spikes = Rate(4_000_000)(x, seed=0).sum(0)[0]
    assert spikes[0] == 0
    assert abs(spikes[1] - 4e6 / 65536) < 5 * math.sqrt(4e6 / 65536)


@pytest.mark.parametrize("features", [1, 2, 7, 64])
def test_rate_does_not_depend_on_batch_shape_or_length(features):
    x = torch.rand(20, features)
    encoder, index = Rate(40, gain=0.6), torch.arange(100, 120)
    whole = encoder(x, seed=9, index=index)
    pieces = [encoder(x[k : k + 3], seed=9, index=index[k : k + 3]) for k in range(0, 20, 3)]
    assert torch.equal(whole, torch.cat(pieces, 1))
    order = torch.randperm(20)
    assert torch.equal(whole[:, order], encoder(x[order], seed=9, index=index[order]))
    assert torch.equal(whole, encoder(x.view(20, 1, features, 1), seed=9, index=index).flatten(2))
    assert torch.equal(whole[:25], Rate(25, gain=0.6)(x, seed=9, index=index))
    assert torch.equal(whole[7:], Rate(40, gain=0.6, silent=7)(x, seed=9, index=index)[7:])
    assert torch.equal(whole, encoder(x, seed=9, index=index.int()))
    assert torch.equal(encoder(x, seed=9), encoder(x, seed=9, index=torch.arange(20)))


def test_rate_does_not_depend_on_tiles_threads_layout_or_torch_seed(monkeypatch):
    x = torch.rand(33, 41)
    encoder = Rate(50, gain=0.7)
    whole = encoder(x, seed=1)
    torch.manual_seed(123)
    assert torch.equal(whole, encoder(x.T.contiguous().T, seed=1))
    for tile in (1, 50, 1000, 10**9):
        monkeypatch.setattr("rheobase.data.encoding.encoders._TILE_CPU", tile)
        assert torch.equal(whole, encoder(x, seed=1))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert torch.equal(whole, encoder(x, seed=1))
    finally:
        torch.set_num_threads(threads)


def draw_in_plain_integers(seed: int, index: int, step: int, feature: int) -> int:
    """The 16 bits of one draw, 0 to 65535, written with Python's unbounded integers."""
    u32, u64 = (1 << 32) - 1, (1 << 64) - 1

    def mix64(z: int) -> int:
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & u64
        z = (z ^ z >> 27) * 0x94D049BB133111EB & u64
        return z ^ z >> 31

    def stream(key: int, position: int) -> int:
        return mix64(key + (position + 1) * 0x9E3779B97F4A7C15 & u64)

    def mix32(z: int, key: int) -> int:
        z = (z ^ z >> 16) * 0x7FEB352D + key & u32
        z = (z ^ z >> 15) * 0x846CA68B & u32
        return z ^ z >> 16

    lane, half = divmod(feature, 2)
    keys = stream(stream(mix64(seed), index), lane)
    word = mix32((keys & u32) + mix32(step, 0) & u32, keys >> 32)
    bits = word >> 16 * half & 0xFFFF
    return (bits + 32768) % 65536  # read as int16, compared with level - 32768


@pytest.mark.parametrize("seed", [0, 2026, 2**63 + 5, 2**64 - 1])
def test_rate_is_the_documented_hash(seed):
    # Holds the arithmetic on signed tensors to the unsigned definition, and the definition to what was released.
    x = torch.rand(3, 7, generator=torch.Generator().manual_seed(1))
    index = torch.tensor([0, 7, 2**40])
    spikes = Rate(50)(x, seed=seed, index=index)
    level = (x * 65536).round().long()
    for step in range(50):
        for sample in range(3):
            for feature in range(7):
                draw = draw_in_plain_integers(seed, int(index[sample]), step, feature)
                assert bool(spikes[step, sample, feature]) == (draw < int(level[sample, feature]))


def test_rate_never_changes_between_releases():
    spikes = Rate(8)(torch.full((3, 5), 0.5), seed=2026, index=torch.tensor([0, 7, 2**40]))
    words = (spikes.flatten(1).long() * 2 ** torch.arange(15)).sum(1)
    assert words.tolist() == [11842, 21684, 23797, 1469, 2850, 3198, 29332, 29235]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_rate_is_the_same_on_a_gpu():
    x = torch.rand(33, 41).round(decimals=2)
    assert torch.equal(Rate(50, gain=0.7)(x, seed=1), Rate(50, gain=0.7)(x.cuda(), seed=1).cpu())
