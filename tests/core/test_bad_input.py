"""Everything a user can get wrong in a call or a construction ends in one clear error."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import Noisy, Refractory, neurons, nn
from rheobase.errors import (
    BackendUnavailable,
    DeviceError,
    DTypeError,
    InputError,
    ParameterError,
    RheobaseError,
    ShapeError,
    StateError,
)
from tests.contract.models import Model, every_model, fed, named

BACKENDS = pytest.mark.parametrize("backend", ["reference", "llvm"])


def lif(**options: Any) -> neurons.LIF:
    return neurons.LIF(3, dt=1.0, **options)


def says(error: RheobaseError, *words: str) -> None:
    """All four parts are there, and the message has these words."""
    for part in (error.obj, error.given, error.expected, error.remedy):
        assert part.strip()
    for word in words:
        assert word in str(error), f"{word!r} is not in: {error}"


# --- the current --------------------------------------------------------------------------------------


@BACKENDS
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@every_model
def test_not_finite(model: Model, value: float, backend: str) -> None:
    """Nothing comes out, and the first place is named."""
    neuron = model.make(37, dtype=torch.float32)
    current = model.current(6, 3, 37, dtype=torch.float32)
    for name in neuron.entries:
        inputs = named(neuron, current)
        inputs[name][4, 2, 36] = inputs[name][3, 1, 5] = value
        with pytest.raises(InputError) as caught:
            neuron(inputs, backend=backend)
        says(caught.value, f"{name}[3, 1, 5]", str(value), "2 such values", type(neuron).__name__)


@BACKENDS
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16], ids=str)
def test_not_finite_in_other_types(dtype: torch.dtype, backend: str) -> None:
    neuron = lif().to(torch.float64 if dtype == torch.float64 else torch.float32)
    current = torch.zeros(4, 2, 3, dtype=dtype)
    current[1, 1, 2] = float("inf")
    with pytest.raises(InputError, match=r"current\[1, 1, 2\]"):
        neuron(current, backend=backend)


@BACKENDS
def test_large_finite_input_is_no_error(backend: str) -> None:
    out, _ = lif()(torch.full((3, 1, 3), 3e38), backend=backend)
    assert bool((out == 1).all())


@pytest.mark.parametrize("shape", [(3,), (5, 3), (5, 1, 1, 3)])
def test_rank(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as caught:
        lif()(torch.zeros(shape))
    says(caught.value, "LIF(3", str(shape), "(time, batch, 3)", "time is the first axis")


def test_features() -> None:
    with pytest.raises(ShapeError) as caught:
        lif()(torch.zeros(5, 2, 4))
    says(caught.value, "(5, 2, 4)", "(time, batch, 3)")
    with pytest.raises(ShapeError):
        neurons.LIF(3, 4, dt=1.0)(torch.zeros(5, 2, 4, 3))


@pytest.mark.parametrize(("shape", "word"), [((0, 2, 3), "time = 0"), ((5, 0, 3), "empty batch")])
def test_empty(shape: tuple[int, ...], word: str) -> None:
    with pytest.raises(ShapeError) as caught:
        lif()(torch.zeros(shape))
    says(caught.value, word)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64], ids=str)
def test_not_floating(dtype: torch.dtype) -> None:
    with pytest.raises(DTypeError) as caught:
        lif()(torch.zeros(5, 2, 3, dtype=dtype))
    says(caught.value, str(dtype), ".float()")


@pytest.mark.parametrize("given", [[[[0.0, 0.0, 0.0]]], None, 1.0])
def test_not_a_tensor(given: object) -> None:
    with pytest.raises(DTypeError) as caught:
        lif()(given)  # type: ignore[arg-type]
    says(caught.value, type(given).__name__)


def test_precision() -> None:
    with pytest.raises(DTypeError) as caught:
        lif()(torch.zeros(5, 2, 3, dtype=torch.float64))
    says(caught.value, "float64", ".double()")
    with pytest.raises(DTypeError) as caught:
        lif().double()(torch.zeros(5, 2, 3))
    says(caught.value, "float32", ".double()")


def test_device() -> None:
    with pytest.raises(DeviceError) as caught:
        lif()(torch.zeros(5, 2, 3, device="meta"))
    says(caught.value, "meta", "cpu")


# --- the state ----------------------------------------------------------------------------------------


def test_state_of_another_batch() -> None:
    _, state = lif()(torch.zeros(5, 2, 3))
    with pytest.raises(StateError) as caught:
        lif()(torch.zeros(5, 4, 3), state)
    says(caught.value, "state v", "(2, 3)", "(4, 3)", "None")


def test_state_of_another_dtype() -> None:
    _, state = lif().double()(torch.zeros(5, 2, 3, dtype=torch.float64))
    with pytest.raises(StateError) as caught:
        lif()(torch.zeros(5, 2, 3), state)
    says(caught.value, "float64", "float32")


def test_state_on_another_device() -> None:
    state = lif().rest(2)
    with pytest.raises(StateError) as caught:
        lif()(torch.zeros(5, 2, 3), type(state)(v=state.v.to("meta")))
    says(caught.value, "meta", "cpu")


@pytest.mark.parametrize("state", [neurons.CubaLIF(3, dt=1.0).rest(2), (torch.zeros(2, 3),), torch.zeros(2, 3), 0.0])
def test_state_of_another_neuron(state: object) -> None:
    with pytest.raises(StateError) as caught:
        lif()(torch.zeros(5, 2, 3), state)
    says(caught.value, "('v',)")


@pytest.mark.parametrize("v", [0.0, None, [[0.0, 0.0, 0.0]] * 2])
def test_state_that_holds_no_tensor(v: object) -> None:
    with pytest.raises(StateError, match="state v"):
        lif()(torch.zeros(5, 2, 3), neurons.LIF.State(v=v))


def test_where_the_noise_stands() -> None:
    neuron = Noisy(lif())
    rest = neuron.rest(2)
    for rng in (torch.zeros(2), torch.zeros(3, dtype=torch.int64), 3):
        with pytest.raises(StateError, match="state rng"):
            neuron(torch.zeros(5, 2, 3), rest._replace(rng=rng))


# --- construction ----------------------------------------------------------------------------------------


@every_model
def test_unknown_parameter(model: Model) -> None:
    """The nearest known one is named."""
    for name in model.params:
        with pytest.raises(ParameterError) as caught:
            model.cls(3, **model.clock(), **{name + "x": 1.0})
        says(caught.value, repr(name + "x"), f"did you mean '{name}'?")


@every_model
def test_bad_values(model: Model) -> None:
    for name, spec in model.params.items():
        bad: list[Any] = [
            float("nan"),
            float("inf"),
            True,
            "1.0",
            None,
            [1.0, 2.0],
            torch.ones(2),
            torch.ones(1, 3),
            1j,
        ]
        bad += [torch.tensor([1.0, float("nan"), 1.0]), torch.ones(3, dtype=torch.bool), torch.ones(3) + 1j]
        if spec.positive:
            bad += [0.0, -1.0, torch.tensor([1.0, -1.0, 1.0])]
        if spec.range is not None:
            bad += [spec.range[0] - 0.1, spec.range[1] + 0.1]
        for learn in ((), (name,)):
            for value in bad:
                with pytest.raises(ParameterError, match=name):
                    model.cls(3, **model.clock(), learn=learn, **{name: value})
            # SRC's gates are 0 by default, an end of their range, from which nothing is learned
            start = {} if spec.range is None else {name: 0.5 * sum(spec.range)}
            neuron = model.cls(3, **model.clock(), learn=learn, **start)
            before = getattr(neuron, name).clone()
            for value in bad:
                with pytest.raises(ParameterError, match=name):
                    setattr(neuron, name, value)
            assert torch.equal(getattr(neuron, name), before)


@pytest.mark.parametrize("dt", [0, 0.0, None, -1.0, float("nan"), float("inf"), True, "1", 1j, torch.ones(2)])
def test_dt(dt: object) -> None:
    with pytest.raises(ParameterError) as caught:
        neurons.LIF(3, dt=dt)  # type: ignore[arg-type]
    says(caught.value, "LIF", "dt", "ms")
    with pytest.raises(ParameterError):
        lif().dt = dt  # type: ignore[assignment]


def test_dt_of_a_paper_that_counts_in_steps() -> None:
    with pytest.raises(ParameterError) as caught:
        neurons.AdLIF(3, dt=1.0)
    says(caught.value, "steps", "leave dt out")


@pytest.mark.parametrize("shape", [(), (0,), (-3,), (2.0,), (True,), ("3",), ((),), (None,), (3, 0)])
def test_shape(shape: tuple[Any, ...]) -> None:
    with pytest.raises(ParameterError) as caught:
        neurons.LIF(*shape, dt=1.0)
    says(caught.value, "shape", "LIF(128)")


@pytest.mark.parametrize(
    "options",
    [
        dict(integrator="euler"),
        dict(integrator=type(lif().integrator)),
        dict(detach_reset="no"),
        dict(detach_reset=1),
        dict(learn=3),
        dict(learn=(3,)),
        dict(learn=True),
    ],
    ids=str,
)
def test_options(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(options))):
        lif(**options)


def test_wrappers() -> None:
    for wrap in (Noisy, Refractory):
        with pytest.raises(ParameterError, match="a neuron"):
            wrap(torch.nn.Linear(3, 3))  # type: ignore[arg-type]
    for bad in (0.0, -1.0, float("nan"), True, "1", torch.ones(2), None):
        with pytest.raises(ParameterError, match="tau_refrac"):
            Refractory(lif(), tau_refrac=bad)  # type: ignore[arg-type]
    for bad in (float("nan"), True, "1", torch.ones(2), None):
        with pytest.raises(ParameterError, match="sigma"):
            Noisy(lif(), sigma=bad)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="w"):
        Refractory(lif(), hold=("w",))
    with pytest.raises(ParameterError, match=r"v\.pre"):
        Refractory(lif(), hold=("v.pre",))
    with pytest.raises(ParameterError, match="spikes"):
        Refractory(neurons.LI(3, dt=1.0))
    with pytest.raises(ParameterError, match="tau_refrac"):
        Refractory(Refractory(lif()))


# --- the call ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [("u",), ("v", "v.post"), ("v_pre",), "v", ("v", "v"), (3,)], ids=str)
def test_record(record: Any) -> None:
    with pytest.raises(ParameterError, match="record"):
        lif()(torch.zeros(5, 2, 3), record=record)


def test_record_names_the_nearest() -> None:
    with pytest.raises(ParameterError, match=r"did you mean 'i_syn'\?"):
        neurons.CubaLIF(3, dt=1.0)(torch.zeros(5, 2, 3), record=("isyn",))


def test_where_the_noise_stands_is_no_trace() -> None:
    with pytest.raises(ParameterError, match="record 'rng'"):
        Noisy(lif())(torch.zeros(5, 2, 3), record=("rng",))


@pytest.mark.parametrize(
    "lengths",
    [
        torch.tensor([1.0, 2.0]),
        torch.tensor([1, 2, 3]),
        torch.tensor([[1, 2]]),
        torch.tensor([True, False]),
        torch.tensor([-1, 2]),
        torch.tensor([6, 2]),
        [1, 2],
        5,
    ],
    ids=str,
)
def test_lengths(lengths: Any) -> None:
    with pytest.raises((ShapeError, ParameterError), match="lengths"):
        lif()(torch.zeros(5, 2, 3), lengths=lengths)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16], ids=str)
def test_lengths_of_few_bits(dtype: torch.dtype) -> None:
    """A step of 256, or what is left of 20 after 50, is another number in them."""
    lengths = torch.tensor([20, 100], dtype=dtype)
    x = torch.zeros(300, 2, 3)
    layers: list[Any] = [
        lif(),
        nn.Recurrent(lif()),
        nn.Delay(3, taps=4),
        nn.SlidingPSN(3, order=2),
        nn.Chunked(nn.Sequential(lif()), steps=50),
        nn.Graph({"a": lif()}, [("input", "a"), ("a", "output")]),
    ]
    for layer in layers:
        with pytest.raises(DTypeError, match=rf"lengths of {dtype}.*call \.long\(\)"):
            layer(x, lengths=lengths)
        assert torch.equal(layer(x, lengths=lengths.int())[0], layer(x, lengths=lengths.long())[0])


def test_lengths_on_another_device() -> None:
    with pytest.raises(DeviceError, match="lengths"):
        lif()(torch.zeros(5, 2, 3), lengths=torch.ones(2, dtype=torch.int64, device="meta"))


@pytest.mark.parametrize("backend", ["llmv", "numba", "", None, 3])
def test_unknown_backend(backend: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        lif()(torch.zeros(5, 2, 3), backend=backend)
    says(caught.value, repr(backend), "llvm", "reference", "auto")


def test_triton_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(BackendUnavailable) as caught:
        lif()(torch.zeros(5, 2, 3), backend="triton")
    says(caught.value, "triton", "cpu", "auto")


@every_model
def test_a_refused_call_leaves_no_trace(model: Model) -> None:
    neuron = model.make(4)
    current = model.current(5, 2, 4)
    expected, _ = neuron(fed(neuron, current))
    for bad in (current[:, :, :3], current[:0], current * float("nan")):
        with pytest.raises(RheobaseError):
            neuron(fed(neuron, bad))
    assert torch.equal(neuron(fed(neuron, current))[0], expected)
