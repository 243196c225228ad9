"""Izhikevich's twenty patterns and seven cell types, each by what defines it, under the author's protocols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import stimuli
from rheobase.neurons import Izhikevich
from tests.papers.spike_trains import Array, Trial, named, shown, trial

SETS = Izhikevich.sets()

# patterns of the author's scheme at the author's dt; the others are those of the differential equations too
OF_THE_SCHEME = {"bistability", "depolarising_after_potential", "inhibition_induced_bursting"}


def author(name: str) -> Array:
    """The spikes of the author's loop: v moves, u looks at where it went, and v > 30 resets."""
    found = SETS[name]
    assert found.shown is not None
    given = {k: spec.default for k, spec in Izhikevich.params.items()} | dict(found.values)
    dt, v, u = found.shown.dt, found.shown.start["v"], found.shown.start["u"]
    times = []
    for k, i in enumerate(found.shown.current().double().flatten().tolist()):
        v = v + dt * (given["quadratic"] * v**2 + given["linear"] * v + given["constant"] - u + i)
        u = u + dt * given["a"] * (given["b"] * (v - given["v_u"]) - given["decay"] * u)
        if v > 30.0:
            v, u = given["c"], u + given["d"]
            times.append((k + 1) * dt)
    return np.array(times)


@pytest.mark.parametrize("name", SETS)
def test_every_set_fires_as_the_author_wrote_it(name: str) -> None:
    """Spike for spike."""
    assert np.array_equal(shown(Izhikevich, name).times, author(name))


# --- what defines each pattern ----------------------------------------------------------------------
def alternations(v: Array) -> Array:
    """The sizes of the swings of v, from one extreme to the next."""
    turns = np.flatnonzero(np.diff(np.sign(np.diff(v)))) + 1
    return np.abs(np.diff(v[turns]))


def tonic_spiking(x: Trial) -> bool:
    """From the onset on, to the end, at last evenly."""
    later = x.intervals[-2:]
    return (
        len(x.times) >= 5
        and 10.0 < x.times[0] < 20.0
        and 100.0 - x.times[-1] < later[-1]
        and float(np.ptp(later)) < 1.0
    )


def phasic_spiking(x: Trial) -> bool:
    return len(x.times) == 1 and 20.0 < x.times[0] < 60.0


def tonic_bursting(x: Trial) -> bool:
    groups = x.bursts(gap=15.0)
    return x.times[0] > 22.0 and len(groups) >= 4 and all(len(g) >= 3 for g in groups) and groups[-1][-1] > 180.0


def phasic_bursting(x: Trial) -> bool:
    groups = x.bursts(gap=15.0)
    return x.times[0] > 20.0 and len(groups) == 1 and len(groups[0]) >= 4 and x.times[-1] < 100.0


def mixed_mode(x: Trial) -> bool:
    first, *others = x.bursts(gap=15.0)
    return first[0] > 16.0 and len(first) >= 3 and len(others) >= 3 and all(len(g) == 1 for g in others)


def spike_frequency_adaptation(x: Trial) -> bool:
    return len(x.times) >= 5 and bool(np.all(np.diff(x.intervals) > 0.0)) and x.intervals[-1] > 5.0 * x.intervals[0]


def class_1_excitable(x: Trial) -> bool:
    """On the ramp, the rate grows from far below to far above its middle: all along, by a factor of 2.5 at least."""
    return bool(np.all(np.diff(x.intervals) < 0.5)) and x.intervals[0] > 2.5 * x.intervals[-1]


def class_2_excitable(x: Trial) -> bool:
    """On the ramp, firing begins late, at a rate that is not multiplied by 2.5 until the end."""
    return len(x.times) >= 10 and x.times[0] > 100.0 and x.intervals[0] < 2.5 * x.intervals[-1]


def spike_latency(x: Trial) -> bool:
    """The pulse ends at 13 ms."""
    return len(x.times) == 1 and x.times[0] > 13.0 + 3.0


def subthreshold_oscillations(x: Trial) -> bool:
    """One spike, then swings to both sides of rest that become smaller."""
    after = x.between(x.times[0] + 1.0, 200.0)
    swings = alternations(after)
    sides = int(np.count_nonzero(np.diff(np.sign(after - after[-40:].mean()))))
    damped = bool(np.all(swings[1:] < 0.8 * swings[:-1]))
    return len(x.times) == 1 and sides >= 4 and len(swings) >= 3 and damped


def resonator(x: Trial) -> bool:
    """Nothing for the pulses at 40 and 60 ms, a spike for those at 280 and 320 ms."""
    return len(x.times) == 1 and 320.0 < x.times[0] < 345.0


def integrator(x: Trial) -> bool:
    """A spike for the pulses at 9 and 14 ms, nothing for those at 70 and 80 ms."""
    return len(x.times) == 1 and 14.0 < x.times[0] < 30.0


def rebound_spike(x: Trial) -> bool:
    return len(x.times) == 1 and x.times[0] > 25.0


def rebound_burst(x: Trial) -> bool:
    groups = x.bursts(gap=15.0)
    return len(groups) == 1 and len(groups[0]) >= 5 and x.times[0] > 25.0 and x.times[-1] < 120.0


def threshold_variability(x: Trial) -> bool:
    """The same pulse at 10 ms and, after inhibition, at 80 ms."""
    return len(x.times) == 1 and x.times[0] > 80.0


def bistability(x: Trial) -> bool:
    """Fires evenly from the pulse at 37.5 ms to the one at 216 ms."""
    return len(x.times) >= 4 and x.times[0] > 37.5 and x.times[-1] < 216.0 and float(np.ptp(x.intervals)) < 1.0


def depolarising_after_potential(x: Trial) -> bool:
    """One spike; after it v stands above rest, and falls back to it."""
    after = x.between(x.times[0], 50.0)
    return len(x.times) == 1 and after[: round(5.0 / x.dt)].min() > -70.0 + 10.0 and abs(after[-1] + 70.0) < 0.1


def accommodation(x: Trial) -> bool:
    """Silent on the slow ramp to 8, fires on the steep one to 4 (300 to 312.5 ms)."""
    return len(x.times) == 1 and 300.0 < x.times[0] < 320.0


def inhibition_induced_spiking(x: Trial) -> bool:
    """Single spikes while the current is lower, 50 to 250 ms, and at most one on the way back."""
    inside = x.times[(x.times > 50.0) & (x.times <= 250.0)]
    return len(inside) >= 3 and x.times[0] > 50.0 and x.times[-1] < 270.0 and bool(np.all(x.intervals > 15.0))


def inhibition_induced_bursting(x: Trial) -> bool:
    groups = x.bursts(gap=15.0)
    return len(groups) >= 2 and all(len(g) >= 4 for g in groups) and x.times[0] > 50.0 and x.times[-1] < 270.0


def rs(x: Trial) -> bool:
    """Regular spiking: intervals grow to an even one."""
    return 4 <= len(x.times) <= 8 and bool(np.all(np.diff(x.intervals) > -0.5)) and x.intervals[-1] > 20.0


def ib(x: Trial) -> bool:
    """Intrinsically bursting: a burst, then single spikes."""
    first, *others = x.bursts(gap=15.0)
    return len(first) >= 3 and len(others) >= 3 and all(len(g) == 1 for g in others)


def ch(x: Trial) -> bool:
    """Chattering: bursts, with spikes at more than 200 Hz in them."""
    groups = x.bursts(gap=15.0)
    return len(groups) >= 2 and all(len(g) >= 3 for g in groups) and x.intervals.min() < 5.0


def fs(x: Trial) -> bool:
    """Fast spiking: at 100 Hz and more, evenly after the first few."""
    return len(x.times) >= 12 and float(np.ptp(x.intervals[4:])) < 1.5 and x.intervals.max() < 12.0


def lts(x: Trial) -> bool:
    """Low-threshold spiking: as fast at first, then the rate falls below a half."""
    return x.intervals[0] < 5.0 and x.intervals[-1] > 2.0 * x.intervals[0] and len(x.times) >= 12


def tc(x: Trial) -> bool:
    """Thalamo-cortical, from rest: tonic firing that ends with the trace."""
    return 4 <= len(x.times) <= 8 and x.times[0] > 30.0 and x.intervals.min() > 8.0 and x.times[-1] > 100.0


def tc_rebound(x: Trial) -> bool:
    """Thalamo-cortical, released at 45 ms: a burst at more than 150 Hz, then silence."""
    return len(x.times) >= 4 and x.times[0] > 45.0 and x.intervals[0] < 6.0 and x.times[-1] < 110.0


def rz(x: Trial) -> bool:
    """Resonator: damped swings of v before the pulse at 60 ms, no spike before it."""
    return 1 <= len(x.times) <= 3 and x.times[0] > 60.0 and len(alternations(x.between(0.0, 60.0))) >= 2


PATTERNS: tuple[Callable[[Trial], bool], ...] = (
    tonic_spiking, phasic_spiking, tonic_bursting, phasic_bursting, mixed_mode, spike_frequency_adaptation,
    class_1_excitable, class_2_excitable, spike_latency, subthreshold_oscillations, resonator, integrator,
    rebound_spike, rebound_burst, threshold_variability, bistability, depolarising_after_potential, accommodation,
    inhibition_induced_spiking, inhibition_induced_bursting,
)  # fmt: skip
TYPES = {"RS": rs, "IB": ib, "CH": ch, "FS": fs, "LTS": lts, "TC": tc, "TC_rebound": tc_rebound, "RZ": rz}
CHECKS = {check.__name__: check for check in PATTERNS} | TYPES


def test_every_set_has_a_test() -> None:
    assert list(CHECKS) == list(SETS)


@pytest.mark.parametrize("name", SETS)
def test_pattern(name: str) -> None:
    found = shown(Izhikevich, name)
    assert CHECKS[name](found), found.times


@pytest.mark.parametrize("name", [name for name in SETS if name not in OF_THE_SCHEME])
def test_pattern_of_the_equations(name: str) -> None:
    """Both variables moved at once, at the author's dt."""
    found = shown(Izhikevich, name, u_reads="v[t]")
    assert CHECKS[name](found), found.times


# --- the other half of some definitions: what must not happen under another current -------------------
def variant(name: str, *parts: stimuli.Stimulus, stop: float = 300.0) -> Array:
    """The spikes of a set under another current, from the state in which its protocol starts."""
    protocol = SETS[name].shown
    assert protocol is not None
    neuron = named(Izhikevich, name)
    current = sum((p.sample(stop, protocol.dt) for p in parts), torch.zeros(())).view(-1, 1, 1)
    return trial(neuron, current, neuron.start(protocol)).times


def test_class_1_starts_at_any_rate_and_class_2_at_its_own() -> None:
    """On a ramp ten times slower class 1 starts at a lower rate, class 2 at nearly the same."""
    first = {}
    for name, low, high in (("class_1_excitable", 0.0, 20.25), ("class_2_excitable", -0.5, 3.55)):
        slow = variant(name, stimuli.corners([(30.0, low), (2730.0, high)]), stop=2730.0)
        first[name] = np.diff(slow)[0] / shown(Izhikevich, name).intervals[0]
    assert first["class_1_excitable"] > 2.5
    assert first["class_2_excitable"] < 1.4


def test_resonator_answers_to_its_period_alone() -> None:
    spikes = {
        gap: len(variant("resonator", stimuli.pulses(0.65, [40.0, 40.0 + gap], width=4.0)))
        for gap in (20.0, 30.0, 40.0, 60.0, 80.0)
    }
    assert spikes == {20.0: 0, 30.0: 0, 40.0: 1, 60.0: 0, 80.0: 0}


def test_integrator_answers_to_the_closest_pulses_alone() -> None:
    spikes = [len(variant("integrator", stimuli.pulses(9.0, [10.0, 10.0 + gap], width=2.0))) for gap in range(3, 30, 3)]
    assert spikes[0] == 1
    assert spikes[-1] == 0
    assert spikes == sorted(spikes, reverse=True)


def test_threshold_falls_after_inhibition() -> None:
    both = [stimuli.pulses(-6.0, [70.0], width=5.0), stimuli.pulses(1.0, [80.0], width=5.0)]
    assert len(variant("threshold_variability", *both)) == 1
    assert [len(variant("threshold_variability", pulse)) for pulse in both] == [0, 0]


def test_bistability_stays_where_it_is_put() -> None:
    hold = stimuli.step(0.24)
    assert len(variant("bistability", hold)) == 0
    on = variant("bistability", hold, stimuli.pulses(1.0, [37.5], width=5.0))
    assert on[-1] > 250.0


def test_rebound_needs_inhibition() -> None:
    for name in ("rebound_spike", "rebound_burst"):
        assert len(variant(name, stimuli.step(0.0))) == 0


def test_accommodation_is_to_the_slope() -> None:
    """The slow ramp goes twice as high as the steep one."""
    assert len(variant("accommodation", stimuli.corners([(0.0, 0.0), (200.0, 8.0), (200.0, 0.0)]))) == 0
    assert len(variant("accommodation", stimuli.corners([(0.0, 0.0), (12.5, 4.0), (12.5, 0.0)]))) == 1


@pytest.mark.parametrize(
    ("given", "v", "u"),
    [
        ({}, -70.0, -14.0),
        (dict(b=-0.1, linear=4.1, constant=108.0), -60.0, 6.0),
        (dict(b=1.0, v_u=-65.0, decay=0.0), -65.0, -16.0),
    ],
)
def test_rest(given: dict[str, Any], v: float, u: float) -> None:
    """Where the author's protocols start, nothing moves."""
    neuron = Izhikevich(1, dt=0.25, **given).double()
    rest = neuron.rest(1)
    assert float(rest.v) == pytest.approx(v, abs=1e-4)
    assert float(rest.u) == pytest.approx(u, abs=1e-4)
    _, end = neuron(torch.zeros(400, 1, 1, dtype=torch.float64))
    assert float(end.v) == pytest.approx(float(rest.v), abs=1e-9)


def test_without_rest_it_fires_by_itself() -> None:
    """Where the parabola stays above zero, it starts at its bottom."""
    neuron = Izhikevich(1, dt=0.25, constant=150.0)
    assert float(neuron.rest(1).v) == pytest.approx(-60.0, abs=1e-3)
    spikes, _ = neuron(torch.zeros(800, 1, 1))
    assert float(spikes.sum()) > 2
