"""The compartment of a Loihi core: hand-computed steps, whole numbers beside it, and the stored layers of Lava-DL."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase import Refractory, nn
from rheobase.chip.loihi import Compartment, synapses
from rheobase.errors import Diverged, DTypeError, InputError, ParameterError
from tests.chip.loihi_arithmetic import HALF, drawn, whole

DATA = Path(os.environ.get("RHEOBASE_DATA", "data"))
FOLDER, TRACES = DATA / "oracle_lava", DATA / "oracle_nir" / "01_lif"
stored = pytest.mark.skipif(not FOLDER.is_dir(), reason="no oracle_lava/ in RHEOBASE_DATA")
BACKENDS = ("reference", "llvm")


def made(registers: dict[str, Any], **more: Any) -> Compartment:
    values = {k: x if isinstance(x, int) else torch.as_tensor(x) for k, x in registers.items()}
    return Compartment(len(registers["decay_u"]), **values, **more)


@pytest.mark.parametrize("backend", BACKENDS)
def test_by_hand(backend: str) -> None:
    """u: 64 * 3 = 192, then trunc(192 * 3/4) = 144, 108, 81, trunc(60.75) = 60, 45, trunc(33.75) = 33."""
    n = Compartment(2, decay_u=1024, decay_v=2048, vth_mant=4)
    i = torch.zeros(7, 1, 2)
    i[0, 0] = torch.tensor([3.0, -3.0])
    spikes, _, rec = n(i, record=("u", "v.pre"), backend=backend)
    assert rec.u[:, 0, 0].tolist() == [192, 144, 108, 81, 60, 45, 33]
    # v: 192, 96 + 144 = 240, 120 + 108 = 228, 114 + 81 = 195, 97 + 60 = 157, 78 + 45 = 123, 61 + 33 = 94
    assert rec.v_pre[:, 0, 0].tolist() == [192, 240, 228, 195, 157, 123, 94]
    # towards zero: the negative neuron is the mirror of the other
    assert torch.equal(rec.u[..., 1], -rec.u[..., 0])
    assert torch.equal(rec.v_pre[..., 1], -rec.v_pre[..., 0])
    assert not spikes.any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_spike_is_above_the_threshold_not_at_it(backend: str) -> None:
    i = torch.tensor([[4.0, 5.0]]).view(1, 1, 2)
    spikes, end, rec = Compartment(2, vth_mant=4)(i, record=("v.pre",), backend=backend)
    assert spikes.flatten().tolist() == [0.0, 1.0]
    assert rec.v_pre.flatten().tolist() == [256.0, 320.0]
    assert end.v.flatten().tolist() == [256.0, 0.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_current_wraps_around_and_the_potential_stops(backend: str) -> None:
    """Without decay, u grows by 64 * 32767 a step: the fifth is 2^23 + 2^21 - 320 - 2^24 = -6291776."""
    n = Compartment(1, decay_u=0, decay_v=0, vth_mant=131071)
    spikes, _, rec = n(torch.full((5, 1, 1), 32767.0), record=("u", "v.pre"), backend=backend)
    assert rec.u.flatten().tolist() == [2097088, 4194176, 6291264, 8388352, -6291776]
    # 131071 * 64 = 8388544, below the end of v
    assert rec.v_pre.flatten().tolist() == [2097088, 6291264, 8388607, 8388352, 8388352 - 6291776]
    assert spikes.flatten().tolist() == [0, 0, 1, 0, 0]
    # 2^23 is the upper end of u, and what is one unit of a weight above or below the ends comes in on the other side
    n = Compartment(4, decay_u=0, decay_v=4096)
    start = torch.tensor([[HALF - 64.0, HALF - 64.0, 128.0 - HALF, 64.0 - HALF]])
    _, end = n(torch.tensor([1.0, 2.0, -1.0, -1.0]).view(1, 1, 4), n.State(start, start * 0), backend=backend)
    assert end.u.tolist() == [[HALF, 64 - HALF, 64 - HALF, HALF]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("seed", range(3))
def test_every_bit_of_whole_numbers(seed: int, backend: str, dtype: torch.dtype) -> None:
    i, registers = drawn(seed)
    z, u, v = whole(i, **registers)
    assert z.sum() > 1000
    assert np.abs(u).max() > 2**22
    assert np.abs(v).max() == HALF - 1
    given = torch.as_tensor(i).to(dtype)[:, None]
    spikes, _, rec = made(registers).to(dtype)(given, record=("u", "v.pre"), backend=backend)
    for found, expected in ((spikes, z), (rec.u, u), (rec.v_pre, v)):
        assert np.array_equal(found[:, 0].numpy(), expected)


def test_a_refractory_period_holds_the_potential_at_zero() -> None:
    i, registers = drawn(7)
    z, u, _ = whole(i, period=5, **registers)
    neuron = Refractory(made(registers), tau_refrac=4.0)
    spikes, _, rec = neuron(torch.as_tensor(i).float()[:, None], record=("u",))
    assert z.sum() > 300
    assert np.array_equal(spikes[:, 0].numpy(), z)
    assert np.array_equal(rec.u[:, 0].numpy(), u)


def test_gradients_are_those_of_the_equations_without_rounding() -> None:
    i, registers = drawn(3, n=20, steps=12)
    registers["bias_exp"] = 3
    learn = ("decay_u", "decay_v", "vth_mant", "bias_mant")
    found = []
    for backend in BACKENDS:
        neuron = made({k: np.clip(x, 1, 4000) if k != "bias_exp" else x for k, x in registers.items()}, learn=learn)
        x = torch.as_tensor(i).double()[:, None].clamp(-100, 100).requires_grad_()
        spikes, end = neuron.double()(x, backend=backend)
        (spikes.sum() + 1e-3 * end.u.sum() + 1e-3 * end.v.sum()).backward()
        found.append({"x": x.grad, **{k: p.grad for k, p in neuron.named_parameters()}})
    for name, expected in found[0].items():
        assert expected is not None
        assert float(expected.abs().max()) > 0.0
        torch.testing.assert_close(found[1][name], expected, rtol=1e-9, atol=1e-12 * float(expected.abs().max()))


def test_gradcheck_in_the_smooth_mode() -> None:
    neuron = Compartment(2, decay_u=1000, decay_v=300, vth_mant=50, bias_mant=9, bias_exp=4).double().smoothed()
    x = (torch.rand(6, 1, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 30).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: neuron(x, backend="reference")[0], x)


def test_a_learnt_register_is_whole() -> None:
    neuron = Compartment(3, decay_v=415, vth_mant=6, learn=("decay_v", "vth_mant"))
    assert neuron.decay_v.tolist() == 415.0
    assert neuron.vth_mant.tolist() == 6.0
    for p in neuron.parameters():
        p.data += 0.01
    assert neuron.decay_v.tolist() == 419.0  # 4096 sigmoid(logit(415 / 4096) + 0.01) = 418.7
    again = Compartment(3, decay_v=1, vth_mant=1, learn=("decay_v", "vth_mant"))
    again.load_state_dict(neuron.state_dict())
    assert repr(again) == repr(neuron)


@pytest.mark.parametrize(
    ("registers", "told"),
    [
        (dict(decay_u=4097), "decay_u = 4097"),
        (dict(decay_v=-1), "decay_v = -1"),
        (dict(decay_v=0.5), "whole number"),
        (dict(vth_mant=131072), "vth_mant = 131072"),
        (dict(bias_mant=4096), "bias_mant = 4096"),
        (dict(bias_exp=8), "bias_exp = 8"),
        (dict(vth_mant=torch.tensor([1.0, 1.5])), "whole numbers as"),
    ],
)
def test_registers_that_do_not_fit(registers: dict[str, Any], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        Compartment(2, **registers)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("value", [0.5, 32768.0, -32769.0])
def test_input_that_no_chip_could_have_summed(value: float, backend: str) -> None:
    x = torch.ones(5, 2, 3)
    x[3, 1, 2] = value
    with pytest.raises(InputError, match=rf"current\[3, 1, 2\] = {value:g} \(1 such values\); expected whole numbers"):
        Compartment(3)(x, backend=backend)
    # where the sums are made inside, the neuron cannot look at them, but a run does not go on either
    with pytest.raises(Diverged):
        nn.Recurrent(Compartment(3), torch.full((3, 3), 0.25))(torch.full((5, 2, 3), 200.0))
    with pytest.raises(InputError, match="finite numbers"):
        Compartment(3)(x * math.nan, backend=backend)


def test_half_precision_is_refused() -> None:
    with pytest.raises(DTypeError, match="bfloat16"):
        Compartment(3)(torch.ones(5, 2, 3, dtype=torch.bfloat16))


# --- layers of Lava-DL, spike for spike -----------------------------------------------------------------


def of_time(x: NDArray[Any]) -> Tensor:
    """(..., time) to (time, 1, ...) in float32."""
    return torch.as_tensor(np.moveaxis(x, -1, 0).copy()).float().unsqueeze(1)


@stored
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["dense", "oxford_io"])
def test_a_dense_layer(name: str, backend: str) -> None:
    """vth 6, dv 415, du 4095 + 1, of Lava-DL's test of dense blocks and of its Oxford network."""
    with np.load(FOLDER / f"{name}.npz") as file:
        data = {k: file[k] for k in file.files}
    layer = nn.Linear(200, 256, bias=False)
    layer.weight.data = torch.as_tensor(data["weight"]).float()
    synapses(layer)
    assert np.array_equal(layer.weight.detach().numpy(), data["weight"])
    net = nn.Sequential(layer, Compartment(256, decay_u=4096, decay_v=415, vth_mant=6))
    # all of it where it is fast, and its beginning on the reference
    many = 300 if backend == "reference" else None
    current, spikes = net.outputs(of_time(data["in" if name == "dense" else "in_"])[:many], backend=backend)
    # Lava-DL's layers hand on in the next step
    expected = of_time(data["out"])
    assert expected.sum() == 1826
    expected = expected[:many]
    assert expected.sum() > 100
    assert torch.equal(spikes[:-1], expected[1:])
    if name == "dense":
        assert torch.equal(current[:-1], of_time(data["current"])[1:many])


@stored
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_convolutional_network(backend: str) -> None:
    """An input layer driven by its bias, and two convolutions, of vth 25 and dv 1024; each answers from step 1 on."""
    h5py = pytest.importorskip("h5py")
    with np.load(FOLDER / "tinynet.npz") as file:
        data = {k: file[k] for k in file.files}
    with h5py.File(FOLDER / "tiny.net") as file:
        kernels = [file[f"layer/{k}/weight"][..., 0] for k in (1, 2)]
        biases = [data["input_bias"].transpose(2, 1, 0), *(file[f"layer/{k}/bias"][:][:, None, None] for k in (1, 2))]
    # the kernel as it was stored for the test: (out, x, y, in), mirrored
    assert np.array_equal(kernels[0][:, :, ::-1, ::-1].transpose(0, 3, 2, 1), data["layer1_kernel"])
    shapes = [(3, 16, 16), (24, 6, 6), (36, 1, 1)]
    neurons = [
        Compartment(shape, decay_v=1024, vth_mant=25, bias_mant=torch.as_tensor(bias.copy()), bias_exp=6)
        for shape, bias in zip(shapes, biases, strict=True)
    ]
    first, _ = neurons[0](torch.zeros(15, 1, 3, 16, 16), backend=backend)
    expected = [of_time(data[k][0]) for k in ("input", "layer1", "output")]
    assert [int(x.sum()) for x in expected] == [6783, 1633, 92]
    assert torch.equal(first, expected[0][1:])
    convolutions = [nn.Conv2d(a, b, 5, stride=2, bias=False) for a, b in ((3, 24), (24, 36))]
    for layer, kernel in zip(convolutions, kernels, strict=True):
        layer.weight.data = torch.as_tensor(kernel)
        synapses(layer)
    net = nn.Sequential(convolutions[0], neurons[1], convolutions[1], neurons[2])
    current, hidden, _, out = net.outputs(expected[0][1:], backend=backend)
    assert torch.equal(current, of_time(data["current"][0])[1:])
    assert torch.equal(hidden, expected[1][1:])
    assert torch.equal(out, expected[2][1:])


@pytest.mark.skipif(not TRACES.is_dir(), reason="no oracle_nir/ in RHEOBASE_DATA")
@pytest.mark.parametrize("where", ["lava_cpu_fixed", "lava_loihi_fixed"])
def test_a_neuron_on_a_chip(where: str) -> None:
    """Input, potential and spikes of one neuron in Lava, and on a Loihi 2 (Pedersen et al., 2024)."""
    given, v, z = np.loadtxt(TRACES / f"lif_{where}.csv", delimiter=",").T
    neuron = Compartment(1, decay_u=4096, decay_v=163, vth_mant=25)
    spikes, _, rec = neuron(torch.as_tensor(10 * given).float().view(-1, 1, 1), record=("v",))
    assert z.sum() == 4
    assert np.array_equal(spikes.flatten()[:-1].numpy(), z[1:])
    # at the step of a spike the probe of the chip reads 128
    told = np.ones(1000, bool) if where == "lava_cpu_fixed" else z == 0
    assert np.array_equal(rec.v.flatten()[:-1].numpy()[told[1:]], v[1:][told[1:]])
    assert where == "lava_cpu_fixed" or set(v[z == 1]) == {128.0}
