"""Patterns of firing: hand-made trains, and the named sets that their sources call by these names."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rheobase import neurons
from rheobase.current_clamp import inject, shown_response
from rheobase.firing import PATTERNS, firing_patterns, intervals


def train(*at: int, steps: int = 1000) -> Tensor:
    onsets = torch.zeros(steps, dtype=torch.bool)
    onsets[list(at)] = True
    return onsets


def bursting(*, first: int = 0, apart: int = 10, spikes: int = 4, period: int = 150, steps: int = 1000) -> Tensor:
    begins = range(first, steps - apart * spikes, period)
    return train(*(begin + k * apart for begin in begins for k in range(spikes)), steps=steps)


TRAINS = {
    "silent": [train()],
    "single spike": [train(500), train(999)],
    "phasic": [train(10, 20, 30), train(5, 305 // 3), train(10, 20, 40, 80, 130, 190)],
    "tonic": [train(*range(50, 1000, 50)), train(400, 800), train(*range(3, 1000, 4)), train(*range(0, 1000, 2))],
    "adapting": [
        train(10, 20, 40, 80, 140, *range(210, 1000, 80)),
        # a first burst and then an even train, the mixed mode of Izhikevich (2004)
        train(10, 14, 18, 22, *range(80, 1000, 60)),
    ],
    "bursting": [bursting(), bursting(spikes=3), bursting(apart=2, spikes=20, period=200)],
    "doublets": [bursting(spikes=2)],
    "irregular": [train(5, 15, 60, 80, 200, 215, 400, 530, 560, 700, 720, 850, 980)],
}


@pytest.mark.parametrize("word", PATTERNS)
def test_trains_made_by_hand(word: str) -> None:
    lanes = torch.stack(TRAINS[word], 1)
    assert [PATTERNS[k] for k in firing_patterns(lanes)] == [word] * len(TRAINS[word])


def test_lanes_do_not_see_each_other() -> None:
    lanes = torch.stack([each for trains in TRAINS.values() for each in trains], 1)
    alone = [int(firing_patterns(lane[:, None])) for lane in lanes.T]
    assert firing_patterns(lanes).tolist() == alone


def test_a_pause_less_or_a_smaller_group_is_no_burst() -> None:
    for other in (bursting(spikes=2), bursting(apart=20, spikes=4, period=110), bursting(period=600)):
        assert PATTERNS[int(firing_patterns(other[:, None]))] != "bursting"


def test_intervals_of_lanes_without_any() -> None:
    found = intervals(torch.stack([train(), train(3), train(3, 8)], 1))
    assert found.longest.tolist() == [0, 0, 5]


# under constant currents, by the names of the sources, but for two: the tonic spiking of Izhikevich has intervals of 4,
# 14.5 and then 27.5 ms, and the regular bursts of AdEx are pairs of spikes in the long run
NAMED = [
    ("Izhikevich", "tonic_spiking", "adapting"),
    ("Izhikevich", "phasic_spiking", "single spike"),
    ("Izhikevich", "tonic_bursting", "bursting"),
    ("Izhikevich", "phasic_bursting", "phasic"),
    ("Izhikevich", "mixed_mode", "adapting"),
    ("Izhikevich", "spike_frequency_adaptation", "adapting"),
    ("Izhikevich", "CH", "bursting"),
    ("AdEx", "tonic_spiking", "tonic"),
    ("AdEx", "adaptation", "adapting"),
    ("AdEx", "regular_bursting", "doublets"),
    ("AdEx", "delayed_regular_bursting", "bursting"),
    ("AdEx", "irregular_spiking", "irregular"),
]


@pytest.mark.parametrize(("name", "set_", "word"), NAMED, ids=[f"{n}-{s}" for n, s, _ in NAMED])
def test_sets_that_their_sources_call_so(name: str, set_: str, word: str) -> None:
    kind = getattr(neurons, name)
    run = shown_response(kind, kind.sets()[set_])
    # as long as it takes to see several bursts
    last = run.current[-1].expand(round(1000.0 / run.neuron.dt))
    longer = inject(run.neuron, torch.cat([run.current, last]), run.start, onset=run.onset)
    assert PATTERNS[int(firing_patterns(longer.spikes[longer.onset :, None]))] == word
