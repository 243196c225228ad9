"""Units: what is read, what is refused, and equations that do not hold together."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import MapNeuron, Neuron, OdeNeuron, param, relax, state
from rheobase.core.interpreters.unit_check import check_units
from rheobase.errors import UnitError
from rheobase.units import parse

VOLT = (2, 1, -3, -1, 0, 0)


@pytest.mark.parametrize(
    ("text", "exponents", "power"),
    [
        ("1", (0, 0, 0, 0, 0, 0), 0),
        ("ms", (0, 0, 1, 0, 0, 0), -3),
        ("mV", VOLT, -3),
        ("1/ms", (0, 0, -1, 0, 0, 0), 3),
        ("pA", (0, 0, 0, 1, 0, 0), -12),
        ("GOhm", (2, 1, -3, -2, 0, 0), 9),
        ("mS/cm2", (-4, -1, 3, 2, 0, 0), 1),
        ("uF/cm2", (-4, -1, 4, 2, 0, 0), -2),
        ("uA/cm2", (-2, 0, 0, 1, 0, 0), -2),
        ("um", (1, 0, 0, 0, 0, 0), -6),
        ("Ohm cm", (3, 1, -3, -2, 0, 0), -2),
        ("mM", (-3, 0, 0, 0, 0, 1), 0),
        ("degC", (0, 0, 0, 0, 1, 0), 0),
        ("1/ms/mV", (-2, -1, 2, 1, 0, 0), 6),
        ("1/mV2", (-4, -2, 6, 2, 0, 0), 6),
        ("ms^-1", (0, 0, -1, 0, 0, 0), 3),
        ("Hz", (0, 0, -1, 0, 0, 0), 0),
        ("kg", (0, 1, 0, 0, 0, 0), 0),
        ("C/mol", (0, 0, 1, 1, 0, -1), 0),
    ],
)
def test_parse(text: str, exponents: tuple[int, ...], power: int) -> None:
    unit = parse(text)
    assert (unit.exponents, unit.power) == (exponents, power)
    assert parse(str(unit)) == unit


@pytest.mark.parametrize(
    "text", ["", "mv", "MV2x", "volt", "2", "ms/", "/ms", "10 mV", "mV/(ms)", "1/ms mV", "m V/q", "mSec"]
)
def test_not_a_unit(text: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse(text)
    assert repr(text) in str(caught.value)


def test_a_misspelt_unit_names_the_nearest() -> None:
    with pytest.raises(UnitError, match="did you mean 'mV'"):
        parse("mv")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("pA GOhm", "mV"),
        ("nS mV", "pA"),
        ("pA/pF", "mV/ms"),
        ("pF/nS", "ms"),
        ("mS mV/cm2", "uA/cm2"),
        ("uA/uF", "mV/ms"),
        ("uF/mS", "ms"),
        ("Hz", "1/s"),
        ("V A", "W"),
    ],
)
def test_systems_are_coherent(left: str, right: str) -> None:
    """No factor is hidden in an equation of these units."""
    assert parse(left) == parse(right)


@pytest.mark.parametrize(
    ("left", "right"), [("mV", "V"), ("mV", "pA"), ("pA MOhm", "mV"), ("1", "1/ms"), ("kHz", "Hz")]
)
def test_unequal(left: str, right: str) -> None:
    assert parse(left) != parse(right)


def test_arithmetic() -> None:
    assert parse("mV") * parse("mV") == parse("mV2")
    assert (parse("mV") / parse("mV")).plain
    assert parse("mV2").root(2) == parse("mV")
    assert parse("mV").root(2) is None
    assert str(parse("mV") / parse("ms")) == "mV/ms"
    assert str(parse("ms") ** -2) == "1/ms2"
    assert hash(parse("1/s")) == hash(parse("Hz"))


# --- equations --------------------------------------------------------------------------------------------


class Cell(OdeNeuron):
    """A cell in the units of a point neuron, right in all; the tests below spoil one thing each."""

    c_mem = param(200.0, "pF", "capacitance", positive=True)
    g_leak = param(10.0, "nS", "leak conductance", positive=True)
    e_leak = param(-70.0, "mV", "leak reversal")
    delta_T = param(2.0, "mV", "slope factor", positive=True)
    v_T = param(-50.0, "mV", "onset of the spike")
    tau_w = param(100.0, "ms", "time constant of the adaptation", positive=True)
    a = param(2.0, "nS", "subthreshold adaptation")
    b = param(60.0, "pA", "jump of the adaptation")
    v_peak = param(0.0, "mV", "peak of the spike")
    v = state("e_leak", "mV", "membrane potential")
    w = state(0.0, "pA", "adaptation")
    input_unit = "pA"

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        spike = self.g_leak * self.delta_T * torch.exp((s.v - self.v_T) / self.delta_T)
        return dict(
            v=(self.g_leak * (self.e_leak - s.v) + spike - s.w + i) / self.c_mem,
            w=relax(self.a * (s.v - self.e_leak), self.tau_w),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_peak

    def reset(self, s: Any) -> Any:
        return s._replace(v=torch.full_like(s.v, -58.0), w=s.w + self.b)


def spoilt(**members: Any) -> Neuron:
    """The cell with something else in place of these."""
    kept = {
        k: v
        for k, v in vars(Cell).items()
        if k in (*Cell.params, *Cell.states, "input_unit", "threshold", "reset", "dynamics")
    }
    return type("Spoilt", (OdeNeuron,), {**kept, **members})(1, dt=0.1)


def slopes(**given: Any) -> Any:
    """`dynamics` with other slopes, each a function of (self, s, i)."""

    def dynamics(self: Any, s: Any, i: Any) -> dict[str, Any]:
        right = {"v": (i - s.w) / self.c_mem, "w": relax(self.a * (s.v - self.e_leak), self.tau_w)}
        return right | {k: f(self, s, i) for k, f in given.items()}

    return dynamics


def test_right() -> None:
    check_units(Cell(1, dt=0.1))
    check_units(spoilt(dynamics=slopes()))


@pytest.mark.parametrize(
    ("members", "where", "words"),
    [
        (dict(input_unit="nA"), "dynamics", ("nS mV", "nA", "'+'")),
        (dict(a=param(2.0, "pA", "in another unit")), "dw/dt", ("pA mV", "pA")),
        (dict(tau_w=param(0.1, "s", "in another unit")), "dw/dt", ("s", "ms")),
        (dict(b=param(60.0, "mV", "in another unit")), "reset", ("pA", "mV", "'+'")),
        (dict(v_peak=param(0.0, "V", "in another unit")), "threshold", ("mV", "V", "'-'")),
        (dict(v=state(0.0, "V", "in another unit")), "dynamics", ("mV", "V")),
        (dict(v=state("c_mem", "mV", "starts at a capacitance")), "declaration", ("pF", "mV")),
        (dict(b=param(60.0, "pAmpere", "no unit")), "unit 'pAmpere'", ("pA",)),
        (dict(dynamics=slopes(v=lambda self, s, i: i)), "dv/dt", ("pA", "mV/ms")),
        (dict(dynamics=slopes(v=lambda self, s, i: i / self.g_leak)), "dv/dt", ("pA/nS", "mV/ms")),
        (dict(dynamics=slopes(v=lambda self, s, i: s.v - self.e_leak + 0.5)), "dynamics", ("mV", "1", "'+'")),
        (dict(dynamics=slopes(v=lambda self, s, i: torch.exp(s.v) * i)), "dynamics", ("exp", "mV")),
        (dict(dynamics=slopes(v=lambda self, s, i: torch.tanh(i))), "dynamics", ("tanh", "pA")),
        (dict(dynamics=slopes(v=lambda self, s, i: s.v**0.5)), "dynamics", ("power", "mV")),
        (dict(dynamics=slopes(v=lambda self, s, i: torch.maximum(s.v, s.w))), "dynamics", ("maximum", "mV", "pA")),
        (dict(dynamics=slopes(v=lambda self, s, i: torch.where(s.v > s.w, s.v, s.v))), "dynamics", ("mV", "pA")),
        (dict(dynamics=slopes(v=lambda self, s, i: torch.where(s.v > self.v_T, i, s.v))), "dynamics", ("mV", "pA")),
        (dict(dynamics=slopes(v=lambda self, s, i: torch.clamp(s.v, max=1.0))), "dynamics", ("mV", "1")),
        (dict(dynamics=slopes(v=lambda self, s, i: torch.special.i0(i))), "dynamics", ("i0", "knows")),
        (dict(dynamics=slopes(v=lambda self, s, i: i if i > 0 else s.w)), "dynamics", ("branch", "where")),
        (dict(dynamics=slopes(w=lambda self, s, i: relax(s.v, self.tau_w))), "dw/dt", ("pA", "mV", "relaxing")),
        (dict(reset=lambda self, s: s._replace(v=s.w)), "reset", ("pA", "mV", "v")),
    ],
)
def test_wrong(members: dict[str, Any], where: str, words: tuple[str, ...]) -> None:
    """Where it is, both units, and what joined them."""
    with pytest.raises(UnitError) as caught:
        check_units(spoilt(**members))
    error = caught.value
    assert where in error.obj
    for word in words:
        assert word in f"{error.given} {error.expected} {error.remedy}"


@pytest.mark.parametrize(
    "slope",
    [
        lambda self, s, i: torch.zeros_like(i),
        lambda self, s, i: 0.0,
        lambda self, s, i: torch.relu(i - 0.0) / self.c_mem,
        lambda self, s, i: torch.clamp(i, min=0.0) / self.c_mem,
        lambda self, s, i: torch.where(s.v > self.v_T, i, 0.0) / self.c_mem,
        lambda self, s, i: (i * i).sqrt() / self.c_mem,
        lambda self, s, i: (i**2) ** 0.5 / self.c_mem,
        lambda self, s, i: (i**2) ** 1.5 / (i * i * self.c_mem),
        lambda self, s, i: 2.0 * i * torch.sigmoid((s.v - self.v_T) / self.delta_T) / self.c_mem,
        lambda self, s, i: i * (1.0 - torch.exp(-s.v / self.v_T)) / self.c_mem,
        lambda self, s, i: -abs(i) / self.c_mem,
        lambda self, s, i: i * (s.v > self.v_T).to(s.v.dtype) / self.c_mem,
    ],
)
def test_what_fits(slope: Any) -> None:
    check_units(spoilt(dynamics=slopes(v=slope)))


def test_map_neurons() -> None:
    class Right(MapNeuron):
        gain = param(2.0, "mV/pA", "gain")
        v_threshold = param(1.0, "mV", "threshold")
        v = state(0.0, "mV", "potential")
        input_unit = "pA"

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            v = 0.5 * s.v + self.gain * i
            z = self.fire(v - self.v_threshold)
            return z, s._replace(v=self.switch(z, 0.0, v))

    class Wrong(MapNeuron):
        v = state(0.0, "mV", "potential")
        input_unit = "pA"

        def step(self, s: Any, i: Any) -> tuple[Any, ...]:
            return s.v, s._replace(v=i)

    check_units(Right(1))
    with pytest.raises(UnitError) as caught:
        check_units(Wrong(1))
    assert caught.value.obj == "Wrong: step"
    assert "pA" in caught.value.given
    assert "mV" in caught.value.expected
