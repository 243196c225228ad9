"""Values of parameters that no published cell has, mostly in another unit, are told once, by name and with the unit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import channels as C
from rheobase import stimuli
from rheobase.cells import (
    Cell,
    Compartments,
    Conductance,
    Current,
    GapJunction,
    Section,
    Synapse,
    VoltageClamp,
    fi_curve,
    population,
    rheobase_current,
)
from rheobase.cells.declared import tell_unusual
from rheobase.cells.parameters import assign, populated
from rheobase.core import entry, param
from rheobase.errors import DeclarationError, ImplausibleWarning, ParameterError
from rheobase.learning import Recording, fit_neuron
from rheobase.synapses import Alpha, Exponential
from tests.cells.small_cells import firing


def ball(um: float = 1.0) -> Compartments:
    """A soma of 20 um, written in a unit of so many of its lengths."""
    return Compartments.of([Section("soma", length=20 * um, diameter=20 * um, nseg=2)])


def made(*held: Any, tree: Compartments | None = None, g: float = 1e-4, dt: float = 0.1, **given: Any) -> Cell:
    leak = C.Pas(g=g, e=-70.0)
    return Cell(ball() if tree is None else tree, {"soma": [leak, *held]}, dt=dt, v_init=-70.0, **given)


def called(cell: Cell, value: float = 0.0, **options: Any) -> Any:
    return cell({name: torch.full((2, 1, *cell.shape), value, dtype=torch.float64) for name in cell.ports}, **options)


# what makes the cell, its input, and what is told
MISUSES: dict[str, tuple[Callable[[], Cell], float, str]] = {
    "a conductance in mS/cm2": (
        lambda: made(C.NaTa_t(gbar=120.0)),
        0.0,
        r"soma\.NaTa_t\.gbar = 120 S/cm2 \(usual: 0 to 10 S/cm2\); .* Look at the units: 1 mS/cm2 is 1e-3 S/cm2",
    ),
    "one in pS/um2, of three": (
        lambda: made(C.Kv3_1(3, gbar=torch.tensor([0.3, 3000.0, 0.3])), shape=(3,)),
        0.0,
        r"soma\.Kv3_1\.gbar reaches 3000 S/cm2.*1 pS/um2 is 1e-4 S/cm2",
    ),
    "one along the cell": (
        lambda: made(C.Ih(gbar=1e-4), scale={"soma.Ih.gbar": [1.0, 2e5]}),
        0.0,
        r"soma\.Ih\.gbar = 20 S/cm2",
    ),
    "a leak in mS/cm2": (lambda: made(g=0.1), 0.0, r"soma\.Pas\.g = 0\.1 S/cm2 \(usual: 0 to 0\.02 S/cm2\)"),
    "a potential in V": (
        lambda: made(C.Na_HH(alpha_m_v=-0.04)),
        0.0,
        r"alpha_m_v = -0\.04 mV \(usual: -200 to 200 mV, 0 or 0\.5 mV from it at least\).*1 V is 1000 mV",
    ),
    "a battery in V": (
        lambda: made(inputs={"inh": Synapse("soma", Exponential(e=-0.07))}),
        0.0,
        r"inh\.e = -0\.07 mV .*1 V is 1000 mV",
    ),
    "that of a conductance": (lambda: made(inputs={"g": Conductance(e=-0.07)}), 0.0, r"e of g = -0\.07 mV"),
    "a time in s": (
        lambda: made(C.CaDynamics(decay=0.08)),
        0.0,
        r"decay = 0\.08 ms \(usual: 1 to 100000 ms\).*1000 ms",
    ),
    "a rate per second": (
        lambda: made(C.K_HH(beta_n_rate=1250.0)),
        0.0,
        r"beta_n_rate = 1250 1/ms.*1 per second is 1e-3",
    ),
    "a weight in nS": (
        lambda: made(inputs={"exc": Synapse("soma", Exponential(weight=0.5))}),
        0.0,
        r"exc\.weight = 0\.5 uS \(usual: 0 to 0\.1 uS\).*1 nS is 1e-3 uS",
    ),
    "weights in nS": (
        lambda: made(inputs={"exc": Synapse("soma", Alpha(weight=2.0, tau=0.002))}),
        0.0,
        r"exc\.weight = 2 uS .*; exc\.tau = 0\.002 ms .*units: 1 nS is 1e-3 uS; 1 s is 1000 ms",
    ),
    "a junction in nS": (
        lambda: made(junctions=[GapJunction("soma(0.1)", "soma(0.9)", 1.0)]),
        0.0,
        r"g_gap reaches 1 uS|g_gap = 1 uS",
    ),
    "a step in s": (lambda: made(dt=2.5e-5), 0.0, r"dt = 2\.5e-05 ms \(usual: 0\.0005 to 10 ms\)"),
    "a step of 1 ms": (
        lambda: made(C.NaTa_t(gbar=0.1), dt=1.0),
        0.0,
        r"dt = 1 ms \(usual: 0\.0005 to 0\.25 ms\).*units: a spike lasts 1 ms",
    ),
    "a share in percent": (lambda: made(C.CaDynamics(gamma=5.0)), 0.0, r"gamma = 5 \(usual: 0 to 1\).*5 % is 0\.05"),
    "Ra in ohm m": (lambda: made(Ra=1.0), 0.0, r"Ra\.soma = 1 ohm cm \(usual: 10 to 5000 ohm cm\).*1 ohm m is 100"),
    "Ra in MOhm cm": (lambda: made(Ra=1e-4), 0.0, r"Ra\.soma = 0\.0001 ohm cm"),
    "c_mem in F/m2": (lambda: made(c_mem=0.01), 0.0, r"c_mem\.soma = 0\.01 uF/cm2 .*0\.01 F/m2 is 1 uF/cm2"),
    "lengths in mm": (
        lambda: made(tree=ball(1e-3)),
        0.0,
        r"area = 0\.001257 um2 \(usual: 10 to 1e\+08 um2\).*1 mm is 1000",
    ),
    "lengths in m": (lambda: made(tree=ball(1e-6)), 0.0, r"diameter (=|reaches) 2e-05 um .*1 mm is 1000 um"),
    "lengths in nm": (lambda: made(tree=ball(1e3)), 0.0, r"area = 1\.257e\+09 um2"),
    "calcium in M": (lambda: made(C.CaDynamics(), ca_outside=2e-3), 0.0, r"ca_outside = 0\.002 mM"),
    "a clamp in V": (lambda: made(inputs={"pipette": VoltageClamp()}), -0.07, r"pipette reaches -0\.07 mV"),
    "a conductance in nS": (
        lambda: made(inputs={"g": Conductance()}),
        5.0,
        r"g reaches 5 uS \(usual: -1 to 1 uS\)",
    ),
}


@pytest.mark.parametrize("name", MISUSES)
def test_what_is_in_another_unit_is_told_once(name: str) -> None:
    make, value, told = MISUSES[name]
    cell = make()
    given = {port: torch.full((2, 1, *cell.shape), value) for port in cell.ports}
    with pytest.warns(ImplausibleWarning, match=told) as found:
        tell_unusual(cell, given, caller=2)
    assert len(found) == 1
    tell_unusual(cell, given, caller=2)  # which would be an error


def test_a_call_tells_it_of_itself_and_of_its_inputs() -> None:
    cell = made(inputs={"pipette": VoltageClamp()}, g=0.1)
    with pytest.warns(ImplausibleWarning, match=r"soma\.Pas\.g = 0\.1 .*pipette reaches -0\.07 mV") as found:
        called(cell, -0.07)
    assert [one.filename for one in found] == [__file__]
    called(cell, -0.07)
    called(made(inputs={"pipette": VoltageClamp()}, g=0.1), -0.07, check_finite=False)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: made(C.NaTa_t(e=0.05)), r"e of NaTa_t in soma = 0\.05; .*it is in mV"),
        (lambda: made(C.NaTa_t(2, e=torch.tensor([0.05, 0.06])), shape=(2,)), r"e of NaTa_t in soma = 0\.06"),
        (lambda: made(C.Kv3_1(e=-9e4)), r"e of Kv3_1 in soma = -90000\.0"),
        (lambda: made(inputs={"inh": Synapse("soma", Exponential(e=-7e4))}), r"e of inh = -70000\.0"),
        (lambda: Conductance("soma", e=-7e4), r"e of a Conductance = -70000\.0"),
        (lambda: Conductance("soma", e="rest"), r"e = 'rest'; expected a potential in mV"),  # type: ignore[arg-type]
    ],
)
def test_reversal_potentials_in_another_unit_are_refused(make: Any, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        make()


def test_potentials_near_0_that_are_none_in_volts() -> None:
    """One of several, that of a conductance that is 0, and one that is learnt and passes 0."""
    called(made(C.NaTa_t(2, e=torch.tensor([0.2, 50.0])), shape=(2,)))
    exc = Exponential(e=0.0, learn=("e",))
    cell = made(inputs={"exc": Synapse("soma", exc)})
    called(cell)
    assign(cell, "exc.e", 0.3)
    called(cell)
    populated(cell, 2, ("soma.Pas.g",))


def test_a_learnt_value_is_told_once_and_so_is_an_assigned_one() -> None:
    cell = made(C.NaTa_t(gbar=0.5, learn=("gbar",)))
    called(cell)
    for gbar in (20.0, 30.0):
        with torch.no_grad():
            cell.channels["soma"]["NaTa_t"].gbar_log.fill_(gbar).log_()  # type: ignore[index,union-attr]
        if gbar == 20.0:
            with pytest.warns(ImplausibleWarning, match=r"gbar = 20 S/cm2"):
                called(cell)
        else:
            called(cell)
    assign(cell, "soma.Pas.g", 1.0)
    with pytest.warns(ImplausibleWarning, match=r": soma\.Pas\.g = 1 S/cm2 "):
        called(cell)
    # of cells that are made like it, nothing is said again
    cells = populated(cell, 3, ("soma.NaTa_t.gbar",), inputs={"current": Current()})
    cells(torch.zeros(2, 1, 3))


class Odd(C.Channel):
    """One with a range of its own, in a unit that nothing is said of."""

    g = param(1e-4, "S/cm2", "conductance")
    e = param(-70.0, "mV", "reversal potential")
    cooled = param(20.0, "degC", "temperature of its recording", usual=(0.0, 45.0))
    v = entry("mV", "potential")

    def conductance(self, s: Any, i: Any) -> Any:
        return self.g


def test_a_channel_may_declare_what_is_usual_of_it() -> None:
    with pytest.warns(ImplausibleWarning, match=r"soma\.Odd\.cooled = 293 degC \(usual: 0 to 45 degC\); .*units$"):
        called(made(Odd(cooled=293.0)))
    with pytest.raises(DeclarationError, match=r"default 293\.0; expected one of the usual \(0\.0, 45\.0\)"):
        param(293.0, "degC", "temperature of its recording", usual=(0.0, 45.0))


def test_curves_populations_and_fits_tell_it_before_they_begin(tmp_path: Path) -> None:
    level = Recording(torch.zeros(1, 20) - 70.0, torch.zeros(1, 20), 0.1, v_unit="mV", current_unit="nA")

    def a_fit() -> None:
        with pytest.raises(ParameterError, match="no such"):
            fit_neuron(firing(["12"]), level, learn=("no such",))

    runs = {
        "an f-I curve": lambda: fi_curve(firing(["12"]), [0.0], settle=0.0, duration=1.0),
        "a rheobase": lambda: rheobase_current(firing(["12"]), settle=0.0, duration=1.0),
        "a population": lambda: population(firing, ["12"], {"none": stimuli.step(0.0)}, tmp_path, t_stop=1.0),
        "a fit": a_fit,
    }
    for name, run in runs.items():
        with pytest.warns(ImplausibleWarning, match=r"soma\.NaTa_t\.gbar = 12 S/cm2") as found:
            run()
        assert [one.filename for one in found] == [__file__], name
