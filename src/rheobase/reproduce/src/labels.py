"""What a lane does, in one word, by fixed rules on its features.

One run has a fate, the first of these rules that holds in its window:

    plateau         h stays above 0.5; or above 0, and stands still
    tonic spiking   it spikes, at intervals that differ by less than 3 steps or by no more than half
    mixed-mode      it spikes at unequal intervals and skips cycles of its oscillation: there are at least two more
                    cycles than spikes
    bursting        groups of spikes parted by pauses in which it is silent: its intervals fall into two classes, the
                    shortest pause at least 3 times the longest interval within a group; there are two pauses or more;
                    three spikes of four lie in groups of three or more; no spike lasts over half a pause
    irregular       unequal intervals of another kind
    subthreshold    no spike; h still moves by more than 0.02 in the last quarter of the window
    few spikes      at rest, after two or more spikes
    single spike    at rest, after one spike
    silent          at rest, and never spiked

Bursting as electrophysiologists find it: a break between short intervals within a burst and longer ones between bursts
(Cocatre-Zilgien & Delcomyn, 1992, doi 10.1016/0165-0270(92)90120-3); two peaks in the distribution of the logarithm of
intervals, parted by a valley, and at least three spikes to a burst (Pasquale, Martinoia & Chiappalone, 2010,
doi 10.1007/s10827-009-0175-1, where the valley may hold some intervals; here it holds none). The factor of 3 keeps out
trains that miss single beats, and the rule before it those whose oscillation goes on in the pauses, below a spike.

A lane is run three times under the same constant input: switched on at rest ("step"), beside the fixed point that it
has under the input, as if it had been raised slowly ("settled"), and depolarised far from it ("kicked"). Where one run
ends on a plateau and another does not, the lane is bistable: plateau or not; where one ends up spiking and another
below threshold (at rest, or in a subthreshold oscillation), it is bistable: rest or firing. Otherwise its label is the
fate of the step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.firing import bursts, chosen, even
from rheobase.reproduce.src.features import Features

LABELS = (
    "silent",
    "single spike",
    "few spikes",
    "subthreshold oscillation",
    "tonic spiking",
    "mixed-mode",
    "bursting",
    "irregular",
    "plateau",
    "bistable: rest or firing",
    "bistable: plateau or not",
)
(
    SILENT,
    SINGLE,
    FEW,
    SUBTHRESHOLD,
    TONIC,
    MIXED,
    BURSTING,
    IRREGULAR,
    PLATEAU,
    REST_OR_FIRING,
    PLATEAU_OR_NOT,
) = range(len(LABELS))

STILL = 0.02  # h that moves by no more than this stands still


def fate(f: Features) -> Tensor:
    """The fate of each lane, as an index of `LABELS`. Shapes: features (lanes,), fate (lanes,)."""
    still = f.high - f.low <= STILL
    equal = even(f.between)
    grouped = bursts(f.between, f.spikes) & (2 * f.widest <= f.pause)
    spiking = f.spikes >= 1
    return chosen(
        [
            ((f.low > 0.5) | ((f.low > 0.0) & still), PLATEAU),
            (spiking & equal, TONIC),
            (spiking & (f.cycles >= f.spikes + 2), MIXED),
            (spiking & grouped, BURSTING),
            (spiking, IRREGULAR),
            (~still, SUBTHRESHOLD),
            (f.early >= 2, FEW),
            (f.early == 1, SINGLE),
        ],
        otherwise=SILENT,
    )


def label(step: Tensor, settled: Tensor, kicked: Tensor) -> Tensor:
    """The label of each lane from the fates of its three runs. Shapes: (lanes,)."""
    groups = torch.stack([_group(each) for each in (step, settled, kicked)])
    differ = groups.amin(0) != groups.amax(0)
    up = groups.amax(0) == _UP
    return torch.where(differ, torch.where(up, PLATEAU_OR_NOT, REST_OR_FIRING), step)


_BELOW, _FIRING, _UP = range(3)


def _group(fates: Tensor) -> Tensor:
    firing = (fates >= TONIC) & (fates <= IRREGULAR)
    return torch.where(fates == PLATEAU, _UP, torch.where(firing, _FIRING, _BELOW))
