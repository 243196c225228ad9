"""Networks written for other programs, and the files run: every neuron, every layer that has a form, and refusals."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import Escape, MapNeuron, Noisy, errors, event_driven, interop, neurons, nn, param, state
from rheobase.interop.onnx_graph.layers import LAYERS
from tests.contract.models import Model, every_model


def three_layers(**own: Any) -> nn.Sequential:
    """One of them with lateral weights, as the bar of the export asks."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(16, 40),
        neurons.LIF(40, dt=1.0, **own),
        nn.Linear(40, 30),
        nn.Scale(60.0),
        nn.Recurrent(neurons.AdLIF(30)),
        nn.Linear(30, 20),
        nn.Scale(30.0),
        neurons.CubaLIF(20, dt=1.0),
        nn.Linear(20, 5),
        neurons.LI(5, dt=1.0),
    )


def lively(batch: int = 8) -> Tensor:
    return torch.rand(50, batch, 4, 4, generator=torch.Generator().manual_seed(1)) * 30


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_three_layers_with_a_recurrent_one_fire_alike_in_onnxruntime(dtype: torch.dtype, tmp_path: Path) -> None:
    net, x = three_layers(), lively()
    interop.to_onnx(net, tmp_path / "net.onnx", shape=(4, 4), dtype=dtype)
    found = interop.run_onnx(tmp_path / "net.onnx", net, x)
    assert found.spikes > 3000
    assert found.differing == 0
    assert found.deviation < (1e-4 if dtype == torch.float32 else 1e-12)
    assert all(net.outputs(x)[k].count_nonzero() > 300 for k in (2, 5, 8))
    assert found.layers == 11


def test_the_file_alone_says_what_it_takes_and_gives(tmp_path: Path) -> None:
    """By onnxruntime alone; other lengths and batches than any that was seen; from NumPy."""
    net = three_layers().double()
    interop.to_onnx(net, tmp_path / "net.onnx", shape=(4, 4))
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    (given,), (gives,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape, gives.name, gives.shape) == (
        "x",
        ["time", "batch", 4, 4],
        "out",
        ["time", "batch", 5],
    )
    for steps, batch in ((1, 1), (7, 3), (200, 1)):
        x = np.random.default_rng(steps).random((steps, batch, 4, 4)) * 30
        (out,) = session.run(["out"], {"x": x})
        np.testing.assert_allclose(out, net(torch.from_numpy(x))[0].detach().numpy(), rtol=1e-10, atol=1e-12)


@every_model
def test_every_neuron_fires_alike_or_is_refused(model: Model, tmp_path: Path) -> None:
    neuron = model.make(6)
    net = nn.Sequential(neuron)
    if neuron.noisy or len(neuron.entries) > 1:
        says = "draws random numbers" if neuron.noisy else "with the inputs"
        with pytest.raises(errors.NotRepresentable, match=says):
            interop.to_onnx(net, tmp_path / "net.onnx", shape=6)
        return
    x = model.current(60, 2, 6)
    interop.to_onnx(net, tmp_path / "net.onnx", shape=6, dtype=torch.float64)
    found = interop.run_onnx(tmp_path / "net.onnx", net, x)
    assert found.differing == 0
    assert found.deviation < 1e-7  # what parity allows runs that go free; for graded cells
    assert found.spikes > 0 or neuron.graded


def test_constants_near_their_edges_are_those_of_torch(tmp_path: Path) -> None:
    """expm1 has no operation of ONNX: near 0, far from it, and where it overflows."""

    class Expm1(MapNeuron):
        """Gives expm1 of its input."""

        a = param(1.0, "1", "a factor")
        v = state(0.0, "1", "the last output")

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            v = torch.expm1(self.a * i)
            return v, s._replace(v=v)

    x = torch.cat([10.0 ** torch.arange(-300, 3, 1.0, dtype=torch.float64), torch.tensor([0.0, 709.0, 800.0])])
    x = torch.cat([x, -x])[:, None, None]
    net = nn.Sequential(Expm1(1)).double()
    interop.to_onnx(net, tmp_path / "net.onnx", shape=1)
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    (out,) = session.run(["out"], {"x": x.numpy()})
    np.testing.assert_allclose(out, torch.expm1(x).numpy(), rtol=2e-15)


LAYER_NETS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "images": (lambda: nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, stride=2), nn.TdBatchNorm(4), neurons.LIF(4, 5, 5, dt=1.0),
        nn.AvgPool2d(2, ceil_mode=True), nn.MaxPool2d(2, stride=1), nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(16, 3, bias=False), neurons.LI(3, dt=1.0),
    ), (2, 9, 9)),
    "sounds": (lambda: nn.Sequential(
        nn.Conv1d(2, 4, 3, groups=2, dilation=2), nn.MaxPool1d(2), nn.AvgPool1d(3, padding=1), nn.Flatten(),
        nn.DelayLine(8, taps=4), nn.SpikeLinear(32, 12), nn.Sequential(torch_nn.ReLU(), torch_nn.Tanh(), nn.Scale(4.0)),
        neurons.SRC(12), torch_nn.Dropout(), nn.GroupReadout(12, classes=3), torch_nn.Sigmoid(), torch_nn.Identity(),
    ), (2, 16)),
}  # fmt: skip


def rounding(net: nn.Sequential, x: Tensor) -> float:
    """By how much a layer of the network in float32 differs from float64, as a share of its largest value."""
    own = copy.deepcopy(net).eval()
    with torch.no_grad():
        pairs = list(zip(own.outputs(x), copy.deepcopy(own).double().outputs(x.double()), strict=True))
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


@pytest.mark.parametrize("name", LAYER_NETS)
def test_layers_give_what_they_give(name: str, tmp_path: Path) -> None:
    make, shape = LAYER_NETS[name]
    torch.manual_seed(0)
    net = make()
    x = torch.randn(20, 3, *shape) * 5
    if name == "images":
        net(x)  # statistics that are not those of the start
    interop.to_onnx(net, tmp_path / "net.onnx", shape=shape)
    found = interop.run_onnx(tmp_path / "net.onnx", net, x)
    assert found.differing == 0
    # an SRC may make 1e-5 of a rounding: two ways to compute differ by what both are off
    assert found.deviation < max(1e-5, 4.0 * rounding(net, x))
    assert net.training


def test_every_layer_with_a_form_is_tried() -> None:
    tried = {type(part) for make, _ in LAYER_NETS.values() for part in make().modules()} | {nn.Recurrent}
    assert tried.issuperset(LAYERS)


def test_a_program_of_torch_is_run_in_another_process(tmp_path: Path) -> None:
    """Nothing of the network is in the code that runs it, and the bits are the same, at other lengths and batches."""
    net = three_layers()
    interop.to_torch_export(net, tmp_path / "net.pt2", shape=(4, 4))
    given = [lively(1)[:1], lively(8)]
    torch.save(given, tmp_path / "x.pt")
    code = (
        "import torch, rheobase.interop\n"
        "program = torch.export.load('net.pt2').module()\n"
        "torch.save([program(x) for x in torch.load('x.pt')], 'out.pt')\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)
    for x, out in zip(given, torch.load(tmp_path / "out.pt"), strict=True):
        assert torch.equal(out, net(x)[0])
        assert torch.equal(interop.from_torch_export(tmp_path / "net.pt2")(x), net(x)[0])


def test_a_history_longer_than_what_was_traced_is_exported(tmp_path: Path) -> None:
    """A delay line keeps more steps than a sequence has, or fewer."""
    net = nn.Sequential(nn.DelayLine(2, taps=9), nn.Linear(18, 2))
    interop.to_torch_export(net, tmp_path / "net.pt2", shape=2)
    program = interop.from_torch_export(tmp_path / "net.pt2")
    for steps in (1, 2, 8, 9, 30):
        x = torch.rand(steps, 3, 2)
        assert torch.equal(program(x), net(x)[0])


class Own(torch_nn.Linear):
    """A layer that is called a Linear, and does something else."""

    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


REFUSED: dict[str, tuple[Any, str]] = {
    "noise": (
        lambda: nn.Sequential(nn.Linear(4, 4), Noisy(neurons.LIF(4, dt=1.0), sigma=0.3, seed=5)),
        r"layer[. ]1: got Noisy.*random numbers",
    ),
    "escape": (
        lambda: nn.Sequential(Escape(neurons.LIF(4, dt=1.0), delta_u=0.2, rho_0=0.5, seed=7)),
        r"layer[. ]0: got Escape.*random numbers",
    ),
}
ONNX_ALONE: dict[str, tuple[Any, str]] = {
    "own layer": (lambda: nn.Sequential(Own(4, 4)), "Own, which has no form in ONNX"),
    "delay": (lambda: nn.Sequential(nn.Delay(4, taps=3)), "Delay, which has no form"),
    "recurrent delay": (
        lambda: nn.Sequential(nn.RecurrentDelay(neurons.LIF(4, dt=1.0), taps=3)),
        "RecurrentDelay, which",
    ),
    "gated": (lambda: nn.Sequential(nn.SpikGRU(4, 3)), r"layer\.0: got SpikGRU"),
    "float64": (lambda: nn.Sequential(nn.Conv1d(1, 1, 3), nn.AvgPool1d(2)).double(), "Conv1d in float64"),
    "padding": (lambda: nn.Sequential(nn.Conv1d(1, 1, 3, padding="same")), "padding 'same'"),
}


@pytest.mark.parametrize("name", [*REFUSED, *ONNX_ALONE])
def test_what_has_no_form_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    make, says = (REFUSED | ONNX_ALONE)[name]
    shape = (1, 4) if name in ("padding", "float64") else 4
    with pytest.raises(errors.NotRepresentable, match=says):
        interop.to_onnx(make(), tmp_path / "net", shape=shape)
    if name in REFUSED:
        with pytest.raises(errors.NotRepresentable, match=says):
            interop.to_torch_export(make(), tmp_path / "net.pt2", shape=shape)
    assert not list(tmp_path.iterdir())


def test_hooks_are_refused(tmp_path: Path) -> None:
    net = three_layers()
    net[1].register_forward_hook(lambda *_: None)
    with pytest.raises(errors.NotRepresentable, match="Linear with hooks"):
        interop.to_onnx(net, tmp_path / "net.onnx", shape=(4, 4))


@pytest.mark.parametrize("write", [interop.to_onnx, interop.to_torch_export])
def test_wrong_arguments(write: Any, tmp_path: Path) -> None:
    with pytest.raises(errors.NotRepresentable, match=r"got Linear; expected an nn\.Sequential"):
        write(nn.Linear(2, 2), tmp_path / "a.pt2", shape=2)
    for shape in (0, (), (2, 0), 1.5, "4"):
        with pytest.raises(errors.ParameterError, match="shape = "):
            write(three_layers(), tmp_path / "a.pt2", shape=shape)
    with pytest.raises(RuntimeError, match="shapes"):
        write(three_layers(), tmp_path / "a.pt2", shape=5)
    assert not list(tmp_path.iterdir())


def test_files_of_another_kind(tmp_path: Path) -> None:
    net = three_layers()
    (tmp_path / "a.onnx").write_text("no graph")
    with pytest.raises(errors.DataError, match="cannot be read"):
        interop.run_onnx(tmp_path / "a.onnx", net, lively())
    interop.to_onnx(net, tmp_path / "b.onnx", shape=(4, 4))
    with pytest.raises(errors.DataError, match="another network"):
        interop.run_onnx(tmp_path / "b.onnx", nn.Sequential(*net.layers, nn.Scale(1.0)), lively())
    with pytest.raises(errors.ParameterError, match=r"ends in \.pt2"):
        interop.to_torch_export(net, tmp_path / "net.onnx", shape=(4, 4))
    with pytest.raises(errors.DataError, match="cannot be read"):
        interop.from_torch_export(tmp_path / "a.onnx")
    with pytest.raises(errors.ParameterError, match=r"torch\.float16"):
        interop.to_onnx(net, tmp_path / "c.onnx", shape=(4, 4), dtype=torch.float16)


def test_networks_in_continuous_time_have_no_steps(tmp_path: Path) -> None:
    net: Any = object.__new__(event_driven.Network)
    with pytest.raises(errors.NotRepresentable, match="continuous time have no steps"):
        interop.to_onnx(net, tmp_path / "a", shape=2)


def test_time_is_a_loop_and_weights_lie_outside_of_it(tmp_path: Path) -> None:
    """One `Scan` for each layer of neurons, whatever the length; no step holds a weight of its own."""
    interop.to_onnx(three_layers(), tmp_path / "net.onnx", shape=(4, 4))
    graph = onnx.load(tmp_path / "net.onnx").graph
    loops = [node for node in graph.node if node.op_type == "Scan"]
    assert len(loops) == 4
    bodies = [attribute.g for node in loops for attribute in node.attribute if attribute.name == "body"]
    assert not any(len(body.initializer) or any(n.op_type == "Constant" for n in body.node) for body in bodies)
