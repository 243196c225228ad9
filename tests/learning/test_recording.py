"""Recordings: spikes are kept, sameness is judged with the mean, units are said or plain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rheobase import neurons, stimuli
from rheobase.errors import InputError, ParameterError, RheobaseError, ShapeError, UnitError
from rheobase.learning import FitRecipe, Recording, fit_neuron, with_spikes
from rheobase.learning.fitting.repeats import same

DT = 0.5


def flat(current: Tensor, dt: float = DT) -> Recording:
    return Recording(torch.full_like(current, -70.0), current, dt=dt)


def noisy(size: float, shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return size * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def groups(current: Tensor) -> list[int]:
    return flat(current).repeats()[1].tolist()


# --- repeats ------------------------------------------------------------------------------------------------------


def test_levels_that_differ_are_no_repeats() -> None:
    level = torch.tensor([100.0, 300.0, 100.0, 100.5])[:, None].expand(-1, 1000)
    means, group = flat(level).repeats()
    assert group.tolist() == [0, 1, 0, 2]
    assert means.mean(1).tolist() == [100.0, 300.0, 100.5]


def test_levels_are_told_apart_under_the_noise_of_the_electrode() -> None:
    """A difference of half the deviation of the noise; without it, they are repeats."""
    level = torch.tensor([100.0, 300.0, 100.0, 101.0])[:, None]
    assert groups(level + noisy(2.0, (4, 20_000))) == [0, 1, 0, 2]
    steps = torch.zeros(4, 20_000)
    steps[:, 5000:15_000] = level
    assert groups(steps + noisy(2.0, (4, 20_000))) == [0, 1, 0, 2]


def test_an_offset_under_a_fluctuating_current_is_a_difference() -> None:
    frozen = stimuli.noise(0.0, 100.0, tau=5.0, seed=1).sample(2000.0, DT)
    measured = torch.stack([frozen, frozen, frozen + 50.0, frozen]) + noisy(0.5, (4, len(frozen)))
    assert groups(measured) == [0, 0, 1, 0]


def test_other_shapes_of_the_same_mean_are_no_repeats() -> None:
    up, down = torch.full((1000,), 100.0), torch.full((1000,), 100.0)
    up[:500], down[500:] = 50.0, 50.0
    frozen = [stimuli.noise(300.0, 30.0, tau=5.0, seed=k).sample(500.0, DT) for k in range(2)]
    white = 300.0 + noisy(30.0, (2, 1000))
    assert groups(torch.stack([up, down, *frozen, *white])) == [0, 1, 2, 3, 4, 5]


def test_sameness_does_not_depend_on_the_order() -> None:
    level = torch.tensor([100.0, 102.0])[:, None] + noisy(2.0, (2, 20_000))
    assert same(level[0], level[1]) is same(level[1], level[0]) is False
    silent, loud = torch.zeros(1000), noisy(3.0, (1000,))
    assert same(silent, silent)
    assert not same(silent, loud)
    assert not same(loud, silent)


def test_a_fit_tells_two_levels_apart() -> None:
    """Merged, the two sweeps were one of 200 pA, and a leak of 9.12 nS was fitted as 6.48."""
    cell = neurons.GLIF1(1, dt=DT, c_mem=150.0, g_leak=9.12, v_leak=-70.0, v_reset=-60.0, v_threshold=-45.0)
    current = torch.tensor([[100.0], [300.0]]).expand(-1, 1000)
    spikes, _, rec = cell(current.T[..., None], record=("v",))
    v = torch.where(spikes > 0, 40.0, rec.v)[..., 0].T
    start = neurons.GLIF1(1, dt=DT, c_mem=150.0, v_leak=-70.0, v_reset=-60.0)
    ranges = {"g_leak": (3.0, 30.0), "v_threshold": (-55.0, -35.0)}
    quick = FitRecipe(restarts=8, forced=40, free=3, generations=40, population=32, settle=20.0)
    fit = fit_neuron(start, Recording(v, current, dt=DT), learn=tuple(ranges), ranges=ranges, recipe=quick)
    assert fit.best.values["g_leak"] == pytest.approx(9.12, rel=0.03)
    assert fit.best.values["v_threshold"] == pytest.approx(-45.0, abs=0.7)


# --- spikes -------------------------------------------------------------------------------------------------------


def test_a_brief_spike_survives_another_step() -> None:
    """0.3 ms above the level: the mean over 0.5 ms is below it."""
    v = torch.full((1, 5000), -70.0)
    for begin in (1003, 2010, 3024):
        v[0, begin : begin + 15] = torch.linspace(-5.0, 30.0, 15)
    fine = Recording(v, torch.zeros(1, 5000), dt=0.02)
    coarse = fine.resampled(0.5)
    assert float(v[0, 1000:1025].mean()) < fine.level
    assert coarse.spike_times()[0].tolist() == pytest.approx([20.0, 40.0, 60.0])
    assert float(coarse.v.max()) == pytest.approx(30.0)
    # between spikes it is a mean as before
    assert torch.equal(coarse.v[0, :40], torch.full((40,), -70.0))


def drawn(rng: np.random.Generator, dt: float) -> Recording:
    """Noise with spikes of any width, wherever they fall."""
    steps = int(rng.integers(40, 400))
    v = torch.tensor(rng.normal(-60.0, 3.0, (2, steps)))
    for sweep in v:
        for begin in rng.integers(0, steps, int(rng.integers(0, 6))):
            part = sweep[begin : begin + int(rng.integers(1, 8))]
            part.copy_(torch.tensor(rng.uniform(-20.0, 40.0, len(part))))
    return Recording(v, torch.tensor(rng.normal(0.0, 100.0, (2, steps))), dt=dt)


@pytest.mark.parametrize("dt", [0.05, 0.07, 0.1, 0.13, 0.2, 0.25, 0.5, 1.0])
def test_spikes_stay_or_the_step_is_refused(dt: float) -> None:
    rng, kept, refused = np.random.default_rng(0), 0, 0
    for k in range(150):
        given = drawn(rng, 0.1)
        given = given.between(0.7, given.duration - 0.4) if k % 2 else given
        try:
            found = given.resampled(dt)
        except ParameterError:
            refused += 1
            continue
        kept += 1
        for before, after in zip(given.spike_times(), found.spike_times(), strict=True):
            assert len(before) == len(after)
            assert bool(((before - after).abs() <= max(dt, 0.1) + 1e-9).all())
    assert kept > 20
    assert refused > 5 or dt < 0.15


def spiking(*samples: int) -> Recording:
    v = torch.full((1, 1000), -70.0)
    v[0, list(samples)] = 20.0
    return Recording(v, torch.zeros(1, 1000), dt=0.1)


def test_what_cannot_be_kept_says_what_to_do() -> None:
    two = spiking(500, 513)
    with pytest.raises(ParameterError, match=r"1 of 2 spikes could not be told apart.*Remedy: resampled\(0.6\)"):
        two.resampled(1.0)
    assert len(two.resampled(0.6).spike_times()[0]) == 2
    with pytest.raises(ParameterError, match="another level"):
        spiking(500, 502).resampled(1.0)
    with pytest.raises(ParameterError, match="cut the end off, after 99 ms"):
        spiking(500, 998).resampled(3.0)
    with pytest.raises(ParameterError, match="leaves two steps"):
        two.resampled(60.0)


def test_a_part_keeps_the_spike_with_which_it_begins() -> None:
    v = torch.full((2, 100), -70.0)
    v[0, 40:43], v[1, 38:43] = 20.0, 20.0
    part = Recording(v, torch.zeros(2, 100), dt=DT).between(20.0, 40.0)
    # the second cell is above the level already
    assert [times.tolist() for times in part.spike_times()] == [[0.0], []]
    assert [times.tolist() for times in part.sweeps([1, 0]).spike_times()] == [[], [0.0]]
    assert [times.tolist() for times in part.resampled(2.0).spike_times()] == [[0.0], []]
    assert part.between(20.0, 30.0).spike_times()[0].tolist() == [0.0]
    assert not len(Recording(v, torch.zeros(2, 100), dt=DT).between(20.5, 40.0).spike_times()[0])


def test_a_junction_potential_is_taken_off_with_the_level() -> None:
    """Else spikes whose peaks lie within it of the level are lost, and a part no longer begins with its spike."""
    v = torch.full((1, 100), -60.0)
    v[0, 40:43], v[0, 70:72] = 5.0, 30.0
    whole = Recording(v, torch.zeros(1, 100), dt=DT, level=0.0)
    part = whole.between(20.0, 50.0)
    assert [times.tolist() for times in part.corrected(14.0).spike_times()] == [[0.0, 15.0]]
    assert part.corrected(14.0).before is not None
    assert float(part.corrected(14.0).v.max()) == 16.0
    assert torch.equal(whole.corrected(14.0).corrected(-14.0).v, whole.v)
    for junction in (0.014e6, float("nan"), True):
        with pytest.raises(ParameterError, match="30 at most"):
            whole.corrected(junction)


def test_a_model_shows_each_of_its_spikes() -> None:
    recording = flat(torch.zeros(1, 100))
    v, spikes = torch.full((1, 100), -60.0), torch.zeros(1, 100)
    spikes[0, [0, 50]] = 1.0
    assert with_spikes(recording, v, spikes).spike_times()[0].tolist() == [0.0, 25.0]
    spikes[0, 51] = 1.0
    with pytest.raises(ParameterError, match="1 spikes right behind another one"):
        with_spikes(recording, v, spikes)


@pytest.mark.parametrize("which", [[], [2], [-1], [0.9], [True, False], ["0"]])
def test_sweeps_are_numbers(which: list[Any]) -> None:
    with pytest.raises(ParameterError, match="numbers from 0 to 1"):
        flat(torch.zeros(2, 10)).sweeps(which)


# --- units --------------------------------------------------------------------------------------------------------

V, I = torch.full((1, 100), -70.0), torch.full((1, 100), 200.0)  # noqa: E741


@pytest.mark.parametrize(
    ("v", "current", "remedy"),
    [
        (V / 1e3, I, r'v_unit="V" or v_unit="mV"'),
        (V * 1e3, I, r'v_unit="uV"'),
        (V, I / 1e3, r'current_unit="nA" or current_unit="pA"'),
        (V, I / 1e12, r'current_unit="A"'),
        (V, I * 1e3, r'current_unit="fA"'),
        (V / 1e9, I, r'say the unit: v_unit="mV"'),
    ],
)
def test_numbers_of_another_unit_are_refused(v: Tensor, current: Tensor, remedy: str) -> None:
    with pytest.raises(UnitError, match=remedy):
        Recording(v, current, dt=0.1)


@pytest.mark.parametrize(
    ("v_unit", "current_unit", "v", "current"),
    [
        ("V", "nA", V / 1e3, I / 1e3),
        ("uV", "A", V * 1e3, I.double() / 1e12),
        ("mV", "pA", V, I),
        ("mV", "fA", V, I * 1e3),
    ],
)
def test_a_unit_that_is_said_is_taken(v_unit: str, current_unit: str, v: Tensor, current: Tensor) -> None:
    recording = Recording(v, current, dt=0.1, v_unit=v_unit, current_unit=current_unit)
    assert torch.allclose(recording.v, V, rtol=1e-6)
    assert torch.allclose(recording.current, I, rtol=1e-6)
    assert recording.v.dtype == recording.current.dtype == torch.float32


def test_small_numbers_that_are_meant_are_taken_and_so_is_their_every_part() -> None:
    small = Recording(V, I / 100.0, dt=0.1, current_unit="pA")
    for part in (small.between(1.0, 5.0), small.sweeps([0]), small.resampled(0.2), small.changed(level=0.0)):
        assert float(part.current.max()) == 2.0
    # nothing but zeros says nothing
    assert float(Recording(V, 0.0 * I, dt=0.1).current.abs().max()) == 0.0


def test_axes_that_are_turned_are_told() -> None:
    turned = torch.full((40, 2), -70.0)
    with pytest.raises(ShapeError, match=r"40 sweeps of 2 samples.*v\.T, if its axes are \(time, sweep\)"):
        Recording(turned, torch.zeros(40, 2), dt=0.1)


@pytest.mark.parametrize(
    ("more", "error", "said"),
    [
        (dict(v_unit="pA"), UnitError, "v_unit = 'pA'"),
        (dict(current_unit="mV"), UnitError, "current_unit = 'mV'"),
        (dict(current_unit="nAmp"), UnitError, "nAmp"),
        (dict(dt=1e-4), ParameterError, "the ms between two samples"),
        (dict(dt=100.0), ParameterError, "the ms between two samples"),
        (dict(before=torch.zeros(2)), ShapeError, r"before of shape \(2,\)"),
        (dict(before=-70.0), ShapeError, "before = -70.0"),
        (dict(before=torch.tensor([torch.nan])), InputError, "before with NaN"),
    ],
)
def test_units_and_times_that_are_none(more: dict[str, Any], error: type[RheobaseError], said: str) -> None:
    with pytest.raises(error, match=said):
        Recording(V, I, **{"dt": 0.1, **more})
