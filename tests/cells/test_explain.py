"""What `rheobase.explain` says of a cell and of a channel."""

from __future__ import annotations

import pytest
import torch

import rheobase
from rheobase import channels as C
from rheobase import nn
from rheobase.cells import Cell, Compartments, Section
from rheobase.errors import DeviceError, ParameterError
from rheobase.learning.layers import spiking_layers

X = torch.full((40, 2, 3), 0.05)


def cell() -> Cell:
    soma = Section("soma", length=20, diameter=20)
    held = [C.Pas(g=1e-4, e=-70.0), C.Kv3_1(gbar=0.1, learn=("gbar",))]
    return Cell(Compartments.of([soma]), {"soma": held}, dt=0.025, v_init=-70.0, shape=(3,))


def test_a_cell_is_one_part_with_its_backend_and_why() -> None:
    torch.manual_seed(0)  # of weights with which no cell spikes
    net = nn.Sequential(torch.nn.Linear(4, 3), cell(), torch.nn.Linear(3, 2))
    assert list(spiking_layers(net)) == ["1"]
    found = rheobase.explain(net, torch.rand(40, 2, 4), seconds=0.0)
    assert [(p.label, p.backend) for p in found.parts] == [
        ("0: Linear", "torch"),
        ("1: Cell", "llvm"),
        ("2: Linear", "torch"),
    ]
    part = found.parts[1]
    assert part.reason == "one kernel over the tree (compartments: 1, states: 1); cells run on the CPU"
    assert (part.shape, part.parameters, part.calls) == ((40, 2, 3), 1, 1)
    assert part.forward is not None
    assert part.backward is not None
    assert "Cell" in part.uncounted
    assert part.spikes == 0.0


def test_on_a_device_where_cells_do_not_run() -> None:
    rheobase.explain(cell(), X.to("meta"))
    with pytest.raises(DeviceError, match="cells have no kernel for a GPU"):
        cell().runs_on(_Elsewhere())  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="backend 'reference'"):
        cell()(X, backend="reference")


class _Elsewhere:
    device = torch.device("cuda")


def test_a_channel_is_a_kernel_and_no_layer_of_spikes() -> None:
    channel = C.NaV(3, dt=0.025)
    assert not spiking_layers(channel)
    (part,) = rheobase.explain(channel, X, measure=False).parts
    assert (part.kind, part.backend, part.reason) == ("NaV", "llvm", "one fused kernel")


def test_a_channel_without_a_step_says_so() -> None:
    with pytest.raises(ParameterError, match=r"NaV.*no dt.*NaV\(dt=0.025\)"):
        C.NaV(3)(X)
    assert C.Pas(3)(X)[0].shape == X.shape
