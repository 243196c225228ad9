"""Cells, channels, calls and states that cannot be: each is refused with what to write in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import channels as C
from rheobase.cells import Cell, Compartments, Current, Section, VoltageClamp
from rheobase.core import entry, param
from rheobase.errors import (
    Diverged,
    DTypeError,
    ImplausibleWarning,
    InputError,
    ParameterError,
    ShapeError,
    StateError,
)
from tests.cells.branched_cell import active, branched, noise


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dt": 0.0}, "dt = 0.0"),
        ({"start": "rest"}, "start = 'rest'"),
        ({"c_mem": -1.0}, "c_mem of soma = -1.0"),
        ({"Ra": {"soma": 100.0}}, "no Ra of 'dend'"),
        ({"Ra": {"soma": 100.0, "dend": 100.0, "apic": 1.0}}, "Ra of 'apic'"),
        ({"learn": ("gbar",)}, "learn 'gbar'"),
        ({"inputs": {}}, "no input"),
        ({"inputs": {"record": Current()}}, "an input named 'record'"),
        ({"inputs": {"current": Current("dend[7]")}}, "dend\\[7\\]"),
        ({"inputs": {"current": 3}}, "input current = 3"),
        ({"scale": {"dend.Ih.gbr": 1.0}}, "did you mean.*dend.Ih.gbar|dend.Ih.gbar"),
        ({"scale": {"dend.Ih.gbar": [1.0, 2.0]}}, "scale of 'dend.Ih.gbar' of shape \\(2,\\)"),
        ({"v_init": float("nan")}, "v_init = nan"),
    ],
)
def test_cells_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        active(**options)


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"apic": [C.Pas()]}, "channels of 'apic'"),
        ({"soma": [C.Pas(), C.Pas()]}, "two Pas in soma"),
        ({"soma": [C.SK()]}, "SK in soma, which reads calcium"),
        ({"soma": [C.Pas(4)]}, "Pas of shape \\(4,\\)"),
        ({"soma": [torch.nn.Linear(1, 1)]}, "Linear in soma"),
    ],
)
def test_channels_that_do_not_fit(held: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Cell(branched(), held, dt=0.025)


def test_calls_that_cannot_be() -> None:
    cell, x = active((2,)), noise(20, 1, 2)
    with pytest.raises(ShapeError, match=r"current of shape \(20, 2\)"):
        cell(x[:, 0])
    with pytest.raises(DTypeError, match="float16"):
        cell(x.half())
    with pytest.raises(InputError, match=r"current\[3, 0, 1\] = nan"):
        cell(torch.where(torch.arange(40).view(20, 1, 2) == 7, torch.nan, x))
    with pytest.raises(ParameterError, match="every = 3"):
        cell(x, every=3)
    with pytest.raises(ParameterError, match="input 'curent'"):
        cell(curent=x)
    with pytest.raises(ParameterError, match="no current"):
        cell()
    with pytest.raises(ParameterError, match=r"record 'soma\(2'"):
        cell(x, record=("soma(2",))
    with pytest.raises(ParameterError, match=r"soma\.NaV\.O"):
        cell(x, record=("soma.NaV.P",))
    with pytest.raises(ParameterError, match="record='soma'"):
        cell(x, record="soma")
    with pytest.raises(StateError, match="a state of type tuple"):
        cell(x, (1, 2))
    with pytest.raises(StateError, match="state v"):
        cell(x, cell.rest(3))
    with pytest.raises(ParameterError, match="lengths"):
        cell(x, lengths=torch.tensor([20]))
    with pytest.raises(ParameterError, match="backend 'triton'"):
        cell(x, backend="triton")


def test_a_potential_that_leaves_the_numbers_is_named() -> None:
    cell = active((2,))
    x = torch.zeros(50, 3, 2)
    x[37, 2, 1] = 3e38
    with pytest.raises(Diverged, match=r"at soma\(0.5\) of sample 2, cell \[1\] after step 3[78]"):
        cell(x)
    _, end = cell(x, check_finite=False)
    assert not bool(end.v.isfinite().all())


def test_a_potential_that_no_cell_has_is_named() -> None:
    """Finite, and absurd: what backward Euler makes of a current of 1 mA, and an electrode at 1e38 mV."""
    soma = Compartments.of([Section("soma", length=12, diameter=12)])
    held = [C.Pas(g=6e-5, e=-70.0), C.NaV(gbar=0.17), C.Kv3_1(gbar=1.6)]
    cell = Cell(soma, {"soma": held}, dt=0.025, c_mem=3.5, v_init=-70.0, reversal={"na": 53.0, "k": -107.0})
    x = torch.zeros(50, 3, dtype=torch.float64)
    x[37:, 2] = 1e6
    with pytest.raises(
        Diverged, match=r"v = \d{7}\.\d* mV at soma\(0.5\) of sample 2 after step \d\d .*-100000 to 100000 mV"
    ):
        cell(x)
    _, end = cell(x, check_finite=False)
    assert bool(end.v.isfinite().all())
    with pytest.raises(Diverged, match=r"after step 0 "), pytest.warns(ImplausibleWarning, match=r"x = 1e\+38 mV"):
        Cell(soma, {"soma": held}, dt=0.025, inputs={"x": VoltageClamp()})(
            torch.full((1, 1), 1e38, dtype=torch.float64)
        )


def test_a_state_that_is_none() -> None:
    cell, x = active(), torch.zeros(20, 2)
    rest = cell.rest(2, dtype=torch.float32)
    none = (("v", torch.nan), ("v", 2e5), ("low", torch.inf), ("above", torch.nan), ("membrane", -torch.inf))
    for name, value in none:
        bad = getattr(rest, name).clone()
        bad[..., 1] = value
        with pytest.raises(StateError, match=rf"state {name}\[(0, )?1\] = .*None starts at rest"):
            cell(x, rest._replace(**{name: bad}))
    with pytest.raises(ParameterError, match=r"v_init = 200000.0"):
        active(v_init=2e5)


def test_what_is_no_channel_is_refused_with_what_to_write() -> None:
    tree = branched()
    for given, message in (
        ("kdr.mod", "kdr.mod in soma.*NMODL is not translated: docs/from_nmodl.md"),
        (Path("/models/Kdr.MOD"), "Kdr.MOD in soma.*NMODL"),
        ("hh", "hh in soma.*channels.Na_HH"),
        (C.Kv3_1, r"Kv3_1 in soma.*Remedy: Kv3_1\(\.\.\.\)"),
        (3, "int in soma"),
    ):
        with pytest.raises(ParameterError, match=message):
            Cell(tree, {"soma": [given]}, dt=0.025)  # type: ignore[list-item]


def test_a_channel_inside_a_function_is_refused_before_a_kernel_looks_for_it() -> None:
    class Hidden(C.Channel):
        g = param(1e-3, "S/cm2", "conductance")
        e = param(-70.0, "mV", "reversal potential")
        v = entry("mV", "potential")

        def conductance(self, s: Any, i: Any) -> Any:
            return self.g

    with pytest.raises(ParameterError, match=r"Hidden, which there is not.*write the class at the top of a file"):
        Cell(branched(), {"soma": [Hidden()]}, dt=0.025)
